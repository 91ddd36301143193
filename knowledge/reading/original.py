"""What every reader of a format returns: one Markdown text, and where the places of the original begin in it.

Readers differ in what they are given, never in what they give: headings are ``#`` lines, a table is a pipe table with its caption
on the line above, a link is one only with https. So everything behind them, cutting above all, knows one format.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knowledge.passages import Mark

MAX_BODY = 5_000_000
"""Characters of text that one document may have: 2,000 full pages. More is a data set or an attack; nobody could review it."""


class Unreadable(Exception):
    """A file cannot be read as it is; the text says why and what to do, and follows the file's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A file as its reader understood it."""

    body: str
    marks: tuple[Mark, ...] = ()
    title: str | None = None
    """What the file says its title is; None leaves it to the first heading."""
    language: str | None = None
    """ISO 639-1, when the file names one."""
    url: str | None = None
    """Address the file says it is published at, https only."""
    publisher: str = ""
    concerns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the reader could not take over; the rest is sound."""


Beat = Callable[[], None]
"""Called when a part of a long file is done: a sign of life."""

Reader = Callable[[Path, Beat], Original]
"""Reads one file.

Raises:
    Unreadable: with the reason.
"""


class BodyWriter:
    """Puts blocks together and remembers at which character each page and anchor begins."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._page: int | None = None
        self._marks: list[Mark] = []

    def add(self, text: str, *, page: int | None = None, anchor: str | None = None, after: str = "\n\n") -> None:
        """Add a text behind ``after``, which is left out at the very beginning; the marks stand on its first character."""
        if not text:
            return
        if self._parts:
            self._append(after)
        if page is not None and page != self._page:
            self._page = page
            self._marks.append(Mark(start=self._length, page=page))
        if anchor:
            self._marks.append(Mark(start=self._length, anchor=anchor))
        self._append(text)

    def finish(self) -> tuple[str, tuple[Mark, ...]]:
        """Return the body and its marks.

        Raises:
            Unreadable: it is longer than anybody could review.
        """
        if self._length > MAX_BODY:
            raise Unreadable(f"holds {self._length:,} characters, at most {MAX_BODY:,} are read: divide it")
        return "".join(self._parts), tuple(self._marks)

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
