"""What the index knows of its passages besides vectors and words: enough to rank without asking the database.

Columns rather than objects: a question looks at a few hundred of some ten thousand rows.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.index.arrays import is_among, load_arrays, packed, save_arrays, unpacked
from knowledge.index.nearest import Ids
from knowledge.passages import Authority, IndexRow

Subject = tuple[str, str]
"""Collection, and what the variants of one text in several languages share in it."""

COLUMNS: dict[str, type[np.generic]] = {
    "id": np.int64, "shows": np.int64, "version": np.int64, "subject": np.int32, "language": np.int16, "authority": np.int8,
    "is_lead": np.bool_,
}  # fmt: skip
AUTHORITIES = tuple(Authority)
"""From the highest to the lowest."""


class Rows:
    """The passages of one audience, by ascending id."""

    def __init__(self, columns: dict[str, NDArray[Any]], subjects: list[Subject], languages: list[str]) -> None:
        self._columns = columns
        self.ids: Ids = columns["id"]
        self.shows: Ids = columns["shows"]
        """The passage that is shown: itself, but for a phrasing."""
        self.versions: Ids = columns["version"]
        self.subject: NDArray[np.int32] = columns["subject"]
        """Index into :attr:`subjects`."""
        self.language: NDArray[np.int16] = columns["language"]
        """Index into :attr:`languages`."""
        self.authority: NDArray[np.int8] = columns["authority"]
        """Index into ``AUTHORITIES``."""
        self.is_lead: NDArray[np.bool_] = columns["is_lead"]
        """The direct answer of a curated entry."""
        self.subjects, self.languages = subjects, languages
        self._collections = list(dict.fromkeys(name for name, _ in subjects))
        numbers = {name: number for number, name in enumerate(self._collections)}
        self._collection = np.array([numbers[name] for name, _ in subjects], np.int32)[self.subject]
        self.texts: Ids = self.ids[self.shows == self.ids]
        """Ids of the passages that are no phrasings."""
        self._leads: dict[tuple[int, int], tuple[int, ...]] = {}
        for row in np.flatnonzero(self.is_lead):
            key = int(self.subject[row]), int(self.language[row])
            self._leads[key] = (int(self.ids[row]), *self._leads.get(key, ()))

    @classmethod
    def of(cls, rows: Iterable[IndexRow]) -> Self:
        """Return the table of these passages, which must come by ascending id."""
        subjects: dict[Subject, int] = {}
        languages: dict[str, int] = {}
        kept = [
            (
                row.id,
                row.shows_id,
                row.version_id,
                subjects.setdefault((row.collection, row.subject), len(subjects)),
                languages.setdefault(row.language, len(languages)),
                AUTHORITIES.index(row.authority),
                row.is_lead,
            )
            for row in rows
        ]
        columns = {name: np.array([row[at] for row in kept], kind) for at, (name, kind) in enumerate(COLUMNS.items())}
        return cls(columns, list(subjects), list(languages))

    @property
    def curated(self) -> NDArray[np.bool_]:
        """Which rows belong to entries that answer directly, not to an organisation's own documents."""
        return np.isin(self.versions, self.versions[self.is_lead])

    @property
    def phrasings(self) -> NDArray[np.bool_]:
        """Which rows are phrasings of curated entries."""
        phrasings: NDArray[np.bool_] = self.curated & (self.shows != self.ids)
        return phrasings

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Return which ids are in the table."""
        return is_among(ids, self.ids)

    def of_collection(self, name: str) -> NDArray[np.bool_]:
        """Return which rows belong to a collection."""
        places = [place for place, collection in enumerate(self._collections) if collection == name]
        return np.isin(self._collection, places)

    def places(self, ids: Ids) -> NDArray[np.int64]:
        """Return the row of each id; all must be in the table."""
        return np.searchsorted(self.ids, ids)

    def leads(self, subjects: Iterable[int], languages: Sequence[str]) -> list[tuple[tuple[int, ...], ...]]:
        """Return of each subject, and for each of ``languages``, the passages that answer directly.

        The newest is first: a later wording may wait for its day.
        """
        spoken = [self.languages.index(language) if language in self.languages else -1 for language in languages]
        return [tuple(self._leads.get((subject, one), ()) for one in spoken) for subject in subjects]

    def save(self, path: Path) -> None:
        """Write the table to a file."""
        words = {"collections": [name for name, _ in self.subjects], "subjects": [name for _, name in self.subjects]}
        words["languages"] = self.languages
        save_arrays(path, {**self._columns, **{name: packed(listed) for name, listed in words.items()}})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a table.

        Raises:
            IndexCorrupt: the file is missing or damaged.
        """
        *columns, collections, subjects, languages = load_arrays(path, *COLUMNS, "collections", "subjects", "languages")
        named = list(zip(unpacked(collections), unpacked(subjects), strict=True))
        return cls(dict(zip(COLUMNS, columns, strict=True)), named, unpacked(languages))
