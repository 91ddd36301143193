"""What exists inside the emulated Telegram: accounts, chats, topics, messages, files, button presses.

Plain data. Rendering to Bot API JSON is in ``render``, what people do in ``people``, what the bot
does in ``methods``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

GENERAL_TOPIC_ID = 1
ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
    "can_send_welcome_messages",
)
SERVICE_KINDS = (
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "new_chat_members",
    "left_chat_member",
    "pinned_message",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
)
CONTENT_KINDS = ("text", "photo", "document", "voice", "sticker", "video", "location", "contact", "audio")


@dataclass(slots=True, eq=False, repr=False)
class Account:
    """A Telegram user; the bot has one too."""

    user_id: int
    first_name: str
    is_bot: bool = False
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    has_started: bool = False
    has_blocked: bool = False
    is_deactivated: bool = False

    def __repr__(self) -> str:
        return f"<Account {self.user_id} {self.first_name}>"


@dataclass(slots=True, eq=False, repr=False)
class Topic:
    """A forum topic; ``messages`` are those still there, oldest first, without service messages."""

    chat: Chat
    thread_id: int
    name: str
    icon_color: int
    is_closed: bool = False
    is_deleted: bool = False
    icon_custom_emoji_id: str | None = None

    def __repr__(self) -> str:
        return f"<Topic {self.thread_id} {self.name!r} in {self.chat.chat_id}>"

    @property
    def messages(self) -> list[Message]:
        return [m for m in self.chat.present if m.thread_id == self.thread_id and not m.is_service]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.messages]


@dataclass(slots=True, eq=False, repr=False)
class Chat:
    """A private chat (``chat_id`` is the person's) or a group; message ids are counted per chat, from 1."""

    chat_id: int
    kind: str
    title: str | None = None
    owner: Account | None = None
    is_forum: bool = False
    messages: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, Topic] = field(default_factory=dict)
    members: dict[int, Account] = field(default_factory=dict)
    administrators: dict[int, set[str]] = field(default_factory=dict)
    creator_id: int | None = None
    bot_status: str = "administrator"
    migrated_to: int | None = None
    pinned: list[int] = field(default_factory=list)
    actions: list[tuple[str, int | None]] = field(default_factory=list)
    last_message_id: int = 0
    admins_may_write_in_closed_topics: bool = False

    def __repr__(self) -> str:
        return f"<Chat {self.chat_id} {self.title or 'private'}>"

    @property
    def present(self) -> list[Message]:
        return [message for message in self.messages.values() if not message.is_deleted]

    def find(self, message_id: int) -> Message | None:
        message = self.messages.get(message_id)
        return None if message is None or message.is_deleted else message


@dataclass(slots=True, eq=False, repr=False)
class Message:
    """One message; ``content`` holds the content fields of the Bot API object as they are sent."""

    chat: Chat
    message_id: int
    sender: Account
    sent_at: float
    content: dict[str, Any]
    thread_id: int | None = None
    reply_to: Message | None = None
    external_reply: dict[str, Any] | None = None
    reply_markup: dict[str, Any] | None = None
    media_group_id: str | None = None
    forward_origin: dict[str, Any] | None = None
    edited_at: float | None = None
    is_protected: bool = False
    is_silent: bool = False
    is_deleted: bool = False
    reactions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Message {self.message_id} in {self.chat.chat_id}: {self.kind} {self.text!r}>"

    @property
    def text(self) -> str:
        """The words a reader sees: the text, or the caption, or nothing."""
        return str(self.content.get("text") or self.content.get("caption") or "")

    @property
    def kind(self) -> str:
        """Which content it carries: "text", "photo", ..., or the name of a service message."""
        return next(name for name in (*CONTENT_KINDS, *SERVICE_KINDS) if name in self.content)

    @property
    def is_service(self) -> bool:
        return self.kind in SERVICE_KINDS

    @property
    def buttons(self) -> list[str]:
        """Labels of the inline keyboard, or else of the reply keyboard, row by row."""
        return [button["text"] for row in self.keyboard for button in row]

    @property
    def keyboard(self) -> list[list[dict[str, Any]]]:
        markup = self.reply_markup or {}
        rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
        return [[{"text": button} if isinstance(button, str) else button for button in row] for row in rows]

    @property
    def emoji(self) -> list[str]:
        """Every reaction on the message."""
        return [reaction["emoji"] for given in self.reactions.values() for reaction in given if "emoji" in reaction]

    @property
    def file_id(self) -> str | None:
        """The identifier to download what the message carries, the largest size for a photo."""
        carried = self.content.get(self.kind)
        carried = carried[-1] if isinstance(carried, list) and carried else carried
        return carried.get("file_id") if isinstance(carried, dict) else None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Bytes that can be downloaded; ``size`` may be larger than ``data`` to pretend a big file."""

    file_id: str
    unique_id: str
    path: str
    data: bytes
    size: int
    file_name: str
    mime_type: str


@dataclass(slots=True, eq=False, repr=False)
class Press:
    """A press on an inline button, and how the bot answered it."""

    query_id: str
    presser: Account
    message: Message
    data: str
    pressed_at: float
    is_answered: bool = False
    answer: str = ""
    is_alert: bool = False

    def __repr__(self) -> str:
        return f"<Press {self.query_id} of {self.data!r} by {self.presser.user_id}, answered: {self.is_answered}>"
