"""The world as Bot API objects: every dictionary here is checked against the schema before it leaves."""

from __future__ import annotations

from typing import Any

from emulators.model import ADMIN_RIGHTS, Account, Chat, Message, Press, StoredFile, Topic

Json = dict[str, Any]

_GIFT_TYPES = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


def user(account: Account) -> Json:
    return _without_none(
        id=account.user_id,
        is_bot=account.is_bot,
        first_name=account.first_name,
        last_name=account.last_name,
        username=account.username,
        language_code=account.language_code,
    )


def bot_user(account: Account) -> Json:
    """What getMe returns; a bot with privacy mode off, as a relay needs it."""
    return user(account) | {
        "can_join_groups": True,
        "can_read_all_group_messages": True,
        "supports_inline_queries": False,
    }


def chat(chat: Chat) -> Json:
    if chat.owner is not None:
        return _without_none(
            id=chat.chat_id,
            type="private",
            first_name=chat.owner.first_name,
            last_name=chat.owner.last_name,
            username=chat.owner.username,
        )
    basic = {"id": chat.chat_id, "type": chat.kind, "title": chat.title}
    return basic | ({"is_forum": True} if chat.is_forum else {})


def full_chat(chat_: Chat) -> Json:
    full = chat(chat_) | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(_GIFT_TYPES, False),
    }
    if pinned := [m for m in map(chat_.find, chat_.pinned) if m is not None]:
        full["pinned_message"] = message(pinned[-1])
    return full


def member(chat: Chat, account: Account, *, is_bot: bool = False) -> Json:
    """A ChatMember; ``is_bot`` says that it is the emulated bot, whose status stands on the chat."""
    if account.user_id == chat.creator_id:
        return {"status": "creator", "user": user(account), "is_anonymous": False}
    is_inside = chat.bot_status not in ("left", "kicked") if is_bot else account.user_id in chat.members
    if not is_inside:
        gone = is_bot and chat.bot_status == "kicked"
        return {"status": "kicked", "user": user(account), "until_date": 0} if gone else _left(account)
    rights = chat.administrators.get(account.user_id)
    if rights is None:
        return {"status": "member", "user": user(account)}
    held = {right: right in rights for right in ADMIN_RIGHTS if chat.is_forum or right != "can_manage_topics"}
    return {
        "status": "administrator",
        "user": user(account),
        "can_be_edited": False,
        "is_anonymous": False,
    } | held


def private_member(account: Account, *, is_blocked: bool) -> Json:
    """The bot's membership of a private chat, as ``my_chat_member`` reports it."""
    if is_blocked:
        return {"status": "kicked", "user": user(account), "until_date": 0}
    return {"status": "member", "user": user(account)}


def message(shown: Message, *, with_reply: bool = True) -> Json:
    in_topic = shown.thread_id is not None and shown.chat.is_forum and shown.thread_id in shown.chat.topics
    rendered = _without_none(
        message_id=shown.message_id,
        date=int(shown.sent_at),
        chat=chat(shown.chat),
        message_thread_id=shown.thread_id,
        is_topic_message=in_topic or None,
        edit_date=int(shown.edited_at) if shown.edited_at else None,
        media_group_id=shown.media_group_id,
        forward_origin=shown.forward_origin,
        external_reply=shown.external_reply,
        has_protected_content=shown.is_protected or None,
    )
    rendered["from"] = user(shown.sender)
    rendered |= shown.content
    replied = shown.reply_to or (_topic_root(shown) if in_topic else None)
    if with_reply and replied is not None and not replied.is_deleted:
        rendered["reply_to_message"] = message(replied, with_reply=False)
    if shown.reply_markup and "inline_keyboard" in shown.reply_markup:
        rendered["reply_markup"] = shown.reply_markup
    return rendered


def press(pressed: Press) -> Json:
    source = pressed.message
    carrier = message(source) if not source.is_deleted else inaccessible(source)
    return {
        "id": pressed.query_id,
        "from": user(pressed.presser),
        "message": carrier,
        "chat_instance": str(abs(source.chat.chat_id) * 7919),
        "data": pressed.data,
    }


def inaccessible(gone: Message) -> Json:
    return {"chat": chat(gone.chat), "message_id": gone.message_id, "date": 0}


def topic(created: Topic) -> Json:
    return _without_none(
        message_thread_id=created.thread_id,
        name=created.name,
        icon_color=created.icon_color,
        icon_custom_emoji_id=created.icon_custom_emoji_id,
    )


def file(stored: StoredFile) -> Json:
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.unique_id,
        "file_size": stored.size,
        "file_path": stored.path,
    }


def origin(original: Message) -> Json:
    """Who wrote a forwarded message: this is how forwarding exposes a person and copying does not."""
    return {"type": "user", "date": int(original.sent_at), "sender_user": user(original.sender)}


def _topic_root(shown: Message) -> Message | None:
    """Telegram shows every message of a topic as a reply to the service message that created it."""
    root = shown.chat.messages.get(shown.thread_id or 0)
    return None if root is shown else root


def _left(account: Account) -> Json:
    return {"status": "left", "user": user(account)}


def _without_none(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}
