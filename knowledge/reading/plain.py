"""Read text and Markdown: UTF-8, or UTF-16 that says so.

Nothing is guessed: read in the wrong one of two similar encodings, a text shows wrong letters without anybody noticing.
"""

import codecs
import unicodedata

from knowledge.reading.original import Unreadable


class UnreadableLine(Unreadable):
    """A file cannot be read because of one line, counted from 1."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.line = line


def decode(raw: bytes) -> str:
    """Return the text of a file: NFC, lines ended by ``\\n``.

    Raises:
        UnreadableLine: it is in another encoding, or no text.
    """
    is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnreadableLine("is not UTF-8: save it as UTF-8", raw[: exc.start].count(b"\n") + 1) from exc
    if "\0" in text:  # PostgreSQL keeps no NUL, and no text has one
        line = text[: text.index("\0")].count("\n") + 1
        raise UnreadableLine("holds zero bytes, so it is no text: save it as UTF-8", line)
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
