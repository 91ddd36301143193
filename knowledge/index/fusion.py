"""One score out of several, and what it is worth: pure arithmetic over what the parts of an index found.

A passage's *closeness* to a question is ``(q - centre · mean) · p + second · (u - usual) + words · share``: the first encoder's
inner product, with the mean question of its language taken off (else passages that are near to every question of that language
win); for a passage in another language than the question, the second encoder's beyond what passages to the point have; and the
share of the question's words that the passage holds. All three are absolute: they mean the same for every question, so that
audiences and languages are ranked in one list.

A curated entry has a *likeness* besides, of its portrait to the question (``portraits``), and each of its passages that of its
taught vector to the question's. Both are added to the closeness.

*Confidence* is the closeness read against questions whose answer is, and is not, among the texts: 0.5 is as likely the one as the
other. It is read for each pair of languages, because a question in Arabic is never as close to an English text as an English one;
and for entries by curves of their own, because what likeness adds tells what is off topic far better than the unchanged vectors.

Source: docs/adr/0010-hybrid-retrieval.md; weights and readings were chosen on the MLQA development set
(``benchmarks/calibrate.py``). Those of likeness and of entries: docs/adr/0019-entries-are-read-by-all-that-is-known.md and
docs/adr/0020-vectors-and-letters.md.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.index.nearest import Scores, Vectors

ANY = "any"
"""Stands for the languages without a mean of their own: the mean of all means."""
FILE = Path(__file__).parent / "calibration.json"
CENTRES = Path(__file__).parent / "question_centres.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A logistic curve: confidence = 1 / (1 + exp(-slope · (closeness - middle)))."""

    middle: float
    slope: float

    def confidence(self, closeness: float) -> float:
        """Return a number in (0, 1), the higher the closer."""
        return float(_logistic(self.slope * (closeness - self.middle)))

    def closeness(self, confidence: float) -> float:
        """Return the closeness that has this confidence."""
        return self.middle + math.log(confidence / (1 - confidence)) / self.slope


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """What being like a curated entry is worth, beyond what is usual for the entry to the point."""

    told: float = 0.0
    words: float = 0.0
    spelt: float = 0.0
    """Of the square root of a chance."""
    unspelt: float = 0.0
    """That root, where the letters of an entry are not known well enough: so much that neither it nor the others lose by it."""
    usual: float = 0.0
    """Of the three together."""
    taught: float = 0.0
    taught_usual: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """How the scores of one encoder are put together and read."""

    second: float
    usual: float
    """What the second encoder gives a passage to the point, so that it favours neither its languages nor the others."""
    words: float
    centres: dict[str, Vectors] = field(default_factory=dict)
    """Language → what is taken off a question's vector."""
    readings: dict[str, Reading]
    """``same``, ``cross``, and pairs that have their own: ``ar>en`` is a question in Arabic, a text in English."""
    entries: dict[str, Reading] = field(default_factory=dict)
    """``same`` and ``cross`` of curated entries that the taught encoder reads; without them entries are read like all texts."""
    likeness_weights: Likeness = field(default_factory=Likeness)

    def centred(self, vector: Vectors, language: str) -> Vectors:
        """Return a question's vector without what all questions of its language share."""
        centre = self.centres.get(language, self.centres.get(ANY))
        return vector if centre is None else vector - centre

    def closeness(self, first: Scores, second: Scores, words: Scores) -> Scores:
        """Return the closeness of each passage; where ``second`` is NaN, that encoder has nothing to say."""
        beyond = np.nan_to_num(second - np.float32(self.usual), nan=0.0)
        closeness: Scores = first + np.float32(self.words) * words + np.float32(self.second) * beyond
        return closeness

    def likeness(self, told: Scores, words: Scores, spelt: Scores) -> Scores:
        """Return what being like each entry as a whole adds to the closeness of its passages.

        Args:
            told: how clearly each entry is told from the others.
            words: the share of the question's words that each holds.
            spelt: how likely the question is about each, by its letters; NaN where they are not known well enough.
        """
        weights = self.likeness_weights
        letters = np.nan_to_num(np.sqrt(spelt), nan=weights.unspelt)
        known = np.float32(weights.told) * told + np.float32(weights.words) * words + np.float32(weights.spelt) * letters
        likeness: Scores = known - np.float32(weights.usual)
        return likeness

    def taught(self, products: Scores) -> Scores:
        """Return what the taught encoder adds to the closeness of each passage; where ``products`` is NaN, nothing."""
        weights = self.likeness_weights
        beyond: Scores = np.nan_to_num(products - np.float32(weights.taught_usual), nan=0.0)
        return np.float32(weights.taught) * beyond

    def confidence(
        self, closeness: Scores, asked: str, written: Sequence[str], language: NDArray[np.int16], entry: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return the confidence of each passage.

        Args:
            closeness: of each passage.
            asked: language of the question.
            written: the languages that passages may be in.
            language: which of ``written`` each is in.
            entry: which passages the taught encoder was asked about.
        """
        curves = [self.reading(asked, one, entry=is_entry) for is_entry in (False, True) for one in written]
        own = language + len(written) * entry
        middles, slopes = (np.array([getattr(curve, name) for curve in curves])[own] for name in ("middle", "slope"))
        return _logistic(slopes * (closeness - middles))

    def reading(self, asked: str, written: str, *, entry: bool = False) -> Reading:
        """Return the curve for a question and a text in these languages."""
        curves = self.entries if entry and self.entries else self.readings
        return curves.get(f"{asked}>{written}") or curves["same" if asked == written else "cross"]


def _logistic(value: float | NDArray[np.float64]) -> NDArray[np.float64]:
    confidence: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(value, -50.0, 50.0)))
    return confidence


@cache
def fusion_for(encoder: str) -> Fusion:
    """Return the fusion measured for an encoder, by its name without revision; a plain one for others.

    The plain one adds the share of words and reads a cosine of 0.8 as even odds: a guess, which an office replaces by measuring.
    """
    measured: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    if encoder.partition("@")[0] != measured["encoder"]:
        return Fusion(
            second=0.0, usual=0.0, words=0.2, readings={kind: Reading(middle=0.8, slope=20.0) for kind in ("same", "cross")}
        )
    with np.load(CENTRES, allow_pickle=False) as file:
        centres = {
            language: file[language].astype(np.float32) * np.float32(measured["weights"]["centre"]) for language in file.files
        }
    return Fusion(
        second=measured["weights"]["second"],
        usual=measured["weights"]["usual"],
        words=measured["weights"]["words"],
        centres=centres,
        readings={pair: Reading(**curve) for pair, curve in measured["readings"].items()},
        entries={kind: Reading(**curve) for kind, curve in measured["entries"].items()},
        likeness_weights=Likeness(**measured["likeness"]),
    )
