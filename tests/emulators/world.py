"""The emulated Telegram: accounts, chats, files, settings of the bot, and the queue towards it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from emulators import render
from emulators.clock import Clock
from emulators.model import ADMIN_RIGHTS, GENERAL_TOPIC_ID, Account, Chat, Message, Press, StoredFile, Topic
from emulators.schema import Schema
from emulators.updates import UpdateQueue

FIRST_USER_ID = 5_000_000_001
FIRST_GROUP_ID = -1_002_000_000_001


@dataclass(slots=True)
class BotSettings:
    """What the bot has set about itself; commands are kept per (scope, language)."""

    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    short_descriptions: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


class World:
    """Everything that survives a restart of the bot."""

    def __init__(self, *, bot: Account, clock: Clock, schema: Schema) -> None:
        self.bot = bot
        self.clock = clock
        self.schema = schema
        self.schema_errors: list[str] = []
        self.accounts: dict[int, Account] = {bot.user_id: bot}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.presses: dict[str, Press] = {}
        self.press_ttl_s = 600.0
        self.settings = BotSettings()
        self.updates = UpdateQueue(clock)
        self._next_user_id = FIRST_USER_ID
        self._next_group_id = FIRST_GROUP_ID
        self._next_query = 1
        self._next_album = 1

    def add_account(self, *, first_name: str, user_id: int | None = None, **profile: Any) -> Account:
        """Create a person and the (empty) private chat with the bot."""
        account = Account(user_id or self._new_user_id(), first_name, **profile)
        if account.user_id in self.accounts:
            raise ValueError(f"there is already an account {account.user_id}")
        self.accounts[account.user_id] = account
        self.chats[account.user_id] = Chat(account.user_id, "private", owner=account)
        return account

    def add_group(self, *, title: str, kind: str, is_forum: bool, chat_id: int | None = None) -> Chat:
        """Create a group whose administrator, with every right, is the bot."""
        chat = Chat(chat_id or self.new_group_id(), kind, title=title, is_forum=is_forum)
        chat.administrators[self.bot.user_id] = set(ADMIN_RIGHTS)
        chat.last_message_id = GENERAL_TOPIC_ID  # message 1 is the creation of the group
        self.chats[chat.chat_id] = chat
        return chat

    def post(self, chat: Chat, sender: Account, content: dict[str, Any], **details: Any) -> Message:
        """Put a message into a chat; nobody is told."""
        chat.last_message_id += 1
        message = Message(chat, chat.last_message_id, sender, self.clock.now(), content, **details)
        chat.messages[message.message_id] = message
        return message

    def post_and_tell(self, chat: Chat, sender: Account, content: dict[str, Any], **details: Any) -> Message:
        """Put a message into a chat and queue it for the bot."""
        message = self.post(chat, sender, content, **details)
        self.tell("message", render.message(message), chat)
        return message

    def tell(self, kind: str, body: dict[str, Any], chat: Chat) -> None:
        """Queue an update for the bot, checked against the schema."""
        if chat.owner is None and chat.bot_status in ("left", "kicked") and kind != "my_chat_member":
            return
        update = self.updates.add(kind, body, chat.chat_id)
        if update is not None:
            self.schema_errors += self.schema.check_object("Update", update.body)

    def open_topic(self, chat: Chat, author: Account, name: str, icon_color: int, icon: str | None = None) -> Topic:
        """Create a topic: its id is the id of the service message, which the bot is told about too."""
        created = {"name": name, "icon_color": icon_color} | ({"icon_custom_emoji_id": icon} if icon else {})
        thread_id = chat.last_message_id + 1
        topic = Topic(chat, thread_id, name, icon_color, icon_custom_emoji_id=icon)
        chat.topics[thread_id] = topic
        self.post_and_tell(chat, author, {"forum_topic_created": created}, thread_id=thread_id)
        return topic

    def delete_topic(self, topic: Topic) -> None:
        """Remove a topic with its messages; Telegram sends no update about that."""
        topic.is_deleted = True
        for message in topic.chat.present:
            if message.thread_id == topic.thread_id:
                message.is_deleted = True

    def store(self, data: bytes, *, kind: str, file_name: str, mime_type: str, size: int | None = None) -> StoredFile:
        """Keep bytes for download, under an identifier that cannot be guessed from the name."""
        digest = hashlib.sha256(f"{len(self.files)}:{file_name}".encode() + data).hexdigest()
        stored = StoredFile(
            file_id=f"{kind[:2].upper()}{digest[:40]}",
            unique_id=f"AQ{digest[40:54]}",
            path=f"{kind}s/file_{len(self.files)}{_suffix(file_name)}",
            data=data,
            size=len(data) if size is None else size,
            file_name=file_name,
            mime_type=mime_type,
        )
        self.files[stored.file_id] = stored
        if kind == "photo":  # the small size has its own identifier
            small = stored.file_id + "s"
            self.files[small] = replace(stored, file_id=small, unique_id=stored.unique_id + "s")
        return stored

    def press(self, presser: Account, message: Message, data: str) -> Press:
        pressed = Press(f"44{self._next_query:016d}", presser, message, data, self.clock.now())
        self._next_query += 1
        self.presses[pressed.query_id] = pressed
        self.tell("callback_query", render.press(pressed), message.chat)
        return pressed

    def new_album_id(self) -> str:
        self._next_album += 1
        return f"139{self._next_album:014d}"

    def _new_user_id(self) -> int:
        while self._next_user_id in self.accounts:
            self._next_user_id += 1
        return self._next_user_id

    def new_group_id(self) -> int:
        while self._next_group_id in self.chats:
            self._next_group_id -= 1
        return self._next_group_id


def _suffix(file_name: str) -> str:
    return f".{file_name.rsplit('.', 1)[1]}" if "." in file_name else ""
