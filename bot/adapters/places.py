"""Countries named in a text, in any of the assistant's languages; names from the Unicode CLDR through Babel.

The CLDR gives one form a language: everyday names and the cities people name instead are added here, and so are the names that
are ordinary words as well. Russian, Ukrainian and Turkish endings are recognised after a whole name, without a dictionary.
"""

import re
import unicodedata
from collections.abc import Iterator
from importlib import resources

import regex
import yaml
from babel import Locale

LANGUAGES = ("en", "fr", "es", "ar", "pt", "ru", "uk", "fa", "tr", "sw", "so", "am", "ti")
MIN_LETTERS = 4
"""Shorter names collide with ordinary words in some language."""
MIN_LETTERS_DENSE = 3
"""Arabic writes no short vowels, and an Ethiopic letter is a syllable: three are a whole name."""
DENSE = regex.compile(r"[\p{Script=Arabic}\p{Script=Ethiopic}]")

EVERYDAY = {
    "AE": "uae|оаэ|الامارات", "BA": "bosnia|bosnie", "BF": "burkina",
    "CD": "drc|rdc|dr congo|democratic republic of the congo|republique democratique du congo|congo|kongo|конго|الكونغو",
    "CG": "republic of the congo|republique du congo", "CF": "centrafrique", "CI": "ivory coast|costa de marfil",
    "CZ": "czech republic|republique tcheque|republica checa",
    "DO": "republica dominicana", "EG": "египт|єгипт",
    "GB": "uk|england|great britain|britain|angleterre|grande bretagne|inglaterra|gran bretana|ingiltere|англия|بريطانيا|انجلترا",
    "IQ": "kurdistan", "MM": "myanmar|burma|birmanie|birmania|ميانمار|بورما|мьянма", "NL": "holland|hollande|голландия",
    "OM": "سلطنه عمان", "PS": "palestine|palestina|filistin|палестина|فلسطين|gaza|غزه", "SA": "saudi|ksa|السعوديه",
    "SO": "somaliland", "SY": "syrie|سوريه", "TR": "turkey|تركيه",
    "US": "usa|u s a|ee uu|eeuu|сша|america|amerique|amerika|америка|امريكا|اميركا",
}  # fmt: skip
CITIES: dict[str, str] = yaml.safe_load(resources.files("bot.adapters").joinpath("cities.yaml").read_text(encoding="utf-8"))
"""Cities people name instead of a country."""
NATIONALITIES: dict[str, str] = yaml.safe_load(
    resources.files("bot.adapters").joinpath("nationalities.yaml").read_text(encoding="utf-8")
)

NOT_COUNTRIES = {"EU", "UN", "EZ", "QO", "ZZ", "XA", "XB", "RE"}
"""Groups and placeholders of CLDR, and Réunion: its name is the very word people use for family reunion."""
NOT_NAMES = {
    "grenade", "granada", "jersey", "dominique", "maurice",  # a weapon, a garment, first names
    "того", "мали", "малі",  # Russian "of that", Ukrainian "had" and "small"
    "بنين", "عمان",  # boys; Amman as often as Oman
}  # fmt: skip
"""Names of the CLDR that nearly always mean something else."""
OTHER_PLACES = {
    "latin america", "south america", "central america", "america latina", "america central", "america del sur", "america do sul",
    "amerique latine", "amerique du sud", "amerique centrale", "امريكا اللاتينيه", "امريكا الجنوبيه",
}  # fmt: skip
"""They hold a country's name and are none."""
AMBIGUOUS = {
    "mali", "مالي", "turkey", "chile", "chili", "peru", "china", "cuba", "malta", "jamaica", "gana", "gine", "katar",
    "qadar", "masar", "mısır", "india", "siria", "libia", "armenia", "estonia", "suiza", "suica", "filipinas", "argentina",
    "palestina", "lima", "roma", "هند", "چين", "غنا", "پرو", "جده", "مشهد", "كابل",
}  # fmt: skip
"""Also money, a bird, pepper, a barrel, maize, fate, a file, a grandmother, a scene, a cable; or the adjective of a woman."""
PREPOSITIONS = {
    "in", "from", "to", "at", "near", "via", "through", "inside", "into", "towards", "for", "left", "leave",
    "en", "au", "aux", "du", "de", "des", "vers", "depuis", "desde", "hacia", "para", "por", "hasta", "em", "na", "da", "do",
    "ao", "في", "من", "الي", "نحو", "عبر", "در", "از", "به", "تا", "kutoka", "nchini", "kwenda", "huko",
}  # fmt: skip

CYRILLIC_NAME = regex.compile(r"[\p{Script=Cyrillic} ]+")
CYRILLIC_LAST = re.compile("[аеиіоуыьюя]$")
CYRILLIC_ENDING = re.compile(r"[аеєиіоуюыя][аеєиіоуюыям]?")
TURKISH_ENDING = re.compile(r"[dt][ae](?:n|ki|y[ıi][mz])?|y?[ae]|y[ıiu]|n?[ıiu]n")
MIN_STEM = 4
"""Shortest name that is known with an ending (Iran, Irak)."""

ARABIC_SPELLINGS = str.maketrans("أإآىةیک", "اااي" + "ه" + "يك")
"""Hamza, final letters, and the Persian keyboard's Yeh and Kaf."""
PREFIXES = "بولفك" + "በከለየንብ"
"""Arabic and Ethiopic write and, in, to, from, of as one letter before the word."""
ARABIC_TO_THE = "لل"
BEGINS = "*"
"""Closes a word that stands for every word beginning so."""
WORDS = regex.compile(r"[\p{L}\p{M}]+")
SENTENCE_END = re.compile(r"[.!?؟።\n]")


class CldrCountries:
    """CountryFinder over CLDR names, matched as whole words without diacritics."""

    def __init__(self) -> None:
        turkish = dict(_names("tr"))
        named = {name: code for language in LANGUAGES for name, code in _names(language)}
        self._codes = named | dict(_listed(EVERYDAY)) | dict(_listed(CITIES)) | dict.fromkeys(OTHER_PLACES, "")
        for name in NOT_NAMES:
            self._codes.pop(name, None)
        self._longest = max(len(name.split()) for name in self._codes)
        own = {name: code for name, code in self._codes.items() if code and name not in AMBIGUOUS}
        self._cyrillic = {CYRILLIC_LAST.sub("", name): code for name, code in own.items() if CYRILLIC_NAME.fullmatch(name)}
        cities = dict(_listed(CITIES))
        self._turkish = {name: code for name, code in own.items() if name in turkish or name in cities}
        nations = dict(_listed(NATIONALITIES))
        self._nations = {name: code for name, code in nations.items() if not name.endswith(BEGINS)}
        self._nation_stems = {name.removesuffix(BEGINS): code for name, code in nations.items() if name.endswith(BEGINS)}
        self._longest_nation = max(len(name.split()) for name in self._nations)

    def find(self, text: str) -> str | None:
        """Return the code of the first country named, or None."""
        found = list(WORDS.finditer(text))
        words = [_fold(match.group()) for match in found]
        at = 0
        while at < len(words):
            name, code, length = self._longest_name(words, at)
            if code and (name not in AMBIGUOUS or length == len(words) or _is_meant(text, found, words, at)):
                return code
            at += length or 1
        return None

    def nationality(self, text: str) -> str | None:
        """Return the code of the country whose people are named first ("I am Syrian"), or None."""
        words = [_fold(word) for word in WORDS.findall(text)]
        for at in range(len(words)):
            for length in range(min(self._longest_nation, len(words) - at), 0, -1):
                for name in _variants(" ".join(words[at : at + length])):
                    if name in self._nations:
                        return self._nations[name]
            for cut in range(len(words[at]), MIN_STEM - 1, -1):
                if words[at][:cut] in self._nation_stems:
                    return self._nation_stems[words[at][:cut]]
        return None

    def name(self, code: str, language: str) -> str:
        """Return the country's name in ``language``, or the code itself."""
        return str(Locale(language if language in LANGUAGES else "en").territories.get(code, code))

    def _longest_name(self, words: list[str], at: int) -> tuple[str, str, int]:
        """Return the longest name that begins at this word, its code and its words; ("", "", 0) when none does."""
        for length in range(min(self._longest, len(words) - at), 0, -1):
            written = " ".join(words[at : at + length])
            for name in _variants(written):
                if name in self._codes:
                    return name, self._codes[name], length
            code = _inflected(written, self._cyrillic, CYRILLIC_ENDING) or _inflected(written, self._turkish, TURKISH_ENDING)
            if code:
                return written, code, length
        return "", "", 0


def _names(language: str) -> Iterator[tuple[str, str]]:
    for code, name in Locale(language).territories.items():
        folded = " ".join(_fold(word) for word in WORDS.findall(name))
        least = MIN_LETTERS_DENSE if DENSE.match(folded) else MIN_LETTERS
        if len(code) == 2 and code.isalpha() and code not in NOT_COUNTRIES and len(folded) >= least:
            yield folded, code


def _listed(rows: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((_fold(name), code) for code, names in rows.items() for name in names.split("|"))


def _variants(name: str) -> Iterator[str]:
    """Yield the words as they stand, and without a prefix written together with the first."""
    yield name
    if name.startswith(ARABIC_TO_THE):
        yield "ال" + name[2:]
    if name[:1] in PREFIXES:
        yield name[1:]


def _inflected(written: str, stems: dict[str, str], ending: re.Pattern[str]) -> str | None:
    """Return the code of a stem that ``written`` continues with nothing but a case ending."""
    for cut in range(len(written) - 1, MIN_STEM - 1, -1):
        if written[:cut] in stems and ending.fullmatch(written[cut:]):
            return stems[written[:cut]]
    return None


def _is_meant(text: str, found: list[regex.Match[str]], words: list[str], at: int) -> bool:
    """Whether an ambiguous word names the country here: after a preposition, or with a capital that no sentence begins with."""
    if at == 0:
        return False
    between = text[found[at - 1].end() : found[at].start()]
    return words[at - 1] in PREPOSITIONS or (found[at].group()[0].isupper() and not SENTENCE_END.search(between))


def _fold(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return plain.translate(ARABIC_SPELLINGS)
