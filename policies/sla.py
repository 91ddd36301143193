"""What we promise about time: targets by severity, turned into moments that are stored with the case.

Only wall time is computed. Targets that an office will count in working time carry ``clock: working`` and are
for now read as wall time, one working day as 24 hours: never later than promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


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
        clock: ``wall`` or ``working``.
    """

    severity: int
    notice: timedelta
    first_reply: timedelta
    next_reply: timedelta
    owner: timedelta
    keep_informed: timedelta | None
    clock: str
    source: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimes:
    """Moments by which something is due after a case opened; aware, in the zone of the given moment."""

    notice_at: datetime
    first_reply_at: datetime
    owner_at: datetime
    keep_informed_at: datetime | None


def due_times(target: Target, opened_at: datetime) -> DueTimes:
    """Return the due moments of a case opened at ``opened_at``."""
    return DueTimes(
        notice_at=opened_at + target.notice,
        first_reply_at=opened_at + target.first_reply,
        owner_at=opened_at + target.owner,
        keep_informed_at=None if target.keep_informed is None else opened_at + target.keep_informed,
    )


def next_reply_at(target: Target, waiting_since: datetime) -> datetime:
    """Return when a message unanswered since ``waiting_since`` is due a reply."""
    return waiting_since + target.next_reply


def warnings_at(started_at: datetime, due_at: datetime, shares: Sequence[float]) -> tuple[datetime, ...]:
    """Return the moments of the warnings, for example at 0.5 and 0.8 of the time allowed."""
    return tuple(started_at + (due_at - started_at) * share for share in shares)
