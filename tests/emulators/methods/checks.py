"""What every method checks first: the chat, the topic, the message replied to, the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulators import errors, render
from emulators.errors import bad_request, forbidden
from emulators.model import Chat, Message, Topic
from emulators.schema import Upload
from emulators.world import World

Params = dict[str, Any]
Handler = Callable[["Request"], Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One decoded call: parameters have their documented types, ``uploads`` are the attached files."""

    world: World
    method: str
    params: Params
    uploads: dict[str, Upload]

    def get(self, name: str, default: Any = None) -> Any:
        return self.params.get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.params[name]


def readable_chat(request: Request, name: str = "chat_id") -> Chat:
    """The chat to look at; refused where the bot is not a member."""
    chat = request.world.chats.get(request[name])
    if chat is None or (chat.owner is not None and not _is_known(request.world, chat)):
        raise bad_request(errors.CHAT_NOT_FOUND)
    if chat.owner is None and chat.bot_status == "kicked":
        raise forbidden(errors.KICKED)
    if chat.owner is None and chat.bot_status == "left":
        raise forbidden("bot is not a member of the supergroup chat")
    return chat


def writable_chat(request: Request, name: str = "chat_id") -> Chat:
    """The chat to write into; refused where the person blocked the bot or the group moved."""
    chat = readable_chat(request, name)
    if chat.migrated_to is not None:
        raise errors.migrated(chat.migrated_to)
    if chat.owner is None:
        return chat
    if chat.owner.is_deactivated:
        raise forbidden(errors.DEACTIVATED)
    if chat.owner.has_blocked:
        raise forbidden(errors.BLOCKED)
    if not chat.owner.has_started:
        raise forbidden(errors.NEVER_STARTED)
    return chat


def thread_of(request: Request, chat: Chat) -> int | None:
    """The topic to send into, None for General (whose number 1 Telegram refuses) and outside forums."""
    thread_id: int | None = request.get("message_thread_id")
    if not thread_id or (not chat.is_forum and chat.owner is None):
        return None
    topic = chat.topics.get(thread_id)
    if topic is None or topic.is_deleted:
        raise bad_request(errors.THREAD_NOT_FOUND)
    if topic.is_closed and not (chat.admins_may_write_in_closed_topics and has_right(request, chat, "can_manage_topics")):
        raise bad_request(errors.TOPIC_CLOSED)
    return thread_id


def topic_of(request: Request, chat: Chat) -> Topic:
    """The topic to change."""
    topic = chat.topics.get(request["message_thread_id"])
    if not chat.is_forum:
        raise bad_request(errors.NOT_A_FORUM)
    if topic is None:
        raise bad_request(errors.TOPIC_ID_INVALID)
    if topic.is_deleted:
        raise bad_request(errors.TOPIC_DELETED)
    return topic


def has_right(request: Request, chat: Chat, right: str) -> bool:
    rights = chat.administrators.get(request.world.bot.user_id)
    return chat.bot_status == "administrator" and rights is not None and right in rights


def require_right(request: Request, chat: Chat, right: str, refusal: str) -> None:
    if not has_right(request, chat, right):
        raise bad_request(refusal)


def message_of(request: Request, chat: Chat, what: str) -> Message:
    """The message meant by ``message_id``; ``what`` completes Telegram's "message to ... not found"."""
    message = chat.find(request["message_id"])
    if message is None:
        raise bad_request(f"{what} not found")
    return message


def reply_details(request: Request, chat: Chat) -> dict[str, Any]:
    """``reply_to`` or ``external_reply`` for the new message, according to ``reply_parameters``."""
    wanted: Params | None = request.get("reply_parameters")
    if not wanted:
        return {}
    source = request.world.chats.get(wanted.get("chat_id", chat.chat_id))
    replied = source.find(wanted["message_id"]) if source else None
    if replied is None:
        if wanted.get("allow_sending_without_reply"):
            return {}
        raise bad_request(errors.REPLY_NOT_FOUND)
    if replied.chat is chat:
        return {"reply_to": replied}
    outside = {
        "origin": render.origin(replied),
        "chat": render.chat(replied.chat),
        "message_id": replied.message_id,
    }
    return {"external_reply": outside}


def keyboard_of(request: Request) -> dict[str, Any] | None:
    """The checked ``reply_markup``; an empty inline keyboard counts as none."""
    markup: Params | None = request.get("reply_markup")
    if not markup:
        return None
    if "inline_keyboard" not in markup:
        return markup
    rows = [row for row in markup["inline_keyboard"] if row]
    for button in (button for row in rows for button in row):
        _check_button(button)
    return {"inline_keyboard": rows} if rows else None


def _check_button(button: Params) -> None:
    actions = [name for name in button if name not in ("text", "style", "icon_custom_emoji_id")]
    if not actions:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(data.encode()) <= 64:
        raise bad_request(errors.BUTTON_DATA_INVALID)
    url = button.get("url", "https://")
    if not url.startswith(("http://", "https://", "tg://", "tel:", "mailto:")):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


def _is_known(world: World, chat: Chat) -> bool:
    """A person exists for the bot once they wrote to it or share a group with it."""
    assert chat.owner is not None
    if chat.owner.has_started:
        return True
    return any(chat.owner.user_id in group.members for group in world.chats.values())
