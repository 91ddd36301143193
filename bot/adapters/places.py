"""Countries named in a text, in any of the assistant's languages; names from the Unicode CLDR through Babel."""

import unicodedata

import regex
from babel import Locale

LANGUAGES = ("en", "fr", "es", "ar", "pt", "ru", "uk", "fa", "tr", "sw", "so", "am", "ti")
MIN_LETTERS = 4
"""Shorter names (Chad, Iran aside) collide with ordinary words in some language."""
EXTRA = {"usa": "US", "uk": "GB", "u s a": "US", "uae": "AE", "holland": "NL", "england": "GB", "syrie": "SY", "kurdistan": "IQ"}
NOT_COUNTRIES = {"EU", "UN", "EZ", "QO", "ZZ", "XA", "XB", "RE"}
"""Groups and placeholders of CLDR, and Réunion: its name is the very word people use for family reunion."""
ARABIC_SPELLINGS = str.maketrans("أإآىة", "اااي" + "ه")
WORDS = regex.compile(r"[\p{L}\p{M}]+")


class CldrCountries:
    """CountryFinder over CLDR names, matched as whole words without diacritics."""

    def __init__(self) -> None:
        self._codes = {name: code for language in LANGUAGES for name, code in _names(language)} | EXTRA
        self._longest = max(len(name.split()) for name in self._codes)

    def find(self, text: str) -> str | None:
        """Return the code of the first country named, or None."""
        words = [_fold(word) for word in WORDS.findall(text)]
        for at in range(len(words)):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                for name in _variants(words[at : at + length]):
                    if name in self._codes:
                        return self._codes[name]
        return None

    def name(self, code: str, language: str) -> str:
        """Return the country's name in ``language``, or the code itself."""
        return str(Locale(language if language in LANGUAGES else "en").territories.get(code, code))


def _names(language: str) -> list[tuple[str, str]]:
    found = []
    for code, name in Locale(language).territories.items():
        folded = " ".join(_fold(word) for word in WORDS.findall(name))
        if len(code) == 2 and code.isalpha() and code not in NOT_COUNTRIES and len(folded) >= MIN_LETTERS:
            found.append((folded, code))
    return found


def _variants(words: list[str]) -> list[str]:
    """The words as they stand, and without an Arabic one-letter prefix on the first."""
    name = " ".join(words)
    return [name, name[1:]] if name[:1] in "بولفك" else [name]


def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return plain.translate(ARABIC_SPELLINGS)
