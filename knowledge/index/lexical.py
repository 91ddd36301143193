"""Which passages hold the words of a question: BM25 over the terms of ``words``.

A term weighs what it tells within the language of the passage, so that the commonest words of a language with few texts weigh as
little as those of one with many. The score is a share: the BM25 of the passage divided by what a passage could reach that holds
every term of the question. It lies between 0 and 1 and means the same for every question, language and audience.

What is kept is how often each term stands in each passage; weights are worked out where an index is searched. So passages are
taken out and put in without reading any other.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from knowledge.index.arrays import load_arrays, packed, save_arrays, unpacked
from knowledge.index.nearest import Ids, Scores
from knowledge.index.words import terms_of

K1 = 1.5
"""How soon a term that is repeated adds no more."""
B = 0.75
"""How far a long passage is marked down."""
COMMON = 0.1
RARE = 1_000
"""A term that stands in a larger share of all passages, and in more than these, is passed over: it costs most and tells least.

Measured on MLQA in four languages: from all terms to these, 8.2 to 0.8 entries a passage and question, MRR unchanged.
"""
COUNTED_TO = 65_535
NEAR_BEST = 0.3
"""A passage with less than this part of the largest share is not worth a look for its words alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A passage to be looked up by its words."""

    id: int
    language: str
    """ISO 639-1."""
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """The share of a question that each passage of an index holds."""

    ids: Ids
    """Ascending."""
    shares: Scores

    def best(self, limit: int) -> Ids:
        """Return at most ``limit`` passages with the largest shares, in no order: none far below the best of all."""
        if not self.size:
            return self.ids
        found = np.flatnonzero(self.shares > self.shares.max() * NEAR_BEST)  # most hold next to nothing; ties are slow to part
        if len(found) > limit:
            found = found[np.argpartition(self.shares[found], -limit)[-limit:]]
        return self.ids[found]

    @property
    def size(self) -> int:
        """Number of passages."""
        return len(self.ids)

    def of(self, ids: Ids) -> Scores:
        """Return the shares of these passages, all of which must be in the index."""
        return self.shares[np.searchsorted(self.ids, ids)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """What BM25 makes of the counts, term after term."""

    rows: NDArray[np.int32]
    """Passages that hold each term, by their place in the index."""
    values: Scores
    ends: list[int]
    """Where the entries of each term begin; the last is where they end."""
    best: Scores
    """What each term is worth at most in each language, (terms, languages)."""
    unknown: Scores
    """The same for a term that no passage holds, (languages,)."""


class LexicalIndex:
    """The terms of one audience's passages; never changed once made, so safe from several threads.

    ``terms`` and ``counts`` hold one entry for each term of each passage, passage after passage in the order of ``ids``, which
    ascend; ``held`` says how many entries a passage has, ``languages`` and ``language`` in what it is written.
    """

    def __init__(
        self, vocabulary: list[str], languages: list[str], ids: Ids, language: NDArray[np.int16], held: NDArray[np.int32],
        terms: NDArray[np.int32], counts: NDArray[np.uint16],
    ) -> None:  # fmt: skip
        self._vocabulary, self._languages = vocabulary, languages
        self._ids, self._language, self._held, self._terms, self._counts = ids, language, held, terms, counts

    @cached_property
    def _column(self) -> dict[str, int]:
        return {term: column for column, term in enumerate(self._vocabulary)}

    @classmethod
    def of(cls, texts: Iterable[Text]) -> Self:
        """Return the index of these passages."""
        empty = np.empty(0, np.int32)
        return cls([], [], np.empty(0, np.int64), empty.astype(np.int16), empty, empty, empty.astype(np.uint16)).changed(
            removed=(), added=texts
        )

    @property
    def size(self) -> int:
        """Number of passages."""
        return len(self._ids)

    @property
    def ids(self) -> frozenset[int]:
        """Ids of all passages."""
        return frozenset(self._ids.tolist())

    def merged(self, ids: Ids, groups: Ids) -> Self:
        """Return an index of these passages put together, each under the number of its group, which has one language."""
        places = np.searchsorted(self._ids, ids)
        names, firsts, group = np.unique(groups, return_index=True, return_inverse=True)
        into = np.full(self.size, -1, np.int64)
        into[places] = group
        owner = np.repeat(into, self._held)
        kept, words = owner >= 0, max(len(self._vocabulary), 1)
        pairs, which = np.unique(owner[kept] * words + self._terms[kept], return_inverse=True)
        counts = np.minimum(np.bincount(which, weights=self._counts[kept], minlength=len(pairs)), COUNTED_TO)
        return type(self)(
            self._vocabulary, self._languages, names, self._language[places[firsts]],
            np.bincount(pairs // words, minlength=len(names)).astype(np.int32), (pairs % words).astype(np.int32),
            counts.astype(np.uint16),
        )._without_unused_terms()  # fmt: skip

    def changed(self, *, removed: Collection[int], added: Iterable[Text]) -> Self:
        """Return the index without some passages and with others; only the texts of the others are read."""
        keep = ~np.isin(self._ids, np.fromiter(removed, np.int64, len(removed)))
        entries = np.repeat(keep, self._held)
        column, languages = dict(self._column), {code: place for place, code in enumerate(self._languages)}
        ids, language, held = [self._ids[keep]], [self._language[keep]], [self._held[keep]]
        terms, counts = [self._terms[entries]], [self._counts[entries]]
        for text in added:
            own = [column.setdefault(term, len(column)) for term in terms_of(text.text, text.language)]
            different, often = np.unique(np.array(own, np.int32), return_counts=True)
            ids.append(np.array([text.id], np.int64))
            language.append(np.array([languages.setdefault(text.language, len(languages))], np.int16))
            held.append(np.array([len(different)], np.int32))
            terms.append(different)
            counts.append(np.minimum(often, COUNTED_TO).astype(np.uint16))
        return type(self)(
            list(column), list(languages), np.concatenate(ids), np.concatenate(language), np.concatenate(held),
            np.concatenate(terms), np.concatenate(counts),
        )._in_order()._without_unused_terms()  # fmt: skip

    def find(self, terms: Collection[str]) -> Matches:
        """Return how much of a question each passage holds, in whatever language it is written; ``terms`` differ."""
        weights, limit = self._weights, max(COMMON * self.size, RARE)
        columns = [self._column.get(term) for term in terms]
        held = [(column, weights.ends[column], weights.ends[column + 1]) for column in columns if column is not None]
        told = [(column, slice(begin, end)) for column, begin, end in held if end - begin <= limit]
        reachable = weights.best[[column for column, _ in told]].sum(axis=0) + columns.count(None) * weights.unknown
        reached = np.zeros(self.size, np.float32)
        if told:
            rows = np.concatenate([weights.rows[entries] for _, entries in told])
            values = np.concatenate([weights.values[entries] for _, entries in told])
            reached = np.bincount(rows, weights=values, minlength=self.size).astype(np.float32)
        return Matches(self._ids, reached / np.maximum(reachable, 1e-6)[self._language])

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        save_arrays(
            path,
            {
                "vocabulary": packed(self._vocabulary), "languages": packed(self._languages), "ids": self._ids,
                "language": self._language, "held": self._held, "terms": self._terms, "counts": self._counts,
            },
        )  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an index.

        Raises:
            IndexCorrupt: the file is missing or damaged.
        """
        vocabulary, languages, ids, language, held, terms, counts = load_arrays(
            path, "vocabulary", "languages", "ids", "language", "held", "terms", "counts"
        )
        return cls(unpacked(vocabulary), unpacked(languages), ids, language, held, terms, counts)

    def prepare(self) -> None:
        """Work out the weights now rather than at the first question."""
        _ = self._weights, self._column

    @cached_property
    def _weights(self) -> _Weights:
        """Turn counts into BM25 weights, term after term; not before they are needed, for it takes longer than a change."""
        rows = np.repeat(np.arange(self.size, dtype=np.int32), self._held)
        spoken, words = max(len(self._languages), 1), len(self._vocabulary)
        own = self._language[rows].astype(np.int64)
        texts = np.bincount(self._language, minlength=spoken)[:, None]
        frequency = np.bincount(own * words + self._terms, minlength=spoken * words).reshape(spoken, words)
        idf = np.log1p((texts - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
        lengths = np.bincount(rows, self._counts, self.size).astype(np.float32)
        usual = np.bincount(self._language, lengths, spoken) / np.maximum(texts[:, 0], 1)
        norm = K1 * (1 - B + B * lengths / np.maximum(usual, 1)[self._language])
        weights = idf[own, self._terms] * self._counts * (K1 + 1) / (self._counts + norm[rows])
        order = np.argsort(self._terms, kind="stable")
        return _Weights(
            rows=rows[order],
            values=weights[order].astype(np.float32),
            ends=np.concatenate([[0], np.cumsum(frequency.sum(axis=0))]).tolist(),
            best=np.ascontiguousarray(idf.T) * np.float32(K1 + 1),
            unknown=(np.log1p((texts[:, 0] + 0.5) / 0.5) * (K1 + 1)).astype(np.float32),
        )

    def _in_order(self) -> Self:
        """Return the same index with ascending ids."""
        if (np.diff(self._ids) > 0).all():
            return self
        order = np.argsort(self._ids, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self._held)])[:-1]
        held = self._held[order]
        shifts = np.repeat(starts[order] - np.concatenate([[0], np.cumsum(held)])[:-1], held)
        entries = shifts + np.arange(len(self._terms))
        return type(self)(
            self._vocabulary, self._languages, self._ids[order], self._language[order], held, self._terms[entries],
            self._counts[entries],
        )  # fmt: skip

    def _without_unused_terms(self) -> Self:
        """Return the same index with a vocabulary that the passages still use, once a fifth of it is idle."""
        used = np.flatnonzero(np.bincount(self._terms, minlength=len(self._vocabulary)))
        if len(used) * 5 > len(self._vocabulary) * 4:
            return self
        place = np.zeros(len(self._vocabulary), np.int32)
        place[used] = np.arange(len(used), dtype=np.int32)
        vocabulary = [self._vocabulary[column] for column in used]
        return type(self)(
            vocabulary, self._languages, self._ids, self._language, self._held, place[self._terms], self._counts
        )  # fmt: skip
