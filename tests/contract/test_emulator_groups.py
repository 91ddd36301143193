"""The Telegram emulator knows who can be reached, and what happens in groups and their topics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden

from emulators.telegram import Emulator, Group, NotPossible, User
from support.refusals import refused

# --- who can be reached -------------------------------------------------------------------------------------------


async def test_a_stranger_is_unknown_and_a_group_member_must_start_first(tg: Emulator, bot: Bot, group: Group, lea: User) -> None:
    stranger = tg.add_user("Nobody")
    await refused(BadRequest, "chat not found", bot.send_message(stranger.user_id, "x"))
    await refused(BadRequest, "chat not found", bot.send_message(12345, "x"))
    await refused(Forbidden, "bot can't initiate conversation with a user", bot.send_message(lea.user_id, "x"))


async def test_blocking_refuses_every_way_to_reach_the_person(tg: Emulator, bot: Bot, amina: User) -> None:
    sent = await bot.send_message(amina.user_id, "x")
    amina.block()
    ways: list[Callable[[], Awaitable[Any]]] = [
        lambda: bot.send_message(amina.user_id, "x"),
        lambda: bot.send_photo(amina.user_id, b"x"),
        lambda: bot.copy_message(amina.user_id, amina.user_id, sent.message_id),
        lambda: bot.edit_message_text("y", amina.user_id, sent.message_id),
        lambda: bot.send_chat_action(amina.user_id, "typing"),
    ]
    for way in ways:
        await refused(Forbidden, "Forbidden: bot was blocked by the user", way())
    with pytest.raises(NotPossible):
        amina.send("I cannot write to a bot I blocked")
    amina.unblock()
    await bot.send_message(amina.user_id, "welcome back")
    changes = [u["my_chat_member"] for u in tg.updates if "my_chat_member" in u]
    assert [change["new_chat_member"]["status"] for change in changes] == ["kicked", "member"]


async def test_a_deactivated_account_is_refused(bot: Bot, amina: User) -> None:
    amina.deactivate()
    await refused(Forbidden, "Forbidden: user is deactivated", bot.send_message(amina.user_id, "x"))


# --- forum topics -------------------------------------------------------------------------------------------------


async def test_a_topic_is_created_and_its_service_message_reaches_the_bot(tg: Emulator, bot: Bot, group: Group) -> None:
    topic = await bot.create_forum_topic(group.chat_id, "WP-0001")
    service = tg.updates[-1]["message"]
    assert service["forum_topic_created"]["name"] == "WP-0001"
    assert service["message_id"] == topic.message_thread_id
    assert group.topic("0001").thread_id == topic.message_thread_id


async def test_messages_in_a_topic_are_topic_messages_replying_to_its_first(
    tg: Emulator, bot: Bot, group: Group, lea: User
) -> None:
    created = await bot.create_forum_topic(group.chat_id, "WP-0001")
    sent = await bot.send_message(group.chat_id, "case opened", message_thread_id=created.message_thread_id)
    assert sent.is_topic_message
    topic = group.topic("WP-0001")
    lea.post(group, topic, "on it")
    update = tg.updates[-1]["message"]
    assert (update["message_thread_id"], update["is_topic_message"]) == (topic.thread_id, True)
    assert "forum_topic_created" in update["reply_to_message"]
    assert topic.texts == ["case opened", "on it"]
    assert topic.messages[1].reply_to is None


async def test_a_reply_chain_in_general_has_a_thread_that_is_no_topic(tg: Emulator, group: Group, lea: User) -> None:
    first = lea.post(group, None, "hello all")
    lea.post(group, None, "and this", reply_to=first)
    update = tg.updates[-1]["message"]
    assert update["message_thread_id"] == first.message_id
    assert "is_topic_message" not in update
    assert [message.text for message in group.general] == ["hello all", "and this"]


async def test_a_deleted_topic_is_not_found(bot: Bot, group: Group) -> None:
    created = await bot.create_forum_topic(group.chat_id, "WP-0001")
    group.delete_topic(group.topic("WP-0001"))
    thread = created.message_thread_id
    await refused(BadRequest, "message thread not found", bot.send_message(group.chat_id, "x", message_thread_id=thread))
    await refused(BadRequest, "topic_deleted", bot.edit_forum_topic(group.chat_id, thread, name="y"))
    await refused(BadRequest, "topic_id_invalid", bot.edit_forum_topic(group.chat_id, 999, name="y"))
    assert group.topics == []


async def test_the_general_topic_has_no_thread_number(bot: Bot, group: Group) -> None:
    call = bot.send_message(group.chat_id, "x", message_thread_id=1)
    await refused(BadRequest, "message thread not found", call)
    await bot.send_message(group.chat_id, "to everybody")
    assert [message.text for message in group.general] == ["to everybody"]


async def test_a_closed_topic_refuses_until_it_is_reopened(bot: Bot, group: Group) -> None:
    thread = (await bot.create_forum_topic(group.chat_id, "WP-0001")).message_thread_id
    await bot.close_forum_topic(group.chat_id, thread)
    await refused(BadRequest, "topic_not_modified", bot.close_forum_topic(group.chat_id, thread))
    await refused(BadRequest, "topic_closed", bot.send_message(group.chat_id, "x", message_thread_id=thread))
    await bot.reopen_forum_topic(group.chat_id, thread)
    await refused(BadRequest, "topic_not_modified", bot.reopen_forum_topic(group.chat_id, thread))
    await bot.send_message(group.chat_id, "x", message_thread_id=thread)


async def test_an_administrator_may_write_in_a_closed_topic_when_the_group_says_so(bot: Bot, group: Group) -> None:
    thread = (await bot.create_forum_topic(group.chat_id, "WP-0001")).message_thread_id
    group.close_topic(group.topic("WP-0001"))
    group.chat.admins_may_write_in_closed_topics = True
    await bot.send_message(group.chat_id, "x", message_thread_id=thread)
    group.set_bot_rights(can_manage_topics=False)
    await refused(BadRequest, "topic_closed", bot.send_message(group.chat_id, "x", message_thread_id=thread))


async def test_a_topic_is_renamed_once(bot: Bot, group: Group) -> None:
    thread = (await bot.create_forum_topic(group.chat_id, "WP-0001")).message_thread_id
    await bot.edit_forum_topic(group.chat_id, thread, name="WP-0001 done")
    assert group.topics[0].name == "WP-0001 done"
    await refused(BadRequest, "topic_not_modified", bot.edit_forum_topic(group.chat_id, thread, name="WP-0001 done"))


async def test_the_bot_deletes_a_topic_with_its_messages(bot: Bot, group: Group) -> None:
    thread = (await bot.create_forum_topic(group.chat_id, "WP-0001")).message_thread_id
    await bot.send_message(group.chat_id, "x", message_thread_id=thread)
    await bot.delete_forum_topic(group.chat_id, thread)
    assert (group.topics, group.texts) == ([], [])


async def test_topics_need_a_forum_and_the_right_to_manage_them(tg: Emulator, bot: Bot, group: Group, lea: User) -> None:
    plain = tg.add_group("No forum", members=[lea], forum=False)
    await refused(BadRequest, "the chat is not a forum", bot.create_forum_topic(plain.chat_id, "x"))
    group.set_bot_rights(can_manage_topics=False)
    await refused(BadRequest, "not enough rights to create a topic", bot.create_forum_topic(group.chat_id, "x"))
    assert tg.updates[-1]["my_chat_member"]["new_chat_member"]["can_manage_topics"] is False


# --- groups -------------------------------------------------------------------------------------------------------


async def test_a_migrated_group_names_its_new_number(tg: Emulator, bot: Bot, group: Group) -> None:
    thread = (await bot.create_forum_topic(group.chat_id, "WP-0001")).message_thread_id
    old = group.chat_id
    new = group.migrate()
    assert [u["message"].get("migrate_to_chat_id") for u in tg.updates[-2:]] == [new, None]
    error = await refused(ChatMigrated, "migrated", bot.send_message(old, "x"))
    assert isinstance(error, ChatMigrated)
    assert error.new_chat_id == new
    await bot.send_message(new, "still there", message_thread_id=thread)
    assert group.topic("WP-0001").texts == ["still there"]


async def test_a_kicked_bot_is_told_and_refused(tg: Emulator, bot: Bot, group: Group, lea: User) -> None:
    group.kick_bot()
    assert tg.updates[-1]["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    await refused(Forbidden, "bot was kicked from the supergroup chat", bot.send_message(group.chat_id, "x"))
    queued = len(tg.updates)
    lea.post(group, None, "nobody tells the bot")
    assert len(tg.updates) == queued


async def test_deleting_and_pinning_what_others_wrote_needs_rights(bot: Bot, group: Group, lea: User) -> None:
    posted = lea.post(group, None, "note")
    await bot.pin_chat_message(group.chat_id, posted.message_id)
    assert (await bot.get_chat(group.chat_id)).pinned_message is not None
    await bot.unpin_chat_message(group.chat_id, posted.message_id)
    group.make_bot_plain_member()
    await refused(BadRequest, "not enough rights", bot.pin_chat_message(group.chat_id, posted.message_id))
    await refused(BadRequest, "message can't be deleted", bot.delete_message(group.chat_id, posted.message_id))
    group.make_bot_admin()
    await bot.delete_message(group.chat_id, posted.message_id)


async def test_chat_and_members_can_be_looked_up(tg: Emulator, bot: Bot, group: Group, lea: User, amina: User) -> None:
    assert (await bot.get_chat(group.chat_id)).is_forum
    assert (await bot.get_chat(amina.user_id)).first_name == "أمينة"
    statuses = [(await bot.get_chat_member(group.chat_id, number)).status for number in (lea.user_id, amina.user_id, bot.id)]
    assert statuses == ["creator", "left", "administrator"]
    assert {admin.user.id for admin in await bot.get_chat_administrators(group.chat_id)} == {lea.user_id, bot.id}
    assert await bot.get_chat_member_count(group.chat_id) == 2
    await refused(BadRequest, "there are no administrators", bot.get_chat_administrators(amina.user_id))
    await refused(BadRequest, "member not found", bot.get_chat_member(group.chat_id, 12345))
