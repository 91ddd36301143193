"""The assistant and Telegram: python-telegram-bot against the emulator, by polling and by webhook, with a staff group."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.adapters.clock import SystemClock
from bot.adapters.telegram import TelegramMessenger, open_bot
from bot.domain.people import DeskRole
from bot.service.app import App
from bot.serving import run_telegram
from bot.settings import Settings, Telegram
from emulators.telegram import Emulator, Group, User
from support.assistant import Intents, Shelf, a_hit, an_app
from support.databases import Database, sqlite_file

BOAT = "we are 60 people in a boat and the engine stopped, water is coming in"
FAMILY = a_hit(1, "P08", "A family member applies, and the government decides.")
QUESTION = "what is family reunification and who decides about it"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Database]:
    yield from sqlite_file(tmp_path)


class Town:
    """One assistant, its Telegram and its people."""

    def __init__(self, telegram: Emulator, app: App, amina: User, lea: User, group: Group) -> None:
        self.telegram, self.app, self.amina, self.lea, self.group = telegram, app, amina, lea, group

    async def until(self, condition, timeout_s: float = 10) -> None:  # type: ignore[no-untyped-def]
        await self.telegram.wait_for(condition, timeout_s)

    async def settled(self) -> None:
        """Wait until nothing is left to handle or to send."""
        for _ in range(200):
            counts = await self.app.storage.run(lambda uow: (uow.inbox.pending(), uow.outbox.pending()))
            if counts == (0, 0) and self.telegram.pending_updates == 0:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never settled: {counts}")

    async def make_caseworker(self, user: User, role: DeskRole = DeskRole.CASEWORKER) -> None:
        code, now = secrets.token_hex(4), self.app.clock.now()
        await self.app.storage.run(
            lambda uow: uow.staff.invite(code, desk_role=role, expires_at=now + timedelta(hours=1), now=now)
        )
        user.send(f"/link {code}")
        await self.until(lambda: any("linked" in text for text in user.texts))


@contextlib.asynccontextmanager
async def running(place: Database, webhook_port: int = 0) -> AsyncIterator[Town]:
    async with Emulator() as telegram:
        amina = telegram.add_user("Amina", language_code="en")
        lea = telegram.add_user("Léa", language_code="fr")
        group = telegram.add_group("Desk", members=[lea])
        settings = Settings(
            telegram=Telegram(
                token=telegram.token, group_id=group.chat_id, base_url=telegram.base_url, poll_wait_s=1,
                private_per_s=1000, overall_per_s=1000, group_per_min=100_000,
            )
        )  # fmt: skip
        if webhook_port:  # the emulator posts without TLS, which the settings rightly refuse
            hook = {"webhook_url": f"http://127.0.0.1:{webhook_port}/telegram", "webhook_port": webhook_port}
            telegram_settings = settings.telegram.model_copy(update=hook | {"webhook_secret": SecretStr("s" * 32)})
            settings = settings.model_copy(update={"telegram": telegram_settings})
        bot = open_bot(telegram.token, telegram.base_url)
        shelf = Shelf(by_word={"family": FAMILY})
        app = an_app(
            place.storage(), SystemClock(), shelf=shelf, intents=Intents(by_word={"family": "ask_family_reunification"}),
            group_id=group.chat_id, messenger=TelegramMessenger(bot),
        )  # fmt: skip
        stop = asyncio.Event()
        task = asyncio.create_task(run_telegram(settings, app, bot, stop, lambda _text: None))
        try:
            yield Town(telegram, app, amina, lea, group)
        finally:
            stop.set()
            await task
        assert telegram.schema_errors == []


@pytest.fixture
async def town(place: Database) -> AsyncIterator[Town]:
    async with running(place) as one:
        yield one


async def test_a_question_is_answered_with_its_source(town: Town) -> None:
    town.amina.send(QUESTION)
    await town.until(lambda: len(town.amina.texts) == 2)
    assert FAMILY.lead in town.amina.texts[0]
    assert "https://help.unhcr.org/P08" in town.amina.texts[0]


async def test_the_whole_way_to_a_caseworker_and_back(database: Database) -> None:
    """On every kind of database: the same code serves one office and a country."""
    async with running(database) as town:
        await whole_way(town)


async def whole_way(town: Town) -> None:
    await town.make_caseworker(town.lea)
    town.amina.send("/human")
    await town.until(lambda: any("Yes" in button for message in town.amina.inbox for button in labels(message)))
    town.amina.press(label_of(town.amina, "Yes"))
    await town.until(lambda: len(town.group.topics) == 1 and len(town.group.topics[0].messages) >= 2)
    topic = town.group.topics[0]
    number = re.search(r"#(\w{3}-\w{3})", topic.name)
    assert number is not None
    assert "Amina" not in " ".join(topic.texts), "no name of a person in the group"

    town.lea.post(town.group, topic, "let me look first")
    town.lea.press("Claim", group=town.group)
    await town.until(lambda: any("From now on a person" in text for text in town.amina.texts))
    town.lea.post(town.group, topic, "Good morning. Where are you now?")
    town.lea.post(town.group, topic, "// she sounds calm")
    await town.until(lambda: "Caseworker: Good morning. Where are you now?" in town.amina.texts)
    town.amina.send("In Tunis, near the station")
    await town.until(lambda: any("In Tunis, near the station" in text for text in topic.texts))
    await town.until(lambda: any("Resolve …" in labels(message) for message in topic.messages))
    town.lea.press("Resolve …", group=town.group)
    await town.until(lambda: any("Helped" in labels(message) for message in topic.messages))
    town.lea.press("Helped", group=town.group)
    await town.until(lambda: any(f"Case {number[1]} is closed" in text for text in town.amina.texts))
    town.amina.send(QUESTION)
    await town.until(lambda: any(FAMILY.lead in text for text in town.amina.texts))
    await town.settled()
    for note in ("let me look first", "she sounds calm"):
        assert all(note not in text for text in town.amina.texts)
    assert topic.is_closed


async def test_danger_is_answered_first_and_shown_to_the_desk(town: Town) -> None:
    town.amina.send(BOAT)
    await town.until(lambda: town.amina.texts and len(town.group.topics) == 1)
    assert town.amina.texts[0].startswith(town.app.cards.text("distress", "en")[:40])


async def test_a_deleted_topic_is_made_anew_and_gets_the_very_message(town: Town) -> None:
    await open_a_case(town)
    town.group.delete_topic(town.group.topics[0])
    town.amina.send("is anybody there?")
    await town.until(lambda: town.group.topics and any("is anybody there?" in text for text in town.group.topics[-1].texts))
    await town.settled()
    assert [message.text for message in town.group.general if message.text] == []


async def test_a_migrated_group_is_followed(town: Town) -> None:
    await open_a_case(town)
    town.group.migrate()
    town.amina.send("after the move")
    await town.until(lambda: any("after the move" in text for topic in town.group.topics for text in topic.texts))


async def test_a_person_who_blocks_us_is_shown_as_unreachable(town: Town) -> None:
    await town.make_caseworker(town.lea)
    await open_a_case(town)
    town.lea.press("Claim", group=town.group)
    await town.settled()
    town.amina.block()
    town.lea.post(town.group, town.group.topics[0], "are you still there?")
    await town.until(lambda: any("blocked the bot" in text for text in town.group.topics[0].texts))


async def test_a_429_delays_and_loses_nothing(town: Town) -> None:
    town.telegram.faults.too_many_requests("sendMessage", 1, times=2)
    town.amina.send(QUESTION)
    await town.until(lambda: len(town.amina.texts) == 2, 15)
    assert FAMILY.lead in town.amina.texts[0]


async def test_a_bad_gateway_and_a_dropped_answer_lose_nothing(town: Town) -> None:
    town.telegram.faults.bad_gateway("sendMessage", times=1)
    town.amina.send(QUESTION)
    await town.until(lambda: len(town.amina.texts) >= 2, 15)
    town.telegram.faults.drop_after_effect("sendMessage", times=1)
    town.amina.send("/help")
    await town.until(lambda: any("/privacy" in text for text in town.amina.texts), 15)
    await town.settled()


@pytest.mark.parametrize("what", ["photo", "voice", "sticker", "location", "document", "video", "contact"])
async def test_every_kind_of_message_gets_a_kind_answer(town: Town, what: str) -> None:
    actions: dict[str, Callable[[], object]] = {
        "photo": town.amina.send_photo, "voice": town.amina.send_voice, "document": town.amina.send_document,
        "video": town.amina.send_video, "sticker": lambda: town.amina.send_sticker("👍"),
        "location": lambda: town.amina.send_location(36.8, 10.1), "contact": lambda: town.amina.send_contact("+21612345678"),
    }  # fmt: skip
    actions[what]()
    await town.until(lambda: town.amina.texts)
    await town.settled()
    dispositions = await town.app.storage.run(lambda uow: uow.inbox.dispositions())
    assert set(dispositions.values()) == {"refused_with_notice"}


async def test_an_edited_message_is_noticed(town: Town) -> None:
    message = town.amina.send(QUESTION)
    await town.until(lambda: len(town.amina.texts) == 2)
    town.amina.edit(message, "what is family reunification, please")
    await town.until(lambda: len(town.amina.texts) == 3)


async def test_a_duplicated_update_is_answered_once(town: Town) -> None:
    town.telegram.faults.duplicate_updates(times=1)
    town.amina.send(QUESTION)
    await town.until(lambda: len(town.amina.texts) == 2)
    await asyncio.sleep(0.3)
    await town.settled()
    assert len(town.amina.texts) == 2


async def test_nothing_of_the_profile_is_in_the_database(town: Town, place: Database) -> None:
    person = town.telegram.add_user("Zzyzxname", language_code="fr", username="zzyzxhandle", last_name="Zzyzxlast")
    person.send("bonjour, qui décide de la family reunification")
    await town.until(lambda: person.texts)
    await town.settled()
    raw = b"".join(path.read_bytes() for path in (place.folder / "data").glob("waypost.db*"))
    assert b"update_inbox" in raw
    for secret in (b"Zzyzx", b"zzyzx", b"bonjour, qui", str(person.user_id).encode()):
        assert secret not in raw


async def test_updates_arrive_by_webhook_too(place: Database, unused_port: int) -> None:
    async with running(place, webhook_port=unused_port) as town:
        town.amina.send(QUESTION)
        await town.until(lambda: len(town.amina.texts) == 2, 15)


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def open_a_case(town: Town) -> None:
    town.amina.send("/human")
    await town.until(lambda: any("Yes" in button for message in town.amina.inbox for button in labels(message)))
    town.amina.press(label_of(town.amina, "Yes"))
    await town.until(lambda: town.group.topics and len(town.group.topics[0].messages) >= 2)
    await town.settled()


def labels(message) -> list[str]:  # type: ignore[no-untyped-def]
    return [
        button.get("text", "") if isinstance(button, dict) else getattr(button, "text", str(button)) for button in message.buttons
    ]


def label_of(user: User, part: str) -> str:
    return next(label for message in reversed(user.inbox) for label in labels(message) if part in label)
