"""The one way policies fail: a data file that cannot be used, with the place to look."""

from __future__ import annotations


class PolicyError(Exception):
    """A policy file is missing, malformed or names something that does not exist.

    Attributes:
        file: Name of the file, relative to the data folder.
        key: Path to the offending key, for example ``rules[3].when.all[0].field``.
        line: 1-based line in that file, or None when the file could not be read.
    """

    def __init__(self, message: str, *, file: str, key: str = "", line: int | None = None) -> None:
        """Keep the place beside the message."""
        self.file = file
        self.key = key
        self.line = line
        place = file if line is None else f"{file}:{line}"
        super().__init__(f"{place}: {key}: {message}" if key else f"{place}: {message}")
