"""Tell the language of a text."""

from functools import cache

import regex
from lingua import Language, LanguageDetector, LanguageDetectorBuilder

from knowledge.languages import ethiopic_language

DETECTED_FROM = 2_000
"""Characters the language is told from: more adds seconds, not certainty."""
SURE_FROM = 200
"""Letters from which on a text is believed rather than what its file claims: templates say "en" whatever they hold."""

_LANGUAGES = {
    Language.ENGLISH: "en", Language.FRENCH: "fr", Language.SPANISH: "es", Language.ARABIC: "ar", Language.PERSIAN: "fa",
    Language.URDU: "ur", Language.UKRAINIAN: "uk", Language.RUSSIAN: "ru", Language.PORTUGUESE: "pt", Language.SWAHILI: "sw",
    Language.SOMALI: "so", Language.TURKISH: "tr", Language.HINDI: "hi", Language.BENGALI: "bn", Language.CHINESE: "zh",
    Language.VIETNAMESE: "vi", Language.THAI: "th", Language.GREEK: "el", Language.GERMAN: "de", Language.ITALIAN: "it",
    Language.ROMANIAN: "ro", Language.POLISH: "pl",
}  # fmt: skip
_CODE = regex.compile(r"[a-z]{2}")
_LETTERS = regex.compile(r"\p{L}")


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of a text; English when there are no words to tell it from."""
    sample = text[:DETECTED_FROM]
    if code := ethiopic_language(sample):
        return code
    found = _detector().detect_language_of(sample)
    return _LANGUAGES[found] if found else "en"


def language_of(text: str, claimed: str | None) -> str:
    """Return the language of a text whose file may claim one: believed where the detector does not know it or has little text."""
    code = (claimed or "").lower().replace("_", "-").partition("-")[0]
    if not _CODE.fullmatch(code):
        return detect_language(text)
    is_known = code in {*_LANGUAGES.values(), "am", "ti"}
    return detect_language(text) if is_known and len(_LETTERS.findall(text[:DETECTED_FROM])) >= SURE_FROM else code


@cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*_LANGUAGES).build()
