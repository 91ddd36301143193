"""What we promise about time: targets by severity, turned into moments that are stored with the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from policies.calendars import Calendar, Span


class ClockTime(StrEnum):
    """Which time a promise is counted in."""

    WALL = "wall"
    """Round the clock."""
    ON_CALL = "on_call"
    """Round the clock where somebody is on call; elsewhere what comes outside the hours waits for the next opening."""
    WORKING = "working"
    """Opening hours only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Targets of one severity, each a time after its own event.

    Attributes:
        severity: 0..4.
        notice: Card or automatic notice, after the message.
        first_reply: First reply by a human, after the case opened; it runs once.
        next_reply: Reply by a human, after the oldest message not yet answered.
        owner: Sign of life of the owner, after assignment; then the case returns to the queue or the ladder.
        keep_informed: Word to the person while waiting for others; None when nothing is promised.
        clock: Which time all but ``notice`` is counted in.
    """

    severity: int
    notice: timedelta
    first_reply: Span
    next_reply: Span
    owner: Span
    keep_informed: Span | None
    clock: ClockTime
    source: str
    since: str


def counts_from(start: datetime, clock: ClockTime, calendar: Calendar) -> datetime:
    """Return the moment, in UTC, from which a promise made at ``start`` counts: the next opening where nobody is there before."""
    is_watched = clock is ClockTime.WALL or (clock is ClockTime.ON_CALL and calendar.on_call)
    return (start if is_watched else calendar.next_open(start)).astimezone(UTC)


def due_at(start: datetime, span: Span, clock: ClockTime, calendar: Calendar) -> datetime:
    """Return the moment, in UTC, by which a promise made at ``start`` falls due."""
    begin = counts_from(start, clock, calendar)
    return calendar.add(begin, span) if clock is ClockTime.WORKING else begin + span.wall


def warnings_at(started_at: datetime, due: datetime, shares: Sequence[float]) -> tuple[datetime, ...]:
    """Return the moments of the warnings, for example at 0.5 and 0.8 of the time allowed."""
    return tuple(started_at + (due - started_at) * share for share in shares)
