"""What a file is: told by its first bytes, because names lie; a name that contradicts them is refused with a remedy."""

from enum import StrEnum
from pathlib import PurePath

import regex

from knowledge.reading.original import Unreadable

SNIFFED = 4_096
"""Bytes from which a kind is told."""


class Kind(StrEnum):
    """What can be read."""

    TEXT = "text"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"


SUFFIXES = {
    ".md": Kind.TEXT, ".markdown": Kind.TEXT, ".txt": Kind.TEXT, ".html": Kind.HTML, ".htm": Kind.HTML, ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
}  # fmt: skip

MAX_BYTES = {Kind.TEXT: 5 * 2**20, Kind.HTML: 50 * 2**20, Kind.PDF: 50 * 2**20, Kind.DOCX: 50 * 2**20}
"""A text of 5 MB is 2,000 pages already. The others carry pictures, but what is above 50 MB is an archive, not guidance."""

_WORDS = "save it as PDF or DOCX"
_SHEET = "save the sheets that matter as tables of a DOCX file"
_PICTURE = "a picture: run text recognition on it and add the PDF or text"
_REMEDIES = {
    ".doc": _WORDS, ".odt": _WORDS, ".rtf": _WORDS, ".pages": _WORDS, ".ppt": _WORDS, ".pptx": _WORDS, ".odp": _WORDS,
    ".epub": _WORDS, ".docm": "save it as DOCX, without macros", ".dotx": "save it as DOCX", ".xls": _SHEET, ".xlsx": _SHEET,
    ".ods": _SHEET, ".csv": _SHEET, ".png": _PICTURE, ".jpg": _PICTURE, ".jpeg": _PICTURE, ".gif": _PICTURE, ".tif": _PICTURE,
    ".tiff": _PICTURE, ".webp": _PICTURE, ".heic": _PICTURE, ".bmp": _PICTURE, ".zip": "unpack it", ".7z": "unpack it",
    ".rar": "unpack it", ".gz": "unpack it", ".mhtml": "save the page as HTML", ".eml": "save the message as text or PDF",
    ".msg": "save the message as text or PDF",
}  # fmt: skip

_HTML = regex.compile(rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", regex.I | regex.S)
_MAGIC = (
    (b"PK\x03\x04", "a zip archive, as Word, Excel and PowerPoint files are"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an Office file of the old kind, or one with a password"),
    (b"{\\rtf", "an RTF file"), (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"),
    (b"II*\0", "a picture"), (b"MM\0*", "a picture"), (b"\x1f\x8b", "a compressed file"), (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)  # fmt: skip
_EXPECTED = {Kind.PDF: "a PDF", Kind.DOCX: _MAGIC[0][1], Kind.HTML: "a web page"}


def kind_named(path: PurePath) -> Kind:
    """Return the kind a file's name promises.

    Raises:
        Unreadable: no file of this name is read.
    """
    suffix = path.suffix.lower()
    if kind := SUFFIXES.get(suffix):
        return kind
    raise Unreadable(f"is not read: {_REMEDIES.get(suffix, 'Waypost reads PDF, DOCX, HTML, Markdown and text')}")


def check_content(kind: Kind, suffix: str, start: bytes) -> None:
    """Compare what a file's name promises with its first bytes.

    Raises:
        Unreadable: it is something else; says what, and what to do.
    """
    found = _content(start)
    if found == _EXPECTED.get(kind):
        return
    if kind is Kind.HTML and found is None and b"<" in start:
        return  # a part of a page, without its head
    if kind is Kind.TEXT and found in (None, "a program"):
        return  # a text may begin with MZ; a program fails as text later
    raise Unreadable(f"is named {suffix} but is {found or 'something else'}: {_remedy(kind, found)}")


def _content(start: bytes) -> str | None:
    if b"%PDF-" in start[:1024]:
        return "a PDF"
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text.replace(b"\0", b"")[2:]
    return "a web page" if _HTML.match(text) else None


def _remedy(kind: Kind, found: str | None) -> str:
    if found == "a PDF":
        return "rename it to .pdf"
    if found == "a web page":
        return "rename it to .html"
    return "open it and save it as DOCX or PDF" if kind is not Kind.TEXT else "save it as PDF, DOCX or text"
