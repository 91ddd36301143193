"""The emulator's faults do what they say, to a real client; and what violates the documentation is noticed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from telegram import Bot
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut

from emulators.methods import HANDLERS
from emulators.ptb import connected_bot
from emulators.schema import SCHEMA_FILE, Upload, bot_api
from emulators.telegram import Emulator, User


@pytest.fixture(autouse=True)
def timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
async def tg() -> AsyncIterator[Emulator]:
    async with Emulator(webhook_retry_s=0.02) as emulator:
        yield emulator


@pytest.fixture
async def bot(tg: Emulator) -> AsyncIterator[Bot]:
    async with connected_bot(tg, read_timeout_s=0.3) as client:
        yield client
    assert tg.schema_errors == []


@pytest.fixture
def amina(tg: Emulator) -> User:
    user = tg.add_user("Amina")
    user.start()
    return user


async def raw(tg: Emulator, method: str, *, token: str | None = None, **params: Any) -> tuple[int, dict[str, Any]]:
    """Call as no library would."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{tg.base_url}{token or tg.token}/{method}", json=params) as response,
    ):
        return response.status, await response.json()


# --- faults -------------------------------------------------------------------------------------------------------


async def test_a_planned_failure_hits_the_chosen_chat_so_many_times(tg: Emulator, bot: Bot, amina: User) -> None:
    yusuf = tg.add_user("Yusuf")
    yusuf.start()
    text = "Forbidden: bot was blocked by the user"
    tg.faults.fail_next("sendMessage", 403, text, chat_id=amina.user_id, times=2)
    await bot.send_message(yusuf.user_id, "reached")
    for _ in range(2):
        with pytest.raises(Forbidden, match=text):
            await bot.send_message(amina.user_id, "refused")
    await bot.send_message(amina.user_id, "third time")
    assert (amina.texts, yusuf.texts) == (["third time"], ["reached"])


async def test_a_failure_may_carry_parameters(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.fail_next("sendMessage", 400, "Bad Request: group chat was upgraded", parameters={"migrate_to_chat_id": -100})
    with pytest.raises(Exception, match="-100"):
        await bot.send_message(amina.user_id, "x")


async def test_too_many_requests_says_when_to_come_back(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.too_many_requests("sendMessage", 7)
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(amina.user_id, "x")
    assert caught.value.retry_after == timedelta(seconds=7)
    assert amina.inbox == []


async def test_a_bad_gateway_answers_with_html(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.bad_gateway(None)
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(amina.user_id, "x")
    assert tg.calls[-1].outcome == "502 Bad Gateway"
    assert amina.inbox == []


async def test_a_fault_for_any_method_spares_polling(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.bad_gateway(None)
    await bot.get_updates()
    with pytest.raises(NetworkError):
        await bot.send_chat_action(amina.user_id, "typing")


async def test_a_connection_dropped_after_the_effect_leaves_a_message(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.drop_after_effect("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(amina.user_id, "did it arrive?")
    assert amina.texts == ["did it arrive?"]
    assert tg.calls[-1].outcome == "dropped after ok"


async def test_a_connection_dropped_before_the_effect_leaves_nothing(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.drop_before_effect("sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(amina.user_id, "did it arrive?")
    assert amina.texts == []
    assert tg.calls[-1].outcome == "dropped"


async def test_a_slow_answer_makes_the_client_give_up_although_the_message_is_there(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.slow("sendMessage", 0.6)
    with pytest.raises(TimedOut):
        await bot.send_message(amina.user_id, "slow")
    assert amina.texts == ["slow"]
    await tg.wait_for(lambda: tg.calls[-1].took_s > 0.5)


async def test_a_slow_call_does_not_hold_up_others(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.slow("sendMessage", 0.2)
    slow = asyncio.create_task(bot.send_message(amina.user_id, "slow"))
    await asyncio.sleep(0.02)
    started = time.monotonic()
    await bot.send_message(amina.user_id, "quick")
    assert time.monotonic() - started < 0.15
    await slow


async def test_a_duplicated_update_comes_again_after_it_was_confirmed(tg: Emulator, bot: Bot, amina: User) -> None:
    await bot.get_updates(offset=2**40)
    tg.faults.duplicate_updates()
    amina.send("once")
    amina.send("not twice")
    first, second = await bot.get_updates()
    assert await bot.get_updates(offset=second.update_id + 1) == (first,)
    assert await bot.get_updates(offset=second.update_id + 1) == ()


async def test_a_duplicated_update_comes_twice_to_a_webhook(tg: Emulator, bot: Bot, amina: User) -> None:
    await bot.get_updates(offset=2**40)
    received: list[int] = []

    async def take(request: web.Request) -> web.Response:
        received.append((await request.json())["update_id"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await bot.set_webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    tg.faults.duplicate_updates()
    amina.send("twice")
    await tg.wait_for(lambda: len(received) == 2)
    assert len(set(received)) == 1
    await runner.cleanup()


async def outcomes_under_chaos(seed: int) -> list[str]:
    async with Emulator() as tg:
        amina = tg.add_user("Amina")
        amina.start()
        tg.faults.chaos(seed=seed, too_many=0.2, bad_gateway=0.2, drop_after=0.2)
        async with aiohttp.ClientSession() as session:
            for number in range(40):
                body = {"chat_id": amina.user_id, "text": str(number)}
                try:
                    async with session.post(f"{tg.base_url}{tg.token}/sendMessage", json=body):
                        pass
                except aiohttp.ClientError:
                    pass
        outcomes = [call.outcome for call in tg.calls]
        assert len(amina.inbox) == sum(outcome in ("ok", "dropped after ok") for outcome in outcomes)
        return outcomes


async def test_a_person_can_act_between_an_effect_and_its_answer(tg: Emulator, bot: Bot) -> None:
    group = tg.add_group(members=[tg.add_user("Lea")])
    tg.after("createForumTopic", lambda call: group.delete_topic(group.topics[-1]))
    first = await bot.create_forum_topic(group.chat_id, "WP-0001")
    second = await bot.create_forum_topic(group.chat_id, "WP-0002")
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(group.chat_id, "x", message_thread_id=first.message_thread_id)
    await bot.send_message(group.chat_id, "x", message_thread_id=second.message_thread_id)


@pytest.mark.parametrize(("drop", "arrived"), [("drop_before_effect", []), ("drop_after_effect", ["x"])])
async def test_a_call_may_hang_until_the_client_gives_up(
    tg: Emulator, bot: Bot, amina: User, drop: str, arrived: list[str]
) -> None:
    getattr(tg.faults, drop)("sendMessage", delay_s=0.5)
    with pytest.raises(TimedOut):
        await bot.send_message(amina.user_id, "x")
    await tg.wait_for(lambda: tg.calls[-1].outcome.startswith("dropped"))
    assert amina.texts == arrived


async def test_chaos_is_the_same_for_the_same_seed_and_mixes_all_faults() -> None:
    outcomes = await outcomes_under_chaos(5)
    assert outcomes == await outcomes_under_chaos(5)
    assert {outcome.split()[0] for outcome in outcomes} == {"ok", "429", "502", "dropped"}


async def test_the_rate_model_allows_20_a_minute_in_a_group_counting_edits_and_topics(tg: Emulator, bot: Bot) -> None:
    lea = tg.add_user("Lea")
    group = tg.add_group(members=[lea])
    tg.faults.limit_rates()
    await bot.create_forum_topic(group.chat_id, "one")
    sent = await bot.send_message(group.chat_id, "two")
    await bot.edit_message_text("three", group.chat_id, sent.message_id)
    for _ in range(17):
        await bot.send_message(group.chat_id, "x")
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(group.chat_id, "the 21st")
    assert timedelta(seconds=50) < caught.value.retry_after <= timedelta(seconds=61)  # type: ignore[operator]
    lea.send("in private")
    await bot.send_message(lea.user_id, "not affected")
    tg.advance(61)
    await bot.send_message(group.chat_id, "a minute later")


async def test_cleared_faults_are_gone(tg: Emulator, bot: Bot, amina: User) -> None:
    tg.faults.bad_gateway("sendMessage", times=5)
    tg.faults.chaos(seed=1, bad_gateway=1.0)
    tg.faults.clear()
    await bot.send_message(amina.user_id, "x")


async def test_every_call_is_logged_without_the_token(tg: Emulator, bot: Bot, amina: User) -> None:
    await bot.send_photo(amina.user_id, b"12345", caption="see")
    call = tg.calls_of("sendPhoto")[0]
    assert (call.is_ok, call.chat_id, call.params["caption"]) == (True, amina.user_id, "see")
    assert repr(call.params["photo"]).endswith("5 bytes>")
    assert tg.token not in repr(tg.calls)


# --- strictness ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"text": "x"}, "sendMessage: missing parameter 'chat_id'"),
        ({"chat_id": 1, "text": "x", "colour": "red"}, "sendMessage: unknown parameter 'colour'"),
        ({"chat_id": 1, "text": 7}, "sendMessage.text: expected String, got int 7"),
        ({"chat_id": 1, "text": "x", "message_thread_id": "two"}, "message_thread_id: expected Integer, got str 'two'"),
        ({"chat_id": 1, "text": "x", "disable_notification": "maybe"}, "disable_notification: expected Boolean"),
        ({"chat_id": 1, "text": "x", "entities": [{"type": "bold", "offset": 0}]}, "missing field 'length'"),
        (
            {"chat_id": 1, "text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "data": "b"}]]}},
            "reply_markup.inline_keyboard[0][0]: unknown field 'data' of InlineKeyboardButton",
        ),
        ({"chat_id": 1, "text": "x", "reply_markup": {"inline_keyboard": {}}}, "expected Array of Array of"),
    ],
)
async def test_a_request_against_the_documentation_is_refused_and_kept(
    tg: Emulator, params: dict[str, Any], complaint: str
) -> None:
    status, body = await raw(tg, "sendMessage", **params)
    assert status == 400
    assert complaint in body["description"]
    assert any(complaint in error for error in tg.schema_errors)


async def test_an_unknown_method_is_not_found(tg: Emulator) -> None:
    assert await raw(tg, "sendTelepathy") == (404, {"ok": False, "error_code": 404, "description": "Not Found: method not found"})
    assert tg.schema_errors == ["unknown method 'sendTelepathy'"]


async def test_a_documented_method_without_emulation_says_so(tg: Emulator) -> None:
    status, body = await raw(tg, "sendDice", chat_id=1)
    assert (status, body["description"]) == (501, "Not Implemented: the emulator has no sendDice")
    assert len(tg.schema_errors) == 1


async def test_method_names_ignore_case_and_form_fields_are_text(tg: Emulator, amina: User) -> None:
    form = {"chat_id": str(amina.user_id), "text": "5", "disable_notification": "true"}
    async with aiohttp.ClientSession() as session, session.post(f"{tg.base_url}{tg.token}/SENDMESSAGE", data=form) as response:
        assert response.status == 200
    address = f"{tg.base_url}{tg.token}/sendmessage?chat_id={amina.user_id}&text=query"
    async with aiohttp.ClientSession() as session, session.get(address) as response:
        assert response.status == 200
    assert amina.texts == ["5", "query"]
    assert tg.calls[0].params["disable_notification"] is True


async def test_a_wrong_token_is_unauthorized(tg: Emulator) -> None:
    assert (await raw(tg, "getMe", token="1:wrong"))[0] == 401
    stranger = Bot("1:wrong", base_url=tg.base_url)
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()


async def test_a_body_that_is_no_json_is_refused(tg: Emulator) -> None:
    headers = {"Content-Type": "application/json"}
    address = f"{tg.base_url}{tg.token}/getMe"
    async with aiohttp.ClientSession() as session, session.post(address, data=b"{", headers=headers) as response:
        assert response.status == 400


async def test_an_answer_against_the_documentation_is_an_error_of_the_emulator(
    tg: Emulator, amina: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tg.world.bot, "first_name", None)
    status, _ = await raw(tg, "getMe")
    assert status == 500
    assert tg.schema_errors == ["getMe response: missing field 'first_name' of User"]


async def test_an_update_against_the_documentation_is_noticed(tg: Emulator, amina: User) -> None:
    tg.world.tell("message", {"message_id": 1}, amina.chat)
    assert "Update.message: missing field 'date' of Message" in tg.schema_errors


def test_every_type_and_every_return_type_of_the_schema_can_be_checked() -> None:
    content = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    schema = bot_api()
    for name, method in content["methods"].items():
        assert schema.check_result(name, object()), method["returns"]
    for body in (*content["methods"].values(), *content["types"].values()):
        for type_name, *_ in body.get("fields", {}).values():
            assert schema.check_object(type_name, object())


def test_every_emulated_method_is_documented() -> None:
    assert [name for name in HANDLERS if bot_api().method_name(name) != name] == []


@pytest.mark.parametrize(
    ("type_name", "value", "is_right"),
    [
        ("Integer", True, False),
        ("Integer", 3, True),
        ("Float", 3, True),
        ("True", False, False),
        ("String", None, False),
        ("Array of Array of Integer", [[1], []], True),
        ("Array of Integer", [1, "2"], False),
        ("Integer or String", "@name", True),
        ("InputFile or String", Upload("a", b"", "x/y"), True),
        ("ChatMember", {"status": "left", "user": {"id": 1, "is_bot": False, "first_name": "A"}}, True),
        ("ChatMember", {"status": "somewhere", "user": {"id": 1, "is_bot": False, "first_name": "A"}}, False),
        ("ReactionType", {"type": "emoji", "emoji": "👍"}, True),
        ("ReactionType", {"type": "emoji"}, False),
        ("RichText", ["plain", {"type": "bold", "text": "b"}], True),
        ("RichText", 7, False),
        ("MaybeInaccessibleMessage", {"chat": {"id": 1, "type": "private"}, "message_id": 1, "date": 0}, True),
    ],
)
def test_documented_types_are_understood(type_name: str, value: Any, is_right: bool) -> None:
    assert (bot_api().check_object(type_name, value) == []) is is_right


async def test_a_failure_of_the_emulator_itself_is_noticed(tg: Emulator, amina: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HANDLERS, "getMe", lambda request: request["nothing"])
    assert (await raw(tg, "getMe"))[0] == 500
    assert tg.schema_errors == ["the emulator failed in getMe: KeyError('nothing')"]


async def test_a_refusal_of_telegram_is_no_schema_error(tg: Emulator, bot: Bot) -> None:
    with pytest.raises(BadRequest):
        await bot.send_message(1, "x")
    assert tg.schema_errors == []
