"""Read a PDF: pages one after another, then what only the whole document tells (running headers, text size, headings).

Kept of each page are its lines, not its letters: a document of 2,000 pages takes some 50 MB while it is read.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import pdfplumber
import regex
from pdfminer.pdfdocument import PDFNoOutlines, PDFPasswordIncorrect
from pdfminer.pdfexceptions import PDFException
from pdfminer.psexceptions import PSException
from pdfplumber.utils.exceptions import PdfminerException

from knowledge.reading import markup, pdf_flow
from knowledge.reading.original import Beat, BodyWriter, Original, Unreadable
from knowledge.reading.pdf_layout import Grid, Line, lay_out
from knowledge.reading.pdf_page import SCANNED_SHARE, PageContent, read_page
from knowledge.reading.screening import excerpt, is_prose

MAX_PAGES = 2_000
"""A book of law has 1,000; what is longer is several documents."""
SCANNED_SIGNS = 30
"""Letters on a picture of a page up to which it has no text: a stamp, a page number."""
UNKNOWN_SHARE = 0.2
"""Share of letters without a meaning from which a page's text is noise."""
TURNED_FROM = 20
HEADER_ZONE = 0.12
"""Share of a page's height, at the top and at the bottom, in which running headers stand."""
REPEATED_SHARE = 0.4
"""Share of the pages on which a line stands to be a running one; even and odd pages have their own."""
CHAPTER_PAGES = 3
"""Pages near one another on which a line stands to be the running title of a chapter."""
TAIL = 64 * 1024
HIDDEN_WORDS = 3
"""Hidden words from which somebody must look: marks of the printer and bullets in white are fewer."""

_PAGE_NUMBER = regex.compile(
    r"\W*(?:page|seite|página|pág\.?|p\.|صفحة|стр\.?|страница|第)?\W*\d{1,4}\s*(?:(?:of|/|de|из|sur|von|من|页)\s*\d{0,4})?\W*",
    regex.I,
)
_DIGITS = regex.compile(r"\d{1,6}")
_STUMBLES = (
    PDFException, PSException, PdfminerException, LookupError, ValueError, TypeError, AttributeError, AssertionError,
    ArithmeticError, struct.error,
)  # fmt: skip
"""pdfminer throws whatever it stumbles over."""
_Key = tuple[str, int, int]
_WORD = regex.compile(r"\p{L}{2,}")
_FILE_NAME = regex.compile(r"\.\w{2,4}$|^Microsoft Word|^\W*(?:untitled|anonymous|unspecified)\W*$", regex.I)


def read_pdf(path: Path, beat: Beat = lambda: None) -> Original:
    """Return the text of a PDF; ``beat`` is called after each page.

    Raises:
        Unreadable: protected, cut off, too long, or without text.
    """
    _check_tail(path)
    try:
        with pdfplumber.open(path) as pdf:
            return _read(pdf, beat)
    except PdfminerException as exc:
        if any(isinstance(one, PDFPasswordIncorrect) for one in exc.args):
            raise Unreadable("is protected by a password: save it without one") from exc
        raise Unreadable("is damaged: open it and print it to PDF again") from exc


def _read(pdf: pdfplumber.PDF, beat: Beat) -> Original:
    count = len(pdf.pages)
    if not count:
        raise Unreadable("has no pages: it is damaged or cut off, fetch it again from where it came")
    if count > MAX_PAGES:
        raise Unreadable(f"has {count:,} pages, at most {MAX_PAGES:,} are read: divide it")
    reading = _Reading()
    for number, page in enumerate(pdf.pages, start=1):
        try:
            reading.take(number, read_page(page))
        except _STUMBLES:
            reading.damaged.append(number)  # the other pages are sound
        page.close()
        beat()
    return reading.finish(count, _outline(pdf), pdf.metadata)


class _Reading:
    """What was found on the pages so far."""

    def __init__(self) -> None:
        self.pages: dict[int, list[Line | Grid]] = {}
        self.damaged: list[int] = []
        self._heights: dict[int, float] = {}
        self._scanned: list[int] = []
        self._unknown: list[int] = []
        self._turned: list[int] = []
        self._concerns: list[str] = []

    def take(self, number: int, content: PageContent) -> None:
        """Keep a page's lines, or what is wrong with it."""
        if len(_WORD.findall(content.hidden)) >= HIDDEN_WORDS or is_prose(content.hidden):
            self._concerns.append(
                f"page {number} holds hidden text, left out here ({content.why_hidden}): {excerpt(content.hidden)}"
            )
        if content.turned >= TURNED_FROM:
            self._turned.append(number)
        signs = len(content.glyphs)
        if content.unknown > UNKNOWN_SHARE * (signs + content.unknown):
            self._unknown.append(number)
            return
        if content.picture_share >= SCANNED_SHARE and signs <= SCANNED_SIGNS:
            self._scanned.append(number)
        self.pages[number] = lay_out(content, number)
        self._heights[number] = content.height

    def finish(self, count: int, outline: dict[str, int], metadata: dict[str, object]) -> Original:
        """Return the document."""
        writer = BodyWriter()
        title = pdf_flow.write(_without_running(self.pages, self._heights), outline, writer)
        body, marks = writer.finish()
        if not body.strip() or len(self._scanned) == count:
            raise Unreadable(self._why_empty(count))
        stated = markup.one_line(str(metadata.get("Title") or ""))
        return Original(
            body=body, marks=marks, title=title or (None if _FILE_NAME.search(stated) else stated) or None,
            concerns=tuple(self._concerns), warnings=tuple(self._warnings()),
        )  # fmt: skip

    def _why_empty(self, count: int) -> str:
        if self._scanned:
            return f"holds only pictures of pages ({len(self._scanned)} of {count}): run text recognition (OCR) and add it again"
        if self._unknown:
            return "uses fonts whose letters cannot be told: print it to PDF again, or run text recognition (OCR)"
        if self._turned:
            return "holds text that runs up or down: turn its pages and save it again"
        return "is damaged: open it and print it to PDF again" if self.damaged else "holds no text: run text recognition (OCR)"

    def _warnings(self) -> Iterator[str]:
        for pages, text in (
            (self._scanned, "scanned without text: run text recognition (OCR) and add the file again"),
            (self._unknown, "left out, their fonts do not say which letters they show: print the file to PDF again"),
            (self.damaged, "left out, they are damaged: print the file to PDF again"),
            (self._turned, "not wholly read: text that runs up, down or askew is left out"),
        ):
            if pages:
                yield f"{_listed(pages)} {text}"


def _without_running(pages: dict[int, list[Line | Grid]], heights: dict[int, float]) -> list[Line | Grid]:
    """Return the lines of all pages but for running headers, footers and page numbers."""
    seen: dict[_Key, list[int]] = {}
    sizes = [line.size for lines in pages.values() for line in lines if isinstance(line, Line)]
    usual = median(sizes) if sizes else 0.0
    for number, lines in pages.items():
        for key in {key for line in lines for key in _running_keys(line, heights[number], usual)}:
            seen.setdefault(key, []).append(number)
    running = {key for key, found in seen.items() if _is_running(found, len(pages))}
    return [
        line
        for number, lines in pages.items()
        for line in lines
        if not (keys := _running_keys(line, heights[number], usual))
        or (running.isdisjoint(keys) and not (isinstance(line, Line) and _PAGE_NUMBER.fullmatch(line.text)))
    ]


def _is_running(found: list[int], pages: int) -> bool:
    """Return whether a line that stands at one place on these pages runs over the document, or over a chapter."""
    is_everywhere = len(found) >= max(2, REPEATED_SHARE * pages)
    return is_everywhere or (len(found) >= CHAPTER_PAGES and found[-1] - found[0] <= 2.5 * len(found))


def _running_keys(line: Line | Grid, height: float, usual: float) -> set[_Key]:
    """Return what is alike in the repetitions of a header: words, size and place, and the page number as what it differs by.

    None in the middle of a page. "Article 12" at the top of one page and "Article 13" two pages on are no repetition, nor are
    chapters that each begin a page: their numbers stand in larger letters than the ``usual`` ones.
    """
    if isinstance(line, Grid) or HEADER_ZONE * height < (line.top + line.bottom) / 2 < (1 - HEADER_ZONE) * height:
        return set()
    texts = {line.text}
    numbers = list(_DIGITS.finditer(line.text)) if line.size <= usual * 1.05 else []
    for match in (*numbers[:1], *numbers[1:][-1:]):
        texts.add(f"{line.text[: match.start()]}{int(match.group()) - line.page:+}{line.text[match.end() :]}")
    return {(text, round(line.size), round(line.top / 6)) for text in texts}


def _outline(pdf: pdfplumber.PDF) -> dict[str, int]:
    """Return the levels of the outline's titles, as they are compared."""
    found: dict[str, int] = {}
    try:
        for level, title, *_ in pdf.doc.get_outlines():
            if len(found) < 5_000 and (key := pdf_flow.normal(str(title))):
                found.setdefault(key, min(int(level), 6))
    except PDFNoOutlines:
        return {}
    except (*_STUMBLES, RecursionError):
        return found  # a crooked outline is no reason to refuse the text
    return found


def _check_tail(path: Path) -> None:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL))
        if b"%%EOF" not in file.read():
            raise Unreadable("is cut off: fetch it again from where it came")


def _listed(pages: Sequence[int]) -> str:
    shown = ", ".join(map(str, pages[:20])) + (f" and {len(pages) - 20} more" if len(pages) > 20 else "")
    return f"{'page' if len(pages) == 1 else 'pages'} {shown}:"
