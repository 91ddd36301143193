"""What is known about one turn while it is being answered."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.cases import Case
from bot.domain.messages import Citation, Incoming, Reply
from bot.domain.people import Conversation, Person
from bot.domain.turns import TurnRecord, Understanding
from bot.service.app import App
from bot.service.language import LanguageChoice
from bot.service.ports import ButtonAction
from knowledge.passages import Retrieval
from policies import Decision, TurnFacts, told
from policies.limits import Admission

SEARCH_CHARS = 400
"""NLU and encoder read this much of a question (docs/adr/0002: cost grows with length)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What the first transaction found."""

    person: Person
    conversation: Conversation
    case: Case | None
    """The person's open case."""
    button: ButtonAction | None
    paused: bool
    admission: Admission


@dataclass(slots=True, kw_only=True)
class Stopwatch:
    """Milliseconds by step."""

    ms: dict[str, float] = field(default_factory=dict)
    _last: float = field(default_factory=time.perf_counter)

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.ms[step] = round((now - self._last) * 1000, 2)
        self._last = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """All that the last transaction writes down."""

    message: Incoming
    accepted: Accepted
    facts: TurnFacts
    decision: Decision
    understanding: Understanding
    retrieval: Retrieval | None
    question: str
    country: str | None
    """ISO 3166-1 alpha-2 code of the country this very message names."""
    language: LanguageChoice
    more: str | None = None
    """The text behind a pressed "more" button."""
    watch: Stopwatch
    now: datetime


def known_facts(question: str, language: LanguageChoice, app: App) -> set[str]:
    """Return the facts a question gives about the person's situation."""
    places = {"country": app.countries.find(question), "nationality": app.countries.nationality(question)}
    return {*told(question, language.written, app.policies), *(fact for fact, code in places.items() if code)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What a turn came to, for the command line and for evaluation."""

    decision: Decision
    replies: Sequence[Reply]
    record: TurnRecord
    case_opened: bool

    @property
    def citations(self) -> list[Citation]:
        """Every passage shown."""
        return [citation for reply in self.replies for citation in reply.citations]
