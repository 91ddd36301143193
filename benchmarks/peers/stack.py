"""What a stack must do to be measured, and what it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.peers.texts import Passage, Question
from benchmarks.peers.vectors import Vectors
from knowledge.index.encoder import open_encoder

QUERY, PASSAGE = "query: ", "passage: "
"""What the E5 family wants before a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The same for every stack of a run."""

    passages: Sequence[Passage]
    vectors: Vectors
    """Unit vectors of the passages by our encoder, in order: nobody has to embed 20,000 texts with torch."""
    model: Path
    """The encoder's weights as a sentence-transformers folder, float32."""
    encoder: str
    """Our encoder's folder."""
    threads: int
    folder: Path
    """An empty folder of the stack's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A passage that a stack returned."""

    at: int
    """Its number in ``Given.passages``."""
    text: str


class Asked(Protocol):
    """Something that questions are put to."""

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        """Return the best passages, with their texts, best first."""
        ...


class Stack(Asked, Protocol):
    """One library in one configuration. Every figure is taken around one of these calls."""

    @property
    def label(self) -> str:
        """Library, version, and what is special about this configuration."""
        ...

    @property
    def index(self) -> str:
        """What is searched."""
        ...

    @property
    def encoder(self) -> str:
        """What embeds a question."""
        ...

    def load(self, given: Given) -> None:
        """Import what is needed and load the model."""
        ...

    def add(self) -> None:
        """Take in all passages with their vectors."""
        ...

    def build(self, texts: Sequence[str]) -> None:
        """Build an index of its own from these texts, embedding them as the documentation says."""
        ...

    def update(self, at: int, text: str) -> None:
        """Give one passage another text; the next question finds it."""
        ...

    def save(self) -> None:
        """Write to disk what must survive a restart, as the documentation says."""
        ...


class OurEncoder:
    """Our encoder as peers are given it."""

    def __init__(self, given: Given) -> None:
        self._encoder = open_encoder(given.encoder, given.threads)

    @property
    def name(self) -> str:
        """Model and revision."""
        return self._encoder.name

    def query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        row: list[float] = self._encoder.encode_queries([text])[0].tolist()
        return row

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of passages."""
        return self._encoder.encode_passages(texts)


def version_of(package: str) -> str:
    """Return an installed package's version."""
    from importlib.metadata import version

    return version(package)


TORCH = "sentence-transformers, torch float32"
OURS = "ours (ONNX Runtime)"
