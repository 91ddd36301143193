"""telegram.Update → Incoming: pure, and the only place that knows both."""

import unicodedata
from datetime import UTC, datetime

from telegram import Message, MessageEntity, Update

from bot.domain.ids import ChatId, UpdateId
from bot.domain.messages import Incoming, Kind

KIND_OF_ATTRIBUTE = {
    # First: Telegram sends an animation as a document too, for clients that know none.
    "animation": Kind.VIDEO,
    "photo": Kind.PHOTO,
    "document": Kind.DOCUMENT,
    "voice": Kind.VOICE,
    "audio": Kind.VOICE,
    "video": Kind.VIDEO,
    "video_note": Kind.VIDEO,
    "sticker": Kind.STICKER,
    "location": Kind.LOCATION,
    "venue": Kind.LOCATION,
    "contact": Kind.CONTACT,
}


def from_message(update: Update) -> Incoming:
    """Convert an update that carries a message, new or edited.

    Raises:
        ValueError: the update carries none.
    """
    message = update.effective_message
    if message is None:
        raise ValueError(f"Update {update.update_id} carries no message")
    text = unicodedata.normalize("NFC", message.text or message.caption or "")
    command, argument = _command(message)
    sender = message.from_user
    return Incoming(
        update_id=UpdateId(update.update_id),
        chat_id=ChatId(message.chat.id),
        sender_id=ChatId(sender.id if sender else message.chat.id),
        message_id=message.message_id,
        kind=_kind(message, command),
        sent_at=message.date,
        text=argument if command else text,
        command=command,
        argument=argument,
        language_hint=_language(sender.language_code if sender else None),
        thread_id=message.message_thread_id if message.is_topic_message else None,
        reply_to=message.reply_to_message.message_id if message.reply_to_message else None,
        album=message.media_group_id,
        is_edit=update.edited_message is not None,
        is_private=message.chat.type == "private",
    )


def from_button(update: Update) -> Incoming:
    """Convert a button press.

    Raises:
        ValueError: the update carries none.
    """
    query = update.callback_query
    if query is None:
        raise ValueError(f"Update {update.update_id} carries no button press")
    message = query.message
    return Incoming(
        update_id=UpdateId(update.update_id),
        chat_id=ChatId(message.chat.id if message else query.from_user.id),
        sender_id=ChatId(query.from_user.id),
        message_id=message.message_id if message else 0,
        kind=Kind.BUTTON,
        sent_at=datetime.now(UTC),
        button=query.data or "",
        callback_id=query.id,
        language_hint=_language(query.from_user.language_code),
        is_private=message is None or message.chat.type == "private",
    )


def _command(message: Message) -> tuple[str | None, str]:
    """Return the leading command without slash and bot name, and what follows it."""
    text = message.text or ""
    first = next((entity for entity in message.entities if entity.type == MessageEntity.BOT_COMMAND and entity.offset == 0), None)
    if first is None:
        return None, ""
    # Any white space may follow, so that the entity says where it ends; a command is ASCII: a UTF-16 unit is a character.
    head, tail = text[: first.length], text[first.length :]
    return head[1:].partition("@")[0].lower(), unicodedata.normalize("NFC", tail.strip())


def _kind(message: Message, command: str | None) -> Kind:
    if command is not None:
        return Kind.COMMAND
    if message.text:
        return Kind.TEXT
    return next((kind for name, kind in KIND_OF_ATTRIBUTE.items() if getattr(message, name, None)), Kind.OTHER)


def _language(code: str | None) -> str | None:
    return code[:2].lower() if code else None
