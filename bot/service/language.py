"""Which language a person reads, from what they chose, what they write and what their Telegram is set to.

A chosen language is never overridden. Detection decides while nothing is chosen; a text too short to tell changes nothing.
"""

from dataclasses import dataclass

from bot.domain.people import Person
from bot.service.app import App

CONFIDENT = 0.6
"""Detection below this keeps the language known so far."""
SURE = 0.9
"""From here a language that was not chosen is offered, once."""
SURE_WORDS = 4
"""Fewer are too often a name, a greeting or a borrowed word."""


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
    written = detected if detected and confidence >= CONFIDENT else None
    if person.language and person.language_chosen:
        differs = detected != person.language and confidence >= SURE and len(text.split()) >= SURE_WORDS
        offered = detected if differs and not person.language_asked else None
        return LanguageChoice(code=person.language, confidence=1.0, written=written or person.language, offered=offered)
    if written:
        return LanguageChoice(code=written, confidence=confidence, written=written)
    known = person.language or (hint if hint in app.catalogue.native_names() else None) or detected
    code = known or app.office.default_language
    return LanguageChoice(code=code, confidence=confidence, written=code)
