"""Which language a text is in: lingua for the languages it knows, the script for Ethiopic."""

import regex
from lingua import Language, LanguageDetectorBuilder

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
