"""Updates travel from the emulator to a bot: by polling, by webhook, once, in order, and again after a failure."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import BadRequest, Conflict
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from emulators.ptb import connected_bot
from emulators.telegram import Emulator, User

Context = ContextTypes.DEFAULT_TYPE
YES = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="token-1")]])


@pytest.fixture
async def tg() -> AsyncIterator[Emulator]:
    async with Emulator(webhook_retry_s=0.02) as emulator:
        yield emulator
        assert emulator.schema_errors == []


@pytest.fixture
async def bot(tg: Emulator) -> AsyncIterator[Bot]:
    async with connected_bot(tg) as client:
        yield client


@pytest.fixture
def amina(tg: Emulator) -> User:
    return tg.add_user("Amina", language_code="ar")


class Hook:
    """A bot that is nothing but a webhook: it records what it gets and answers as told."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.secrets: list[str | None] = []
        self.answers: list[web.Response] = []
        self.delay_s = 0.0
        self.running = 0
        self.most_at_once = 0
        self.url = ""

    @property
    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.received]

    async def take(self, request: web.Request) -> web.Response:
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        await asyncio.sleep(self.delay_s)
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        answer = self.answers.pop(0) if self.answers else web.Response()
        if answer.status == 200:
            self.received.append(await request.json())
        self.running -= 1
        return answer


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    listening = Hook()
    app = web.Application()
    app.router.add_post("/hook", listening.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    listening.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield listening
    await runner.cleanup()


# --- polling ------------------------------------------------------------------------------------------------------


async def test_an_application_converses_by_polling(tg: Emulator, amina: User) -> None:
    async def greet(update: Update, context: Context) -> None:
        assert update.message is not None
        await update.message.reply_text("Shall we begin?", reply_markup=YES)

    async def confirm(update: Update, context: Context) -> None:
        assert update.callback_query is not None
        await update.callback_query.answer("Thank you")
        await update.callback_query.edit_message_text("We begin.")

    async def echo(update: Update, context: Context) -> None:
        message = update.edited_message or update.message
        assert message is not None
        await message.reply_text(f"{'edited' if update.edited_message else 'new'}: {message.text}")

    application = Application.builder().token(tg.token).base_url(tg.base_url).base_file_url(tg.base_file_url).build()
    application.add_handlers([CommandHandler("start", greet), CallbackQueryHandler(confirm), MessageHandler(filters.TEXT, echo)])
    assert application.updater is not None
    async with application:
        await application.start()
        await application.updater.start_polling()
        amina.start("flyer7")
        await tg.wait_for(lambda: amina.inbox)
        press = amina.press("Yes")
        await tg.wait_for(lambda: amina.texts == ["We begin."])
        amina.edit(amina.send("one"), "two")
        await tg.wait_for(lambda: amina.texts[1:] == ["new: one", "edited: two"])
        await application.updater.stop()
        await application.stop()
    assert getattr(press, "answer", None) == "Thank you"
    assert tg.pending_updates == 0


async def test_updates_are_repeated_until_the_offset_passes_them(tg: Emulator, bot: Bot, amina: User) -> None:
    for text in ("one", "two", "three"):
        amina.send(text)
    first = await bot.get_updates()
    assert [update.message.text for update in first if update.message] == ["one", "two", "three"]
    assert await bot.get_updates() == first
    assert await bot.get_updates(offset=first[0].update_id + 1, limit=1) == first[1:2]
    assert tg.pending_updates == 2


async def test_a_negative_offset_keeps_only_the_newest(tg: Emulator, bot: Bot, amina: User) -> None:
    for text in ("one", "two", "three"):
        amina.send(text)
    assert [update.message.text for update in await bot.get_updates(offset=-1) if update.message] == ["three"]
    assert tg.pending_updates == 1


async def test_a_long_poll_ends_as_soon_as_something_happens(bot: Bot, amina: User) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    await asyncio.sleep(0.05)
    amina.send("now")
    updates = await asyncio.wait_for(poll, 1)
    assert len(updates) == 1


async def test_a_long_poll_without_news_ends_empty(bot: Bot) -> None:
    assert await bot.get_updates(timeout=1) == ()


async def test_of_two_pollers_the_older_is_refused(bot: Bot, amina: User) -> None:
    older = asyncio.create_task(bot.get_updates(timeout=5))
    await asyncio.sleep(0.05)
    newer = asyncio.create_task(bot.get_updates(timeout=5))
    with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that only one bot instance"):
        await older
    amina.send("for the newer")
    assert len(await newer) == 1


async def test_only_the_kinds_that_were_asked_for_are_queued(tg: Emulator, bot: Bot, amina: User) -> None:
    said = amina.send("before")
    amina.react(said, "👍")  # not sent by default
    await bot.get_updates(allowed_updates=["message", "message_reaction"])
    amina.react(said, "❤")
    amina.block()
    kinds = [next(name for name in update if name != "update_id") for update in tg.updates]
    assert kinds == ["message", "message_reaction"]


async def test_updates_expire_after_a_day(tg: Emulator, bot: Bot, amina: User) -> None:
    amina.send("yesterday")
    tg.advance(24 * 3600 + 1)
    amina.send("today")
    assert [update.message.text for update in await bot.get_updates() if update.message] == ["today"]


async def test_everything_a_person_can_send_reaches_the_bot(tg: Emulator, bot: Bot, amina: User) -> None:
    amina.send("/help me https://example.org")
    amina.send_photo("a letter")
    amina.send_document(file_name="عقد.pdf")
    amina.send_voice()
    amina.send_sticker("🙏")
    amina.send_video()
    amina.send_location(36.2, 37.1)
    amina.send_contact("+963 000")
    amina.send_album(["page 1", "page 2"])
    amina.forward("They open the border tomorrow", author="Border news")
    messages = [update.message for update in await bot.get_updates() if update.message]
    assert [entity.type for entity in messages[0].entities] == ["bot_command", "url"]
    kinds = [(message.effective_attachment is not None) for message in messages]
    assert kinds == [False, *[True] * 9, False]
    assert messages[8].media_group_id == messages[9].media_group_id
    assert messages[10].forward_origin is not None


async def test_a_press_is_answered_once_and_not_after_its_time(tg: Emulator, bot: Bot, amina: User) -> None:
    amina.start()
    await bot.send_message(amina.user_id, "?", reply_markup=YES)
    press = amina.press("token-1")
    (*_, update) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "token-1"
    await bot.answer_callback_query(update.callback_query.id, "ok", show_alert=True)
    assert (getattr(press, "is_answered", None), getattr(press, "is_alert", None)) == (True, True)
    with pytest.raises(BadRequest, match=r"[Qq]uery is too old and response timeout expired or query id is invalid"):
        await bot.answer_callback_query(update.callback_query.id)
    late = amina.press("Yes")
    tg.advance(3600)
    with pytest.raises(BadRequest, match=r"[Qq]uery is too old"):
        await bot.answer_callback_query(getattr(late, "query_id", ""))


# --- webhook ------------------------------------------------------------------------------------------------------


async def test_a_webhook_gets_the_update_with_the_secret(tg: Emulator, bot: Bot, amina: User, hook: Hook) -> None:
    amina.send("before")
    await bot.set_webhook(hook.url, secret_token="s3cret-Token_")
    amina.send("after")
    await tg.wait_for(lambda: hook.texts == ["before", "after"])
    assert set(hook.secrets) == {"s3cret-Token_"}
    assert (await bot.get_webhook_info()).url == hook.url
    await tg.wait_for(lambda: tg.pending_updates == 0)


async def test_a_webhook_is_served_in_order_within_a_chat_and_in_parallel_across_chats(
    tg: Emulator, bot: Bot, amina: User, hook: Hook
) -> None:
    yusuf = tg.add_user("Yusuf")
    hook.delay_s = 0.02
    await bot.set_webhook(hook.url)
    for number in range(4):
        amina.send(f"a{number}")
        yusuf.send(f"y{number}")
    await tg.wait_for(lambda: len(hook.received) == 8)
    assert [text for text in hook.texts if text[0] == "a"] == ["a0", "a1", "a2", "a3"]
    assert [text for text in hook.texts if text[0] == "y"] == ["y0", "y1", "y2", "y3"]
    assert hook.most_at_once == 2


async def test_a_refused_webhook_call_is_repeated_and_reported(tg: Emulator, bot: Bot, amina: User, hook: Hook) -> None:
    hook.answers = [web.Response(status=500), web.Response(status=429, headers={"Retry-After": "0.03"})]
    await bot.set_webhook(hook.url)
    amina.send("persistent")
    await tg.wait_for(lambda: hook.texts == ["persistent"])
    assert len(hook.secrets) == 3
    assert "Wrong response from the webhook: 429" in str((await bot.get_webhook_info()).last_error_message)


async def test_an_unreachable_webhook_keeps_the_updates(tg: Emulator, bot: Bot, amina: User) -> None:
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    amina.send("waiting")
    info = await bot.get_webhook_info()
    assert info.pending_update_count == 1
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1


async def test_polling_and_webhook_exclude_each_other(bot: Bot, hook: Hook) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=5))
    await asyncio.sleep(0.05)
    await bot.set_webhook(hook.url)
    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()


async def test_pending_updates_can_be_dropped(tg: Emulator, bot: Bot, amina: User) -> None:
    amina.send("lost")
    await bot.delete_webhook(drop_pending_updates=True)
    assert tg.pending_updates == 0


@pytest.mark.parametrize("url", ["http://example.org/hook", "ftp://127.0.0.1/"])
async def test_a_webhook_elsewhere_needs_https(bot: Bot, url: str) -> None:
    with pytest.raises(BadRequest, match=r"(?i)HTTPS URL must be provided"):
        await bot.set_webhook(url)


async def test_a_secret_with_odd_characters_is_refused(bot: Bot, hook: Hook) -> None:
    with pytest.raises(BadRequest, match="unallowed characters"):
        await bot.set_webhook(hook.url, secret_token="sp ace")


async def test_waiting_in_vain_tells_what_the_bot_did_last(tg: Emulator, bot: Bot, amina: User) -> None:
    amina.start()
    await bot.send_message(amina.user_id, "x")
    with pytest.raises(TimeoutError, match=r"sendMessage\(\d+\) -> ok"), contextlib.suppress(KeyError):
        await tg.wait_for(lambda: False, timeout_s=0.02)
