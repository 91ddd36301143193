"""Accounts of the web console: how somebody of the staff proves who they are, and for how long that holds.

Pure. An account belongs to a staff member and says nothing of what they may do: their role does, and it is read anew each time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.ids import BreakGlassId, CaseId, StaffId

SESSION_IDLE = timedelta(minutes=30)
"""A session ends when nothing was done for so long: screens of a desk are left alone."""
SESSION_LIFE = timedelta(hours=12)
"""The longest a session lasts: a long shift."""
MIN_PASSWORD = 12
"""Characters. Length is what keeps a password from being guessed; composition rules make people write them down."""
FREE_TRIES, FREE_TRIES_ANYWHERE, FREE_TRIES_HERE = 5, 50, 100
"""Wrong sign-ins before the next one has to wait: under one name from one address, under one name from anywhere, and under any
names from one address. The second is larger than the first, so that one stranger elsewhere keeps nobody from their work."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
SETTLED = timedelta(hours=24)
"""How old a password must be before its owner asks, or agrees, to open a sealed case: whoever was locked out by a new link has
noticed by then."""
GLASS_HELD = timedelta(minutes=60)
"""How long a request to open a sealed case waits for its second person, and how long the case is open after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The credentials of one staff member."""

    staff_id: StaffId
    password_hash: str
    totp_secret: str
    last_step: int
    """The last time step whose code was used: no code works twice. 0 before the first."""
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser."""

    staff_id: StaffId
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """Wrong sign-ins in a row under one name."""

    failures: int = 0
    until: datetime | None = None
    """No sign-in is looked at before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """A request to read and work a sealed case without being a focal point: one person asks, another agrees, for an hour."""

    id: BreakGlassId
    case_id: CaseId
    asked_by: StaffId
    reason: str
    asked_at: datetime
    granted_by: StaffId | None = None
    ends_at: datetime
    """Until then it waits for the second person; once granted, until then the case is open."""

    def opens(self, now: datetime) -> bool:
        """Whether the case is open to whoever asked."""
        return self.granted_by is not None and now < self.ends_at

    def waits(self, now: datetime) -> bool:
        return self.granted_by is None and now < self.ends_at


def is_alive(session: Session, now: datetime) -> bool:
    """Whether a session still holds."""
    return now - session.seen_at < SESSION_IDLE and now - session.started_at < SESSION_LIFE


def after_failure(tries: Tries, now: datetime, *, free: int) -> Tries:
    """Return the tries after one more wrong sign-in: after ``free`` of them each wait is twice the last, at most an hour."""
    failures = tries.failures + 1
    if failures < free:
        return Tries(failures=failures)
    wait = min(FIRST_WAIT * 2 ** min(failures - free, 16), LONGEST_WAIT)
    return Tries(failures=failures, until=now + wait)
