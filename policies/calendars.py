"""Working time: when an office is open, and when a promised time is over.

Everything is asked in moments with a zone and answered in UTC. Opening hours are written in local time, so that an office
opens at nine also after the clocks have changed; what passes between two moments is real time, so that an hour that a
change of clocks swallows or repeats is never counted wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = time(0)
"""As the end of a block: the end of the day."""
HORIZON_DAYS = 400
"""An office that is closed for longer than this has no next opening."""

_SPAN = re.compile(r"(?P<n>[0-9]{1,4}) (?P<unit>min|h|days?|working days?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A promised length of time: minutes, or whole working days."""

    minutes: int = 0
    working_days: int = 0

    @classmethod
    def parse(cls, text: str) -> Span:
        """Return the span of ``5 min``, ``4 h``, ``3 days``, ``1 working day``.

        Raises:
            ValueError: ``text`` is none of these.
        """
        found = _SPAN.fullmatch(text)
        if found is None or not int(found["n"]):
            raise ValueError(f"{text!r} is no length of time: write 5 min, 4 h, 3 days or 1 working day")
        n, unit = int(found["n"]), found["unit"]
        if unit.startswith("working"):
            return cls(working_days=n)
        return cls(minutes=n * {"min": 1, "h": 60, "d": 24 * 60}[unit.removesuffix("s").removesuffix("ay")])

    @property
    def wall(self) -> timedelta:
        """The span on a clock on the wall, a working day as 24 hours."""
        return timedelta(days=self.working_days, minutes=self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The opening hours of one office.

    Attributes:
        zone: IANA name of the time zone the hours are written in.
        hours: Weekday (0 is Monday) → blocks of local time, in order, none touching another.
        holidays: Days without opening hours.
        on_call: Somebody answers urgent cases outside the hours.
    """

    zone: ZoneInfo
    hours: Mapping[int, Sequence[tuple[time, time]]]
    holidays: frozenset[date]
    on_call: bool

    def is_open(self, at: datetime) -> bool:
        """Return whether the office is open at ``at``; a block holds its beginning and not its end."""
        return any(begin <= at < end for begin, end in self._blocks(at.astimezone(self.zone).date()))

    def next_open(self, at: datetime) -> datetime:
        """Return ``at`` itself when the office is open, else the next opening.

        Raises:
            ValueError: there is none within :data:`HORIZON_DAYS`.
        """
        begin, _ = next(self._open_from(at))
        return begin

    def add(self, start: datetime, span: Span) -> datetime:
        """Return the moment at which ``span`` of working time has passed since ``start``, in UTC.

        A whole working day after 10:00 is 10:00 of the next working day; what starts outside the hours starts with the next
        opening. A day that is open only until earlier passes the rest on to the opening after it.
        """
        at = self.next_open(start)
        if span.working_days:
            at = self._days_later(at, span.working_days)
        left = timedelta(minutes=span.minutes)
        if not left:
            return at
        for begin, end in self._open_from(at):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise AssertionError("unreachable")

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Return how much of the time between two moments the office is open; nothing when ``end`` is not after ``start``."""
        total, day = timedelta(), start.astimezone(self.zone).date()
        while day <= end.astimezone(self.zone).date():
            for begin, close in self._blocks(day):
                total += max(timedelta(), min(close, end) - max(begin, start))
            day += timedelta(days=1)
        return total

    def _days_later(self, at: datetime, days: int) -> datetime:
        local = at.astimezone(self.zone)
        day = local.date()
        for _ in range(days):
            day = self._next_day(day)
        return self.next_open(datetime.combine(day, local.time(), self.zone))

    def _next_day(self, day: date) -> date:
        for _ in range(HORIZON_DAYS):
            day += timedelta(days=1)
            if self._blocks(day):
                return day
        raise ValueError(f"The calendar has no working day within {HORIZON_DAYS} days of {day}")

    def _open_from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the open stretches from ``at`` on, the first cut to begin at ``at`` if it is under way."""
        day = at.astimezone(self.zone).date()
        at = at.astimezone(UTC)
        for n in range(HORIZON_DAYS):
            for begin, end in self._blocks(day + timedelta(days=n)):
                if end > at:
                    yield max(begin, at), end
        raise ValueError(f"The calendar has no opening within {HORIZON_DAYS} days of {at:%Y-%m-%d}")

    def _blocks(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the open stretches of a local day, in UTC; one that a change of clocks has swallowed is left out."""
        if day in self.holidays:
            return []
        moments = [
            (self._moment(day, begin), self._moment(day + timedelta(days=end == MIDNIGHT), end))
            for begin, end in self.hours.get(day.weekday(), ())
        ]
        return [(begin, end) for begin, end in moments if begin < end]

    def _moment(self, day: date, local: time) -> datetime:
        return datetime.combine(day, local, self.zone).astimezone(UTC)
