"""What a curated entry is about as a whole: what tells its texts and phrasings from those of all other entries, and its words.

One phrasing that happens to look like a question says little; that its neighbours do too says much. So an entry is judged by its
closest passage and by its portrait: one direction for each subject, in all languages at once. It is the linear discriminant of
its passages' mean, given how passages of a subject differ among themselves, and as long as makes that mean's own product 1: so
it says the same for every entry and every audience. Beside it count the entry's words and how its phrasings are spelt. Portraits
are made of what the index holds, when it is opened, and kept nowhere; only the letters are learnt when it is built.

Source: docs/adr/0018-a-taught-encoder.md, docs/adr/0020-vectors-and-letters.md.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from knowledge.index.arrays import is_among
from knowledge.index.fusion import Fusion
from knowledge.index.letters import Letters
from knowledge.index.lexical import LexicalIndex
from knowledge.index.nearest import Ids, Nearest, Scores, Vectors
from knowledge.index.rows import Rows

FOREMOST = 8
"""Entries whose direct answer is looked at for their portrait alone."""
RIDGE = 1e-3
"""Variance that each dimension has besides what was seen, so that no direction rests on chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portraits:
    """The entries of one audience, by ascending version."""

    versions: Ids
    subject: Ids
    """Of each the number of its subject, from 0: variants of one text in several languages share it."""
    leads: Ids
    """The passage that answers directly, of each."""
    directions: Vectors
    """Of each subject, (subjects, dim): of the taught encoder, or the first where none was taught, then of the second, if any."""
    words: LexicalIndex
    """Under the numbers of the versions."""
    letters: Letters
    spelt: Ids
    """The number here of each subject of ``letters``."""

    @classmethod
    def of(
        cls, rows: Rows, words: LexicalIndex, letters: Letters, first: Nearest, second: Nearest | None,
        in_second: NDArray[np.bool_],
    ) -> Self:  # fmt: skip
        """Return the portraits of what has a direct answer: curated entries, not an organisation's own documents.

        ``first`` are the vectors of the taught encoder where there is one.
        """
        leads = np.flatnonzero(rows.is_lead)
        versions, places = np.unique(rows.versions[leads], return_index=True)
        subjects, subject = np.unique(rows.subject[leads[places]], return_inverse=True)
        own = np.flatnonzero(rows.curated)
        texts = own[rows.shows[own] == rows.ids[own]]
        both = _Both(first, second, rows.ids[own], rows.ids[own[in_second[own]]])
        squares, totals = np.zeros((both.dim, both.dim)), np.zeros((len(subjects), both.dim))
        of_subject = np.searchsorted(subjects, rows.subject)
        for number in np.unique(rows.language[own]):
            part = own[rows.language[own] == number]
            vectors = both.vectors(rows.ids[part], in_second=bool(in_second[part].all()))
            squares += vectors.T @ vectors
            belongs = (np.ones(len(part), np.float32), (of_subject[part], np.arange(len(part))))
            totals += csr_array(belongs, shape=(len(subjects), len(part))) @ vectors
        means = totals / np.bincount(of_subject[own], minlength=len(subjects))[:, None]
        within = (squares - totals.T @ means) / max(1, len(own))
        directions = np.linalg.solve(within + RIDGE * np.eye(both.dim), means.T).T
        directions /= np.maximum((directions * means).sum(axis=1), RIDGE)[:, None]
        number_of = {rows.subjects[subject]: number for number, subject in enumerate(subjects)}
        return cls(
            versions=versions,
            subject=subject,
            leads=rows.ids[leads[places]],
            directions=directions.astype(np.float32),
            words=words.merged(rows.ids[texts], rows.versions[texts]),
            letters=letters,
            spelt=np.array([number_of[subject] for subject in letters.subjects], np.int64),
        )

    def likeness(
        self, text: str, language: str, terms: Collection[str], first: Vectors, second: Vectors | None, fusion: Fusion
    ) -> Scores:  # fmt: skip
        """Return what being like each entry as a whole adds to the closeness of its passages.

        Variants of one text have the same: the one in the question's language may have few phrasings, and its words count most.

        Args:
            text: the question.
            language: what it is written in, ISO 639-1.
            terms: of the question, see ``words``.
            first: by the taught encoder, or by the first where none was taught, as it comes from there.
            second: by the second one, if it knows the language.
        """
        if not len(self.versions):
            return np.empty(0, np.float32)
        told = self.directions @ self._question(first, second)
        shares = np.zeros(len(told), np.float32)
        np.maximum.at(shares, self.subject, self.words.find(terms).shares)
        chances = np.full(len(told), np.nan, np.float32)
        chances[self.spelt] = self.letters.chances(text, language)
        return fusion.likeness(told, shares, chances)[self.subject]

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

    def _question(self, first: Vectors, second: Vectors | None) -> Vectors:
        """Return a question as passages are: 0 for what no encoder says."""
        question = np.zeros(self.directions.shape[1], np.float32)
        question[: len(first)] = first
        if second is not None and len(first) < len(question):
            question[len(first) :] = second
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
