"""Which language a person reads, from what they chose, what they write and what their Telegram is set to.

A chosen language is never overridden. Detection decides while nothing is chosen; a text too short to tell changes nothing.
"""

from dataclasses import dataclass

from bot.domain.people import Person
from bot.service.app import App

CONFIDENT = 0.6
"""Detection below this keeps the language known so far; lingua's relative confidence, measured in docs/adr/0007."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageChoice:
    code: str
    confidence: float
    """0..1; 1.0 for a language the person chose."""


def choose_language(person: Person, text: str, hint: str | None, app: App) -> LanguageChoice:
    """Return the language to answer in."""
    if person.language and person.language_chosen:
        return LanguageChoice(code=person.language, confidence=1.0)
    detected, confidence = app.detector.detect(text)
    if detected and confidence >= CONFIDENT:
        return LanguageChoice(code=detected, confidence=confidence)
    known = person.language or (hint if hint in app.catalogue.native_names() else None) or detected
    return LanguageChoice(code=known or app.office.default_language, confidence=confidence)
