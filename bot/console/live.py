"""What changes on the desk, as it changes: one look at the database a few times a second, shared by all open pages.

A look is a state and no list of changes, so nothing depends on the order in which transactions end, or on which process wrote.
Each open page compares what it shows with what is; the mark of what it shows travels as the event's id, and a browser that was
cut off names it when it comes back. So whatever happened meanwhile is replayed from the database, and nothing else is sent.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from bot.console.made import Made
from bot.domain.accounts import BreakGlass, is_alive
from bot.domain.cases import Case
from bot.domain.errors import StorageUnavailable
from bot.domain.ids import CaseId, StaffId
from bot.domain.people import StaffMember
from bot.service.app import App
from bot.service.ports import ALL_OPEN, UnitOfWork

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
STALE_S = 5.0
"""A page that has not been looked at for so long says that it is cut off, rather than show a calm that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How the desk stands at one moment."""

    day: str
    """In the office's zone: what is shown of a moment depends on it."""
    cases: Mapping[CaseId, Case]
    """Every open case, and those somebody looks at."""
    dues: Mapping[CaseId, datetime]
    marks: Mapping[CaseId, tuple[int, ...]]
    """Of cases somebody looks at: changes with every message and with what becomes of it."""
    aliases: Mapping[StaffId, str]
    glass: tuple[BreakGlass, ...]
    """Sealed cases somebody asks to open, and those that are open."""
    made: Made = field(default_factory=Made, compare=False, repr=False)
    """What has been made from it: many pages show the same, and it is made for the first of them."""

    def of_case(self, case_id: CaseId) -> tuple[object, ...]:
        """Return all that the page of one case depends on."""
        return self.day, self.cases.get(case_id), self.marks.get(case_id), self.glass


@dataclass(slots=True, kw_only=True, eq=False)
class Watcher:
    """One open page."""

    token: str
    case_id: CaseId | None = None
    member: StaffMember | None = None
    """As they were at the last look; None once the session is over."""


@dataclass(slots=True, kw_only=True)
class Hub:
    """The pages that are open, and the newest look."""

    app: App
    _watchers: set[Watcher] = field(default_factory=set)
    _look: Look | None = None
    _turn: asyncio.Condition = field(default_factory=asyncio.Condition)
    _begun: int = 0
    _newest: int = 0
    """Looks are numbered as they begin; of two that overlap the later one counts."""
    _seen_at: float = 0.0
    _is_over: bool = False

    async def run(self, stop: asyncio.Event) -> None:
        """Look while somebody watches, until ``stop`` is set; then every page is let go."""
        while not stop.is_set():
            if self._watchers:
                try:
                    await self._refresh()
                except StorageUnavailable as exc:
                    logger.warning("the desk cannot be looked at", extra={"event": "console.no_look", "error": str(exc)})
                except Exception:
                    # The outermost loop: nobody may go on looking at a desk that stands still.
                    logger.exception("the desk cannot be looked at", extra={"event": "console.no_look"})
            async with self._turn:
                self._turn.notify_all()  # whoever has been shown nothing new for too long is told so
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
        self._is_over = True
        async with self._turn:
            self._turn.notify_all()

    async def looks(self, watcher: Watcher) -> AsyncGenerator[tuple[Look, StaffMember], None]:
        """Yield how the desk stands, and who looks: at once, and whenever something is different; end with the session.

        Raises:
            StorageUnavailable: the desk cannot be looked at now, or could not for some seconds.
        """
        self._watchers.add(watcher)
        try:
            await self._refresh()  # begun after the page was made: what changed since is in it
            while watcher.member is not None and self._look is not None:
                look, member = self._look, watcher.member
                yield look, member
                async with self._turn:
                    await self._turn.wait_for(partial(self._is_news, look, member, watcher))
                if self._is_over or self._is_stale():
                    raise StorageUnavailable("The desk cannot be looked at now")
        finally:
            self._watchers.discard(watcher)

    def _is_news(self, look: Look, member: StaffMember, watcher: Watcher) -> bool:
        return self._look is not look or watcher.member != member or self._is_over or self._is_stale()

    def _is_stale(self) -> bool:
        return time.monotonic() - self._seen_at > STALE_S

    async def _refresh(self) -> None:
        self._begun += 1
        number, watchers = self._begun, list(self._watchers)
        look, members = await self.app.storage.read(partial(self._read, watchers=watchers))
        async with self._turn:
            if number < self._newest:
                return  # one that began later has been taken already
            self._newest, self._seen_at = number, time.monotonic()
            for watcher in watchers:
                watcher.member = members.get(watcher.token)
            if look != self._look:
                self._look = look
            self._turn.notify_all()

    def _read(self, uow: UnitOfWork, *, watchers: list[Watcher]) -> tuple[Look, Mapping[str, StaffMember]]:
        now = self.app.clock.now()
        watched = {watcher.case_id for watcher in watchers if watcher.case_id is not None}
        cases = {case.id: case for case in uow.cases.all(limit=ALL_OPEN)}
        cases |= {case.id: case for case in uow.cases.some(watched - cases.keys())}
        look = Look(
            day=f"{now.astimezone(self.app.policies.calendar.zone):%Y-%m-%d}", cases=cases, dues=uow.figures.dues(),
            marks=uow.figures.marks(watched), aliases=uow.staff.aliases(),
            glass=tuple(uow.accounts.requests(since=now)),
        )  # fmt: skip
        sessions = uow.accounts.sessions({watcher.token for watcher in watchers})
        return look, {token: member for token, (session, member) in sessions.items() if is_alive(session, now)}
