"""What is kept of an update: no profile, all the rest, and still something python-telegram-bot can read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import Update

from bot.service.intake import PROFILE_FIELDS, REQUIRED_FIELDS, chat_of, without_profile

NAME = "Ф-NAME-Ф"
AMINA = {"id": 700_001, "is_bot": False, "first_name": NAME, "last_name": NAME, "username": NAME, "language_code": "ar"}
CHAT = {"id": 700_001, "type": "private", "first_name": NAME, "last_name": NAME, "username": NAME}
GROUP = {"id": -100_500, "type": "supergroup", "title": "Caseworkers", "is_forum": True}
MESSAGE = {"message_id": 7, "date": 1_795_000_000, "chat": CHAT, "from": AMINA, "text": "hello"}
BOT = {"id": 42, "is_bot": True, "first_name": NAME, "username": NAME}
MEMBER = {"status": "member", "user": BOT}

UPDATES: dict[str, dict[str, Any]] = {
    "message": {"update_id": 1, "message": MESSAGE},
    "edited message": {"update_id": 2, "edited_message": MESSAGE | {"edit_date": 1_795_000_060}},
    "callback query": {
        "update_id": 3,
        "callback_query": {"id": "9", "from": AMINA, "chat_instance": "1", "data": "token", "message": MESSAGE | {"from": BOT}},
    },
    "callback query of a message too old": {
        "update_id": 4,
        "callback_query": {
            "id": "9", "from": AMINA, "chat_instance": "1", "data": "token",
            "message": {"message_id": 7, "date": 0, "chat": CHAT},
        },
    },
    "my_chat_member": {
        "update_id": 5,
        "my_chat_member": {
            "chat": CHAT, "from": AMINA, "date": 1_795_000_000,
            "old_chat_member": MEMBER, "new_chat_member": {"status": "kicked", "user": BOT, "until_date": 0},
        },
    },
    "contact": {
        "update_id": 6,
        "message": MESSAGE
        | {"contact": {"phone_number": NAME, "first_name": NAME, "last_name": NAME, "vcard": NAME, "user_id": 5}},
    },
    "forward of a hidden account": {
        "update_id": 7,
        "message": MESSAGE | {"forward_origin": {"type": "hidden_user", "date": 1_795_000_000, "sender_user_name": NAME}},
    },
    "forward of a known account": {
        "update_id": 8,
        "message": MESSAGE | {"forward_origin": {"type": "user", "date": 1_795_000_000, "sender_user": AMINA}},
    },
    "forward of a channel": {
        "update_id": 9,
        "message": MESSAGE
        | {
            "forward_origin": {
                "type": "channel", "date": 1_795_000_000, "message_id": 3, "author_signature": NAME,
                "chat": {"id": -100_9, "type": "channel", "title": "News", "username": NAME},
            }
        },
    },
    "reply, mention and new members": {
        "update_id": 10,
        "message": MESSAGE
        | {
            "chat": GROUP,
            "reply_to_message": MESSAGE | {"chat": GROUP},
            "entities": [{"type": "text_mention", "offset": 0, "length": 5, "user": AMINA}],
            "new_chat_members": [AMINA, BOT],
        },
    },
}  # fmt: skip

leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
other_keys = st.sampled_from(["id", "text", "date", "chat", "from", "entities", "title", "user_id", "caption", "x"])
profile_keys = st.sampled_from(sorted(PROFILE_FIELDS))


def objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of which some fields belong to a profile."""
    ordinary = st.dictionaries(other_keys, values, max_size=4)
    of_profile = st.dictionaries(profile_keys, st.just(NAME), max_size=4)
    return st.builds(lambda one, two: one | two, ordinary, of_profile)


payloads = objects(st.recursive(leaves, lambda inner: st.one_of(objects(inner), st.lists(inner, max_size=3)), max_leaves=25))


def unnamed(value: Any) -> Any:
    """Return ``value`` without any field that belongs to a profile."""
    if isinstance(value, dict):
        return {key: unnamed(item) for key, item in value.items() if key not in PROFILE_FIELDS}
    return [unnamed(item) for item in value] if isinstance(value, list) else value


def fields(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [*value.items(), *(found for item in value.values() for found in fields(item))]
    return [found for item in value for found in fields(item)] if isinstance(value, list) else []


@given(payload=payloads)
@settings(deadline=None)
def test_no_field_of_a_profile_is_left_however_deep(payload: dict[str, Any]) -> None:
    clean = without_profile(payload)
    assert NAME not in json.dumps(clean, ensure_ascii=False)
    kept = [(key, value) for key, value in fields(clean) if key in PROFILE_FIELDS]
    assert all(key in REQUIRED_FIELDS and value == "" for key, value in kept)


@given(payload=payloads)
@settings(deadline=None)
def test_everything_else_is_kept_as_it_came_and_the_original_is_untouched(payload: dict[str, Any]) -> None:
    before = json.dumps(payload)
    clean = without_profile(payload)
    assert unnamed(clean) == unnamed(payload)
    assert json.dumps(payload) == before
    assert without_profile(clean) == clean


@pytest.mark.parametrize("value", [[NAME], {"day": 1, "note": NAME}], ids=["active_usernames", "birthdate"])
def test_a_field_of_a_profile_goes_whatever_its_type(value: object) -> None:
    key = "active_usernames" if isinstance(value, list) else "birthdate"
    assert NAME not in json.dumps(without_profile({"update_id": 1, "chat": {key: value}}), ensure_ascii=False)


@pytest.mark.parametrize("key", ["sender_tag", "tag", "custom_title", "personal_chat", "business_intro", "business_location"])
def test_what_names_a_person_beside_the_profile_goes_too(key: str) -> None:
    assert without_profile({"update_id": 1, "message": {key: NAME}}) == {"update_id": 1, "message": {}}


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_without_profile_can_still_be_read(name: str) -> None:
    clean = without_profile(UPDATES[name])
    assert NAME not in json.dumps(clean, ensure_ascii=False)
    update = Update.de_json(clean, None)
    assert update.update_id == UPDATES[name]["update_id"]
    assert update.effective_chat is not None
    assert update.effective_user is not None
    assert (update.effective_user.id, update.effective_user.first_name) == (700_001, "")
    assert update.effective_user.language_code == "ar"


def test_a_contact_and_the_origin_of_a_forward_keep_their_form() -> None:
    contact = Update.de_json(without_profile(UPDATES["contact"]), None).effective_message
    assert contact is not None
    assert contact.contact is not None
    assert (contact.contact.user_id, contact.contact.phone_number) == (5, "")
    for name in ("forward of a hidden account", "forward of a known account", "forward of a channel"):
        message = Update.de_json(without_profile(UPDATES[name]), None).effective_message
        assert message is not None
        assert message.forward_origin is not None


@pytest.mark.parametrize("name", UPDATES)
def test_every_kind_of_update_belongs_to_its_chat(name: str) -> None:
    expected = -100_500 if name.startswith("reply") else 700_001
    assert chat_of(UPDATES[name]) == expected
    assert chat_of(without_profile(UPDATES[name])) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"update_id": 1, "callback_query": {"id": "9", "from": AMINA, "inline_message_id": "x"}}, 700_001),
        ({"update_id": 1, "message_reaction": {"chat": GROUP, "user": AMINA}}, -100_500),
        ({"update_id": 1, "poll": {"id": "3"}}, None),
        ({"update_id": 1}, None),
        ({"update_id": 1, "message": "nonsense"}, None),
        ({"update_id": 1, "message": {"chat": {"id": "nonsense"}}}, None),
        ({"update_id": 1, "message": {"message": None, "from": None}}, None),
    ],
    ids=["inline press", "reaction", "poll", "bare", "no object", "id is no number", "nulls"],
)
def test_an_update_of_another_form_never_breaks_the_look_up_of_its_chat(payload: dict[str, Any], expected: int | None) -> None:
    assert chat_of(payload) == expected
