"""A case: one person's request that people work on.

The append-only events are the truth; :class:`Case` is their fold (:func:`fold`). Two things are kept apart: how far the work
is (:class:`WorkState`) and who may write to the person (:class:`bot.domain.people.Speaker`, which follows from it).
Every transition is a function from a case to the event it causes; it raises when the case does not allow it, and says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.errors import CaseAlreadyClaimed, InvalidTransition
from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId, StaffId
from bot.domain.people import DeskRole, Speaker

URGENT = 3
"""From this severity on a case is pushed, takes two people to resolve and is never put aside for long."""
REOPEN_WITHIN = timedelta(days=7)
FIRST = "first"
"""Note of a reply that did not arrive and would have been the first."""
GENERAL = "general"
"""The queue of what no category sends elsewhere."""
URGENT_SNOOZE = timedelta(hours=2)
LONGEST_SNOOZE = timedelta(days=30)


class WorkState(StrEnum):
    QUEUED = "queued"
    ACTIVE = "active"
    WAITING_PERSON = "waiting_person"
    """The owner has answered."""
    WAITING_PARTNER = "waiting_partner"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    """For a week the same case opens again when a person is needed."""
    CLOSED = "closed"
    MERGED = "merged"
    ERASED = "erased"


OWNED = frozenset({WorkState.ACTIVE, WorkState.WAITING_PERSON, WorkState.WAITING_PARTNER, WorkState.SNOOZED})
OPEN = OWNED | {WorkState.QUEUED}

SPEAKER_OF = {
    WorkState.QUEUED: Speaker.HUMAN_PENDING,
    WorkState.ACTIVE: Speaker.HUMAN,
    WorkState.WAITING_PERSON: Speaker.HUMAN,
    WorkState.WAITING_PARTNER: Speaker.HUMAN,
    WorkState.SNOOZED: Speaker.HUMAN,
    WorkState.RESOLVED: Speaker.BOT,
    WorkState.CLOSED: Speaker.BOT,
    WorkState.MERGED: Speaker.BOT,
    WorkState.ERASED: Speaker.NONE,
}


class Resolution(StrEnum):
    """Why a case ended."""

    HELPED = "helped"
    REFERRED = "referred"
    """Another organisation has taken it."""
    OUT_OF_MANDATE = "out_of_mandate"
    NO_CONTACT = "no_contact"
    WITHDRAWN = "withdrawn"
    """The person did not want it any more."""
    FALSE_ALARM = "false_alarm"


class EventKind(StrEnum):
    OPENED = "opened"
    RAISED = "raised"
    """Severity went up."""
    LOWERED = "lowered"
    """Severity went down: only people do that."""
    SEALED = "sealed"
    """From here on a forum group sees no text of the case."""
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    RELEASED = "released"
    PERSON_WROTE = "person_wrote"
    REPLIED = "replied"
    UNDELIVERED = "undelivered"
    """A reply did not reach the person, or was taken back in time."""
    NOTED = "noted"
    PARTNER_ASKED = "partner_asked"
    SNOOZED = "snoozed"
    WOKEN = "woken"
    REVIEW_ASKED = "review_asked"
    """The owner of an urgent case would resolve it; somebody else has to agree."""
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"
    MERGED = "merged"
    UNREACHABLE = "unreachable"
    REACHABLE = "reachable"
    MOVED = "moved"
    """Another team takes it over; ``note`` names its queue."""
    BREACHED = "breached"
    """A promised time has passed; ``note`` names the clock."""
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """One thing that happened to a case. ``staff_id`` is None when the assistant, time or the person caused it."""

    kind: EventKind
    at: datetime
    staff_id: StaffId | None = None
    severity: int | None = None
    category: str | None = None
    note: str = ""
    """A reason's or a resolution's name, never words."""
    to_id: StaffId | None = None
    """Whom the case was assigned to."""
    until: datetime | None = None
    """The end of a snooze."""
    into_id: CaseId | None = None
    """The case this one was merged into."""
    since: datetime | None = None
    """Since when the person had waited for the reply that did not reach them."""


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
    follows_id: CaseId | None = None
    """The person's earlier case, closed for good."""
    drill: bool = False
    """An exercise: left out of every figure."""
    queue: str = GENERAL
    """Name of the team's queue it waits in."""
    version: int = 0
    """Number of events folded in; a writer names the version it read."""
    state: WorkState = WorkState.QUEUED
    severity: int = 1
    category: str | None = None
    owner_id: StaffId | None = None
    last_owner_id: StaffId | None = None
    waiting_since: datetime | None = None
    """When the person wrote the oldest message nobody has answered."""
    replied_at: datetime | None = None
    """The first reply of a human."""
    snoozed_until: datetime | None = None
    review_by: StaffId | None = None
    """Who asked for a second look at the resolution of an urgent case."""
    resolution: str | None = None
    """Resolution named by whoever resolved, or asked to."""
    resolved_at: datetime | None = None
    unreachable: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_urgent(self) -> bool:
        return self.severity >= URGENT


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
    WITHDRAWN = "withdrawn"
    """Taken back before it left."""


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
    album: str | None = None
    """Messages sent together share it."""


def apply(case: Case, event: CaseEvent) -> Case:  # noqa: PLR0912  # one branch an event
    """Return the case after ``event``."""
    after = replace(case, version=case.version + 1)
    match event.kind:
        case EventKind.OPENED:
            return replace(after, severity=event.severity or 1, category=event.category, waiting_since=event.at)
        case EventKind.RAISED:
            raised = replace(after, severity=event.severity or case.severity, category=event.category or case.category)
            if raised.is_urgent and case.state is WorkState.SNOOZED:
                raised = replace(raised, state=WorkState.ACTIVE, snoozed_until=None)
            return _unreviewed(raised)
        case EventKind.LOWERED:
            return replace(after, severity=case.severity if event.severity is None else event.severity)
        case EventKind.SEALED:
            return replace(after, sealed=True)
        case EventKind.CLAIMED:
            return replace(after, state=WorkState.ACTIVE, owner_id=event.staff_id, last_owner_id=event.staff_id)
        case EventKind.ASSIGNED:
            return _unreviewed(
                replace(after, state=WorkState.ACTIVE, owner_id=event.to_id, last_owner_id=event.to_id, snoozed_until=None)
            )
        case EventKind.RELEASED:
            return _unreviewed(replace(after, state=WorkState.QUEUED, owner_id=None, snoozed_until=None))
        case EventKind.PERSON_WROTE:
            state = WorkState.ACTIVE if case.state in OWNED else case.state
            since = case.waiting_since or event.at
            return _unreviewed(replace(after, state=state, waiting_since=since, snoozed_until=None, unreachable=False))
        case EventKind.REPLIED:
            state = case.state if case.state is WorkState.WAITING_PARTNER else WorkState.WAITING_PERSON
            return replace(after, state=state, waiting_since=None, replied_at=case.replied_at or event.at, snoozed_until=None)
        case EventKind.UNDELIVERED:
            state = WorkState.ACTIVE if case.state in OWNED else case.state
            replied_at = None if event.note == FIRST else case.replied_at
            moments = [at for at in (case.waiting_since, event.since) if at is not None]
            back = replace(after, state=state, waiting_since=min(moments, default=None), replied_at=replied_at)
            return _unreviewed(replace(back, snoozed_until=None))
        case EventKind.PARTNER_ASKED:
            return replace(after, state=WorkState.WAITING_PARTNER, snoozed_until=None)
        case EventKind.SNOOZED:
            return replace(after, state=WorkState.SNOOZED, snoozed_until=event.until)
        case EventKind.WOKEN:
            return replace(after, state=WorkState.ACTIVE, snoozed_until=None)
        case EventKind.REVIEW_ASKED:
            return replace(after, review_by=event.staff_id, resolution=event.note)
        case EventKind.RESOLVED:
            return replace(_over(after), state=WorkState.RESOLVED, resolved_at=event.at, resolution=event.note)
        case EventKind.REOPENED:
            # Whoever needs somebody again has reached us.
            return _unreviewed(
                replace(after, state=WorkState.QUEUED, resolved_at=None, waiting_since=event.at, unreachable=False)
            )
        case EventKind.CLOSED:
            return replace(after, state=WorkState.CLOSED)
        case EventKind.MOVED:
            moved = replace(after, state=WorkState.QUEUED, owner_id=None, snoozed_until=None, queue=event.note)
            return _unreviewed(moved)
        case EventKind.MERGED:
            ended = _over(after)
            return replace(ended, state=WorkState.MERGED, resolved_at=case.resolved_at or event.at)
        case EventKind.UNREACHABLE:
            return replace(after, unreachable=True)
        case EventKind.REACHABLE:
            return replace(after, unreachable=False)
        case EventKind.NOTED | EventKind.BREACHED:
            return after
        case EventKind.ERASED:
            return replace(_over(after), state=WorkState.ERASED)


def fold(case: Case, events: Iterable[CaseEvent]) -> Case:
    """Return ``case`` after all ``events``, oldest first."""
    for event in events:
        case = apply(case, event)
    return case


def before_reply(case: Case, events: Iterable[CaseEvent], *, at: datetime) -> Case | None:
    """Return the case as the reply of that moment found it; None when there was none."""
    blank = Case(
        id=case.id, number=case.number, person_id=case.person_id, language=case.language, sealed=case.sealed,
        opened_at=case.opened_at,
    )  # fmt: skip
    found = None
    for event in events:
        if event.kind is EventKind.REPLIED and event.at == at:
            found = blank
        blank = apply(blank, event)
    return found


def claim(case: Case, *, by: StaffId, role: DeskRole, at: datetime, owner_alias: str = "") -> CaseEvent:
    """First caseworker wins.

    Raises:
        CaseAlreadyClaimed: somebody has it; ``owner_alias`` is named.
        InvalidTransition: the case is not open, or not for this role.
    """
    _require_open(case, "claimed")
    _require_worker(case, role)
    if case.owner_id is not None:
        raise CaseAlreadyClaimed(owner_alias)
    return CaseEvent(kind=EventKind.CLAIMED, at=at, staff_id=by)


def assign(case: Case, *, to: StaffId, to_role: DeskRole, by: StaffId | None, role: DeskRole, at: datetime) -> CaseEvent:
    """Give the case to a colleague: its owner or a supervisor may. ``by`` is None when routing does it.

    Raises:
        InvalidTransition: not open, not theirs to give, or not for the colleague's role.
    """
    _require_open(case, "assigned")
    _require_worker(case, to_role)
    if by is not None and case.owner_id != by and role is not overseer(case):
        raise InvalidTransition(
            f"Case {case.number} is not yours: only its owner or {_reviewers(case)} gives it to somebody.", why="not_yours"
        )
    if case.owner_id == to:
        raise InvalidTransition(f"Case {case.number} is with that colleague already.", why="there_already")
    return CaseEvent(kind=EventKind.ASSIGNED, at=at, staff_id=by, to_id=to)


def release(case: Case, *, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Give the case back to the queue."""
    _require_owner(case, by, role, "released")
    return CaseEvent(kind=EventKind.RELEASED, at=at, staff_id=by)


def move(case: Case, *, queue: str, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Give the case to another team.

    Raises:
        InvalidTransition: not theirs to give, there already, or sealed: a sealed case stays with the focal points.
    """
    _require_open(case, "moved")
    if case.sealed:
        raise InvalidTransition(f"Case {case.number} is sealed: it stays with the focal points.", why="sealed")
    if case.owner_id != by and role is not DeskRole.SUPERVISOR:
        raise InvalidTransition(
            f"Case {case.number} is not yours: only its owner or a supervisor gives it to another team.", why="not_yours"
        )
    if queue == case.queue:
        raise InvalidTransition(f"Case {case.number} is in the queue {queue} already.", why="there_already")
    return CaseEvent(kind=EventKind.MOVED, at=at, staff_id=by, note=queue)


def release_by_timer(case: Case, *, at: datetime) -> CaseEvent:
    """The owner gave no sign of life: the case returns to the queue.

    Raises:
        InvalidTransition: nobody owns it.
    """
    if case.state not in OWNED:
        raise InvalidTransition(f"Case {case.number} is {case.state}; nobody owns it.")
    return CaseEvent(kind=EventKind.RELEASED, at=at, note="owner_timer")


def person_wrote(case: Case, *, at: datetime) -> CaseEvent:
    """The person wrote while the case was open: whatever was waited for, the owner acts now."""
    _require_open(case, "written to")
    return CaseEvent(kind=EventKind.PERSON_WROTE, at=at)


def reply(case: Case, *, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """The owner writes to the person.

    Raises:
        InvalidTransition: ``by`` does not own the case, or may not have it any more.
    """
    _require_worker(case, role)
    if not may_reply(case, by):
        raise InvalidTransition(f"Case {case.number} is not yours: claim it before you answer.", why="not_yours")
    return CaseEvent(kind=EventKind.REPLIED, at=at, staff_id=by)


def undelivered(case: Case, *, before: Case, at: datetime) -> CaseEvent | None:
    """A reply did not reach the person: they wait as they did ``before`` it.

    None when that changes nothing: the case is over, or another reply stands before it.
    """
    if not case.is_open or before.state is WorkState.WAITING_PERSON:
        return None
    note = FIRST if before.replied_at is None else ""
    return CaseEvent(kind=EventKind.UNDELIVERED, at=at, note=note, since=before.waiting_since)


def note(case: Case, *, by: StaffId, at: datetime) -> CaseEvent:
    """Somebody of the staff wrote a note.

    Raises:
        InvalidTransition: the person has erased the case.
    """
    if case.state is WorkState.ERASED:
        raise InvalidTransition(f"Case {case.number} has been erased; nothing is added to it.")
    return CaseEvent(kind=EventKind.NOTED, at=at, staff_id=by)


def ask_partner(case: Case, *, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Another organisation has been asked; the person is kept informed meanwhile."""
    _require_owner(case, by, role, "left to a partner")
    return CaseEvent(kind=EventKind.PARTNER_ASKED, at=at, staff_id=by)


def snooze(case: Case, *, until: datetime, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Put the case aside until a moment, or until the person writes.

    Raises:
        InvalidTransition: not theirs, or too long: two hours for an urgent case, thirty days for others.
    """
    _require_owner(case, by, role, "put aside")
    longest = URGENT_SNOOZE if case.is_urgent else LONGEST_SNOOZE
    if not at < until <= at + longest:
        raise InvalidTransition(
            f"Case {case.number} has severity {case.severity}: put it aside for at most"
            f" {'2 hours' if case.is_urgent else '30 days'}, and until a time to come.",
            why="too_long",
        )
    return CaseEvent(kind=EventKind.SNOOZED, at=at, staff_id=by, until=until)


def wake(case: Case, *, at: datetime) -> CaseEvent:
    """What was waited for has come, or its time is over: the owner acts.

    Raises:
        InvalidTransition: the case waits for nothing.
    """
    if case.state not in {WorkState.SNOOZED, WorkState.WAITING_PARTNER}:
        raise InvalidTransition(f"Case {case.number} is {case.state}; it has not been put aside.", why="not_aside")
    return CaseEvent(kind=EventKind.WOKEN, at=at)


def take_up(case: Case, *, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """The owner goes on before the time.

    Raises:
        InvalidTransition: the case waits for nothing, or is not theirs.
    """
    event = wake(case, at=at)
    _require_owner(case, by, role, "taken up again")
    return replace(event, staff_id=by)


def resolve(case: Case, *, code: Resolution, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """End the work; the assistant answers again. An urgent case needs a second person, who must not be the first.

    Returns:
        ``RESOLVED``, or ``REVIEW_ASKED`` when the second look is still to come.

    Raises:
        InvalidTransition: not theirs, or it waits for somebody else's look.
    """
    if case.review_by is not None and case.review_by != by and role is overseer(case):
        return CaseEvent(kind=EventKind.RESOLVED, at=at, staff_id=by, note=code)
    _require_owner(case, by, role, "resolved")
    if not case.is_urgent:
        return CaseEvent(kind=EventKind.RESOLVED, at=at, staff_id=by, note=code)
    if case.review_by is not None:
        raise InvalidTransition(f"Case {case.number} waits for a second look: {_reviewers(case)} resolves it.", why="second_look")
    return CaseEvent(kind=EventKind.REVIEW_ASKED, at=at, staff_id=by, note=code)


def may_reopen(case: Case, *, sealed: bool, at: datetime) -> bool:
    """Whether a new need belongs to this resolved case.

    A complaint about staff never returns to a case that colleagues have read.
    """
    is_recent = case.resolved_at is not None and at - case.resolved_at <= REOPEN_WITHIN
    return case.state is WorkState.RESOLVED and is_recent and (case.sealed or not sealed)


def reopen(case: Case, *, at: datetime) -> CaseEvent:
    """The person needs somebody again within a week.

    Raises:
        InvalidTransition: it is not resolved, or for longer than a week.
    """
    if not may_reopen(case, sealed=case.sealed, at=at):
        raise InvalidTransition(f"Case {case.number} is {case.state} and cannot be opened again; a new case follows it.")
    return CaseEvent(kind=EventKind.REOPENED, at=at)


def close(case: Case, *, at: datetime) -> CaseEvent:
    """A week after it was resolved the case ends for good.

    Raises:
        InvalidTransition: it is not resolved, or not for a week.
    """
    if case.state is not WorkState.RESOLVED or case.resolved_at is None or at - case.resolved_at < REOPEN_WITHIN:
        raise InvalidTransition(f"Case {case.number} is {case.state}; only a case resolved a week ago is closed.")
    return CaseEvent(kind=EventKind.CLOSED, at=at)


def merge(case: Case, *, into: Case, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """Make this case part of another of the same person.

    Raises:
        InvalidTransition: another person's case, which would carry words to the wrong one; or one sealed and one not.
    """
    if case.sealed and role is not DeskRole.FOCAL_POINT:
        raise InvalidTransition(f"Case {case.number} is sealed: only a focal point can merge it.", why="sealed")
    if role is not DeskRole.SUPERVISOR and by not in {case.owner_id, into.owner_id}:
        raise InvalidTransition("Only an owner of one of the two cases or a supervisor merges them.", why="not_yours")
    if case.id == into.id or case.person_id != into.person_id or case.sealed != into.sealed:
        raise not_one_person(case.number, into.number)
    if case.state in {WorkState.MERGED, WorkState.ERASED} or not into.is_open:
        raise InvalidTransition(
            f"Case {into.number} must be open, and case {case.number} not merged or erased.", why="not_mergeable"
        )
    return CaseEvent(kind=EventKind.MERGED, at=at, staff_id=by, into_id=into.id)


def not_one_person(number: str, other: str) -> InvalidTransition:
    """Return the refusal to merge; it is the same for a sealed case and for none, and tells nothing of either."""
    return InvalidTransition(
        f"Cases {number} and {other} are not two cases of one person that can be merged.", why="not_mergeable"
    )


def raise_severity(case: Case, *, severity: int, category: str | None, at: datetime) -> CaseEvent | None:
    """The machine may raise severity, only a human lowers it; None when nothing changes."""
    if severity <= case.severity or not case.is_open:
        return None
    return CaseEvent(kind=EventKind.RAISED, at=at, severity=severity, category=category)


def set_severity(case: Case, *, severity: int, by: StaffId, role: DeskRole, at: datetime) -> CaseEvent:
    """A human judges how grave it is.

    Raises:
        InvalidTransition: not theirs, out of 0 to 4, or no change.
    """
    _require_owner(case, by, role, "judged anew")
    if case.is_urgent and severity < URGENT and (role is not overseer(case) or by == case.owner_id):
        raise InvalidTransition(
            f"Case {case.number} is urgent: {_reviewers(case)} who does not have it judges it milder.", why="not_milder"
        )
    if not 0 <= severity <= 4 or severity == case.severity:
        raise InvalidTransition(
            f"Case {case.number} has severity {case.severity}; another from 0 to 4 is needed.", why="there_already"
        )
    kind = EventKind.RAISED if severity > case.severity else EventKind.LOWERED
    return CaseEvent(kind=kind, at=at, staff_id=by, severity=severity)


def reachability(case: Case, *, reachable: bool, at: datetime) -> CaseEvent | None:
    """The person blocked us, or came back; None when that is known."""
    if not case.is_open or case.unreachable is not reachable:
        return None
    return CaseEvent(kind=EventKind.REACHABLE if reachable else EventKind.UNREACHABLE, at=at)


def may_reply(case: Case, by: StaffId) -> bool:
    """Whether what ``by`` writes goes to the person: only the owner's words do, everything else is a note."""
    return case.state in OWNED and case.owner_id == by


def may_have(case: Case, role: DeskRole) -> bool:
    """Whether a role may work on this case: a sealed one is for focal points only."""
    return role.works_cases and (not case.sealed or role is DeskRole.FOCAL_POINT)


def overseer(case: Case) -> DeskRole:
    """Return the role that looks after others' work on this case."""
    return DeskRole.FOCAL_POINT if case.sealed else DeskRole.SUPERVISOR


def _over(case: Case) -> Case:
    """Nobody has the case and nothing is waited for."""
    return _unreviewed(replace(case, owner_id=None, waiting_since=None, snoozed_until=None))


def _unreviewed(case: Case) -> Case:
    """What has changed must be looked at anew."""
    return replace(case, review_by=None, resolution=None)


def _reviewers(case: Case) -> str:
    return "another focal point" if case.sealed else "a supervisor"


def _require_open(case: Case, verb: str) -> None:
    if not case.is_open:
        raise InvalidTransition(f"Case {case.number} is {case.state}; it cannot be {verb}.", why="over")


def _require_worker(case: Case, role: DeskRole) -> None:
    if not role.works_cases:
        raise InvalidTransition(f"The role {role} works no cases.")
    if not may_have(case, role):
        raise InvalidTransition(f"Case {case.number} is sealed: only a focal point can have it.", why="sealed")


def _require_owner(case: Case, by: StaffId, role: DeskRole, verb: str) -> None:
    if case.state not in OWNED:
        raise InvalidTransition(f"Case {case.number} is {case.state}; claim it before it can be {verb}.", why="not_yours")
    if case.sealed and role is not DeskRole.FOCAL_POINT:
        raise InvalidTransition(f"Case {case.number} is sealed: only a focal point can have it {verb}.", why="sealed")
    if case.owner_id != by and role is not overseer(case):
        raise InvalidTransition(
            f"Case {case.number} belongs to a colleague; only they or {_reviewers(case)} can have it {verb}.", why="not_yours"
        )
