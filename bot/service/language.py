"""Which language a person reads, from what they chose, what they write and what their Telegram is set to.

A chosen language is never overridden. Detection decides while nothing is chosen; a text too short to tell changes nothing:
one or two words, or the name of a country, are spelt alike in many languages ("tunisia", "visa", "tamam").
"""

from dataclasses import dataclass

import regex

from bot.domain.people import Person
from bot.service.app import App

CONFIDENT = 0.6
"""Detection below this keeps the language known so far."""
LIKELY = 0.45
"""From here detection is better than nothing, for somebody of whom no language is known."""
SURE = 0.9
"""From here a language that was not chosen is offered, once, and a few words change the language of a conversation."""
SURE_WORDS = 4
"""Fewer are too often a name, a greeting or a borrowed word: none is offered."""
FEW_WORDS = 2
SCRIPTS = {"ar": "Arabic", "fa": "Arabic", "ru": "Cyrillic", "uk": "Cyrillic", "am": "Ethiopic", "ti": "Ethiopic"}
"""Script of a language; Latin for all others."""
LATIN = regex.compile(r"\p{Script=Latin}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChoice:
    code: str
    confidence: float
    """0..1; 1.0 for a language the person chose."""
    written: str
    """What the message is written in, as far as it can be told; else the language to answer in."""
    offered: str | None = None
    """Another language than the chosen one, to be offered once."""


def choose_language(person: Person, text: str, hint: str | None, app: App) -> LanguageChoice:
    """Return the language to answer in."""
    detected, confidence = app.detector.detect(text)
    if len(text.split()) <= FEW_WORDS and app.countries.find(text):
        detected, confidence = None, 0.0
    written = detected if detected and confidence >= CONFIDENT else None
    if person.language and person.language_chosen:
        differs = detected != person.language and confidence >= SURE and len(text.split()) >= SURE_WORDS
        offered = detected if differs and not person.language_asked else None
        return LanguageChoice(code=person.language, confidence=1.0, written=written or person.language, offered=offered)
    if written and (person.language is None or confidence >= _needed(text, written, person.language)):
        return LanguageChoice(code=written, confidence=confidence, written=written)
    known = person.language or (hint if hint in app.catalogue.native_names() else None)
    code = known or (detected if detected and confidence >= LIKELY else app.office.default_language)
    return LanguageChoice(code=code, confidence=confidence if code == detected else 0.0, written=code)


def _needed(text: str, written: str, known: str) -> float:
    """Return how sure detection must be to leave the language of a conversation: surer where a few words are in its letters."""
    is_alike = bool(LATIN.search(text)) or SCRIPTS.get(written) == SCRIPTS.get(known)
    return SURE if is_alike and len(text.split()) <= FEW_WORDS else CONFIDENT
