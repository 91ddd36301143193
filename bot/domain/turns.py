"""One message and all that was concluded from it.

A :class:`TurnRecord` keeps ids, scores and versions, so that any answer can be explained later; the person's words are
kept apart and erased after some hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.ids import CaseId, PassageId, PersonId, UpdateId


class Disposition(StrEnum):
    """How an update ended. There is no other end."""

    ANSWERED = "answered"
    RELAYED = "relayed"
    STORED_FOR_HUMAN = "stored_for_human"
    REFUSED_WITH_NOTICE = "refused_with_notice"
    SERVICE_EVENT = "service_event"
    FAILED_NOTIFIED = "failed_notified"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A span NLU or a rule found: a country, a document, a deadline."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """NLU's report, or the name of what was missing."""

    status: str = "ok"
    intent: str | None = None
    confidence: float = 0.0
    reports: Mapping[str, float] = field(default_factory=dict)
    """Probability of each report_* intent, 0..1: somebody tells of danger or harm."""
    entities: tuple[Entity, ...] = ()

    @classmethod
    def missing(cls, reason: str) -> "Understanding":
        """NLU did not report; ``reason`` is a named degraded state."""
        return cls(status=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieved:
    """A passage found, as kept in the record."""

    passage_id: PassageId
    topic: str | None
    audience: str
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """What ``waypost explain`` shows."""

    update_id: UpdateId
    person_id: PersonId
    at: datetime
    outcome: str
    severity: int
    rule_id: str
    reason: str
    language: str
    language_confidence: float
    intent: str | None = None
    intent_confidence: float = 0.0
    reports: dict[str, float] = field(default_factory=dict)
    """Harm that the classifier reads: report_* intent → probability, from 0.05, most probable first."""
    known: tuple[str, ...] = ()
    """Facts that were given, such as ``country`` or ``status``; never their values."""
    triggers: tuple[str, ...] = ()
    """Rule ids of the safety matches."""
    in_doubt: tuple[str, ...] = ()
    """Those of them that did not count: in doubt, and the reading of the whole message found no danger."""
    retrieved: tuple[Retrieved, ...] = ()
    cited: tuple[PassageId, ...] = ()
    degraded: tuple[str, ...] = ()
    case_id: CaseId | None = None
    policy_version: str = ""
    index_version: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)
    text: str | None = None
    """The person's words; None once erased."""
