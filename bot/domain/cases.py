"""A case: one person's request that people work on.

The append-only events are the truth; :class:`Case` is their fold (:func:`fold`). Two things are kept apart: how far the work
is (:class:`WorkState`) and who may write to the person (:class:`bot.domain.people.Speaker`, which follows from it).
Every transition is a function from a case to the event it causes; it raises when the case does not allow it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.errors import CaseAlreadyClaimed, InvalidTransition
from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId, StaffId
from bot.domain.people import DeskRole, Speaker


class WorkState(StrEnum):
    QUEUED = "queued"
    ACTIVE = "active"
    RESOLVED = "resolved"
    ERASED = "erased"


SPEAKER_OF = {
    WorkState.QUEUED: Speaker.HUMAN_PENDING,
    WorkState.ACTIVE: Speaker.HUMAN,
    WorkState.RESOLVED: Speaker.BOT,
    WorkState.ERASED: Speaker.NONE,
}


class EventKind(StrEnum):
    OPENED = "opened"
    RAISED = "raised"
    """Severity went up."""
    SEALED = "sealed"
    """From here on a forum group sees no text of the case."""
    CLAIMED = "claimed"
    RELEASED = "released"
    RESOLVED = "resolved"
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One thing that happened to a case. ``staff_id`` is None when the assistant or the person caused it."""

    kind: EventKind
    at: datetime
    staff_id: StaffId | None = None
    severity: int | None = None
    category: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The fold of a case's events, with the facts that never change."""

    id: CaseId
    number: str
    """Random, so that the number of sealed cases cannot be read off the gaps."""
    person_id: PersonId
    language: str
    sealed: bool
    opened_at: datetime
    version: int = 0
    """Number of events folded in; a writer names the version it read."""
    state: WorkState = WorkState.QUEUED
    severity: int = 1
    category: str | None = None
    owner_id: StaffId | None = None
    resolved_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in {WorkState.QUEUED, WorkState.ACTIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTopic:
    """Where a case is shown in the staff group. ``generation`` rises each time the topic had to be made anew."""

    case_id: CaseId
    group_id: ChatId | None = None
    thread_id: int | None = None
    header_message_id: int | None = None
    generation: int = 0


class Direction(StrEnum):
    FROM_PERSON = "from_person"
    TO_PERSON = "to_person"
    NOTE = "note"
    """Seen by staff only: no note is ever delivered to the person."""


class DeliveryState(StrEnum):
    RECEIVED = "received"
    QUEUED = "queued"
    SENT = "sent"
    NOT_DELIVERED = "not_delivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMessage:
    """One message of a case, in either direction, or a note."""

    id: CaseMessageId
    case_id: CaseId
    direction: Direction
    kind: str
    text: str
    staff_id: StaffId | None
    state: DeliveryState
    at: datetime


def apply(case: Case, event: CaseEvent) -> Case:
    """Return the case after ``event``."""
    after = replace(case, version=case.version + 1)
    match event.kind:
        case EventKind.OPENED:
            return replace(after, severity=event.severity or 1, category=event.category)
        case EventKind.RAISED:
            return replace(after, severity=event.severity or case.severity, category=event.category or case.category)
        case EventKind.SEALED:
            return replace(after, sealed=True)
        case EventKind.CLAIMED:
            return replace(after, state=WorkState.ACTIVE, owner_id=event.staff_id)
        case EventKind.RELEASED:
            return replace(after, state=WorkState.QUEUED, owner_id=None)
        case EventKind.RESOLVED:
            return replace(after, state=WorkState.RESOLVED, owner_id=None, resolved_at=event.at)
        case EventKind.ERASED:
            return replace(after, state=WorkState.ERASED, owner_id=None)


def fold(case: Case, events: Iterable[CaseEvent]) -> Case:
    """Return ``case`` after all ``events``, oldest first."""
    for event in events:
        case = apply(case, event)
    return case


def claim(case: Case, *, by: StaffId, at: datetime, owner_alias: str = "") -> CaseEvent:
    """First caseworker wins.

    Raises:
        CaseAlreadyClaimed: somebody has it; ``owner_alias`` is named.
        InvalidTransition: the case is not open.
    """
    if not case.is_open:
        raise InvalidTransition(f"Case {case.number} is {case.state}; it cannot be claimed.")
    if case.owner_id is not None:
        raise CaseAlreadyClaimed(owner_alias)
    return CaseEvent(kind=EventKind.CLAIMED, at=at, staff_id=by)


def release(case: Case, *, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Give the case back to the queue."""
    _require_owner(case, by, role, "released")
    return CaseEvent(kind=EventKind.RELEASED, at=at, staff_id=by)


def resolve(case: Case, *, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Close the case; the assistant answers again."""
    _require_owner(case, by, role, "resolved")
    return CaseEvent(kind=EventKind.RESOLVED, at=at, staff_id=by)


def may_reply(case: Case, by: StaffId) -> bool:
    """Whether what ``by`` writes goes to the person: only the owner's words do, everything else is a note."""
    return case.state is WorkState.ACTIVE and case.owner_id == by


def raise_severity(case: Case, *, severity: int, category: str | None, at: datetime) -> CaseEvent | None:
    """The machine may raise severity, only a human lowers it; None when nothing changes."""
    if severity <= case.severity:
        return None
    return CaseEvent(kind=EventKind.RAISED, at=at, severity=severity, category=category)


def _require_owner(case: Case, by: StaffId, role: DeskRole, verb: str) -> None:
    if case.state is not WorkState.ACTIVE:
        raise InvalidTransition(f"Case {case.number} is {case.state}; claim it before it can be {verb}.")
    if case.owner_id != by and role is not DeskRole.SUPERVISOR:
        raise InvalidTransition(f"Case {case.number} belongs to a colleague; only they or a supervisor can have it {verb}.")
