"""Forum topics: create, rename, close, reopen, delete. All need the right to manage topics."""

from __future__ import annotations

from typing import Any

from emulators import errors, render
from emulators.errors import bad_request
from emulators.methods.checks import Handler, Request, require_right, topic_of, writable_chat
from emulators.model import Chat, Topic

MAX_TOPIC_NAME = 128
ICON_COLORS = (0x6FB9F0, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F)


def create_topic(request: Request) -> Any:
    chat = _forum(request, "not enough rights to create a topic")
    color = request.get("icon_color", ICON_COLORS[0])
    if color not in ICON_COLORS:
        raise bad_request("invalid icon color specified")
    icon = request.get("icon_custom_emoji_id")
    return render.topic(request.world.open_topic(chat, request.world.bot, _name(request["name"]), color, icon))


def edit_topic(request: Request) -> Any:
    chat, topic = _topic(request, "not enough rights to edit the topic")
    name = _name(request["name"]) if request.get("name") else topic.name
    icon = request.get("icon_custom_emoji_id", topic.icon_custom_emoji_id)
    if (name, icon) == (topic.name, topic.icon_custom_emoji_id):
        raise bad_request(errors.TOPIC_NOT_MODIFIED)
    topic.name, topic.icon_custom_emoji_id = name, icon
    _service(request, chat, topic, {"forum_topic_edited": {"name": name} if request.get("name") else {}})
    return True


def close_topic(request: Request) -> Any:
    return _set_closed(request, True)


def reopen_topic(request: Request) -> Any:
    return _set_closed(request, False)


def delete_topic(request: Request) -> Any:
    chat = writable_chat(request)
    require_right(request, chat, "can_delete_messages", "not enough rights to delete the topic")
    request.world.delete_topic(topic_of(request, chat))
    return True


def _set_closed(request: Request, is_closed: bool) -> Any:
    chat, topic = _topic(request, "not enough rights to close or open the topic")
    if topic.is_closed == is_closed:
        raise bad_request(errors.TOPIC_NOT_MODIFIED)
    topic.is_closed = is_closed
    _service(request, chat, topic, {"forum_topic_closed" if is_closed else "forum_topic_reopened": {}})
    return True


def _forum(request: Request, refusal: str) -> Chat:
    chat = writable_chat(request)
    if not chat.is_forum:
        raise bad_request(errors.NOT_A_FORUM)
    require_right(request, chat, "can_manage_topics", refusal)
    return chat


def _topic(request: Request, refusal: str) -> tuple[Chat, Topic]:
    chat = _forum(request, refusal)
    return chat, topic_of(request, chat)


def _name(name: str) -> str:
    """Telegram shortens a long name without a word; an empty one it refuses."""
    if not name.strip():
        raise bad_request("title must be non-empty")
    return name.strip()[:MAX_TOPIC_NAME]


def _service(request: Request, chat: Chat, topic: Topic, content: dict[str, Any]) -> None:
    """Unlike its own messages, the bot does receive the service messages about what it did to topics."""
    request.world.post_and_tell(chat, request.world.bot, content, thread_id=topic.thread_id)


HANDLERS: dict[str, Handler] = {
    "createForumTopic": create_topic,
    "editForumTopic": edit_topic,
    "closeForumTopic": close_topic,
    "reopenForumTopic": reopen_topic,
    "deleteForumTopic": delete_topic,
}
