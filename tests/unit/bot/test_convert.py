"""From Telegram's update to ours: every kind of message, and nothing guessed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from telegram import Update

from bot.domain.messages import Incoming, Kind
from bot.handlers.convert import from_button, from_message

SENT = 1_795_000_000
AMINA = {"id": 700_001, "is_bot": False, "first_name": "", "language_code": "ar"}
LEA = {"id": 900_001, "is_bot": False, "first_name": ""}
PRIVATE = {"id": 700_001, "type": "private", "first_name": ""}
FORUM = {"id": -100_500, "type": "supergroup", "title": "Caseworkers", "is_forum": True}
FILE = {"file_id": "f", "file_unique_id": "u"}
PLACE = {"latitude": 1.0, "longitude": 2.0}
PHOTO = [FILE | {"width": 1, "height": 1}]
STICKER = FILE | {"type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}
MOVING = FILE | {"width": 1, "height": 1, "duration": 1}


def raw(**fields: Any) -> dict[str, Any]:
    return {"message_id": 7, "date": SENT, "chat": PRIVATE, "from": AMINA} | fields


def written_by(sender: dict[str, Any]) -> dict[str, Any]:
    return {"from": sender}


def typed(text: str) -> dict[str, Any]:
    """Return what Telegram makes of a text that begins with a command."""
    length = len(text.split(maxsplit=1)[0])
    return {"text": text, "entities": [{"type": "bot_command", "offset": 0, "length": length}]}


def convert(kind: str = "message", /, **fields: Any) -> Incoming:
    return from_message(Update.de_json({"update_id": 5, kind: raw(**fields)}, None))


def test_a_private_text_brings_ids_time_and_hint_and_no_profile() -> None:
    assert convert(text="hello") == Incoming(
        update_id=5, chat_id=700_001, sender_id=700_001, message_id=7, kind=Kind.TEXT,  # type: ignore[arg-type]
        sent_at=datetime.fromtimestamp(SENT, UTC), text="hello", language_hint="ar",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({"text": "hello"}, Kind.TEXT, "hello"),
        ({"photo": PHOTO, "caption": "my paper"}, Kind.PHOTO, "my paper"),
        ({"photo": PHOTO}, Kind.PHOTO, ""),
        ({"document": FILE}, Kind.DOCUMENT, ""),
        ({"voice": FILE | {"duration": 3}}, Kind.VOICE, ""),
        ({"audio": FILE | {"duration": 3}}, Kind.VOICE, ""),
        ({"video": MOVING, "caption": "look"}, Kind.VIDEO, "look"),
        ({"video_note": FILE | {"length": 1, "duration": 1}}, Kind.VIDEO, ""),
        ({"sticker": STICKER}, Kind.STICKER, ""),
        ({"location": PLACE}, Kind.LOCATION, ""),
        ({"venue": {"location": PLACE, "title": "t", "address": "a"}, "location": PLACE}, Kind.LOCATION, ""),
        ({"contact": {"phone_number": "", "first_name": ""}}, Kind.CONTACT, ""),
        ({"dice": {"emoji": "🎲", "value": 3}}, Kind.OTHER, ""),
        ({"pinned_message": raw(text="x")}, Kind.OTHER, ""),
        ({}, Kind.OTHER, ""),
    ],
)  # fmt: skip
def test_every_kind_of_message_is_recognised(fields: dict[str, Any], kind: Kind, text: str) -> None:
    message = convert(**fields)
    assert (message.kind, message.text, message.command) == (kind, text, None)


def test_an_animation_is_a_video() -> None:
    assert convert(animation=MOVING, document=FILE).kind is Kind.VIDEO


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/start", "start", ""),
        ("/Start", "start", ""),
        ("/start@waypost_bot", "start", ""),
        ("/link@waypost_bot  AB-12 ", "link", "AB-12"),
        ("/start K7M", "start", "K7M"),
        ("/note cafe\u0301 tomorrow", "note", "café tomorrow"),
    ],
)
def test_a_command_loses_slash_and_bot_name_and_keeps_its_argument(text: str, command: str, argument: str) -> None:
    message = convert(**typed(text))
    assert (message.kind, message.command, message.argument, message.text) == (Kind.COMMAND, command, argument, argument)


@pytest.mark.parametrize("text", ["/human\nplease help me", "/human\tplease help me"])
def test_a_command_ends_at_any_white_space(text: str) -> None:
    message = convert(**typed(text))
    assert (message.command, message.argument) == ("human", "please help me")


def test_emoji_after_a_command_stay_whole() -> None:
    assert convert(**typed("/note@waypost_bot\n👍🏽 café 👨\u200d👩\u200d👧")).argument == "👍🏽 café 👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "write /start", "entities": [{"type": "bot_command", "offset": 6, "length": 6}]},
        {"text": "/ 2 is a half"},
        {"text": "/home/me", "entities": [{"type": "italic", "offset": 0, "length": 5}]},
    ],
)
def test_what_only_looks_like_a_command_is_text(fields: dict[str, Any]) -> None:
    message = convert(**fields)
    assert (message.kind, message.command, message.text) == (Kind.TEXT, None, fields["text"])


def test_words_arrive_composed() -> None:
    assert convert(text="cafe\u0301").text == "café"
    assert convert(photo=PHOTO, caption="cafe\u0301").text == "café"


@pytest.mark.parametrize(("code", "hint"), [("ar", "ar"), ("pt-br", "pt"), ("ZH-hans", "zh"), (None, None), ("", None)])
def test_the_interface_language_is_two_letters_or_nothing(code: str | None, hint: str | None) -> None:
    assert convert(text="x", **written_by(AMINA | {"language_code": code})).language_hint == hint


def test_an_edit_is_known_as_one() -> None:
    assert convert("edited_message", text="better", edit_date=SENT + 60).is_edit
    assert not convert(text="first").is_edit


def test_a_post_in_a_topic_names_topic_and_writer() -> None:
    message = convert(text="I take it", chat=FORUM, message_thread_id=12, is_topic_message=True, **written_by(LEA))
    assert (message.chat_id, message.sender_id, message.thread_id, message.is_private) == (-100_500, 900_001, 12, False)
    assert message.language_hint is None


def test_a_chain_of_replies_in_general_is_no_topic() -> None:
    message = convert(text="yes", chat=FORUM, message_thread_id=12, **written_by(LEA))
    assert message.thread_id is None


def test_a_message_without_sender_is_ascribed_to_its_chat() -> None:
    update = Update.de_json({"update_id": 5, "message": {"message_id": 7, "date": SENT, "chat": FORUM, "text": "x"}}, None)
    assert from_message(update).sender_id == -100_500


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (raw(text="Choose"), (700_001, 7, True)),
        ({"message_id": 8, "date": 0, "chat": PRIVATE}, (700_001, 8, True)),
        (raw(text="Case", chat=FORUM), (-100_500, 7, False)),
        (None, (700_001, 0, True)),
    ],
    ids=["private", "too old to be shown", "in the staff group", "without message"],
)
def test_a_button_press_brings_token_and_place(message: dict[str, Any] | None, expected: tuple[int, int, bool]) -> None:
    query = {"id": "q1", "from": AMINA, "chat_instance": "1", "data": "opaque"} | ({"message": message} if message else {})
    press = from_button(Update.de_json({"update_id": 5, "callback_query": query}, None))
    assert (press.chat_id, press.message_id, press.is_private) == expected
    assert (press.kind, press.button, press.callback_id, press.sender_id) == (Kind.BUTTON, "opaque", "q1", 700_001)
    assert (press.language_hint, press.text) == ("ar", "")
    assert press.sent_at.tzinfo is not None


def test_an_update_of_another_kind_is_refused_by_its_number() -> None:
    update = Update.de_json({"update_id": 5}, None)
    with pytest.raises(ValueError, match="Update 5 carries no message"):
        from_message(update)
    with pytest.raises(ValueError, match="Update 5 carries no button press"):
        from_button(update)
