"""When parts fail: the database, a handler, time itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import TypeVar

import pytest

from bot.adapters.quiet import QuietMessenger
from bot.adapters.storage.storage import SqlStorage
from bot.domain.deliveries import Content, Text
from bot.domain.errors import CaseAlreadyClaimed, StorageUnavailable, VersionConflict
from bot.domain.ids import ChatId, UpdateId
from bot.domain.people import DeskRole, PersonState, Speaker, StaffMember
from bot.service import casework, desk, housekeeping, relay
from bot.service.app import App
from bot.service.budget import Budget
from bot.service.deliver import Sender
from bot.service.intake import Lanes, receive
from bot.service.last_resort import LastResort
from bot.service.ports import Sent, UnitOfWork
from knowledge.passages import Audience, Retrieval
from policies import Outcome
from support.assistant import CATALOGUE, Intents, Shelf, Someone, a_hit, an_app
from support.clock import FakeClock
from support.databases import Database

T = TypeVar("T")
FAMILY = a_hit(1, "P08", "A family member applies, and the government decides.")
QUESTION = "what is family reunification and who decides about it"
BOAT = "we are 60 people in a boat and the engine stopped, water is coming in"


@pytest.fixture
def app(place: Database, clock: FakeClock) -> App:
    return an_app(
        place.storage(), clock, shelf=Shelf(by_word={"family": FAMILY}), intents=Intents(by_word={"family": "ask_visa"})
    )


class ReadOnly:
    """Storage that cannot be written to."""

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        raise StorageUnavailable("attempt to write a readonly database")

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        raise StorageUnavailable("attempt to write a readonly database")


def an_update(update_id: int, text: str, *, chat: int = 71, language: str = "en") -> dict[str, object]:
    sender = {"id": chat, "is_bot": False, "first_name": "X", "language_code": language}
    message = {
        "message_id": update_id,
        "date": 1_790_000_000,
        "chat": {"id": chat, "type": "private"},
        "from": sender,
        "text": text,
    }
    return {"update_id": update_id, "message": message}


def said(app: App) -> list[str]:
    assert isinstance(app.messenger, QuietMessenger)
    return [content.text for _, _, content in app.messenger.sent if isinstance(content, Text)]


async def test_a_database_that_cannot_be_written_still_brings_help_and_moves_no_offset(app: App) -> None:
    broken = replace(app, storage=ReadOnly())
    last_resort = LastResort(broken)
    updates = [an_update(1, BOAT), an_update(2, QUESTION, chat=72, language="fr")]
    assert not await receive(updates, broken, last_resort)
    assert said(app)[0].startswith(app.cards.text("distress", "en")[:30])
    assert said(app)[1] == app.catalogue.text("storage_unavailable", "fr")
    assert not await receive(updates, broken, last_resort)
    assert len(said(app)) == 2, "nobody is told twice about the same message"


async def test_an_update_that_always_fails_ends_with_a_notice_and_an_incident(app: App, clock: FakeClock) -> None:
    async def explode(_payload: object) -> None:
        raise RuntimeError("boom")

    lanes = Lanes(app, explode, LastResort(app))
    await receive([an_update(5, QUESTION)], app, LastResort(app))
    for _ in range(6):
        await lanes.drain()
        clock.advance(minutes=1)
    assert await app.storage.run(lambda uow: uow.inbox.dispositions()) == {5: "failed_notified"}
    assert [kind for kind, _, _ in await app.storage.run(lambda uow: uow.incidents.list_open())] == ["update_failed:5"]
    person = Someone(app, ChatId(71))
    assert (await person.receives())[-1] == app.catalogue.text("failed", "en")


async def test_a_cry_for_help_is_answered_although_its_handler_fails(app: App) -> None:
    async def explode(_payload: object) -> None:
        raise RuntimeError("boom")

    await receive([an_update(5, BOAT)], app, LastResort(app))
    await Lanes(app, explode, LastResort(app)).drain()
    assert said(app)[0].startswith(app.cards.text("distress", "en")[:30])


class TakenOver(Shelf):
    """While the answer is being looked up, a caseworker takes the conversation over."""

    async def search(
        self, text: str, *, language: str, written: str, audiences: frozenset[Audience], limit: int
    ) -> Retrieval:  # fmt: skip
        if not self.asked:
            await self.takeover()
        return await super().search(text, language=language, written=written, audiences=audiences, limit=limit)

    async def takeover(self) -> None:
        """Set by the test."""


async def test_an_answer_computed_before_a_takeover_is_never_sent(place: Database, clock: FakeClock) -> None:
    shelf = TakenOver(by_word={"family": FAMILY})
    app = an_app(place.storage(), clock, shelf=shelf, intents=Intents())
    amina = Someone(app, ChatId(71), hint="en")

    def give_to_a_human(uow: UnitOfWork) -> None:
        person = uow.people.for_chat(ChatId(71), now=clock.now())
        conversation = uow.people.conversation(person.id)
        uow.people.save_conversation(replace(conversation, speaker=Speaker.HUMAN, version=conversation.version + 1))

    async def takeover() -> None:
        await app.storage.run(give_to_a_human)

    shelf.takeover = takeover  # type: ignore[method-assign]
    result = await amina.says(QUESTION)
    assert result.decision.reason == "human_owner"
    assert all(FAMILY.lead not in text for text in await amina.receives())


@dataclass(slots=True)
class Slow(Shelf):
    """A library that takes its time."""

    takes_s: float = 0.0

    async def search(
        self, text: str, *, language: str, written: str, audiences: frozenset[Audience], limit: int
    ) -> Retrieval:  # fmt: skip
        await asyncio.sleep(self.takes_s)
        return await Shelf.search(self, text, language=language, written=written, audiences=audiences, limit=limit)


@dataclass(slots=True)
class Unhurried(QuietMessenger):
    """Telegram that takes its time, so that what is written next has to wait."""

    began: list[str] = field(default_factory=list)
    """What was handed over, in order, whether it has arrived yet or not."""

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content, *, reply_to: int | None = None) -> Sent:
        self.began.append(content.text if isinstance(content, Text) else "")
        await asyncio.sleep(0.03)
        return await QuietMessenger.send(self, chat_id, thread_id, content, reply_to=reply_to)


@pytest.mark.parametrize("attempt", range(24))
async def test_whenever_a_case_is_claimed_no_answer_follows_the_word_that_a_person_is_here(
    place: Database, clock: FakeClock, attempt: int
) -> None:
    """The assistant answers again (the person said that they are safe) while their case waits; then somebody takes it."""
    dice = Random(attempt)
    shelf = Slow(by_word={"family": FAMILY}, takes_s=dice.choice([0.0, 0.005, 0.02]))
    app = an_app(place.storage(), clock, shelf=shelf, intents=Intents(), messenger=(telegram := Unhurried()))
    amina, lea = Someone(app, ChatId(71), hint="en"), await linked(app, clock)
    assert (await amina.says(BOAT)).case_opened
    await amina.presses("safe")
    case = (await app.storage.run(lambda uow: uow.cases.all()))[0]
    stop = asyncio.Event()
    sending = asyncio.create_task(Sender(app, Budget(overall_per_s=1e6, private_per_s=1e6, group_per_min=6e7)).run(stop))
    await amina.commands("help")  # its answer is on the way while the question is answered
    asking = asyncio.create_task(amina.says(QUESTION))
    await asyncio.sleep(dice.uniform(0, 0.12))
    for _ in range(5):
        try:
            await app.storage.run(lambda uow: casework.claim(uow, app, uow.cases.get(case.id), lea, now=clock.now()))
            break
        except VersionConflict:
            continue
    handed_over = len(telegram.began)
    await asking
    await amina.says(BOAT)
    stop.set()
    await sending
    texts = await amina.receives()
    claimed = texts.index(app.catalogue.text("human_joined", "en"))
    assert not any(FAMILY.lead in text for text in texts[claimed:])
    assert not any(FAMILY.lead in text for text in telegram.began[handed_over:]), "nor after the claim itself"
    assert len(texts[claimed:]) <= 2, "at most the card follows"


async def linked(app: App, clock: FakeClock) -> StaffMember:
    def join(uow: UnitOfWork) -> StaffMember:
        now = clock.now()
        uow.staff.invite("code", desk_role=DeskRole.CASEWORKER, expires_at=now + timedelta(hours=1), now=now)
        return uow.staff.redeem("code", chat_id=ChatId(900), now=now)

    return await app.storage.run(join)


async def test_fifty_claims_at_once_have_one_winner(database: Database, clock: FakeClock) -> None:
    storage = database.storage()
    app = an_app(storage, clock, shelf=Shelf(), intents=Intents())
    amina = Someone(app, ChatId(71), hint="en")
    await amina.commands("human")
    await amina.presses("Yes")
    case = (await storage.run(lambda uow: uow.cases.all()))[0]

    def join(uow: UnitOfWork, n: int) -> None:
        now = clock.now()
        uow.staff.invite(f"c{n}", desk_role=DeskRole.CASEWORKER, expires_at=now + timedelta(hours=1), now=now)
        uow.staff.redeem(f"c{n}", chat_id=ChatId(900 + n), now=now)

    for n in range(50):
        await storage.run(lambda uow, n=n: join(uow, n))  # type: ignore[misc]
    members = await storage.run(lambda uow: uow.staff.all())
    stores = [database.storage() for _ in range(4)] if database.kind == "postgresql" else [storage]

    async def try_to_claim(n: int) -> str:
        own: SqlStorage = stores[n % len(stores)]
        while True:
            try:
                await own.run(lambda uow: casework.claim(uow, app, uow.cases.get(case.id), members[n], now=clock.now()))
                return "won"
            except VersionConflict:
                continue
            except CaseAlreadyClaimed as exc:
                return exc.by

    outcomes = await asyncio.gather(*(try_to_claim(n) for n in range(50)))
    winner = members[outcomes.index("won")]
    assert outcomes.count("won") == 1
    assert set(outcomes) == {"won", winner.alias}, "everybody else is told who"


async def test_retention_erases_words_after_their_time_and_not_before(app: App, clock: FakeClock) -> None:
    amina = Someone(app, ChatId(71), hint="en")
    result = await amina.says(QUESTION)
    await amina.receives()
    clock.advance(hours=23)
    assert (await housekeeping.sweep(app)).turn_texts == 0
    clock.advance(hours=2)
    swept = await housekeeping.sweep(app)
    assert swept.turn_texts == 1
    record = await app.storage.run(lambda uow: uow.turns.get(UpdateId(result.record.update_id)))
    assert record is not None
    assert (record.text, record.rule_id) == (None, result.record.rule_id)
    clock.advance(days=400)
    swept = await housekeeping.sweep(app)
    assert (swept.people, swept.turn_facts) == (1, 1)
    person = await app.storage.run(lambda uow: uow.people.get(result.record.person_id))
    assert person.state is PersonState.ERASED


async def test_a_person_who_blocked_us_is_written_to_again_once_they_write(app: App, clock: FakeClock) -> None:
    amina = Someone(app, ChatId(71), hint="en")
    result = await amina.says(QUESTION)
    await amina.receives()
    person_id = result.record.person_id
    await app.storage.run(lambda uow: casework.person_unreachable(uow, app, person_id, key="k", now=clock.now()))
    assert (await app.storage.run(lambda uow: uow.people.get(person_id))).state is PersonState.BLOCKED
    again = await amina.says(QUESTION)
    assert again.decision.outcome is Outcome.ANSWER
    assert (await app.storage.run(lambda uow: uow.people.get(person_id))).state is PersonState.ACTIVE


async def test_the_desk_can_be_worked_without_a_group(app: App) -> None:
    amina = Someone(app, ChatId(71), hint="en")
    await amina.commands("human")
    await amina.presses("Yes")
    case = (await app.storage.run(lambda uow: uow.cases.all()))[0]
    now = app.clock.now()

    def join(uow: UnitOfWork) -> StaffMember:
        uow.staff.invite("c", desk_role=DeskRole.CASEWORKER, expires_at=now + timedelta(hours=1), now=now)
        return uow.staff.redeem("c", chat_id=ChatId(900), now=now)

    lea = await app.storage.run(join)

    async def act(verb: str, value: str = "") -> str:
        return await app.storage.run(lambda uow: desk.act(uow, app, uow.cases.get(case.id), lea, verb, value))

    assert await act("claim") == CATALOGUE.staff_text("did_claim")
    await app.storage.run(
        lambda uow: relay.reply(uow, app, uow.cases.get(case.id), lea, text="Good morning", key="reply", now=now)
    )
    assert (await amina.receives())[-1] == "Caseworker: Good morning"
    assert await act("resolve", "helped") == CATALOGUE.staff_text("did_resolve")
    assert case.number in (await amina.receives())[-1]
