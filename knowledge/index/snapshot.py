"""One built version of the index in memory: what is searched for each audience.

Layout of the index folder::

    current                  one line: the id of the version that serves; replaced in one rename
    versions/<id>/
        manifest.json
        public.rows.npz      one set for each audience that has passages
        public.words.npz
        public.letters.npz   how the phrasings of curated entries are spelt
        public.first.faiss   unless vectors lie in the database
        public.second.faiss  passages in the languages of the second encoder, where there is one
        public.taught.faiss  passages of curated entries by the taught encoder, where there is one
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import IndexCorrupt
from knowledge.index.letters import Letters
from knowledge.index.lexical import LexicalIndex
from knowledge.index.manifest import VERSIONS, Manifest, sha256_of
from knowledge.index.nearest import Ids, Nearest, Vectors
from knowledge.index.portraits import Portraits
from knowledge.index.rows import Rows
from knowledge.index.vectors import VectorIndex
from knowledge.passages import Audience

FIRST, SECOND, TAUGHT = "first", "second", "taught"
"""The encoders' vectors of one audience."""


class VectorPlace(Protocol):
    """Where the vectors of an index lie."""

    @property
    def name(self) -> str:
        """Written into the manifest, so that an index is opened where it was built."""
        ...

    def write(
        self, folder: Path, part: str, previous: Nearest | None, *, removed: Collection[int], ids: Ids, vectors: Vectors
    ) -> Nearest:
        """Keep the vectors of one part (``public.first``): those of ``previous`` without some and with others."""
        ...

    def open(self, folder: Path, part: str) -> Nearest:
        """Return a part that was written.

        Raises:
            IndexCorrupt: it is not there, or damaged.
        """
        ...


class FaissFiles:
    """Vectors beside the other files of the index."""

    @property
    def name(self) -> str:
        """``faiss``."""
        return "faiss"

    def write(
        self, folder: Path, part: str, previous: Nearest | None, *, removed: Collection[int], ids: Ids, vectors: Vectors
    ) -> Nearest:
        """Write the part's file."""
        if isinstance(previous, VectorIndex):
            index = previous.changed(removed=removed, ids=ids, vectors=vectors)
        else:
            index = VectorIndex.of(ids, vectors)
        index.save(folder / f"{part}.faiss")
        return index

    def open(self, folder: Path, part: str) -> Nearest:
        """Read the part's file."""
        return VectorIndex.load(folder / f"{part}.faiss")


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What is searched for one audience: rows and first vectors of every passage, words of those that are no phrasings.

    A phrasing shares the words of the text it stands for: its own few would outweigh every text.
    """

    rows: Rows
    words: LexicalIndex
    letters: Letters
    first: Nearest
    second: Nearest | None
    taught: Nearest | None
    """Of the passages of curated entries."""
    in_second: NDArray[np.bool_]
    """Which rows the second encoder's vectors hold."""
    in_taught: NDArray[np.bool_]

    @classmethod
    def of(
        cls, rows: Rows, words: LexicalIndex, letters: Letters, first: Nearest, second: Nearest | None, taught: Nearest | None
    ) -> Self:  # fmt: skip
        """Put the parts together."""
        in_second, in_taught = (_held(part, rows) for part in (second, taught))
        return cls(
            rows=rows, words=words, letters=letters, first=first, second=second, taught=taught,
            in_second=in_second, in_taught=in_taught,
        )  # fmt: skip

    @cached_property
    def portraits(self) -> Portraits:
        """The curated entries as a whole."""
        return Portraits.of(self.rows, self.words, self.letters, self.taught or self.first, self.second, self.in_second)

    def prepare(self) -> None:
        """Do now what the first question would wait for."""
        for part in (self.words, self.first, self.second, self.taught, self.portraits.words):
            if part is not None:
                part.prepare()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One version, open."""

    manifest: Manifest
    shelves: dict[Audience, Shelf]


def part_of(audience: Audience, encoder: str) -> str:
    """Return the name of an audience's vectors by one encoder."""
    return f"{audience}.{encoder}"


def rows_file(audience: Audience) -> str:
    """Return the file name of an audience's rows."""
    return f"{audience}.rows.npz"


def words_file(audience: Audience) -> str:
    """Return the file name of an audience's words."""
    return f"{audience}.words.npz"


def letters_file(audience: Audience) -> str:
    """Return the file name of an audience's letters."""
    return f"{audience}.letters.npz"


def open_snapshot(index_dir: Path, manifest: Manifest, place: VectorPlace) -> Snapshot:
    """Read a version into memory.

    Raises:
        IndexCorrupt: a file is missing, damaged, or not the one the manifest names.
    """
    folder = index_dir / VERSIONS / manifest.version
    if manifest.vectors != place.name:
        raise IndexCorrupt(
            f"The index keeps its vectors in {manifest.vectors}, the settings say {place.name}: run `waypost knowledge build`"
        )
    for name, digest in manifest.files.items():
        if sha256_of(folder / name) != digest:
            raise IndexCorrupt(f"The index file {name} was changed after it was built: run `waypost knowledge build`")
    return Snapshot(
        manifest=manifest,
        shelves={
            audience: _open_shelf(folder, audience, manifest, place) for audience in Audience if audience in manifest.counts
        },
    )


def _open_shelf(folder: Path, audience: Audience, manifest: Manifest, place: VectorPlace) -> Shelf:
    def vectors(encoder: str) -> Nearest | None:
        part = part_of(audience, encoder)
        return place.open(folder, part) if part in manifest.parts else None

    shelf = Shelf.of(
        Rows.load(folder / rows_file(audience)),
        LexicalIndex.load(folder / words_file(audience)),
        Letters.load(folder / letters_file(audience)),
        place.open(folder, part_of(audience, FIRST)),
        vectors(SECOND),
        vectors(TAUGHT),
    )
    if not len(shelf.rows.ids) == shelf.first.size == manifest.counts[audience] or shelf.words.size != len(shelf.rows.texts):
        raise IndexCorrupt(f"The parts of the {audience} index hold different passages: run `waypost knowledge build`")
    return shelf


def _held(part: Nearest | None, rows: Rows) -> NDArray[np.bool_]:
    """Return which rows a part holds."""
    return np.isin(rows.ids, np.empty(0, np.int64) if part is None else np.fromiter(part.ids, np.int64))
