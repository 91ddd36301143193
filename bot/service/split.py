"""Cut a text into pieces Telegram takes, losing nothing.

Telegram counts UTF-16 units. A piece ends, by preference, after a blank line, a line, a sentence, a word; never inside a
grapheme that is kept together by a joiner or a combining mark.
"""

import unicodedata
from collections.abc import Iterator

TELEGRAM_LIMIT = 4096
"""UTF-16 units in one message (Bot API, sendMessage)."""

_BREAKS = ("\n\n", "\n", ". ", "؟ ", "? ", "! ", "۔ ", "። ", " ")
_JOINERS = {"\u200d", "\u200c", "\ufe0f"}


def utf16_length(text: str) -> int:
    """Return the length of ``text`` in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def split_text(text: str, limit: int = TELEGRAM_LIMIT) -> list[str]:
    """Return pieces of at most ``limit`` UTF-16 units; joined together they are ``text``.

    ``limit`` must be at least 16: a single long grapheme has to fit.
    """
    return list(_pieces(text, limit)) or [""]


def _pieces(text: str, limit: int) -> Iterator[str]:
    while utf16_length(text) > limit:
        end = _cut(text, limit)
        yield text[:end]
        text = text[end:]
    if text:
        yield text


def _cut(text: str, limit: int) -> int:
    window = _longest_prefix(text, limit)
    for separator in _BREAKS:
        at = window.rfind(separator)
        if at >= len(window) // 2:
            return at + len(separator)
    return _grapheme_border(text, len(window))


def _longest_prefix(text: str, limit: int) -> str:
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if utf16_length(text[:middle]) <= limit else (low, middle - 1)
    return text[:low]


def _grapheme_border(text: str, end: int) -> int:
    earliest = max(1, end - 12)
    for at in range(end, earliest, -1):
        after, before = text[at : at + 1], text[at - 1]
        if after not in _JOINERS and before not in _JOINERS and not unicodedata.combining(after or " "):
            return at
    return end
