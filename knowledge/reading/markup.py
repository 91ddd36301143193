"""Write Markdown: the little of it that readers of other formats need."""

import unicodedata
from collections.abc import Sequence
from urllib.parse import urlsplit

import regex

_OPENS_BLOCK = regex.compile(r"(?:#{1,6}(?=\s|$)|>|`{3}|~{3}|<)")
"""Beginnings of a paragraph that Markdown takes for something else; a fence or a comment would swallow all that follows."""
_UNSAFE_IN_URL = regex.compile(r"[\s<>()\\\p{C}]")


def one_line(text: str) -> str:
    """Return a text in NFC with one space for all white space."""
    return " ".join(unicodedata.normalize("NFC", text.replace("\0", "")).split())


def paragraph(text: str) -> str:
    """Return a line of text that Markdown takes for a paragraph or a list item."""
    line = one_line(text)
    return f"\\{line}" if _OPENS_BLOCK.match(line) else line


def heading(level: int, text: str) -> str:
    """Return a heading; Markdown has six levels."""
    return f"{'#' * min(max(level, 1), 6)} {one_line(text)}"


def item(text: str, *, depth: int = 0, number: int | None = None) -> str:
    """Return a list item; three spaces a level lie inside items with a bullet and with a number alike."""
    return f"{'   ' * depth}{'-' if number is None else f'{number}.'} {paragraph(text)}"


def link(text: str, url: str) -> str:
    """Return a link; the text alone when the address is not a plain https one."""
    label = one_line(text)
    try:
        parts = urlsplit(url)
    except ValueError:
        return label
    if not label or parts.scheme != "https" or not parts.hostname or _UNSAFE_IN_URL.search(url):
        return label
    return f"[{label.replace('[', '(').replace(']', ')')}]({url})"


def table_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, the first row being its header; short rows are filled up."""
    width = max((len(row) for row in rows), default=0)
    lines = [_row([*row, *[""] * (width - len(row))]) for row in rows]
    return [*lines[:1], "|" + " --- |" * width, *lines[1:]] if lines else []


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in cells) + " |"
