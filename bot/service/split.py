"""Cut a text into pieces Telegram takes, losing nothing.

Telegram counts UTF-16 units. A piece ends, by preference, after a blank line, a line, a sentence, a word; never inside a
grapheme (a letter with its marks, a joined emoji, a skin tone, a flag, a line end) unless it is longer than a piece.
"""

from collections.abc import Iterator

import regex

from bot.domain.deliveries import TELEGRAM_LIMIT, utf16_length

_BREAKS = ("\n\n", "\n", ". ", "؟ ", "? ", "! ", "۔ ", "። ", " ")
_GRAPHEME = regex.compile(r"\X")


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
        end = at + len(separator)
        if at >= len(window) // 2 and _grapheme_border(text, end) == end:
            return end
    return _grapheme_border(text, len(window))


def _longest_prefix(text: str, limit: int) -> str:
    low, high = 0, min(len(text), limit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if utf16_length(text[:middle]) <= limit else (low, middle - 1)
    return text[:low]


def _grapheme_border(text: str, end: int) -> int:
    """Return where the last grapheme that ends by ``end`` ends, or ``end`` when the first is longer already."""
    crossing = next(found for found in _GRAPHEME.finditer(text) if found.end() > end)
    return int(crossing.start()) or end
