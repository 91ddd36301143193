"""Which language a short message is in.

`NgramDetector` learns at set-up from the utterances NLU is trained on: short, misspelt, mixed, and in other people's
letters ("kifash nsawi", "komak mikham"). Where there are none to learn from, `LinguaDetector` serves, which knows proper texts.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import regex
from filelock import FileLock
from lingua import Language, LanguageDetectorBuilder
from numpy.typing import NDArray
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from bot.service.ports import LanguageDetector
from knowledge.languages import ethiopic_language

CODES = {
    Language.ENGLISH: "en",
    Language.FRENCH: "fr",
    Language.SPANISH: "es",
    Language.ARABIC: "ar",
    Language.PORTUGUESE: "pt",
    Language.RUSSIAN: "ru",
    Language.UKRAINIAN: "uk",
    Language.PERSIAN: "fa",
    Language.TURKISH: "tr",
    Language.SWAHILI: "sw",
    Language.SOMALI: "so",
}
MIN_LETTERS = 3
LETTERS = regex.compile(r"\p{L}")
EXAMPLE = "      - "
"""How a line with an utterance begins in NLU's files."""
VECTORIZER = HashingVectorizer(analyzer="char_wb", ngram_range=(1, 4), n_features=2**17, alternate_sign=False)
"""One to four neighbouring letters of a word. It keeps no state, so that a model is nothing but numbers."""


class LinguaDetector:
    """LanguageDetector over lingua, restricted to the languages the assistant has words for."""

    def __init__(self) -> None:
        self._detector = LanguageDetectorBuilder.from_languages(*CODES).build()

    def detect(self, text: str) -> tuple[str | None, float]:
        """Return (code, confidence 0..1), or (None, 0.0) for fewer than three letters."""
        if len(LETTERS.findall(text)) < MIN_LETTERS:
            return None, 0.0
        if code := ethiopic_language(text):
            return code, 0.9
        best = self._detector.compute_language_confidence_values(text)[0]
        return CODES[best.language], best.value


class NgramDetector:
    """LanguageDetector over a logistic regression on letter sequences."""

    def __init__(self, codes: list[str], weights: NDArray[np.float32], offsets: NDArray[np.float32]) -> None:
        """Take one row of weights and one offset for each code."""
        self._codes, self._weights, self._offsets = codes, weights, offsets

    def detect(self, text: str) -> tuple[str | None, float]:
        """Return (code, confidence 0..1), or (None, 0.0) for fewer than three letters."""
        if len(LETTERS.findall(text)) < MIN_LETTERS:
            return None, 0.0
        row = VECTORIZER.transform([text.casefold()])
        odds = self._weights[:, row.indices] @ row.data + self._offsets
        shares = 1 / (1 + np.exp(-odds))
        shares /= shares.sum()
        best = int(shares.argmax())
        return self._codes[best], float(shares[best])


def open_detector(model: Path) -> LanguageDetector:
    """Return the detector trained at set-up; lingua's where there is none."""
    if not model.exists():
        return LinguaDetector()
    with np.load(model, allow_pickle=False) as arrays:
        return NgramDetector(
            [str(code) for code in arrays["codes"]], arrays["weights"].astype(np.float32), arrays["offsets"].astype(np.float32)
        )


def train_detector(data: Path, model: Path) -> str:
    """Learn from ``data/<language>/*.yml``, write ``model`` and say what was done: seconds of work, or none."""
    texts, codes = _utterances(data)
    if not texts:
        return f"no utterances in {data}: lingua will do"
    digest = hashlib.sha256("\n".join([*texts, *codes, repr(VECTORIZER)]).encode()).hexdigest()
    model.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(model.with_suffix(".lock")):
        if _digest_of(model) == digest:
            return f"{len(texts)} utterances, up to date"
        learnt = SGDClassifier(loss="log_loss", alpha=1e-6, random_state=0).fit(VECTORIZER.transform(texts), codes)
        part = model.with_suffix(".part.npz")
        np.savez_compressed(
            part, codes=learnt.classes_, weights=learnt.coef_.astype(np.float16), offsets=learnt.intercept_, digest=digest
        )
        part.replace(model)
    return f"{len(texts)} utterances in {len(learnt.classes_)} languages"


def _utterances(data: Path) -> tuple[list[str], list[str]]:
    found = [(line, file.parent.name) for file in sorted(data.glob("*/*.yml")) for line in _lines(file)]
    return [text for text, _ in found], [code for _, code in found]


def _lines(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(EXAMPLE):
            yield line.removeprefix(EXAMPLE).strip().casefold()


def _digest_of(model: Path) -> str | None:
    if not model.exists():
        return None
    with np.load(model, allow_pickle=False) as arrays:
        return str(arrays["digest"])
