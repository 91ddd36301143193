"""How questions about each curated entry are spelt: letter sequences, learnt from the entries' phrasings.

An encoder brings the same meaning near the same point in all languages, and blurs what its pieces of words do not know: Tigrinya,
dialects, chat spelling. A linear reading of letter sequences knows nothing but what was written, and that exactly. They err on
different questions. What it says of an entry is a chance by itself, not a share among the entries of a shelf: where a shelf holds
nothing to the point, all are small.

Source: docs/adr/0020-vectors-and-letters.md.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from knowledge.index.arrays import load_arrays, packed, save_arrays, unpacked
from knowledge.index.nearest import Scores
from knowledge.index.rows import Subject
from knowledge.index.words import spelling

PLACES = 2**16
"""Sequences are hashed to so many places, so that no vocabulary is kept."""
PASSES = 4
FEWEST = 3
"""Fewer entries need not be told apart by their letters."""
ENOUGH = 0.5
"""Part of the usual number of phrasings in a language from which letters say something of an entry.

With less, one is taken for its better known neighbours: twelve entries with 80 instead of 640 phrasings were found first for 81 %
of their questions instead of 91 % without letters; with 320 for 95 %.
"""


class Phrasing(NamedTuple):
    """A question as people put it, and what it asks about."""

    subject: Subject
    language: str
    """ISO 639-1."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """A linear model of the phrasings of one audience's entries; numbers, and the subjects they are about."""

    subjects: Sequence[Subject]
    known: frozenset[tuple[int, str]]
    """Number of a subject and language in which it has enough phrasings."""
    rarity: Scores
    """What each place tells, the rarer the more, (places,)."""
    weights: NDArray[np.float16]
    """(places, subjects): what a question reads lies side by side."""
    offsets: Scores
    """(subjects,)."""

    @classmethod
    def of(cls, phrasings: Sequence[Phrasing]) -> Self:
        """Learn from phrasings: ten seconds for 50,000; always the same numbers."""
        subjects = sorted({one.subject for one in phrasings})
        if len(subjects) < FEWEST:
            nothing = np.zeros(0, np.float32)
            return cls(subjects=(), known=frozenset(), rarity=nothing, weights=np.zeros((0, 0), np.float16), offsets=nothing)
        from sklearn.feature_extraction.text import TfidfTransformer  # as in _counter
        from sklearn.linear_model import SGDClassifier

        place = {subject: number for number, subject in enumerate(subjects)}
        told = TfidfTransformer(sublinear_tf=True)
        rows = told.fit_transform(_counter().transform([spelling(one.text) for one in phrasings]))
        learnt = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=PASSES, tol=None, random_state=0, n_jobs=-1)
        learnt.fit(rows, [place[one.subject] for one in phrasings])
        return cls(
            subjects=subjects,
            known=frozenset((place[subject], language) for subject, language in _well_phrased(phrasings)),
            rarity=told.idf_.astype(np.float32),
            weights=np.ascontiguousarray(learnt.coef_.T, np.float16),
            offsets=learnt.intercept_.astype(np.float32),
        )

    def chances(self, text: str, language: str) -> Scores:
        """Return how likely a question is about each of the subjects, each by itself, in [0, 1].

        NaN for those with too few phrasings in ``language`` (ISO 639-1).
        """
        if not self.subjects:
            return self.offsets
        row = _counter().transform([spelling(text)])
        told = (1 + np.log(row.data)) * self.rarity[row.indices]
        told /= max(float(np.linalg.norm(told)), 1e-6)
        odds = told.astype(np.float32) @ self.weights[row.indices].astype(np.float32) + self.offsets
        known = np.array([(subject, language) in self.known for subject in range(len(self.subjects))])
        chances: Scores = np.where(known, 1 / (1 + np.exp(-odds)), np.float32(np.nan))
        return chances

    def save(self, path: Path) -> None:
        """Write the model to a file."""
        collections, names = zip(*self.subjects, strict=True) if self.subjects else ((), ())
        known = sorted(self.known)
        words = {"collections": collections, "names": names, "languages": [language for _, language in known]}
        numbers: dict[str, NDArray[Any]] = {"known": np.array([subject for subject, _ in known], np.int32)}
        numbers |= {"rarity": self.rarity, "weights": self.weights, "offsets": self.offsets}
        save_arrays(path, {**numbers, **{name: packed(listed) for name, listed in words.items()}})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a model.

        Raises:
            IndexCorrupt: the file is missing or damaged.
        """
        known, rarity, weights, offsets, collections, names, languages = load_arrays(
            path, "known", "rarity", "weights", "offsets", "collections", "names", "languages"
        )
        return cls(
            subjects=list(zip(unpacked(collections), unpacked(names), strict=True)),
            known=frozenset(zip(known.tolist(), unpacked(languages), strict=True)),
            rarity=rarity, weights=weights, offsets=offsets,
        )  # fmt: skip


def _well_phrased(phrasings: Iterable[Phrasing]) -> Iterator[tuple[Subject, str]]:
    """Yield subjects, with each language in which they have enough phrasings."""
    counts = Counter((one.language, one.subject) for one in phrasings)
    for language in {language for language, _ in counts}:
        own = {subject: count for (spoken, subject), count in counts.items() if spoken == language}
        usual = median(own.values())
        yield from ((subject, language) for subject, count in own.items() if count >= ENOUGH * usual)


@cache
def _counter() -> Any:
    """Return what counts two to five neighbouring letters of a word, its ends among them. It keeps no state.

    The library takes most of a second to import, which commands that search nothing must not wait for.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), n_features=PLACES, alternate_sign=False, norm=None, lowercase=False
    )
