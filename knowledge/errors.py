"""What can go wrong with documents and their index; every text says what to do.

Hierarchy::

    KnowledgeError
    ├── InvalidDocument      one or more files cannot be published as they are
    ├── UnknownDocument      no collection, document, version or passage of this name
    ├── EncoderUnavailable   the model is not there, or does not load
    ├── IndexMissing         nothing was built yet
    ├── IndexStale           built by another encoder
    └── IndexCorrupt         files damaged, or not those the manifest names
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


class KnowledgeError(Exception):
    """Base of this package's errors."""


class UnknownDocument(KnowledgeError):
    """No collection, document, version or passage has this name; the text names what there is."""


class EncoderUnavailable(KnowledgeError):
    """The encoder's model is missing or does not load."""


class IndexMissing(KnowledgeError):
    """No index was built yet."""


class IndexStale(KnowledgeError):
    """The index was built by another encoder, so that its vectors cannot be compared with new ones."""


class IndexCorrupt(KnowledgeError):
    """Files of the index are damaged or are not the ones its manifest names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend in one file."""

    path: str
    """POSIX path below the folder that was read."""
    key: str
    """Front-matter key, or empty when the file as a whole is meant."""
    line: int
    """Counted from 1 in the file."""
    text: str
    """What is wrong and what to do."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.key}: {self.text}" if self.key else f"{self.path}:{self.line}: {self.text}"


class InvalidDocument(KnowledgeError):
    """Files that cannot be published; ``problems`` lists each."""

    def __init__(self, text: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(text)
        self.problems = problems

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> Self:
        """Return an error whose text lists every problem, one a line."""
        return cls("\n".join(str(problem) for problem in problems), tuple(problems))
