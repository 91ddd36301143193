"""Promises about time, as rows: what runs for a case, when it warns, when it falls due.

:func:`follow` is the whole of the rules: given a case before and after an event, and the timers that run, it returns the timers
as they stand then. Nothing here asks what time it is; due moments are stored, never computed on reading.

Three lessons of other desks are in the rules. The first reply runs once, from the opening, whoever has the case. What the person
writes starts a fresh timer for the next reply, so that nothing is missed the moment a case is taken up again. Notes and the
assistant's own notices never keep a promise made to the person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.cases import FIRST, OWNED, REOPEN_WITHIN, Case, CaseEvent, EventKind, WorkState
from bot.domain.ids import TimerId

REMIND_AFTER = (timedelta(hours=24), timedelta(hours=72), timedelta(hours=96))
"""After our last word: two gentle reminders to the person, then the owner is asked whether to resolve."""
UNREACHABLE_FOR = timedelta(days=14)


class TimerKind(StrEnum):
    FIRST_REPLY = "first_reply"
    NEXT_REPLY = "next_reply"
    OWNER = "owner"
    """Sign of life of the owner."""
    KEEP_INFORMED = "keep_informed"
    """Word to the person while a partner is waited for."""
    LADDER = "ladder"
    """An urgent case nobody has taken: the next person on call is told."""
    ROUTE = "route"
    """Somebody is looked for who can take the case."""
    WAKE = "wake"
    REMIND = "remind"
    CLOSE = "close"
    UNREACHABLE = "unreachable"


PROMISES = frozenset({TimerKind.FIRST_REPLY, TimerKind.NEXT_REPLY})
"""Timers of which a miss counts against us; these warn before they are due."""


WAIT_FOR_PERSON = PROMISES | {TimerKind.OWNER, TimerKind.KEEP_INFORMED}
"""Timers that stand still while the person cannot be reached."""


class TimerState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    KEPT = "kept"
    MISSED = "missed"
    STOPPED = "stopped"
    """Over without being kept or missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One timer of one case."""

    kind: TimerKind
    started_at: datetime
    due_at: datetime
    state: TimerState = TimerState.RUNNING
    step: int = 0
    """Warnings given, last place on call that was told, reminders sent, or times somebody was looked for."""
    left: timedelta | None = None
    """What remains of a paused timer, in real time."""
    id: TimerId | None = None
    """Given by storage."""

    @property
    def is_open(self) -> bool:
        return self.state in {TimerState.RUNNING, TimerState.PAUSED}


Due = Callable[[TimerKind, int, datetime], datetime | None]
"""(kind, severity, start) → when it falls due by the office's targets and calendar; None where nothing is promised."""

Timers = Mapping[TimerKind, Timer]


def follow(timers: Timers, before: Case, after: Case, event: CaseEvent, due: Due) -> list[Timer]:  # noqa: PLR0912, PLR0915
    """Return the timers that changed with ``event``, as they stand after it.

    Args:
        timers: The open timers of the case, by kind.
        before: The case as the event found it.
        after: The case after it.
        event: What happened.
        due: The office's promises.
    """
    desk = _Desk(timers, after, event.at, due)
    match event.kind:
        case EventKind.OPENED:
            desk.start(TimerKind.FIRST_REPLY)
            desk.look_for_somebody()
        case EventKind.RAISED | EventKind.LOWERED:
            desk.judge_anew(raised=event.kind is EventKind.RAISED)
            if before.state is WorkState.SNOOZED and after.state is WorkState.ACTIVE:
                desk.stop(TimerKind.WAKE)
                desk.resume(TimerKind.NEXT_REPLY)
                desk.start(TimerKind.OWNER)
            desk.call_for_help()
        case EventKind.CLAIMED | EventKind.ASSIGNED:
            desk.stop(TimerKind.LADDER, TimerKind.ROUTE, TimerKind.WAKE, TimerKind.KEEP_INFORMED, TimerKind.REMIND)
            desk.resume(TimerKind.NEXT_REPLY)
            desk.start(TimerKind.OWNER)
        case EventKind.RELEASED | EventKind.MOVED:
            desk.stop(TimerKind.OWNER, TimerKind.WAKE, TimerKind.KEEP_INFORMED, TimerKind.REMIND)
            desk.resume(TimerKind.NEXT_REPLY)
            desk.promise_a_reply()
            desk.look_for_somebody()
        case EventKind.PERSON_WROTE:
            desk.hear(before)
        case EventKind.REPLIED:
            if not after.unreachable:  # else it does not arrive
                desk.keep(*PROMISES)
            desk.keep(TimerKind.OWNER)
            desk.stop(TimerKind.WAKE)
            desk.wait_on()
        case EventKind.UNDELIVERED:
            desk.stop(TimerKind.REMIND, TimerKind.KEEP_INFORMED, TimerKind.WAKE)
            desk.take_back(first=event.note == FIRST)
        case EventKind.NOTED:
            if event.staff_id is not None and event.staff_id == after.owner_id:
                desk.hear_from_owner()
        case EventKind.PARTNER_ASKED:
            desk.keep(TimerKind.OWNER)
            desk.pause(TimerKind.NEXT_REPLY)
            desk.stop(TimerKind.WAKE, TimerKind.REMIND)
            desk.start(TimerKind.KEEP_INFORMED)
        case EventKind.SNOOZED:
            desk.keep(TimerKind.OWNER)
            desk.pause(TimerKind.NEXT_REPLY)
            desk.stop(TimerKind.KEEP_INFORMED, TimerKind.REMIND)
            assert event.until is not None
            desk.until(TimerKind.WAKE, event.until)
        case EventKind.WOKEN:
            desk.stop(TimerKind.WAKE, TimerKind.KEEP_INFORMED)
            desk.resume(TimerKind.NEXT_REPLY)
            desk.start(TimerKind.OWNER)
        case EventKind.RESOLVED:
            desk.stop(*TimerKind)
            desk.until(TimerKind.CLOSE, event.at + REOPEN_WITHIN)
        case EventKind.REOPENED:
            desk.stop(TimerKind.CLOSE)
            desk.start(TimerKind.NEXT_REPLY)
            desk.look_for_somebody()
        case EventKind.UNREACHABLE:
            desk.pause(TimerKind.FIRST_REPLY, TimerKind.NEXT_REPLY)
            desk.stop(TimerKind.OWNER, TimerKind.KEEP_INFORMED, TimerKind.REMIND)
            desk.until(TimerKind.UNREACHABLE, event.at + UNREACHABLE_FOR)
        case EventKind.REACHABLE:
            desk.stop(TimerKind.UNREACHABLE)
            desk.resume(TimerKind.FIRST_REPLY)
            desk.come_back()
            desk.call_for_help()
        case EventKind.CLOSED | EventKind.MERGED | EventKind.ERASED:
            desk.stop(*TimerKind)
        case EventKind.REVIEW_ASKED:
            desk.start(TimerKind.OWNER)  # whoever looks again does so in that time, or people are called anew
        case EventKind.SEALED:
            # Others are on call for it than before.
            desk.stop(TimerKind.LADDER)
            desk.look_for_somebody()
        case EventKind.BREACHED:
            pass
    return list(desk.changed.values())


def anew(case: Case, at: datetime, due: Due) -> list[Timer]:
    """Return the timers of an open case that has none, as if they began now."""
    desk = _Desk({}, case, at, due)
    if case.waiting_since is not None:
        desk.start(TimerKind.FIRST_REPLY if case.replied_at is None else TimerKind.NEXT_REPLY)
    match case.state:
        case WorkState.QUEUED:
            desk.look_for_somebody()
        case WorkState.ACTIVE:
            desk.start(TimerKind.OWNER)
        case WorkState.SNOOZED:
            desk.until(TimerKind.WAKE, case.snoozed_until or at)
        case _:
            desk.wait_on()
    if case.unreachable:
        desk.until(TimerKind.UNREACHABLE, at + UNREACHABLE_FOR)
    return list(desk.changed.values())


class _Desk:
    """The timers of one case while an event is applied."""

    def __init__(self, timers: Timers, case: Case, at: datetime, due: Due) -> None:
        self._timers = {kind: timer for kind, timer in timers.items() if timer.is_open}
        self._case = case
        self._at = at
        self._due = due
        self.changed: dict[tuple[TimerKind, TimerId | None], Timer] = {}

    def start(self, kind: TimerKind) -> None:
        """Start anew by the office's promise; a timer of the kind that runs ends."""
        due = self._due(kind, self._case.severity, self._at)
        if due is None or (self._case.unreachable and kind in WAIT_FOR_PERSON):
            self.stop(kind)
        else:
            self.until(kind, due)

    def until(self, kind: TimerKind, due: datetime) -> None:
        self.stop(kind)
        self._set(Timer(kind=kind, started_at=self._at, due_at=due))

    def wait_on(self) -> None:
        """Our word is out: the person is kept informed, or reminded."""
        if self._case.state is WorkState.WAITING_PARTNER:
            self.start(TimerKind.KEEP_INFORMED)
        else:
            self.until(TimerKind.REMIND, self._at + REMIND_AFTER[0])

    def promise_a_reply(self) -> None:
        """Whoever waits and was promised nothing that still runs, is promised the next reply."""
        if self._case.waiting_since is not None and not self._case.unreachable and not PROMISES & set(self._timers):
            self.start(TimerKind.NEXT_REPLY)

    def take_back(self, *, first: bool) -> None:
        """A reply did not arrive: what it had kept runs again, a first reply as long as its time has not passed."""
        if self._case.unreachable:
            return
        due = self._due(TimerKind.FIRST_REPLY, self._case.severity, self._case.opened_at) if first else None
        if due is not None and due > self._at:
            self.stop(*PROMISES)
            self._set(Timer(kind=TimerKind.FIRST_REPLY, started_at=self._case.opened_at, due_at=due))
        self.resume(*PROMISES)
        self.promise_a_reply()
        if self._case.state in OWNED:
            self.start(TimerKind.OWNER)

    def hear_from_owner(self) -> None:
        """A note is a sign of life; while the owner is to act, the next one is expected in its time."""
        if self._case.state is WorkState.ACTIVE:
            self.start(TimerKind.OWNER)
        else:
            self.keep(TimerKind.OWNER)

    def come_back(self) -> None:
        """The person can be reached again: what their case waits for goes on."""
        match self._case.state:
            case WorkState.WAITING_PARTNER | WorkState.WAITING_PERSON:
                self.wait_on()
            case WorkState.ACTIVE:
                self.resume(TimerKind.NEXT_REPLY)
                self.start(TimerKind.OWNER)
            case WorkState.QUEUED:
                self.resume(TimerKind.NEXT_REPLY)
            case _:
                pass
        if self._case.state in {WorkState.QUEUED, WorkState.ACTIVE}:
            self.promise_a_reply()

    def hear(self, before: Case) -> None:
        """The person wrote."""
        self.stop(TimerKind.WAKE, TimerKind.KEEP_INFORMED, TimerKind.REMIND, TimerKind.UNREACHABLE)
        self.resume(TimerKind.FIRST_REPLY)
        running = self._timers.get(TimerKind.NEXT_REPLY)
        is_running = running is not None and running.state is TimerState.RUNNING
        is_first = TimerKind.FIRST_REPLY in self._timers
        if not is_first and (before.waiting_since is None or not is_running):
            self.start(TimerKind.NEXT_REPLY)
        if self._case.state in OWNED and TimerKind.OWNER not in self._timers:
            self.start(TimerKind.OWNER)
        if before.unreachable:
            self.call_for_help()

    def look_for_somebody(self) -> None:
        """The case waits in a queue: somebody is looked for, at once, and people are called where it is urgent."""
        if self._case.state is WorkState.QUEUED:
            self.until(TimerKind.ROUTE, self._at)
        self.call_for_help()

    def call_for_help(self) -> None:
        """An urgent case that nobody has calls people one after the other."""
        needed = self._case.is_urgent and self._case.state is WorkState.QUEUED
        if needed and TimerKind.LADDER not in self._timers:
            self.until(TimerKind.LADDER, self._at)
        elif not needed:
            self.stop(TimerKind.LADDER)

    def judge_anew(self, *, raised: bool) -> None:
        """Severity changed: graver is due sooner, counted from now and never later than before; milder from the start."""
        ladder = self._timers.get(TimerKind.LADDER)
        if raised and ladder is not None:
            self._set(replace(ladder, due_at=self._at))  # the next on call is told now
        for kind in (TimerKind.FIRST_REPLY, TimerKind.NEXT_REPLY, TimerKind.OWNER, TimerKind.KEEP_INFORMED):
            timer = self._timers.get(kind)
            if timer is None or timer.state is not TimerState.RUNNING:
                continue
            due = self._due(kind, self._case.severity, self._at if raised else timer.started_at)
            if due is None:
                self.stop(kind)
            elif raised:
                self._set(replace(timer, due_at=min(timer.due_at, due)))
            else:
                self._set(replace(timer, due_at=max(timer.due_at, due)))

    def keep(self, *kinds: TimerKind) -> None:
        self._end(kinds, TimerState.KEPT)

    def stop(self, *kinds: TimerKind) -> None:
        self._end(kinds, TimerState.STOPPED)

    def pause(self, *kinds: TimerKind) -> None:
        for timer in self._of(kinds):
            if timer.state is TimerState.RUNNING:
                left = max(timedelta(), timer.due_at - self._at)
                self._set(replace(timer, state=TimerState.PAUSED, left=left))

    def resume(self, *kinds: TimerKind) -> None:
        """Let what remained go on: the whole timer moves by the length of the pause, its warnings with it."""
        if self._case.unreachable:
            return
        for timer in self._of(kinds):
            if timer.state is TimerState.PAUSED and timer.left is not None:
                pause = self._at + timer.left - timer.due_at
                moved = replace(timer, started_at=timer.started_at + pause, due_at=timer.due_at + pause)
                self._set(replace(moved, state=TimerState.RUNNING, left=None))

    def _end(self, kinds: Sequence[TimerKind], state: TimerState) -> None:
        for timer in self._of(kinds):
            self._set(replace(timer, state=state, left=None))

    def _of(self, kinds: Sequence[TimerKind]) -> list[Timer]:
        return [self._timers[kind] for kind in kinds if kind in self._timers]

    def _set(self, timer: Timer) -> None:
        self.changed[timer.kind, timer.id] = timer
        if timer.is_open:
            self._timers[timer.kind] = timer
        else:
            self._timers.pop(timer.kind, None)
