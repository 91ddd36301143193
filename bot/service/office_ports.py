"""What accounts, gaps of the library and figures need from outside, as protocols; see :mod:`bot.service.ports`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.accounts import Account, BreakGlass, Session, Tries
from bot.domain.cases import Case
from bot.domain.gaps import Asking, Gap, GapKind
from bot.domain.ids import BreakGlassId, CaseId, GapId, StaffId, UpdateId
from bot.domain.people import StaffMember
from bot.domain.timers import TimerKind, TimerState


class Credentials(Protocol):
    """Passwords and one-time codes."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is right; without a hash it takes as long and is wrong."""
        ...

    def new_secret(self) -> str:
        """Return a fresh secret for one-time codes, base32."""
        ...

    def step_of(self, secret: str, code: str, *, at: datetime) -> int | None:
        """Return the time step whose code this is, now or one step to either side; None when it is wrong."""
        ...

    def address(self, secret: str, *, name: str, issuer: str) -> str:
        """Return the otpauth address an authenticator app reads."""
        ...


class Accounts(Protocol):
    """Accounts, sessions, wrong sign-ins and requests to open sealed cases."""

    def save(self, account: Account) -> None:
        """Write the account of a member, and end their sessions."""
        ...

    def get(self, staff_id: StaffId) -> Account | None: ...

    def having(self) -> Collection[StaffId]:
        """Return the members that have an account and are not revoked."""
        ...

    def use_step(self, as_read: Account, step: int) -> bool:
        """Mark a time step as used; False when it, or a later one, was used before, or the account is another by now."""
        ...

    def change_password(self, as_read: Account, password_hash: str, *, now: datetime) -> bool:
        """Put a new hash in place of the one that was read; False when it is another by now."""
        ...

    def start_session(self, token: str, staff_id: StaffId, *, now: datetime) -> None: ...

    def sessions(self, tokens: Collection[str]) -> Mapping[str, tuple[Session, StaffMember]]:
        """Return, by token, sessions whose member is still linked."""
        ...

    def see_session(self, token: str, *, now: datetime) -> None: ...

    def end_session(self, token: str) -> None: ...

    def end_sessions(self, staff_id: StaffId, *, but: str | None = None) -> None: ...

    def delete_dead_sessions(self, *, seen_before: datetime, started_before: datetime) -> int: ...

    def tries(self, name: str) -> Tries: ...

    def save_tries(self, name: str, tries: Tries, *, now: datetime) -> None: ...

    def ask_to_open(self, case_id: CaseId, *, by: StaffId, reason: str, now: datetime, until: datetime) -> BreakGlass: ...

    def grant(self, number: BreakGlassId, *, by: StaffId, until: datetime) -> None: ...

    def end_request(self, number: BreakGlassId, *, now: datetime) -> None: ...

    def outstayed(self, *, since: datetime, now: datetime) -> list[StaffId]:
        """Return who still has a sealed case that was opened to them for a time that ended since."""
        ...

    def request(self, number: BreakGlassId) -> BreakGlass | None: ...

    def requests(self, *, since: datetime) -> list[BreakGlass]:
        """Return requests that end after a moment, newest first."""
        ...


class Gaps(Protocol):
    def count(self, *, intent: str, topic: str, language: str, update_id: UpdateId | None, now: datetime) -> None:
        """Add an unanswered question to the open gap of its kind, opened when there is none."""
        ...

    def report(self, *, kind: GapKind, topic: str, intent: str, language: str, note: str, now: datetime) -> Gap:
        """Open a gap that somebody of the staff describes."""
        ...

    def get(self, gap_id: GapId) -> Gap | None: ...

    def all(self, *, closed: bool = False, limit: int = 200) -> list[Gap]:
        """Return open gaps, those asked for most first; or closed ones, newest first."""
        ...

    def askings(self, gap_id: GapId, *, limit: int = 20) -> list[Asking]:
        """Return the newest questions of a gap; words only where they have not been erased and became part of no case."""
        ...

    def assign(self, gap_id: GapId, to: StaffId | None) -> None: ...

    def close(self, gap_id: GapId, *, by: str, now: datetime) -> None: ...

    def delete(self, *, before: datetime, notes_before: datetime) -> int:
        """Delete what was counted before, and what colleagues wrote before another moment; return how much was counted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise of a reply and what became of it."""

    kind: TimerKind
    state: TimerState
    severity: int
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One case that somebody had, once for each of them."""

    staff_id: StaffId
    severity: int


class Figures(Protocol):
    """What happened, without words; exercises are left out, and of sealed cases all but their number."""

    def cases(self, *, since: datetime) -> list[tuple[Case, datetime | None]]:
        """Return cases opened since, or still open, each with the moment of its first claim."""
        ...

    def taken(self, *, since: datetime) -> list[Taken]:
        """Return who had which cases since: claimed, or given to them."""
        ...

    def sealed(self, *, since: datetime) -> int:
        """Return how many sealed cases were opened since."""
        ...

    def promises(self, *, since: datetime) -> list[Promise]:
        """Return first and next replies promised that fell due, or were kept, since."""
        ...

    def outcomes(self, *, since: datetime) -> Mapping[str, int]:
        """Return how many turns ended in which way."""
        ...

    def dues(self) -> Mapping[CaseId, datetime]:
        """Return for open cases when the reply that is promised falls due, or fell due while the person still waits."""
        ...

    def marks(self, case_ids: Collection[CaseId]) -> Mapping[CaseId, tuple[int, ...]]:
        """Return for cases something that changes with every message of theirs and with what becomes of it."""
        ...
