"""The real client against the emulated Bot API: what is sent arrives, and every refusal becomes ours."""

import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.adapters.telegram import TelegramMessenger, TelegramUpdates, describe_desk, set_up
from bot.domain.deliveries import CloseTopic, Copy, Reaction, Text, WireButton
from bot.domain.errors import (
    DeskUnavailable,
    GroupMigrated,
    MessageRefused,
    PersonUnreachable,
    TelegramUnavailable,
    TopicClosed,
    TopicMissing,
    WaypostError,
)
from bot.domain.ids import ChatId
from bot.service.ports import Sent
from emulators.ptb import connected_bot
from emulators.telegram import Emulator, Group, User

HELLO = Text(text="hello")


@pytest.fixture(autouse=True)
def waits_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the container sets it: python-telegram-bot warns where a wait is read as a number."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
async def tg() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator
        assert emulator.schema_errors == []


@pytest.fixture
async def client(tg: Emulator) -> AsyncIterator[Bot]:
    async with connected_bot(tg, read_timeout_s=0.3) as bot:
        yield bot


@pytest.fixture
def messenger(client: Bot) -> TelegramMessenger:
    return TelegramMessenger(client)


@pytest.fixture
async def updates(client: Bot) -> AsyncIterator[TelegramUpdates]:
    source = TelegramUpdates(client, wait_s=0)
    yield source
    await source.close()


@pytest.fixture
def amina(tg: Emulator) -> User:
    user = tg.add_user("Amina")
    user.start()
    return user


@pytest.fixture
def lea(tg: Emulator) -> User:
    return tg.add_user("Lea")


@pytest.fixture
def group(tg: Emulator, lea: User) -> Group:
    return tg.add_group("Caseworkers", members=[lea])


async def refused(messenger: TelegramMessenger, chat: int, thread: int | None = None, content: Text = HELLO) -> WaypostError:
    with pytest.raises(WaypostError) as caught:
        await messenger.send(ChatId(chat), thread, content)
    return caught.value


class TestSending:
    async def test_a_text_with_buttons_arrives_without_preview(
        self, messenger: TelegramMessenger, amina: User, tg: Emulator
    ) -> None:
        rows = (
            (WireButton(label="Yes", token="t1"), WireButton(label="No", token="t2")),
            (WireButton(label="Later", token="t3"),),
        )
        sent = await messenger.send(ChatId(amina.user_id), None, Text(text="Choose: https://example.org", buttons=rows))
        assert amina.inbox[-1].message_id == sent.message_ids[0]
        assert [[button["callback_data"] for button in row] for row in amina.inbox[-1].keyboard] == [["t1", "t2"], ["t3"]]
        assert "is_disabled" in str(tg.calls_of("sendMessage")[-1].params["link_preview_options"])

    async def test_the_signs_of_markup_stay_as_they_are_written(self, messenger: TelegramMessenger, amina: User) -> None:
        text = "*no* _markup_ <b>here</b> & [there](x) 👨\u200d👩\u200d👧"
        await messenger.send(ChatId(amina.user_id), None, Text(text=text))
        assert amina.texts[-1] == text

    async def test_an_answer_to_a_message_that_is_gone_is_sent_all_the_same(
        self, messenger: TelegramMessenger, amina: User
    ) -> None:
        question = amina.send("?")
        await messenger.send(ChatId(amina.user_id), None, Text(text="first"), reply_to=question.message_id)
        amina.delete(question)
        await messenger.send(ChatId(amina.user_id), None, Text(text="second"), reply_to=question.message_id)
        assert amina.texts[-2:] == ["first", "second"]

    async def test_a_topic_is_made_and_written_in_and_general_stays_empty(
        self, messenger: TelegramMessenger, group: Group
    ) -> None:
        thread = await messenger.create_topic(ChatId(group.chat_id), "#AAA-111 · ar")
        await messenger.send(ChatId(group.chat_id), thread, Text(text="in the topic"))
        assert [topic.name for topic in group.topics] == ["#AAA-111 · ar"]
        assert group.texts == ["in the topic"]
        assert group.general == []

    async def test_without_a_thread_a_group_gets_it_in_general(self, messenger: TelegramMessenger, group: Group) -> None:
        await messenger.send(ChatId(group.chat_id), None, Text(text="to all"))
        assert [message.text for message in group.general] == ["to all"]

    async def test_a_copy_shows_nobody_where_it_came_from(
        self, messenger: TelegramMessenger, amina: User, lea: User, group: Group
    ) -> None:
        topic = group.create_topic("Case", by=lea)
        photo = amina.send_photo("my paper")
        sent = await messenger.send(
            ChatId(group.chat_id), topic.thread_id, Copy(from_chat_id=ChatId(amina.user_id), message_ids=(photo.message_id,))
        )
        copied = group.chat.present[-1]
        assert (copied.message_id, copied.thread_id) == (sent.message_ids[0], topic.thread_id)
        assert "forward_origin" not in copied.content

    async def test_a_reaction_is_put_under_the_message(self, messenger: TelegramMessenger, lea: User, group: Group) -> None:
        topic = group.create_topic("Case", by=lea)
        written = lea.post(group, topic, "hello")
        mark = Reaction(message_id=written.message_id, emoji="👌")
        assert await messenger.send(ChatId(group.chat_id), None, mark) == Sent()
        assert "👌" in str(written.reactions)

    async def test_a_topic_is_closed_once_and_closing_it_again_is_no_error(
        self, messenger: TelegramMessenger, lea: User, group: Group
    ) -> None:
        topic = group.create_topic("Case", by=lea)
        for _ in range(2):
            assert await messenger.send(ChatId(group.chat_id), topic.thread_id, CloseTopic()) == Sent()
            assert topic.is_closed
        assert await messenger.send(ChatId(group.chat_id), None, CloseTopic()) == Sent()

    async def test_a_message_that_is_not_modified_counts_as_done(
        self, messenger: TelegramMessenger, amina: User, tg: Emulator
    ) -> None:
        tg.faults.fail_next("sendMessage", 400, "Bad Request: message is not modified: specified new message content")
        assert await messenger.send(ChatId(amina.user_id), None, HELLO) == Sent()


class TestRefusals:
    async def test_a_person_who_blocked_us_is_unreachable(self, messenger: TelegramMessenger, amina: User) -> None:
        amina.block()
        assert type(await refused(messenger, amina.user_id)) is PersonUnreachable

    async def test_a_person_who_left_telegram_is_unreachable(self, messenger: TelegramMessenger, amina: User) -> None:
        amina.deactivate()
        assert type(await refused(messenger, amina.user_id)) is PersonUnreachable

    async def test_a_person_who_never_wrote_or_does_not_exist_is_unreachable(
        self, messenger: TelegramMessenger, tg: Emulator
    ) -> None:
        assert type(await refused(messenger, tg.add_user("Nobody").user_id)) is PersonUnreachable
        assert type(await refused(messenger, 999_999_999)) is PersonUnreachable

    async def test_a_topic_that_was_deleted_is_missing(self, messenger: TelegramMessenger, lea: User, group: Group) -> None:
        topic = group.create_topic("Case", by=lea)
        group.delete_topic(topic)
        assert type(await refused(messenger, group.chat_id, topic.thread_id)) is TopicMissing

    @pytest.mark.parametrize("said", ["message thread not found", "TOPIC_DELETED", "TOPIC_ID_INVALID"])
    async def test_every_word_for_a_missing_topic_is_known(
        self, said: str, messenger: TelegramMessenger, group: Group, tg: Emulator
    ) -> None:
        tg.faults.fail_next("sendMessage", 400, f"Bad Request: {said}")
        assert type(await refused(messenger, group.chat_id, 12)) is TopicMissing

    async def test_a_topic_that_was_closed_is_closed(self, messenger: TelegramMessenger, lea: User, group: Group) -> None:
        topic = group.create_topic("Case", by=lea)
        group.close_topic(topic)
        assert type(await refused(messenger, group.chat_id, topic.thread_id)) is TopicClosed

    async def test_a_group_that_moved_tells_its_new_id(self, messenger: TelegramMessenger, group: Group) -> None:
        old, new = group.chat_id, group.migrate()
        error = await refused(messenger, old)
        assert isinstance(error, GroupMigrated)
        assert error.new_chat_id == new

    async def test_a_group_we_were_put_out_of_is_no_desk(self, messenger: TelegramMessenger, group: Group) -> None:
        group.kick_bot()
        assert type(await refused(messenger, group.chat_id)) is DeskUnavailable
        assert type(await refused(messenger, -100_999_999_999)) is DeskUnavailable

    async def test_a_group_without_topics_or_rights_is_no_desk(
        self, messenger: TelegramMessenger, tg: Emulator, lea: User
    ) -> None:
        plain, weak = tg.add_group("Plain", members=[lea], forum=False), tg.add_group("Weak", members=[lea])
        weak.set_bot_rights(can_manage_topics=False)
        for group in (plain, weak):
            with pytest.raises(DeskUnavailable):
                await messenger.create_topic(ChatId(group.chat_id), "Case")

    @pytest.mark.parametrize("text", ["", "x" * 4097], ids=["empty", "too long"])
    async def test_a_message_telegram_will_never_take_is_refused(
        self, text: str, messenger: TelegramMessenger, amina: User
    ) -> None:
        assert type(await refused(messenger, amina.user_id, content=Text(text=text))) is MessageRefused

    async def test_a_copy_of_a_message_that_is_gone_is_refused(
        self, messenger: TelegramMessenger, amina: User, group: Group
    ) -> None:
        written = amina.send("hello")
        amina.delete(written)
        with pytest.raises(MessageRefused):
            await messenger.send(
                ChatId(group.chat_id), None, Copy(from_chat_id=ChatId(amina.user_id), message_ids=(written.message_id,))
            )


class TestTryLater:
    async def test_a_429_tells_how_long_to_wait(self, messenger: TelegramMessenger, amina: User, tg: Emulator) -> None:
        tg.faults.too_many_requests("sendMessage", 7)
        error = await refused(messenger, amina.user_id)
        assert isinstance(error, TelegramUnavailable)
        assert (error.retry_after_s, error.ambiguous) == (7.0, False)
        assert amina.inbox == []

    async def test_the_html_of_a_front_server_is_no_effect(self, messenger: TelegramMessenger, amina: User, tg: Emulator) -> None:
        tg.faults.bad_gateway("sendMessage")
        error = await refused(messenger, amina.user_id)
        assert isinstance(error, TelegramUnavailable)
        assert (error.retry_after_s, error.ambiguous) == (None, False)

    async def test_a_connection_that_ends_after_the_effect_is_ambiguous(
        self, messenger: TelegramMessenger, amina: User, tg: Emulator
    ) -> None:
        tg.faults.drop_after_effect("sendMessage")
        error = await refused(messenger, amina.user_id)
        assert isinstance(error, TelegramUnavailable)
        assert error.ambiguous
        assert amina.texts == ["hello"]

    async def test_an_answer_that_does_not_come_is_ambiguous(
        self, messenger: TelegramMessenger, amina: User, tg: Emulator
    ) -> None:
        tg.faults.slow("sendMessage", 1.0)
        error = await refused(messenger, amina.user_id)
        assert isinstance(error, TelegramUnavailable)
        assert error.ambiguous

    async def test_a_revoked_token_is_no_fault_of_the_message(
        self, messenger: TelegramMessenger, amina: User, tg: Emulator
    ) -> None:
        tg.faults.fail_next("sendMessage", 401, "Unauthorized")
        error = await refused(messenger, amina.user_id)
        assert isinstance(error, TelegramUnavailable)
        assert not error.ambiguous

    async def test_a_server_that_is_not_there_cannot_have_sent_anything(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            request = HTTPXRequest(httpx_kwargs={"verify": False})
            bot = Bot("42:x", base_url=f"http://127.0.0.1:{unused.getsockname()[1]}/bot", request=request)
            error = await refused(TelegramMessenger(bot), 700_001)
            await request.shutdown()
        assert isinstance(error, TelegramUnavailable)
        assert not error.ambiguous

    @pytest.mark.parametrize("cause", [httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ReadTimeout, httpx.WriteTimeout])
    async def test_a_time_out_before_anything_left_is_not_ambiguous(self, cause: type[httpx.TimeoutException]) -> None:
        def fail(request: httpx.Request) -> httpx.Response:
            raise cause("too long", request=request)

        request = HTTPXRequest(httpx_kwargs={"transport": httpx.MockTransport(fail)})
        error = await refused(TelegramMessenger(Bot("42:x", request=request)), 700_001)
        await request.shutdown()
        assert isinstance(error, TelegramUnavailable)
        assert error.ambiguous is (cause in {httpx.ReadTimeout, httpx.WriteTimeout})


class TestButtonsAndUpdates:
    async def test_a_press_is_answered_and_a_late_answer_is_no_error(
        self, messenger: TelegramMessenger, amina: User, tg: Emulator
    ) -> None:
        await messenger.send(ChatId(amina.user_id), None, Text(text="?", buttons=((WireButton(label="Yes", token="t"),),)))
        amina.press("Yes")
        query = tg.updates[-1]["callback_query"]["id"]
        await messenger.answer_button(query, "x" * 300, alert=True)
        assert len(str(tg.press_of(query).answer)) >= 200
        tg.faults.fail_next("answerCallbackQuery", 400, "Bad Request: query is too old and response timeout expired")
        await messenger.answer_button(query)

    async def test_updates_come_raw_and_move_with_the_offset(self, updates: TelegramUpdates, amina: User) -> None:
        amina.send("hello")
        first, second = await updates.fetch(None)
        assert second["message"]["text"] == "hello"  # type: ignore[index]
        assert isinstance(first["update_id"], int)
        assert [row["update_id"] for row in await updates.fetch(first["update_id"] + 1)] == [second["update_id"]]

    @pytest.mark.parametrize(
        ("code", "said"), [(429, "Too Many Requests: retry after 3"), (409, "Conflict: x"), (401, "Unauthorized")]
    )
    async def test_updates_that_cannot_be_fetched_are_fetched_later(
        self, code: int, said: str, updates: TelegramUpdates, tg: Emulator
    ) -> None:
        tg.faults.fail_next("getUpdates", code, said, parameters={"retry_after": 3} if code == 429 else None)
        with pytest.raises(TelegramUnavailable) as caught:
            await updates.fetch(None)
        assert caught.value.retry_after_s == (3.0 if code == 429 else None)

    async def test_set_up_tells_commands_by_language_and_how_updates_travel(self, client: Bot, tg: Emulator) -> None:
        menu = {"": {"help": "Help"}, "fr": {"help": "Aide", "human": "Une personne"}}
        await set_up(client, menu, None)
        assert (tg.commands(), tg.commands(language_code="fr")) == (["help"], ["help", "human"])
        tg.faults.fail_next("setMyCommands", 500, "Internal Server Error")
        with pytest.raises(TelegramUnavailable):
            await set_up(client, menu, None)

    async def test_what_keeps_us_from_the_desk_is_said_in_words(self, client: Bot, tg: Emulator, lea: User, group: Group) -> None:
        assert await describe_desk(client, ChatId(group.chat_id)) is None
        plain = tg.add_group("Plain", members=[lea], forum=False)
        assert "turn on Topics" in str(await describe_desk(client, ChatId(plain.chat_id)))
        group.make_bot_plain_member()
        assert "promote it" in str(await describe_desk(client, ChatId(group.chat_id)))
        group.kick_bot()
        assert "add the bot to it" in str(await describe_desk(client, ChatId(group.chat_id)))
