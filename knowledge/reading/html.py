"""Read a web page: its main text, with headings and the anchors that open them, lists, tables and links.

The main text is what the page itself marks as such (``main``, ``article``), else everything that is no menu, banner or footer. A
statistical extractor was not chosen: it drops short paragraphs and table cells without a word, and a fee that is missing is worse
than a menu that is not. What a reader of the page does not see is left out, and is a concern when it says something.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import regex
from lxml import etree, html  # type: ignore[import-untyped]

from knowledge.reading import markup
from knowledge.reading.charsets import decode_page
from knowledge.reading.html_hidden import Hiding, is_boilerplate
from knowledge.reading.original import BodyWriter, Original, Unreadable
from knowledge.reading.screening import excerpt, is_prose, speaks_to_machine

MAIN_FROM = 80
"""Characters from which a marked main text is believed; some templates mark an empty box."""

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_SILENT = frozenset({
    "script", "style", "template", "noscript", "svg", "math", "iframe", "object", "embed", "canvas", "audio", "video", "button",
    "input", "select", "textarea", "dialog", "head", "title", "link", "meta", "nav", "aside", "footer", "del", "s", "strike",
})  # fmt: skip
"""Left out without a word: no text, no part of the main text, or struck through by its author."""
_INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "dfn", "em", "font", "i", "img", "ins", "kbd",
    "label", "mark", "q", "rp", "rt", "ruby", "samp", "small", "span", "strong", "sub", "sup", "time", "tt", "u",
    "var", "wbr",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_ANCHORED = frozenset({"a", "section", "article", "div", "span", "p", "main", "details"})
_SITE_NAME = regex.compile(r"\s+[|–—·»-]\s+[^|–—·»]*$")


def read_html(path: Path) -> Original:
    """Return the main text of a page.

    Raises:
        Unreadable: no text, or no charset fits.
    """
    root = _parsed(decode_page(path.read_bytes()))
    page = _Page(root)
    page.walk_main()
    body, marks = page.writer.finish()
    if not body.strip():
        raise Unreadable("holds no text of its own: save the page after it has loaded, or print it to PDF")
    return Original(
        body=body, marks=marks, title=_title(root), language=root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang"),
        url=_canonical(root), publisher=_meta(root, "og:site_name"), concerns=tuple(page.concerns()),
    )  # fmt: skip


class _Page:
    """One walk over a page: what was written, and what was left out."""

    def __init__(self, root: html.HtmlElement) -> None:
        self.writer = BodyWriter()
        self._root = root
        self._base = _base(root)
        self._hiding = Hiding(root)
        self._hidden: list[str] = []
        self._inline: list[str] = []
        self._anchor: str | None = None
        self._lists: list[int | None] = []
        """For each open list the number of its next item, None for bullets."""
        self._prefix = ""
        self._follows_item = False

    def walk_main(self) -> None:
        """Write the main text, or everything when none is marked."""
        self._note_hidden_anywhere()
        self._children(_main(self._root))
        self._flush()

    def concerns(self) -> Iterator[str]:
        """Yield why an editor must look."""
        for text in dict.fromkeys(self._hidden):
            yield f"holds text that readers of the page do not see, left out here: {excerpt(text)}"

    def _note_hidden_anywhere(self) -> None:
        """Keep what the page hides anywhere when it speaks to a machine; menus and banners hide harmless text all the time."""
        for element in self._root.iter():
            if isinstance(element, html.HtmlComment):
                text = element.text or ""
                if speaks_to_machine(text):
                    self._hidden.append(text)
            elif isinstance(element.tag, str) and self._hiding.hides(element) and speaks_to_machine(text := _words(element)):
                self._hidden.append(text)

    def _children(self, element: html.HtmlElement) -> None:
        self._say(element.text)
        for child in element:
            self._element(child)
            self._say(child.tail)

    def _element(self, element: html.HtmlElement) -> None:
        tag = element.tag
        if not isinstance(tag, str) or tag in _SILENT or is_boilerplate(element):
            return
        if self._is_hidden(element):
            return
        self._remember_anchor(element)
        if tag == "br":
            self._say(" ")
        elif tag == "a" and not _holds_blocks(element):
            self._link(element)
        elif tag in _INLINE:
            self._children(element)
        else:
            self._block(element, tag)

    def _is_hidden(self, element: html.HtmlElement) -> bool:
        """Return whether a part of the main text is hidden; what it says is kept for the editor."""
        if not self._hiding.hides(element):
            return False
        if is_prose(text := _words(element)):
            self._hidden.append(text)
        return True

    def _block(self, element: html.HtmlElement, tag: str) -> None:
        self._flush()
        if tag in _HEADINGS:
            self._heading(element, _HEADINGS[tag])
        elif tag in ("ul", "ol", "menu"):
            self._list(element, tag)
        elif tag == "li":
            self._item(element)
        elif tag == "table" and (rows := self._rows(element)):
            self._table(element, rows)
        elif tag == "hr":
            return
        else:
            self._children(element)
            self._flush()

    def _heading(self, element: html.HtmlElement, level: int) -> None:
        anchor = element.get("id") or next((found for one in element.iter("a", "span") if (found := _own_anchor(one))), None)
        anchor = anchor or self._anchor
        if text := self._text_of(element):
            self.writer.add(markup.heading(level, text), anchor=anchor)
        self._anchor = None

    def _list(self, element: html.HtmlElement, tag: str) -> None:
        start = element.get("start", "1")
        self._lists.append((int(start) if start.isdecimal() else 1) if tag == "ol" else None)
        self._children(element)
        self._flush()
        self._lists.pop()
        self._follows_item = bool(self._lists)

    def _item(self, element: html.HtmlElement) -> None:
        depth, number = max(len(self._lists) - 1, 0), self._lists[-1] if self._lists else None
        self._prefix = "   " * depth + ("- " if number is None else f"{number}. ")
        self._children(element)
        self._flush()
        self._prefix = ""
        if self._lists and number is not None:
            self._lists[-1] = number + 1

    def _table(self, element: html.HtmlElement, rows: list[list[str]]) -> None:
        caption = next((self._text_of(one) for one in element.iterchildren("caption")), "")
        lines = [markup.paragraph(caption)] if caption else []
        self.writer.add("\n".join([*lines, *markup.table_lines(rows)]))
        self._anchor = None

    def _rows(self, table: html.HtmlElement) -> list[list[str]]:
        """Return the cells of a table of data; none for one that only places things, which is read block by block."""
        if next(table.iterdescendants("table", *_HEADINGS), None) is not None or table.get("role") in ("presentation", "none"):
            return []
        rows: list[list[str]] = []
        below: dict[int, tuple[int, str]] = {}
        for row in table.iterdescendants("tr"):
            if not self._is_hidden(row):
                rows.append(_spread(self._cells(row), below))
        rows = [row for row in rows if any(row)]
        return rows if len(rows) > 1 and max(map(len, rows)) > 1 else []

    def _cells(self, row: html.HtmlElement) -> Iterator[tuple[str, int, int]]:
        for cell in row.iterchildren(*_CELLS):
            text = "" if self._is_hidden(cell) else self._text_of(cell)
            yield text, _span(cell, "colspan"), _span(cell, "rowspan")

    def _link(self, element: html.HtmlElement) -> None:
        outside, self._inline = self._inline, []
        self._children(element)
        text, self._inline = markup.one_line("".join(self._inline)), outside
        self._say(_linked(text, urljoin(self._base, element.get("href", "").strip())))

    def _text_of(self, element: html.HtmlElement) -> str:
        """Return the visible words of an element as one line, blocks in it included."""
        writer, inline = self.writer, self._inline
        prefix, self._prefix = self._prefix, ""
        self.writer, self._inline = BodyWriter(), []
        self._children(element)
        self._flush()
        text = self.writer.finish()[0]
        self.writer, self._inline, self._prefix = writer, inline, prefix
        return markup.one_line(text)

    def _say(self, text: str | None) -> None:
        if text:
            self._inline.append(text)

    def _flush(self) -> None:
        """Write what stands in the open paragraph."""
        text = markup.one_line("".join(self._inline))
        self._inline = []
        if not text:
            return
        is_item = bool(self._prefix.strip())
        self.writer.add(self._prefix + markup.paragraph(text), after="\n" if is_item and self._follows_item else "\n\n")
        self._follows_item = bool(self._lists)
        self._prefix = " " * len(self._prefix)
        self._anchor = None

    def _remember_anchor(self, element: html.HtmlElement) -> None:
        if element.tag in _ANCHORED and (anchor := _own_anchor(element)):
            self._anchor = anchor


def _parsed(text: str) -> html.HtmlElement:
    parser = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    try:
        return html.document_fromstring(text.replace("\0", "").encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as exc:
        raise Unreadable("holds no text: remove it") from exc


def _main(root: html.HtmlElement) -> html.HtmlElement:
    marked = [*root.iter("main"), *root.xpath("//*[@role='main']")]
    articles = list(root.iter("article"))
    candidates = marked or (articles if len(articles) == 1 else [])
    best = max(candidates, key=lambda one: len(_words(one)), default=None)
    if best is not None and len(_words(best)) >= MAIN_FROM:
        return best
    body = root.find("body")
    return root if body is None else body


def _words(element: html.HtmlElement) -> str:
    return " ".join(" ".join(element.xpath(".//text()[not(ancestor::script or ancestor::style)]")).split())


def _spread(cells: Iterator[tuple[str, int, int]], below: dict[int, tuple[int, str]]) -> list[str]:
    """Return a row in which a cell over several rows stands in each: a row alone must still say what it is about."""
    row: list[str] = []

    def take_from_above() -> None:
        while len(row) in below:
            left, text = below.pop(place := len(row))
            if left > 1:
                waiting[place] = (left - 1, text)
            row.append(text)

    waiting: dict[int, tuple[int, str]] = {}
    for text, columns, rows in cells:
        take_from_above()
        for number in range(columns):
            if rows > 1:
                waiting[len(row)] = (rows - 1, "" if number else text)
            row.append("" if number else text)
    take_from_above()
    below.update(waiting)
    return row


def _holds_blocks(element: html.HtmlElement) -> bool:
    """Return whether a link goes round whole paragraphs, as that of a card does."""
    return any(isinstance(one.tag, str) and one.tag != "br" and one.tag not in _INLINE for one in element.iterdescendants())


def _span(cell: html.HtmlElement, name: str) -> int:
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), 50) if value.isdecimal() else 1


def _own_anchor(element: html.HtmlElement) -> str | None:
    anchor = element.get("id") or (element.get("name") if element.tag == "a" else None)
    return anchor.strip() if anchor and anchor.strip() else None


def _linked(text: str, url: str) -> str:
    scheme, _, rest = url.partition(":")
    if scheme in ("tel", "mailto") and (value := rest.partition("?")[0]) and not _says(text, value):
        return f"{text} ({value})" if text else ""
    return markup.link(text, url)


def _says(text: str, value: str) -> bool:
    """Return whether a link's words hold its number or address already."""
    if "@" in value:
        return value.lower() in text.lower()
    return regex.sub(r"\D", "", value).lstrip("0")[-6:] in regex.sub(r"\D", "", text)


def _base(root: html.HtmlElement) -> str:
    base = next((one.get("href") for one in root.iter("base") if one.get("href")), None)
    return base or _canonical(root) or ""


def _canonical(root: html.HtmlElement) -> str | None:
    for element in root.iter("link"):
        if "canonical" in element.get("rel", "").lower().split():
            url = element.get("href", "").strip()
            return url if markup.link("x", url) != "x" else None
    return None


def _title(root: html.HtmlElement) -> str | None:
    headings = [_words(one) for one in _main(root).iter("h1")]
    if len(headings) == 1 and headings[0]:
        return headings[0]
    stated = _meta(root, "og:title") or " ".join((root.findtext(".//title") or "").split())
    return _SITE_NAME.sub("", stated) or (headings[0] if headings else None) or None


def _meta(root: html.HtmlElement, name: str) -> str:
    found = (one.get("content", "") for one in root.iter("meta") if name in (one.get("property"), one.get("name")))
    return " ".join(next(found, "").split())
