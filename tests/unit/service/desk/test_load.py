"""More is written than a group may show: whoever is in danger is seen within seconds, and nobody is left out.

Two hundred open cases, one in ten urgent, and a group that takes twenty operations a minute, topics and edits included. People
write twice as much as can be posted one by one. Time is virtual: nothing here depends on how fast the machine is.
"""

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

import pytest

from bot.adapters.quiet import QuietMessenger
from bot.domain.cases import Case
from bot.domain.deliveries import Content, Edit, Pin, Text
from bot.domain.errors import TelegramUnavailable
from bot.domain.ids import ChatId, UpdateId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import Person
from bot.service import casework, relay
from bot.service.app import App
from bot.service.budget import GROUP_BURST, Budget
from bot.service.deliver import Sender
from bot.service.handover import Opening
from bot.service.ports import Sent, UnitOfWork
from support.assistant import an_app
from support.databases import memory
from support.desk import GROUP
from support.virtual_time import InlineStorage, VirtualClock, VirtualLoop, run_virtually

CASES, URGENT_EVERY = 200, 10
PER_MINUTE = 20
WRITTEN_PER_MINUTE = 40
MINUTES = 12
CALL_S = 0.08
TOO_MANY = 0.01


@dataclass(slots=True)
class Limited(QuietMessenger):
    """Telegram that takes some time, counts what a group is given, and now and then says: too many requests."""

    loop: VirtualLoop | None = None
    dice: Random = field(default_factory=lambda: Random(7))
    moments: list[float] = field(default_factory=list)
    """When the group was given an operation."""
    shown_at: dict[str, float] = field(default_factory=dict)
    """Word → when it stood in the group."""

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content, *, reply_to: int | None = None) -> Sent:
        await asyncio.sleep(CALL_S)
        assert self.loop is not None
        if chat_id == GROUP:
            if self.dice.random() < TOO_MANY:
                raise TelegramUnavailable("too many requests", retry_after_s=1.0)
            if isinstance(content, Text | Edit | Pin):
                self.moments.append(self.loop.time())
            if isinstance(content, Text):
                for word in content.text.split():
                    self.shown_at.setdefault(word, self.loop.time())
        return await QuietMessenger.send(self, chat_id, thread_id, content, reply_to=reply_to)

    async def create_topic(self, group_id: ChatId, name: str) -> int:
        await asyncio.sleep(CALL_S)
        assert self.loop is not None
        self.moments.append(self.loop.time())
        return await QuietMessenger.create_topic(self, group_id, name)


@dataclass
class Written:
    word: str
    at: float
    is_urgent: bool


def open_case(uow: UnitOfWork, app: App, n: int) -> tuple[Case, Person]:
    person = uow.people.for_chat(ChatId(10_000 + n), now=app.clock.now())
    opening = Opening(
        severity=4 if n % URGENT_EVERY == 0 else 1, category="distress", queue="general", sealed=False, reason="r", why="r",
        read_from=(), question=f"first-{n}", language="en", certainty=1.0, known=(), unknown=(), consent="yes",
    )  # fmt: skip
    case, conversation = casework.open_case(
        uow, app, person, uow.people.conversation(person.id), opening, key=f"open:{n}", now=app.clock.now()
    )
    uow.people.save_conversation(conversation)
    return case, person


def write(uow: UnitOfWork, app: App, case: Case, person: Person, number: int, word: str) -> None:
    message = Incoming(
        update_id=UpdateId(number), chat_id=person.chat_id, sender_id=person.chat_id, message_id=number, kind=Kind.TEXT,
        sent_at=app.clock.now(), text=word,
    )  # fmt: skip
    relay.receive(uow, app, uow.cases.get(case.id), message, key=f"w:{number}", now=app.clock.now())


def moments(dice: Random, per_minute: float, minutes: float) -> Iterator[float]:
    """When something is written, by chance, evenly over the time."""
    at = 0.0
    while (at := at + dice.expovariate(per_minute / 60)) < minutes * 60:
        yield at


async def simulate(loop: VirtualLoop, storage: InlineStorage) -> tuple[list[Written], Limited]:
    messenger = Limited(loop=loop)
    app = an_app(storage, VirtualClock(loop), group_id=int(GROUP), messenger=messenger)
    opened = [await storage.run(partial(open_case, app=app, n=n)) for n in range(CASES)]
    at_once = Budget(overall_per_s=1e6, private_per_s=1e6, group_per_min=6e7)
    await Sender(app, at_once).drain()  # the topics stand: what is measured is the day, not the first minute of an installation
    messenger.moments.clear()
    sender, stop = Sender(app, Budget(overall_per_s=30, private_per_s=1, group_per_min=PER_MINUTE)), asyncio.Event()
    running = asyncio.create_task(sender.run(stop))
    began, dice, written = loop.time(), Random(20261129), []
    for number, at in enumerate(moments(dice, WRITTEN_PER_MINUTE, MINUTES)):
        await asyncio.sleep(max(0.0, began + at - loop.time()))
        case, person = opened[dice.randrange(CASES)]
        word = f"word-{number}"
        await storage.run(partial(write, app=app, case=case, person=person, number=number, word=word))
        written.append(Written(word, loop.time(), case.is_urgent))
        app.outbox_bell.ring()
    await all_sent(storage)
    stop.set()
    await running
    return written, messenger


async def all_sent(storage: InlineStorage) -> None:
    while await storage.run(lambda uow: uow.outbox.pending()):  # noqa: ASYNC110 - time is virtual
        await asyncio.sleep(1)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Written], Limited]]:
    for database in memory(tmp_path_factory.mktemp("load")):
        storage = InlineStorage(database.storage())
        yield run_virtually(partial(simulate, storage=storage))


def waits(day: tuple[list[Written], Limited], *, urgent: bool) -> list[float]:
    written, messenger = day
    return [messenger.shown_at[one.word] - one.at for one in written if one.is_urgent is urgent]


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def test_everything_that_was_written_is_shown_once(day: tuple[list[Written], Limited]) -> None:
    written, messenger = day
    assert len(written) > WRITTEN_PER_MINUTE * MINUTES * 0.8
    posts = [content.text.split() for chat, _, content in messenger.sent if chat == GROUP and isinstance(content, Text)]
    times: dict[str, int] = defaultdict(int)
    for word in (word for post in posts for word in post):
        times[word] += 1
    assert {times[one.word] for one in written} == {1}


def test_whoever_is_in_danger_is_seen_within_five_seconds(day: tuple[list[Written], Limited]) -> None:
    urgent, others = waits(day, urgent=True), waits(day, urgent=False)
    print(
        f"\nurgent: {len(urgent)}, p50 {statistics.median(urgent):.1f} s, p95 {p95(urgent):.1f} s; others p95 {p95(others):.0f} s"
    )
    assert len(urgent) >= 20
    assert p95(urgent) < 5.0


def test_the_group_is_never_given_more_than_it_takes(day: tuple[list[Written], Limited]) -> None:
    _, messenger = day
    busiest = max(sum(start <= at < start + 60 for at in messenger.moments) for start in messenger.moments)
    assert busiest <= PER_MINUTE


def test_the_others_wait_no_longer_than_the_backlog_takes(day: tuple[list[Written], Limited]) -> None:
    """Nobody starves: whatever is written has been shown by the time all that was written could be sent, one operation each."""
    written, messenger = day
    all_of_it_s = len(messenger.moments) / ((1 - GROUP_BURST) * PER_MINUTE / 60)
    assert max(waits(day, urgent=False)) < all_of_it_s
    assert len(messenger.moments) < 2.5 * len(written), "posts of one person are joined, headers are spared"
