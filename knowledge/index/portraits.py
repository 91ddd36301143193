"""What a curated entry is about as a whole: what tells its texts and phrasings from those of all other entries, and its words.

One phrasing that happens to look like a question says little; that its neighbours do too says much. So an entry is judged by its
closest passage and by its portrait: one direction for each subject, fitted by ridge regression to tell its passages from all
others, in all languages at once. Portraits are made of what the index holds, when it is opened, and kept nowhere.

Source: docs/adr/0013-learned-portraits.md.
"""

from collections.abc import Collection
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
RIDGE = 5.0
"""How far directions are held back: as if each dimension had this much variation of its own in the sum over all passages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portraits:
    """The entries of one audience, by ascending version."""

    versions: Ids
    subject: Ids
    """Of each the number of its subject, from 0: variants of one text in several languages share it."""
    leads: Ids
    """The passage that answers directly, of each."""
    directions: Vectors
    """Of each subject, (subjects, dim): the dimensions of the first encoder, then those of the second, if there is one."""
    middles: dict[str, Vectors]
    """Language → mean of its passages' vectors, (dim,): most of what a question and a passage share is their language."""
    words: LexicalIndex
    """Under the numbers of the versions."""

    @classmethod
    def of(cls, rows: Rows, words: LexicalIndex, first: Nearest, second: Nearest | None, in_second: NDArray[np.bool_]) -> Self:
        """Return the portraits of what has a direct answer: curated entries, not an organisation's own documents."""
        leads = np.flatnonzero(rows.is_lead)
        versions, places = np.unique(rows.versions[leads], return_index=True)
        subjects, subject = np.unique(rows.subject[leads[places]], return_inverse=True)
        own = np.flatnonzero(np.isin(rows.versions, versions))
        texts = own[rows.shows[own] == rows.ids[own]]
        both = _Both(first, second, rows.ids[own], rows.ids[own[in_second[own]]])
        middles = dict[str, Vectors]()
        spread, totals = np.zeros((both.dim, both.dim), np.float32), np.zeros((len(subjects), both.dim), np.float32)
        for number in np.unique(rows.language[own]):
            part = own[rows.language[own] == number]
            vectors = both.vectors(rows.ids[part], in_second=bool(in_second[part].all()))
            middles[rows.languages[number]] = middle = vectors.mean(axis=0)
            vectors -= middle
            spread += vectors.T @ vectors
            np.add.at(totals, np.searchsorted(subjects, rows.subject[part]), vectors)
        return cls(
            versions=versions,
            subject=subject,
            leads=rows.ids[leads[places]],
            directions=np.linalg.solve(spread + RIDGE * np.eye(both.dim, dtype=np.float32), totals.T).T,
            middles=middles,
            words=words.merged(rows.ids[texts], rows.versions[texts]),
        )

    def likeness(
        self, terms: Collection[str], written: str, first: Vectors, second: Vectors | None, fusion: Fusion
    ) -> Scores:  # fmt: skip
        """Return what being like each entry as a whole adds to the closeness of its passages.

        Variants of one text have the same: the one in the question's language may have few phrasings, and its words count most.

        Args:
            terms: of the question, see ``words``.
            written: what it is written in; ISO 639-1.
            first: by the first encoder, as it comes from there.
            second: by the second one, if it knows the language.
        """
        if not len(self.versions):
            return np.empty(0, np.float32)
        told = self.directions @ self._question(written, first, second)
        shares = np.zeros(len(told), np.float32)
        np.maximum.at(shares, self.subject, self.words.find(terms).shares)
        return fusion.likeness(told, shares)[self.subject]

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

    def _question(self, written: str, first: Vectors, second: Vectors | None) -> Vectors:
        """Return a question beside the passages of its language, or of all where it has none; 0 for what no encoder says."""
        middle = self.middles[written] if written in self.middles else np.mean(list(self.middles.values()), axis=0)
        question = np.zeros(len(middle), np.float32)
        question[: len(first)] = first - middle[: len(first)]
        if second is not None and len(first) < len(middle):
            question[len(first) :] = second - middle[len(first) :]
        return question


class _Both:
    """The vectors of two encoders side by side."""

    def __init__(self, first: Nearest, second: Nearest | None, ids: Ids, in_second: Ids) -> None:
        self._first, self._second = first, second
        self._beside = second.vectors(in_second[:1]).shape[1] if second is not None and len(in_second) else 0
        self.dim: int = (first.vectors(ids[:1]).shape[1] if len(ids) else 0) + self._beside

    def vectors(self, ids: Ids, *, in_second: bool) -> Vectors:
        """Return (len(ids), dim), 0 where the second encoder does not know the language."""
        beside = self._second.vectors(ids) if self._second is not None and in_second else np.zeros((len(ids), self._beside))
        return np.concatenate([self._first.vectors(ids), beside], axis=1, dtype=np.float32)
