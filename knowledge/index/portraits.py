"""What a curated entry is about as a whole: the mean of all its vectors, and all its words.

One phrasing that happens to look like a question says little; that its neighbours do too says much. So an entry is judged by its
closest passage and by its portrait. Portraits are made of what the index holds, when it is opened, and kept nowhere.

Source: docs/adr/0011-portraits.md.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knowledge.index.arrays import is_among
from knowledge.index.fusion import Fusion
from knowledge.index.lexical import LexicalIndex
from knowledge.index.nearest import Ids, Nearest, Scores, Vectors
from knowledge.index.rows import Rows

FOREMOST = 8
"""Entries whose direct answer is looked at for their portrait alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portraits:
    """The entries of one audience, by ascending version."""

    versions: Ids
    leads: Ids
    """The passage that answers directly, of each."""
    first: Vectors
    """By the first encoder, (versions, dim), of length 1."""
    second: Vectors
    """By the second; rows of NaN where it does not know the language, no columns where there is none."""
    words: LexicalIndex
    """Under the numbers of the versions."""

    @classmethod
    def of(cls, rows: Rows, words: LexicalIndex, first: Nearest, second: Nearest | None, in_second: NDArray[np.bool_]) -> Self:
        """Return the portraits of what has a direct answer: curated entries, not an organisation's own documents."""
        leads = np.flatnonzero(rows.is_lead)
        versions, places = np.unique(rows.versions[leads], return_index=True)
        own = np.flatnonzero(np.isin(rows.versions, versions))
        group = np.searchsorted(versions, rows.versions[own])
        seen = in_second[own]
        texts = own[rows.shows[own] == rows.ids[own]]
        return cls(
            versions=versions,
            leads=rows.ids[leads[places]],
            first=_means(first.vectors(rows.ids[own]), group, len(versions)),
            second=(
                _means(second.vectors(rows.ids[own][seen]), group[seen], len(versions))
                if second is not None
                else np.empty((len(versions), 0), np.float32)
            ),
            words=words.merged(rows.ids[texts], rows.versions[texts]),
        )

    def likeness(self, text: str, written: str, first: Vectors, second: Vectors | None, fusion: Fusion) -> Scores:
        """Return what being like each entry as a whole adds to the closeness of its passages."""
        by_second: Scores | None = self.second @ second if second is not None and self.second.shape[1] else None
        return fusion.likeness(self.first @ first, by_second, self.words.find(text, written).shares)

    def foremost(self, likeness: Scores) -> Ids:
        """Return the direct answers of the entries that are most like the question, in no order."""
        if not likeness.any():  # an encoder for which nothing was measured
            return self.leads[:0]
        if len(likeness) <= FOREMOST:
            return self.leads
        return self.leads[np.argpartition(likeness, -FOREMOST)[-FOREMOST:]]

    def spread(self, likeness: Scores, versions: Ids) -> Scores:
        """Return the likeness of each of these versions, 0 for those without a portrait."""
        spread, has_one = np.zeros(len(versions), np.float32), is_among(versions, self.versions)
        spread[has_one] = likeness[np.searchsorted(self.versions, versions[has_one])]
        return spread


def _means(vectors: Vectors, group: NDArray[np.int64], count: int) -> Vectors:
    """Return the mean direction of each group; NaN for those without a vector."""
    sums = np.zeros((count, vectors.shape[1]), np.float32)
    np.add.at(sums, group, vectors)
    with np.errstate(invalid="ignore"):
        means: Vectors = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return means
