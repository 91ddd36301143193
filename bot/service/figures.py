"""Figures of the desk: who waits, which promises were kept, who carries what, in which languages, how cases ended, crisis times.

Counts and times, never words. Exercises are left out, and of sealed cases all but their number. The times of urgent cases count
from their opening, also where they became urgent later.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from statistics import median, quantiles

from bot.domain.cases import URGENT, Case, WorkState
from bot.domain.ids import StaffId
from bot.domain.routing import weight_of
from bot.domain.timers import TimerKind, TimerState
from bot.service.office_ports import Promise
from bot.service.ports import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Times of a kind."""

    n: int
    median: timedelta | None = None
    p90: timedelta | None = None
    longest: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What one colleague carries, and what they were exposed to in the period."""

    alias: str
    open: int
    weight: float
    capacity: int
    to_answer: int
    taken: int
    urgent: int
    """Of those taken, of severity 3 and 4: exposure."""
    away: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Promises of one kind and severity that fell due."""

    kind: TimerKind
    severity: int
    kept: int
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All figures of a period."""

    waiting: Sequence[tuple[int, int, timedelta | None]]
    """(severity, cases nobody has, how long the oldest has waited), gravest first."""
    open_states: Sequence[tuple[str, int]]
    opened_by_day: Sequence[tuple[str, int]]
    promises: Sequence[Kept]
    carried: Sequence[Carried]
    languages: Sequence[tuple[str, int]]
    """Of cases opened."""
    resolutions: Sequence[tuple[str, int]]
    outcomes: Sequence[tuple[str, int]]
    """Of turns."""
    to_claim: Spread
    """From opening to the first claim, of urgent cases."""
    to_reply: Spread
    """From opening to the first reply, of urgent cases."""
    never_taken: int
    """Urgent cases of the period that nobody has had yet."""
    sealed: int


def report(uow: UnitOfWork, *, now: datetime, days: int, zone: tzinfo) -> Report:
    """Return the figures of the last ``days`` days, and how the desk stands now; days are those of the office's ``zone``."""
    since = now - timedelta(days=days)
    found = uow.figures.cases(since=since)
    new = [(case, taken_at) for case, taken_at in found if case.opened_at >= since]
    urgent = [(case, taken_at) for case, taken_at in new if case.severity >= URGENT]
    return Report(
        waiting=_waiting([case for case, _ in found], now),
        open_states=Counter(str(case.state) for case, _ in found if case.is_open).most_common(),
        opened_by_day=_by_day((case.opened_at for case, _ in new), since, now, zone),
        promises=_promises(uow.figures.promises(since=since)),
        carried=_carried(uow, [case for case, _ in found], since),
        languages=Counter(case.language for case, _ in new).most_common(),
        resolutions=Counter(case.resolution for case, _ in new if case.resolution and not case.is_open).most_common(),
        outcomes=Counter(uow.figures.outcomes(since=since)).most_common(),
        to_claim=_spread(taken_at - case.opened_at for case, taken_at in urgent if taken_at is not None),
        to_reply=_spread(case.replied_at - case.opened_at for case, _ in urgent if case.replied_at is not None),
        never_taken=sum(taken_at is None and case.is_open for case, taken_at in urgent),
        sealed=uow.figures.sealed(since=since),
    )


def _waiting(found: Iterable[Case], now: datetime) -> list[tuple[int, int, timedelta | None]]:
    waits: dict[int, list[timedelta]] = {severity: [] for severity in (4, 3, 2, 1, 0)}
    counts: Counter[int] = Counter()
    for case in found:
        if case.state is WorkState.QUEUED:
            counts[case.severity] += 1
            if case.waiting_since is not None:
                waits[case.severity].append(now - case.waiting_since)
    return [(severity, counts[severity], max(times, default=None)) for severity, times in waits.items()]


def _by_day(moments: Iterable[datetime], since: datetime, now: datetime, zone: tzinfo) -> list[tuple[str, int]]:
    counted = Counter(at.astimezone(zone).date() for at in moments)
    first, last = since.astimezone(zone).date(), now.astimezone(zone).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [(day.isoformat(), counted[day]) for day in days]


def _promises(found: Iterable[Promise]) -> list[Kept]:
    counted = Counter((one.kind, one.severity, one.state) for one in found)
    kinds = sorted({(kind, severity) for kind, severity, _ in counted}, key=lambda pair: (pair[0], -pair[1]))
    return [
        Kept(
            kind=kind, severity=severity, kept=counted[kind, severity, TimerState.KEPT],
            missed=counted[kind, severity, TimerState.MISSED],
        )
        for kind, severity in kinds
    ]  # fmt: skip


def _carried(uow: UnitOfWork, found: Sequence[Case], since: datetime) -> list[Carried]:
    mine: dict[StaffId, list[Case]] = {}
    for case in found:
        if case.owner_id is not None and case.is_open:
            mine.setdefault(case.owner_id, []).append(case)
    had = uow.figures.taken(since=since)
    taken = Counter(one.staff_id for one in had)
    urgent = Counter(one.staff_id for one in had if one.severity >= URGENT)
    return [
        Carried(
            alias=member.alias, open=len(mine.get(member.id, ())), weight=sum(map(weight_of, mine.get(member.id, ()))),
            capacity=member.capacity, to_answer=sum(case.waiting_since is not None for case in mine.get(member.id, ())),
            taken=taken[member.id], urgent=urgent[member.id], away=member.away,
        )
        for member in uow.staff.all()
        if member.desk_role.works_cases
    ]  # fmt: skip


def _spread(times: Iterable[timedelta]) -> Spread:
    found = sorted(times)
    if not found:
        return Spread(n=0)
    seconds = [one.total_seconds() for one in found]
    p90 = quantiles(seconds, n=10, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return Spread(n=len(found), median=timedelta(seconds=median(seconds)), p90=timedelta(seconds=p90), longest=found[-1])
