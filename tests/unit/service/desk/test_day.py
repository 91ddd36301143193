"""Thirty hours of an office, minute by minute: everything that time asks for happens once, also across restarts.

The same story is played twice: once by one process that never stops, once by two processes that ring together and are started
anew again and again. People and colleagues see the same, and the same timers stand in the database.
"""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Select, select

from bot.adapters.quiet import QuietMessenger
from bot.adapters.storage.tables import case_event, case_timer, turn
from bot.domain.cases import WorkState
from bot.domain.deliveries import Edit, Text
from bot.domain.ids import ChatId
from bot.domain.people import DeskRole, StaffMember
from bot.domain.timers import PROMISES, Timer
from bot.service import board, desk, due, housekeeping, reconcile
from bot.service.ports import UnitOfWork
from support.assistant import Someone, an_app
from support.clock import FakeClock
from support.databases import Database, sqlite_file
from support.desk import GROUP, LEA, OMAR, RUTH, Desk

Rows = Counter[tuple[Any, ...]]
STEP, STEPS = timedelta(minutes=3), 600
PEOPLE = 8
BOAT = "we are 60 people in a boat and the engine stopped, water is coming in"
NUMBER = re.compile(r"\b[A-Z2-9]{3}-[A-Z2-9]{3}\b")
VERBS = (
    ("claim", ""),
    ("release", ""),
    ("partner", ""),
    ("snooze", "1h"),
    ("wake", ""),
    ("severity", "2"),
    ("resolve", "helped done"),
)


@dataclass
class Office:
    """One office and its story; ``restarts`` makes it live in two processes that come and go."""

    database: Database
    restarts: bool
    clock: FakeClock = field(default_factory=FakeClock)
    messenger: QuietMessenger = field(default_factory=QuietMessenger)
    dice: Random = field(default_factory=lambda: Random(20261129))
    texts_erased: int = 0

    def __post_init__(self) -> None:
        self.storage = self.database.storage()
        self.app = an_app(self.storage, self.clock, group_id=int(GROUP), messenger=self.messenger)
        self.people = [Someone(self.app, ChatId(100 + n), hint="en") for n in range(PEOPLE)]

    async def play(self) -> None:
        group = Desk(self.app)
        staff = [
            await group.member(LEA, on_call=1), await group.member(OMAR, on_call=2),
            await group.member(RUTH, DeskRole.SUPERVISOR),
        ]  # fmt: skip
        for step in range(STEPS):
            self.clock.advance(seconds=STEP.total_seconds())
            if self.restarts and step % 7 == 3:
                self._restart()
            if step < STEPS - 60:  # in the end the office is quiet, and time goes on
                await self._somebody_writes()
                await self._somebody_works(staff)
            await self._time_asks(step)

    async def _somebody_writes(self) -> None:
        person, what = self.people[self.dice.randrange(PEOPLE)], self.dice.random()
        person.app = self.app
        if what < 0.03:
            await person.commands("human")
            await person.presses("Yes, a person")
        elif what < 0.04:
            await person.says(BOAT)
        elif what < 0.15:
            await person.says(f"line {self.dice.randrange(1000)}")

    async def _somebody_works(self, staff: list[StaffMember]) -> None:
        open_cases = await self.app.storage.run(lambda uow: uow.cases.all())
        if not open_cases or self.dice.random() < 0.6:
            return
        case = sorted(open_cases, key=lambda one: one.id)[self.dice.randrange(len(open_cases))]
        member = staff[self.dice.randrange(len(staff))]
        verb, value = VERBS[self.dice.randrange(len(VERBS))]
        if case.owner_id == member.id and self.dice.random() < 0.5:
            group = Desk(self.app)
            group._updates = 10_000 + int(self.clock.now().timestamp()) % 900_000
            topic = await self.app.storage.run(lambda uow: uow.cases.topic(case.id))
            assert member.chat_id is not None
            await group.posts(member.chat_id, "I am here", thread=topic.thread_id)
        else:
            await self.app.storage.run(lambda uow: desk.act(uow, self.app, uow.cases.get(case.id), member, verb, value))

    async def _time_asks(self, step: int) -> None:
        apps = [self.app]
        if self.restarts:
            apps.append(replace(self.app, storage=self.database.storage(), worker="other"))
        for _ in range(20):
            if sum(await asyncio.gather(*(due.ring(app) for app in apps))) == 0:
                break
        if step % 3 == 0:
            await asyncio.gather(*(board.refresh(app) for app in apps))
            self.texts_erased += sum([swept.turn_texts for swept in await asyncio.gather(*map(housekeeping.sweep, apps))])
        if step % 20 == 0:
            found = [await reconcile.reconcile(app) for app in apps]
            assert all(not one.wrong for one in found), found
        await Desk(self.app).deliver()

    def _restart(self) -> None:
        """The process is gone with all it knew, and another one begins with what stands in the file."""
        self.storage = self.database.storage()
        self.storage.run_now(lambda uow: (uow.inbox.release_leases(), uow.outbox.release_leases()))
        self.app = an_app(self.storage, self.clock, group_id=int(GROUP), messenger=self.messenger)

    def seen(self) -> dict[int, Counter[str]]:
        """What stood in each chat, but for the names of the cases and the board, which says how things stand when it is sent."""
        chats: dict[int, Counter[str]] = {}
        for chat, thread, content in self.messenger.sent:
            if isinstance(content, Text) and not (chat == GROUP and thread is None):
                chats.setdefault(int(chat), Counter())[NUMBER.sub("N", content.text)] += 1
        return chats

    def boards(self) -> int:
        return sum(chat == GROUP and thread is None and isinstance(c, Text | Edit) for chat, thread, c in self.messenger.sent)

    def day(self) -> "Day":
        timer, event = case_timer.c, case_event.c
        kept = self._rows(select(turn.c.update_id).where(turn.c.text.is_not(None)))
        return Day(
            seen=self.seen(), boards=self.boards(), words=(self.texts_erased, kept.total()),
            timers=self._rows(select(timer.case_id, timer.kind, timer.started_at, timer.due_at, timer.state, timer.step)),
            events=self._rows(select(event.case_id, event.kind, event.at, event.note)),
        )  # fmt: skip

    def _rows(self, statement: Select[Any]) -> Rows:
        with self.database.engine.connect() as connection:
            return Counter(tuple(row) for row in connection.execute(statement))


@dataclass(frozen=True)
class Day:
    """What has become of a day."""

    seen: dict[int, Counter[str]]
    boards: int
    words: tuple[int, int]
    """Turns whose words were erased, and that still have them."""
    timers: Rows
    events: Rows


async def played(folder: Path, *, restarts: bool) -> Day:
    for database in sqlite_file(folder):
        office = Office(database, restarts)
        await office.play()
        return office.day()
    raise AssertionError


@pytest.mark.slow
async def test_the_same_day_is_the_same_in_one_process_and_in_two_that_come_and_go(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    whole = await played(tmp_path_factory.mktemp("one"), restarts=False)
    broken = await played(tmp_path_factory.mktemp("two"), restarts=True)
    states = Counter(state for _, _, _, _, state, _ in whole.timers.elements())
    posts = sum(map(Counter.total, whole.seen.values()))
    print(f"\n{whole.timers.total()} timers {dict(states)}, {whole.events.total()} events, {posts} posts")
    assert states["missed"] >= 10, "much fell due"
    assert whole.timers == broken.timers
    assert max(whole.timers.values()) == 1
    assert whole.events == broken.events
    assert whole.seen == broken.seen, "nobody was told anything twice, and nothing was left out"
    assert whole.words == broken.words
    assert whole.words[0] > 0
    breaches = Counter((case, note) for case, kind, _, note in whole.events.elements() if kind == "breached")
    missed = Counter((case, kind) for case, kind, _, _, state, _ in whole.timers.elements() if state == "missed")
    assert all(missed[case, clock] == times for (case, clock), times in breaches.items()), "each breach is one timer's"
    assert whole.boards >= broken.boards > 0


async def test_nothing_that_was_due_is_left_when_the_day_is_over(tmp_path: Path) -> None:
    for database in sqlite_file(tmp_path):
        office = Office(database, restarts=True, dice=Random(4))
        await office.play()
        assert await office.app.storage.run(partial(ringing, now=office.clock.now())) == []
        assert await office.app.storage.run(lambda uow: (uow.inbox.pending(), uow.outbox.pending())) == (0, 0)

        waiting = await office.app.storage.run(who_waits)
        assert waiting == []


def ringing(uow: UnitOfWork, *, now: datetime) -> list[Timer]:
    return [timer for _, timer in uow.timers.ringing(now, limit=9)]


def who_waits(uow: UnitOfWork) -> list[str]:
    """Return cases whose person waits although nothing was ever promised to them."""
    return [
        case.number
        for case in uow.cases.all()
        if case.waiting_since is not None
        and case.state in {WorkState.QUEUED, WorkState.ACTIVE}
        and not any(timer.kind in PROMISES for timer in uow.timers.all_of(case.id))
    ]
