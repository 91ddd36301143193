"""The Telegram emulator answers a real client (python-telegram-bot) as Telegram would: methods and refusals."""

from __future__ import annotations

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyKeyboardMarkup,
    ReplyParameters,
)
from telegram.error import BadRequest

from emulators.telegram import Emulator, Group, NotPossible, User
from support.refusals import refused

YES = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="token-1")]])


# --- messages -----------------------------------------------------------------------------------------------------


async def test_a_message_arrives_in_the_inbox_with_its_buttons(bot: Bot, amina: User) -> None:
    sent = await bot.send_message(amina.user_id, "هل تحتاجين مساعدة؟", reply_markup=YES)
    assert amina.texts == ["هل تحتاجين مساعدة؟"]
    assert amina.inbox[0].buttons == ["Yes"]
    assert sent.message_id == amina.inbox[0].message_id
    assert sent.reply_markup == YES


async def test_message_ids_overlap_between_chats(tg: Emulator, bot: Bot, amina: User) -> None:
    yusuf = tg.add_user("Yusuf")
    yusuf.start()
    ids = [(await bot.send_message(chat, "x")).message_id for chat in (amina.user_id, yusuf.user_id)]
    assert ids == [2, 2]


async def test_the_text_limit_counts_utf16_units(bot: Bot, amina: User) -> None:
    await bot.send_message(amina.user_id, "😀" * 2048)
    await refused(BadRequest, "message is too long", bot.send_message(amina.user_id, "😀" * 2048 + "x"))


async def test_an_empty_text_is_refused(bot: Bot, amina: User) -> None:
    await refused(BadRequest, "message text is empty", bot.send_message(amina.user_id, " \n"))


async def test_entities_are_kept_and_html_becomes_entities(bot: Bot, amina: User) -> None:
    bold = [MessageEntity("bold", 0, 2)]
    assert (await bot.send_message(amina.user_id, "😀 ok", entities=bold)).entities == tuple(bold)
    sent = await bot.send_message(amina.user_id, '😀 <b>a</b> <a href="https://iom.int">b</a> &lt;', parse_mode="HTML")
    assert sent.text == "😀 a b <"
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [("bold", 3, 1), ("text_link", 5, 1)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<b>open", "can't find end tag corresponding to start tag"),
        ("</b>", "unmatched end tag"),
        ("a < b <weird>", "unsupported start tag"),
    ],
)
async def test_broken_html_is_refused(bot: Bot, amina: User, text: str, reason: str) -> None:
    await refused(BadRequest, f"can't parse entities: {reason}", bot.send_message(amina.user_id, text, parse_mode="HTML"))


async def test_entities_outside_the_text_or_inside_a_surrogate_pair_are_refused(bot: Bot, amina: User) -> None:
    outside, inside = [MessageEntity("bold", 0, 9)], [MessageEntity("bold", 0, 1)]
    await refused(BadRequest, "ends after the end of the text", bot.send_message(amina.user_id, "short", entities=outside))
    await refused(BadRequest, "in a middle of a utf-16 symbol", bot.send_message(amina.user_id, "😀!", entities=inside))


async def test_markdown_is_openly_not_supported(bot: Bot, amina: User) -> None:
    await refused(BadRequest, "unsupported parse_mode", bot.send_message(amina.user_id, "*x*", parse_mode="MarkdownV2"))


async def test_a_reply_refers_to_the_message_it_answers(bot: Bot, amina: User) -> None:
    question = amina.send("question")
    sent = await bot.send_message(amina.user_id, "answer", reply_parameters=ReplyParameters(question.message_id))
    assert sent.reply_to_message is not None
    assert amina.inbox[0].reply_to is question


async def test_a_reply_to_a_deleted_message_is_refused_unless_allowed(bot: Bot, amina: User) -> None:
    question = amina.send("question")
    amina.delete(question)
    gone = ReplyParameters(question.message_id)
    await refused(BadRequest, "message to be replied not found", bot.send_message(amina.user_id, "answer", reply_parameters=gone))
    lenient = ReplyParameters(question.message_id, allow_sending_without_reply=True)
    assert (await bot.send_message(amina.user_id, "answer", reply_parameters=lenient)).reply_to_message is None


@pytest.mark.parametrize("data", ["", "x" * 65, "ش" * 33])
async def test_callback_data_must_have_1_to_64_bytes(bot: Bot, amina: User, data: str) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data=data)]])
    await refused(BadRequest, "button_data_invalid", bot.send_message(amina.user_id, "x", reply_markup=keyboard))


async def test_a_button_without_an_action_is_refused(bot: Bot, amina: User) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("x")]])
    await refused(BadRequest, "text buttons are unallowed", bot.send_message(amina.user_id, "x", reply_markup=keyboard))


async def test_a_reply_keyboard_is_pressed_by_sending_its_label(tg: Emulator, bot: Bot, amina: User) -> None:
    await bot.send_message(amina.user_id, "choose", reply_markup=ReplyKeyboardMarkup([["Housing", "Papers"]]))
    amina.press("Papers")
    assert tg.updates[-1]["message"]["text"] == "Papers"


async def test_pressing_a_button_that_is_not_there_is_impossible(bot: Bot, amina: User) -> None:
    await bot.send_message(amina.user_id, "x", reply_markup=YES)
    with pytest.raises(NotPossible, match=r"no button 'No'; there are \['Yes'\]"):
        amina.press("No")


async def test_an_edit_replaces_the_text_and_keeps_the_old_one_in_the_history(bot: Bot, amina: User) -> None:
    sent = await bot.send_message(amina.user_id, "first", reply_markup=YES)
    edited = await bot.edit_message_text("second", amina.user_id, sent.message_id)
    assert amina.texts == ["second"]
    assert amina.inbox[0].history == ["first"]
    assert amina.inbox[0].buttons == []
    assert isinstance(edited, type(sent))
    assert edited.edit_date is not None


async def test_an_edit_without_a_change_is_refused(bot: Bot, amina: User) -> None:
    sent = await bot.send_message(amina.user_id, "same", reply_markup=YES)
    call = bot.edit_message_text("same", amina.user_id, sent.message_id, reply_markup=YES)
    await refused(BadRequest, "message is not modified", call)


async def test_markup_and_caption_can_be_edited(bot: Bot, amina: User) -> None:
    photo = await bot.send_photo(amina.user_id, b"jpg", caption="before")
    await bot.edit_message_reply_markup(amina.user_id, photo.message_id, reply_markup=YES)
    assert amina.inbox[0].buttons == ["Yes"]
    await bot.edit_message_caption(amina.user_id, photo.message_id, caption="after")
    assert amina.texts == ["after"]
    await refused(BadRequest, "there is no text in the message", bot.edit_message_text("x", amina.user_id, photo.message_id))


async def test_what_is_missing_or_not_ones_own_cannot_be_edited(bot: Bot, amina: User) -> None:
    theirs = amina.send("mine")
    await refused(BadRequest, "message can't be edited", bot.edit_message_text("x", amina.user_id, theirs.message_id))
    await refused(BadRequest, "message to edit not found", bot.edit_message_text("x", amina.user_id, 999))


async def test_a_deleted_message_leaves_the_inbox_and_cannot_be_deleted_twice(bot: Bot, amina: User) -> None:
    sent = await bot.send_message(amina.user_id, "secret")
    assert await bot.delete_message(amina.user_id, sent.message_id)
    assert amina.inbox == []
    await refused(BadRequest, "message to delete not found", bot.delete_message(amina.user_id, sent.message_id))


async def test_after_48_hours_a_private_message_cannot_be_deleted(tg: Emulator, bot: Bot, amina: User) -> None:
    sent = await bot.send_message(amina.user_id, "old")
    tg.advance(48 * 3600 + 1)
    await refused(BadRequest, "message can't be deleted for everyone", bot.delete_message(amina.user_id, sent.message_id))


async def test_a_reaction_is_set_replaced_and_removed(bot: Bot, group: Group, lea: User) -> None:
    posted = lea.post(group, None, "note")
    await bot.set_message_reaction(group.chat_id, posted.message_id, "👀")
    await bot.set_message_reaction(group.chat_id, posted.message_id, [ReactionTypeEmoji("👍")])
    assert posted.emoji == ["👍"]
    await bot.set_message_reaction(group.chat_id, posted.message_id, [])
    assert posted.emoji == []


async def test_typing_is_shown_in_the_chat(bot: Bot, amina: User) -> None:
    await bot.send_chat_action(amina.user_id, "typing")
    assert amina.chat.actions == [("typing", None)]


# --- media, copies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["photo", "document", "voice", "video", "sticker", "audio"])
async def test_every_kind_of_file_can_be_sent_and_downloaded(bot: Bot, amina: User, kind: str) -> None:
    await getattr(bot, f"send_{kind}")(amina.user_id, b"content")
    received = amina.inbox[0]
    assert received.kind == kind
    file = await bot.get_file(str(received.file_id))
    assert await file.download_as_bytearray() == b"content"


async def test_a_file_is_sent_again_by_its_identifier(bot: Bot, amina: User) -> None:
    letter = amina.send_document("my letter", data=b"%PDF", file_name="letter.pdf")
    sent = await bot.send_document(amina.user_id, str(letter.file_id))
    assert sent.document is not None
    assert sent.document.file_name == "letter.pdf"
    await refused(BadRequest, "wrong file_id", bot.send_document(amina.user_id, "no-such-file"))


async def test_a_file_above_20_megabytes_cannot_be_downloaded(bot: Bot, amina: User) -> None:
    large = amina.send_video(size=21 * 1024 * 1024)
    await refused(BadRequest, "file is too big", bot.get_file(str(large.file_id)))


async def test_an_album_arrives_as_messages_of_one_group(bot: Bot, amina: User) -> None:
    sent = await bot.send_media_group(amina.user_id, [InputMediaPhoto(b"1", caption="page 1"), InputMediaPhoto(b"2")])
    assert len({message.media_group_id for message in sent}) == 1
    assert amina.texts == ["page 1", ""]


async def test_location_and_contact_are_sent(bot: Bot, amina: User) -> None:
    await bot.send_location(amina.user_id, 52.5, 13.4)
    await bot.send_contact(amina.user_id, "+49 30 0000", "Help desk")
    assert [message.kind for message in amina.inbox] == ["location", "contact"]


async def test_a_caption_has_its_own_limit(bot: Bot, amina: User) -> None:
    await refused(BadRequest, "message caption is too long", bot.send_photo(amina.user_id, b"x", caption="x" * 1025))


async def test_a_copy_hides_the_author_and_a_forward_shows_them(bot: Bot, group: Group, amina: User) -> None:
    said = amina.send("my story")
    await bot.copy_message(group.chat_id, amina.user_id, said.message_id)
    forwarded = await bot.forward_message(group.chat_id, amina.user_id, said.message_id)
    assert group.texts == ["my story", "my story"]
    assert group.general[0].forward_origin is None
    assert forwarded.forward_origin is not None
    assert forwarded.forward_origin.to_dict()["sender_user"]["id"] == amina.user_id


async def test_a_copy_may_get_another_caption(bot: Bot, group: Group, amina: User) -> None:
    photo = amina.send_photo("original")
    await bot.copy_message(group.chat_id, amina.user_id, photo.message_id, caption="[removed]")
    assert group.texts == ["[removed]"]


async def test_an_album_stays_together_when_copied_and_lost_parts_are_left_out(bot: Bot, group: Group, amina: User) -> None:
    parts = amina.send_album(["a", "b", "c"])
    amina.delete(parts[1])
    copied = await bot.copy_messages(group.chat_id, amina.user_id, [part.message_id for part in parts])
    assert group.texts == ["a", "c"]
    assert len(copied) == 2
    assert len({message.media_group_id for message in group.general}) == 1


async def test_missing_and_protected_messages_are_not_copied(bot: Bot, group: Group, amina: User) -> None:
    protected = await bot.send_message(amina.user_id, "personal", protect_content=True)
    copy = bot.copy_message(group.chat_id, amina.user_id, protected.message_id)
    await refused(BadRequest, "can't be copied", copy)
    await refused(BadRequest, "message to copy not found", bot.copy_message(group.chat_id, amina.user_id, 999))
    await refused(BadRequest, "message to forward not found", bot.forward_message(group.chat_id, amina.user_id, 999))
    await refused(BadRequest, "strictly increasing", bot.copy_messages(group.chat_id, amina.user_id, [2, 1]))


# --- settings -----------------------------------------------------------------------------------------------------


async def test_commands_and_descriptions_are_kept_per_language(tg: Emulator, bot: Bot) -> None:
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([BotCommand("help", "مساعدة"), BotCommand("human", "إنسان")], language_code="ar")
    await bot.set_my_commands([BotCommand("reply", "Reply")], scope=BotCommandScopeAllGroupChats())
    assert tg.commands() == ["help"]
    assert tg.commands(language_code="ar") == ["help", "human"]
    assert tg.commands(scope="all_group_chats") == ["reply"]
    assert [command.description for command in await bot.get_my_commands(language_code="ar")] == ["مساعدة", "إنسان"]
    assert await bot.get_my_commands(language_code="fa") == ()
    await bot.set_my_description("Information for people on the move")
    await bot.set_my_short_description("معلومات", language_code="ar")
    assert (await bot.get_my_description(language_code="ar")).description == "Information for people on the move"
    assert (await bot.get_my_short_description("ar")).short_description == "معلومات"


async def test_a_command_that_telegram_would_refuse_is_refused(bot: Bot) -> None:
    await refused(BadRequest, "bot_command_invalid", bot.set_my_commands([("Hülfe", "x")]))
