"""A text as the terms that are looked up, for documents and questions alike: stems, and runs of four characters.

A word is a run of letters, marks and digits of any script (``re``'s ``\\w`` splits Hindi and Thai at their vowels). It gives its
stem, where the Snowball project has a stemmer, and every four neighbouring characters of it: those still agree where a word is
misspelt, where no stemmer exists, and where languages share a name. Scripts written without spaces give pairs of characters.

Source: docs/adr/0010-hybrid-retrieval.md; stems alone, runs alone and both were compared on MLQA.
"""

import threading
import unicodedata
from typing import Any

import regex
import Stemmer

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30FC\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""U+30FC, the long vowel of Japanese, belongs to no script of its own."""
_RUN = regex.compile(rf"[{_UNSPACED}][{_UNSPACED}\p{{M}}]*|[^{_UNSPACED}]+")
_IS_UNSPACED = regex.compile(rf"[{_UNSPACED}]")
_UNWRITTEN = regex.compile(r"[\u064B-\u065F\u0670\u0640\u200C\u200D]")
"""Arabic vowel signs and the stretching stroke, which most people leave out; joiners, which keyboards leave out."""

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "fi": "finnish", "fr": "french", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""ISO 639-1 → Snowball's name."""


EDITION = 2
"""Counted up whenever the same text gives other terms or letters: indexes are built anew."""
RUN = 4
"""Characters of a run; a word's ends count as one each."""


def terms_of(text: str, language: str) -> list[str]:
    """Return the terms of a text in ``language`` (ISO 639-1)."""
    words, terms = _cut(_folded(text))
    stemmer = _stemmer(language)
    terms += stemmer.stemWords(words) if stemmer else words
    for word in words:
        edged = f"_{word}_"  # "port" in "airport" is a faint match, "_por" is none
        terms += [edged[at : at + RUN] for at in range(max(len(edged) - RUN + 1, 1))]
    return terms


def different_terms(text: str, language: str) -> tuple[str, ...]:
    """Return the terms of a text, each once: a question that says a word twice asks for it once."""
    return tuple(dict.fromkeys(terms_of(text, language)))


def spelling(text: str) -> str:
    """Return the words of a text as they are spelt, folded, with one blank between them."""
    return " ".join(_WORD.findall(_folded(text)))


def _folded(text: str) -> str:
    folded: str = _UNWRITTEN.sub("", unicodedata.normalize("NFKC", text).casefold())
    return folded


def _cut(folded: str) -> tuple[list[str], list[str]]:
    """Return the words, and the pairs of characters of what is written without spaces."""
    words, pairs = [], []
    for word in _WORD.findall(folded):
        if word.isascii() or not _IS_UNSPACED.search(word):
            words.append(word)
            continue
        for run in _RUN.findall(word):
            if _IS_UNSPACED.match(run):
                pairs += [run[at : at + 2] for at in range(max(len(run) - 1, 1))]
            else:
                words.append(run)
    return words, pairs


def _stemmer(language: str) -> Any:
    """Return the language's stemmer, or None; each thread has its own, because they keep what they last saw."""
    name = STEMMERS.get(language)
    if name is None:
        return None
    stemmers = _own.__dict__
    if language not in stemmers:
        stemmers[language] = Stemmer.Stemmer(name)
    return stemmers[language]


_own = threading.local()
