"""Timers of a case, as a golden table: a little story, and what runs, is due, kept or missed after it.

The office of the table is open Monday to Friday, 9 to 13 and 14 to 17:30 in Athens, closed on 28 October 2026, nobody on call. 19
October 2026 is a Monday; on the 25th the clocks go back.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cases import Case, CaseEvent, EventKind, apply, before_reply, undelivered
from bot.domain.ids import CaseId, PersonId, StaffId, TimerId
from bot.domain.timers import Timer, TimerKind, TimerState, follow
from bot.service.timers import promise, rings_at
from policies import Calendar, load

ATHENS = ZoneInfo("Europe/Athens")
WEEK = {day: ((time(9), time(13)), (time(14), time(17, 30))) for day in range(5)}
OFFICE = Calendar(zone=ATHENS, hours=WEEK, holidays=frozenset({date(2026, 10, 28)}), on_call=False)
POLICIES = replace(load(), calendar=OFFICE)
SHARES = (0.5, 0.8)
LEA, OMAR = StaffId(1), StaffId(2)


@dataclass
class Story:
    """Plays events written as ``Mon 09:00 open 2`` and keeps all timers, ended ones too."""

    sealed: bool = False
    timers: list[Timer] = field(default_factory=list)
    case: Case = field(init=False)
    ids: int = 0
    events: list[CaseEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.case = Case(
            id=CaseId(1), number="AAA-111", person_id=PersonId(1), language="ar", sealed=self.sealed,
            opened_at=moment("Mon 09:00"),
        )  # fmt: skip

    def tell(self, line: str) -> None:
        day, hour, what, *more = line.split()
        event = self._lost(moment(f"{day} {hour}")) if what == "lost" else event_of(moment(f"{day} {hour}"), what, more)
        if event is None:
            return
        self.events.append(event)
        before, self.case = self.case, apply(self.case, event)
        running = {timer.kind: timer for timer in self.timers if timer.is_open}
        for timer in follow(running, before, self.case, event, promise(POLICIES)):
            self._save(timer)

    def _lost(self, at: datetime) -> CaseEvent | None:
        """The last reply did not arrive."""
        replied = [event.at for event in self.events if event.kind is EventKind.REPLIED]
        before = before_reply(self.case, self.events, at=replied[-1])
        assert before is not None
        return undelivered(self.case, before=before, at=at)

    def _save(self, timer: Timer) -> None:
        if timer.id is None:
            self.ids += 1
            self.timers.append(replace(timer, id=TimerId(self.ids)))
        else:
            self.timers = [timer if one.id == timer.id else one for one in self.timers]

    def last(self, kind: str) -> Timer | None:
        return next((timer for timer in reversed(self.timers) if timer.kind == kind), None)


def moment(text: str) -> datetime:
    """``Mon 09:00`` of the week of the 19th of October; ``Mon+1`` a week later; ``Thu+10`` in winter time."""
    day, hour = text.split()
    name, _, weeks = day.partition("+")
    number = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(name) + 7 * int(weeks or 0)
    at = datetime.combine(date(2026, 10, 19) + timedelta(days=number), time.fromisoformat(hour), ATHENS)
    return at.astimezone(UTC)


def event_of(at: datetime, what: str, more: list[str]) -> CaseEvent:
    match what:
        case "open":
            return CaseEvent(kind=EventKind.OPENED, at=at, severity=int(more[0]))
        case "raise" | "lower":
            kind = EventKind.RAISED if what == "raise" else EventKind.LOWERED
            return CaseEvent(kind=kind, at=at, severity=int(more[0]), staff_id=LEA)
        case "claim":
            return CaseEvent(kind=EventKind.CLAIMED, at=at, staff_id=LEA)
        case "assign":
            return CaseEvent(kind=EventKind.ASSIGNED, at=at, staff_id=LEA, to_id=OMAR)
        case "snooze":
            return CaseEvent(kind=EventKind.SNOOZED, at=at, staff_id=LEA, until=moment(" ".join(more)))
        case "move":
            return CaseEvent(kind=EventKind.MOVED, at=at, staff_id=LEA, note=more[0])
        case "seal":
            return CaseEvent(kind=EventKind.SEALED, at=at)
        case "note":
            return CaseEvent(kind=EventKind.NOTED, at=at, staff_id=OMAR if more else LEA)
        case _:
            kinds = {
                "release": EventKind.RELEASED, "write": EventKind.PERSON_WROTE, "reply": EventKind.REPLIED,
                "partner": EventKind.PARTNER_ASKED, "wake": EventKind.WOKEN, "resolve": EventKind.RESOLVED,
                "reopen": EventKind.REOPENED, "close": EventKind.CLOSED, "erase": EventKind.ERASED, "gone": EventKind.UNREACHABLE,
                "back": EventKind.REACHABLE, "merge": EventKind.MERGED,
            }  # fmt: skip
            return CaseEvent(kind=kinds[what], at=at, staff_id=LEA)


FIRST, NEXT, OWNER, INFORM, LADDER, WAKE, REMIND, CLOSE, GONE, ROUTE = (
    "first_reply", "next_reply", "owner", "keep_informed", "ladder", "wake", "remind", "close", "unreachable", "route",
)  # fmt: skip

GOLDEN = [
    # --- first reply, by severity and hour
    ("Mon 09:00 open 4", FIRST, "running", "Mon 09:05"),
    ("Sat 03:00 open 4", FIRST, "running", "Sat 03:05"),
    ("Mon 09:00 open 3", FIRST, "running", "Mon 09:30"),
    ("Fri 17:55 open 3", FIRST, "running", "Mon+1 09:30"),
    ("Mon 13:10 open 3", FIRST, "running", "Mon 14:30"),
    ("Mon 09:00 open 2", FIRST, "running", "Mon 13:00"),
    ("Mon 12:00 open 2", FIRST, "running", "Mon 17:00"),
    ("Fri 17:55 open 2", FIRST, "running", "Mon+1 13:00"),
    ("Fri 17:00 open 2", FIRST, "running", "Mon+1 12:30"),
    ("Tue+1 17:00 open 2", FIRST, "running", "Thu+1 12:30"),  # Wednesday is a holiday
    ("Mon 10:00 open 1", FIRST, "running", "Tue 10:00"),
    ("Fri 17:55 open 1", FIRST, "running", "Tue+1 09:00"),
    ("Sat 11:00 open 1", FIRST, "running", "Tue+1 09:00"),
    ("Tue+1 10:00 open 1", FIRST, "running", "Thu+1 10:00"),
    ("Sun 02:30 open 2", FIRST, "running", "Mon+1 13:00"),  # the night the clocks go back
    # --- it runs once, whoever has the case
    ("Mon 09:00 open 2, Mon 09:30 claim", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 assign", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 release", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply", FIRST, "kept", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:30 write", FIRST, "kept", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 note", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:10 write", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 snooze Mon 16:00", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 resolve", FIRST, "stopped", "Mon 13:00"),
    # --- severity changes: graver from now and never later than before, milder from the start
    ("Mon 09:00 open 2, Mon 09:30 raise 4", FIRST, "running", "Mon 09:35"),
    ("Fri 17:55 open 1, Sat 10:00 raise 4", FIRST, "running", "Sat 10:05"),
    ("Fri 17:55 open 1, Sat 10:00 raise 3", FIRST, "running", "Mon+1 09:30"),
    ("Mon 09:00 open 2, Mon 12:50 raise 3", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 3, Mon 09:10 claim, Mon 09:15 lower 1", FIRST, "running", "Tue 09:00"),
    ("Mon 09:00 open 4, Mon 09:01 claim, Mon 09:02 lower 2", FIRST, "running", "Mon 13:00"),
    # --- next reply: from the oldest unanswered message, only after the first reply
    ("Mon 09:00 open 2, Mon 09:10 write", NEXT, None, None),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply", NEXT, None, None),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write", NEXT, "running", "Tue 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 12:00 write", NEXT, "running", "Tue 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 11:30 reply", NEXT, "kept", "Tue 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Fri 17:55 write", NEXT, "running", "Tue+1 09:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 11:10 note", NEXT, "running", "Tue 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 11:10 release", NEXT, "running", "Tue 11:30"),
    ("Mon 09:00 open 4, Mon 09:01 claim, Mon 09:02 reply, Mon 22:00 write", NEXT, "running", "Mon 22:05"),
    ("Mon 09:00 open 1, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write", NEXT, "running", "Tue 11:00"),
    # --- pauses: what remained goes on; what the person writes starts afresh
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 12:00 snooze Tue 09:00", NEXT, "paused", None),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 12:00 partner", NEXT, "paused", None),
    # 23 h 30 min of real time remained at Monday noon
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 12:00 snooze Tue 09:00, Tue 09:00 wake",
     NEXT, "running", "Wed 08:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 12:00 snooze Tue 09:00, Mon 15:00 write",
     NEXT, "running", "Tue 15:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 12:00 snooze Tue 09:00, Mon 15:00 release",
     NEXT, "running", "Tue 14:30"),
    # --- the owner's sign of life
    ("Mon 09:00 open 2, Mon 09:30 claim", OWNER, "running", "Mon 11:30"),
    ("Mon 09:00 open 2, Mon 12:30 claim", OWNER, "running", "Mon 15:30"),  # over lunch
    ("Mon 09:00 open 2, Mon 17:00 claim", OWNER, "running", "Tue 10:30"),  # over night
    ("Mon 09:00 open 4, Mon 09:01 claim", OWNER, "running", "Mon 09:04"),
    ("Fri 16:00 open 1, Fri 16:30 claim", OWNER, "running", "Mon+1 12:00"),  # over the change of clocks
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 note", OWNER, "running", "Mon 12:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:10 note", OWNER, "kept", "Mon 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 note other", OWNER, "running", "Mon 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply", OWNER, "kept", "Mon 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 snooze Mon 16:00", OWNER, "kept", "Mon 11:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write", OWNER, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 11:30 write", OWNER, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 assign", OWNER, "running", "Mon 12:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 release", OWNER, "stopped", "Mon 11:30"),
    ("Mon 09:00 open 2, Mon 09:10 write", OWNER, None, None),
    # --- the person is kept informed while a partner is waited for
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 partner", INFORM, "running", "Tue 10:00"),
    ("Mon 09:00 open 4, Mon 09:01 claim, Mon 10:00 partner", INFORM, "running", "Mon 10:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 partner, Mon 16:00 reply", INFORM, "running", "Tue 16:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 partner, Mon 16:00 write", INFORM, "stopped", "Tue 10:00"),
    ("Mon 09:00 open 1, Mon 09:30 claim, Mon 10:00 partner", INFORM, "running", "Thu 10:00"),
    # --- an urgent case nobody has calls people, one after the other, until somebody takes it
    ("Mon 09:00 open 3", LADDER, "running", "Mon 09:00"),
    ("Mon 09:00 open 2", LADDER, None, None),
    ("Mon 09:00 open 2, Sat 23:00 raise 4", LADDER, "running", "Sat 23:00"),
    ("Mon 09:00 open 4, Mon 09:02 claim", LADDER, "stopped", "Mon 09:00"),
    ("Mon 09:00 open 4, Mon 09:02 claim, Mon 09:05 release", LADDER, "running", "Mon 09:05"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 raise 4", LADDER, None, None),
    ("Mon 09:00 open 3, Mon 09:05 raise 4", LADDER, "running", "Mon 09:05"),
    ("Mon 09:00 open 3, Mon 09:05 seal", LADDER, "running", "Mon 09:05"),  # others are called now
    # --- somebody is looked for whenever the case waits in a queue
    ("Mon 09:00 open 2", ROUTE, "running", "Mon 09:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim", ROUTE, "stopped", "Mon 09:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 release", ROUTE, "running", "Mon 10:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 move legal", ROUTE, "running", "Mon 10:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 11:00 resolve, Tue 09:00 reopen", ROUTE, "running", "Tue 09:00"),
    # --- a reply that did not arrive was never given
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:01 lost", FIRST, "running", "Mon 13:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:01 lost", REMIND, "stopped", "Tue 10:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:01 lost", OWNER, "running", "Mon 12:01"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 12:50 reply, Mon 14:00 lost", NEXT, "running", "Tue 14:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write, Mon 11:05 reply, Mon 11:06 lost",
     NEXT, "running", "Tue 11:36"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:30 reply, Mon 10:31 lost", NEXT, None, None),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:30 reply, Mon 10:31 lost", REMIND, "running", "Tue 10:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 10:01 gone, Mon 10:02 lost", FIRST, "kept", "Mon 13:00"),
    # --- snooze, reminders, the end
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 snooze Fri 09:00", WAKE, "running", "Fri 09:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 snooze Fri 09:00, Tue 11:00 write", WAKE, "stopped", "Fri 09:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply", REMIND, "running", "Tue 10:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 write", REMIND, "stopped", "Tue 10:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 resolve", REMIND, "stopped", "Tue 10:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 resolve", CLOSE, "running", "Mon+1 10:00"),  # 7 × 24 h
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 resolve, Tue 09:00 reopen", CLOSE, "stopped", "Mon+1 10:00"),
    # --- reopened: the first reply stays kept, a fresh timer runs for the next
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 resolve, Sat 10:00 reopen", NEXT, "running", "Tue+1 09:30"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 resolve, Sat 10:00 reopen", FIRST, "kept", "Mon 13:00"),
    ("Mon 09:00 open 4, Mon 09:01 claim, Mon 09:02 reply, Mon 11:00 resolve, Sat 10:00 reopen", LADDER, "running", "Sat 10:00"),
    # --- the person cannot be reached
    ("Mon 09:00 open 2, Mon 10:00 gone", FIRST, "paused", None),
    ("Mon 09:00 open 2, Mon 10:00 gone, Tue 10:00 back", FIRST, "running", "Tue 13:00"),
    ("Mon 09:00 open 2, Mon 10:00 gone", GONE, "running", "Mon+2 09:00"),  # 14 × 24 h
    ("Mon 09:00 open 4, Mon 09:01 gone", LADDER, "running", "Mon 09:00"),  # a phone may be hidden
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 reply, Mon 11:00 gone, Mon 12:00 back", REMIND, "running", "Tue 12:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 partner, Mon 11:00 gone, Mon 12:00 back", INFORM, "running", "Tue 12:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 gone, Mon 12:00 back", OWNER, "running", "Mon 15:00"),
    ("Mon 09:00 open 2, Mon 10:00 gone, Mon 11:00 claim", FIRST, "paused", None),  # nobody can answer who cannot be reached
    ("Mon 09:00 open 2, Mon 10:00 gone, Mon 11:00 claim", OWNER, None, None),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 10:00 gone, Mon 10:01 reply", FIRST, "paused", None),  # it does not arrive
    # --- what was put aside and is judged urgent is taken up
    ("Mon 09:00 open 1, Mon 09:30 claim, Mon 10:00 snooze Fri 09:00, Mon 11:00 raise 4", WAKE, "stopped", "Fri 09:00"),
    ("Mon 09:00 open 1, Mon 09:30 claim, Mon 10:00 snooze Fri 09:00, Mon 11:00 raise 4", OWNER, "running", "Mon 11:03"),
    # --- over
    ("Mon 09:00 open 2, Mon 10:00 erase", FIRST, "stopped", "Mon 13:00"),
    ("Mon 09:00 open 4, Mon 09:01 merge", LADDER, "stopped", "Mon 09:00"),
    ("Mon 09:00 open 2, Mon 09:30 claim, Mon 11:00 resolve, Tue+1 09:00 close", CLOSE, "stopped", "Mon+1 10:00"),
]  # fmt: skip


@pytest.mark.parametrize(("story", "kind", "state", "due"), GOLDEN)
def test_the_golden_table(story: str, kind: str, state: str | None, due: str | None) -> None:
    played = Story()
    for line in story.split(", "):
        played.tell(line)
    timer = played.last(kind)
    if state is None:
        assert timer is None
        return
    assert timer is not None
    assert timer.state == state
    if due is not None:
        assert timer.due_at == moment(due), f"due {timer.due_at.astimezone(ATHENS):%a %d %b %H:%M}"


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(GOLDEN) >= 60
    assert {row[1] for row in GOLDEN} == {str(kind) for kind in TimerKind}


def test_a_sealed_case_that_waits_is_not_forgotten() -> None:
    played = Story(sealed=True)
    for line in ("Mon 09:00 open 3", "Mon 09:10 claim", "Mon 09:20 reply"):
        played.tell(line)
    assert played.last(REMIND) is not None, "the owner is asked in the end; the person is never written to"


def test_warnings_come_at_half_and_four_fifths_and_then_it_is_due() -> None:
    start = moment("Mon 09:00")
    timer = Timer(kind=TimerKind.FIRST_REPLY, started_at=start, due_at=start + timedelta(minutes=100))
    times = [rings_at(replace(timer, step=step), SHARES) for step in range(3)]
    assert times == [start + timedelta(minutes=minutes) for minutes in (50, 80, 100)]
    assert rings_at(replace(timer, state=TimerState.PAUSED), SHARES) is None
    assert rings_at(replace(timer, kind=TimerKind.WAKE), SHARES) == timer.due_at


def test_after_a_pause_a_warning_comes_at_the_same_share_of_the_whole() -> None:
    played = Story()
    for line in ("Mon 09:00 open 2", "Mon 10:00 gone", "Tue 10:00 back"):
        played.tell(line)
    timer = played.last(FIRST)
    assert timer is not None
    assert rings_at(timer, SHARES) == moment("Tue 11:00")


WHAT = st.sampled_from(
    ["claim", "assign", "release", "write", "reply", "note", "partner", "wake", "raise 4", "lower 1", "gone", "back", "resolve",
     "reopen", "snooze Sun+3 09:00"]
)  # fmt: skip


@given(whats=st.lists(WHAT, max_size=25), severity=st.integers(1, 4))
def test_whatever_happens_one_timer_of_a_kind_runs_and_none_runs_for_a_case_that_is_over(whats: list[str], severity: int) -> None:
    played = Story()
    played.tell(f"Mon 09:00 open {severity}")
    for minute, what in enumerate(whats, 1):
        name, *more = what.split()
        if (name == "wake" and played.case.snoozed_until is None) or (not played.case.is_open and name != "reopen"):
            continue
        played.tell(f"Mon 09:{minute:02} {name} {' '.join(more)}".strip())
        running = [timer.kind for timer in played.timers if timer.is_open]
        assert len(running) == len(set(running))
        if not played.case.is_open:
            assert set(running) <= {TimerKind.CLOSE}
        for timer in played.timers:
            assert timer.due_at >= timer.started_at
