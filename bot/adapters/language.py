"""Which language a short message is in.

`NgramDetector` learns at set-up from the utterances NLU is trained on: short, misspelt, mixed, and in other people's
letters ("kifash nsawi", "komak mikham"). Where there are none to learn from, `LinguaDetector` serves, which knows proper texts.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import regex
from filelock import FileLock
from lingua import Language, LanguageDetectorBuilder
from numpy.typing import NDArray

from bot.service.ports import LanguageDetector
from knowledge.languages import ethiopic_language
from knowledge.utterances import read_utterances

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
        row = _vectorizer().transform([text.casefold()])
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
    from sklearn.linear_model import SGDClassifier

    utterances = list(read_utterances(data))
    if not utterances:
        return f"no utterances in {data}: lingua will do"
    texts, codes = [one.text.casefold() for one in utterances], [one.language for one in utterances]
    digest = hashlib.sha256("\n".join([*texts, *codes, repr(_vectorizer())]).encode()).hexdigest()
    model.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(model.with_suffix(".lock")):
        if _digest_of(model) == digest:
            return f"{len(texts)} utterances, up to date"
        learnt = SGDClassifier(loss="log_loss", alpha=1e-6, random_state=0).fit(_vectorizer().transform(texts), codes)
        part = model.with_suffix(".part.npz")
        np.savez_compressed(
            part, codes=learnt.classes_, weights=learnt.coef_.astype(np.float16), offsets=learnt.intercept_, digest=digest
        )
        part.replace(model)
    return f"{len(texts)} utterances in {len(learnt.classes_)} languages"


@cache
def _vectorizer() -> Any:
    """Return what counts one to four neighbouring letters of a word. It keeps no state: a model is nothing but numbers.

    The library takes most of a second to import, which commands that read no message must not wait for.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(analyzer="char_wb", ngram_range=(1, 4), n_features=2**17, alternate_sign=False)


def _digest_of(model: Path) -> str | None:
    if not model.exists():
        return None
    with np.load(model, allow_pickle=False) as arrays:
        return str(arrays["digest"])
