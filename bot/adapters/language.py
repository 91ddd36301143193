"""Which language a text is in: lingua for the languages it knows, the script for Ethiopic.

lingua has no Amharic and no Tigrinya model, so that those two are told apart by the letters and words that are common in one of
them and rare in the other. Each sign counts once; in doubt it is Amharic, which many more people write.
"""

import regex
from lingua import Language, LanguageDetectorBuilder

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
ETHIOPIC = regex.compile(r"\p{Script=Ethiopic}")
TIGRINYA = regex.compile(
    r"""[ቐ-ቝ] | ሓ | \bኣ | \B[ኸ-ኾ]                             # Amharic: ቀ, ሀ, አ; ኸ at most begins a word
    | \b(?:ናይ|እዩ|እየ|እያ|ድዩ|ኢና|ኢኹም|እንታይ|ከመይ|ምስ|ካብ|ንምንታይ|ንሕና|ንስኻ|መን|ይደሊ|የለን|ግዜ|ኩሉ|ክንደይ|ዘሎ)\b""",
    regex.VERBOSE,
)
AMHARIC = regex.compile(
    r"""[ኘ-ኟ] | \Bሁ\b | \bአ                                   # Tigrinya has no ñ; "I" ends a verb in ኹ there, in ሁ here
    | \b(?:ነው|ናቸው|ነህ|ነሽ|ነበር|አለ|እንዴት|ምን|የት|ማን|ውስጥ|ላይ|እና|ወደ|ጋር|ስለ|ልጄ|እኔ)\b""",
    regex.VERBOSE,
)
LETTERS = regex.compile(r"\p{L}")


class LinguaDetector:
    """LanguageDetector over lingua, restricted to the languages the assistant has words for."""

    def __init__(self) -> None:
        self._detector = LanguageDetectorBuilder.from_languages(*CODES).build()

    def detect(self, text: str) -> tuple[str | None, float]:
        """Return (code, confidence 0..1), or (None, 0.0) for fewer than three letters."""
        letters = LETTERS.findall(text)
        if len(letters) < MIN_LETTERS:
            return None, 0.0
        if len(ETHIOPIC.findall(text)) * 2 > len(letters):
            return ("ti" if len(TIGRINYA.findall(text)) > len(AMHARIC.findall(text)) else "am"), 0.9
        best = self._detector.compute_language_confidence_values(text)[0]
        return CODES[best.language], best.value
