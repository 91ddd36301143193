"""The human side: what people do in their Telegram app, and what they see there.

Every action takes effect at once and queues the update for the bot; nothing here waits. An action
that a real app would not offer (pressing a button that is not there, writing to a blocked bot)
raises ``NotPossible``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulators import entities, media, render
from emulators.model import Account, Chat, Message, Press, Topic

if TYPE_CHECKING:
    from emulators.groups import Group
    from emulators.world import World

_SAMPLE = b"sample bytes"


class NotPossible(AssertionError):
    """No Telegram app would let this person do that now."""


class User:
    """A person with a Telegram account: someone who asks, or a caseworker."""

    def __init__(self, world: World, account: Account) -> None:
        self._world = world
        self.account = account

    def __repr__(self) -> str:
        return f"<User {self.account.user_id} {self.account.first_name}>"

    @property
    def user_id(self) -> int:
        return self.account.user_id

    @property
    def chat(self) -> Chat:
        """The private chat with the bot."""
        return self._world.chats[self.account.user_id]

    @property
    def inbox(self) -> list[Message]:
        """What the bot has sent to this person and not deleted, oldest first, as it reads now."""
        return [m for m in self.chat.present if m.sender is self._world.bot and not m.is_service]

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.inbox]

    def start(self, payload: str = "") -> Message:
        """Press START, or follow a ``?start=payload`` link."""
        return self.send(f"/start {payload}".strip())

    def send(self, text: str, *, reply_to: Message | None = None) -> Message:
        return self._write(self.chat, entities.typed_text(text), reply_to=reply_to)

    def send_photo(self, caption: str = "", **file: Any) -> Message:
        """Send a picture; ``file`` may have data, file_name, mime_type, size, reply_to (also below)."""
        return self._send_file("photo", caption, **file)

    def send_document(self, caption: str = "", **file: Any) -> Message:
        return self._send_file("document", caption, **file)

    def send_video(self, caption: str = "", **file: Any) -> Message:
        return self._send_file("video", caption, **file)

    def send_voice(self, caption: str = "", **file: Any) -> Message:
        return self._send_file("voice", caption, **file)

    def send_sticker(self, emoji: str = "👍", **file: Any) -> Message:
        return self._send_file("sticker", "", emoji=emoji, **file)

    def send_location(self, latitude: float, longitude: float) -> Message:
        return self._write(self.chat, {"location": {"latitude": latitude, "longitude": longitude}})

    def send_contact(self, phone_number: str, first_name: str = "") -> Message:
        card = {"phone_number": phone_number, "first_name": first_name or self.account.first_name}
        return self._write(self.chat, {"contact": card | {"user_id": self.user_id}})

    def forward(self, text: str, *, author: str = "A rumour channel") -> Message:
        """Pass on what somebody wrote who hides their account."""
        origin = {"type": "hidden_user", "date": int(self._world.clock.now()), "sender_user_name": author}
        return self._write(self.chat, entities.typed_text(text), forward_origin=origin)

    def send_album(self, captions: list[str], *, kind: str = "photo", album_id: str | None = None) -> list[Message]:
        """Send several files as one album; call it again with the same ``album_id`` for late parts."""
        album = album_id or self._world.new_album_id()
        return [self._send_file(kind, caption, media_group_id=album) for caption in captions]

    def post(self, group: Group, topic: Topic | None, text: str, *, reply_to: Message | None = None) -> Message:
        """Write in a group: into ``topic``, or into General (None)."""
        return self._write_in_group(group, topic, entities.typed_text(text), reply_to=reply_to)

    def post_file(self, group: Group, topic: Topic | None, kind: str, caption: str = "", **file: Any) -> Message:
        content, details = self._file_content(kind, caption, **file)
        return self._write_in_group(group, topic, content, **details)

    def press(self, button: str, *, message: Message | None = None, group: Group | None = None) -> Press | Message:
        """Press the newest button with this label (or callback data), in the private chat or in ``group``.

        A button of a reply keyboard sends its label as a message, which is then returned.

        Raises:
            NotPossible: there is no such button.
        """
        chat = message.chat if message else group.chat if group else self.chat
        candidates = [message] if message else list(reversed(chat.present))
        shown = [m for m in candidates if m.sender is self._world.bot]
        for carrier in shown:
            for found in (b for row in carrier.keyboard for b in row if button in (b["text"], b.get("callback_data"))):
                return self._press(carrier, found)
        labels = [label for carrier in shown for label in carrier.buttons]
        raise NotPossible(f"{self} sees no button {button!r}; there are {labels}")

    def edit(self, message: Message, text: str) -> Message:
        """Change the words of an own message: its text, or its caption."""
        self._require_own(message)
        self._require_not_blocked()
        message.history.append(message.text)
        kept = {name: value for name, value in message.content.items() if not name.startswith(("text", "entities", "caption"))}
        message.content = kept | {"caption": text} if kept else entities.typed_text(text)
        message.edited_at = self._world.clock.now()
        self._world.tell("edited_message", render.message(message), message.chat)
        return message

    def delete(self, message: Message) -> None:
        """Remove a message for everyone: the bot is never told."""
        message.is_deleted = True

    def react(self, message: Message, emoji: str | None) -> None:
        """Put a reaction on a message, or take it back (None)."""
        before = message.reactions.get(self.user_id, [])
        after = [{"type": "emoji", "emoji": emoji}] if emoji else []
        message.reactions[self.user_id] = after
        body = {
            "chat": render.chat(message.chat),
            "message_id": message.message_id,
            "user": render.user(self.account),
            "date": int(self._world.clock.now()),
            "old_reaction": before,
            "new_reaction": after,
        }
        self._world.tell("message_reaction", body, message.chat)

    def block(self) -> None:
        """Stop the bot: sends are refused with 403 from now on."""
        self._set_blocked(True)

    def unblock(self) -> None:
        self._set_blocked(False)

    def deactivate(self) -> None:
        """Delete the account; Telegram sends no update about that."""
        self.account.is_deactivated = True

    def _set_blocked(self, is_blocked: bool) -> None:
        was_blocked, self.account.has_blocked = self.account.has_blocked, is_blocked
        if was_blocked == is_blocked:
            return
        body = {
            "chat": render.chat(self.chat),
            "from": render.user(self.account),
            "date": int(self._world.clock.now()),
            "old_chat_member": render.private_member(self._world.bot, is_blocked=was_blocked),
            "new_chat_member": render.private_member(self._world.bot, is_blocked=is_blocked),
        }
        self._world.tell("my_chat_member", body, self.chat)

    def _send_file(self, kind: str, caption: str, **file: Any) -> Message:
        content, details = self._file_content(kind, caption, **file)
        return self._write(self.chat, content, **details)

    def _file_content(
        self,
        kind: str,
        caption: str,
        *,
        data: bytes = _SAMPLE,
        file_name: str | None = None,
        mime_type: str | None = None,
        size: int | None = None,
        emoji: str = "",
        **details: Any,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        default_name, default_type = media.DEFAULT_NAMES[kind]
        name, mime = file_name or default_name, mime_type or default_type
        stored = self._world.store(data, kind=kind, file_name=name, mime_type=mime, size=size)
        described = {kind: media.describe(kind, stored, {"emoji": emoji} if emoji else {})}
        return described | ({"caption": caption} if caption else {}), details

    def _write(self, chat: Chat, content: dict[str, Any], **details: Any) -> Message:
        self._require_not_blocked()
        if entities.utf16_length(content.get("text", "")) > entities.MAX_TEXT:
            raise NotPossible("an app splits a text as long as this into several messages")
        self.account.has_started = True
        return self._world.post_and_tell(chat, self.account, content, **details)

    def _write_in_group(
        self,
        group: Group,
        topic: Topic | None,
        content: dict[str, Any],
        *,
        reply_to: Message | None = None,
        **more: Any,
    ) -> Message:
        chat = group.chat
        if self.user_id not in chat.members:
            raise NotPossible(f"{self} is no member of {chat.title!r}")
        if topic is not None and (topic.is_deleted or topic.chat is not chat):
            raise NotPossible(f"topic {topic.name!r} is not in {chat.title!r} (any more)")
        if topic is not None and topic.is_closed and self.user_id not in chat.administrators:
            raise NotPossible(f"topic {topic.name!r} is closed")
        thread_id = topic.thread_id if topic else _reply_thread(reply_to)
        return self._world.post_and_tell(chat, self.account, content, thread_id=thread_id, reply_to=reply_to, **more)

    def _press(self, carrier: Message, button: dict[str, Any]) -> Press | Message:
        self._require_not_blocked()
        if "inline_keyboard" not in (carrier.reply_markup or {}):
            return self.send(button["text"])
        if "callback_data" not in button:
            raise NotPossible(f"button {button['text']!r} opens something instead of answering: {button}")
        return self._world.press(self.account, carrier, button["callback_data"])

    def _require_own(self, message: Message) -> None:
        if message.sender is not self.account or message.is_deleted:
            raise NotPossible(f"{self} cannot edit message {message.message_id} of chat {message.chat.chat_id}")

    def _require_not_blocked(self) -> None:
        if self.account.has_blocked or self.account.is_deactivated:
            raise NotPossible(f"{self} has blocked the bot or left Telegram")


def _reply_thread(reply_to: Message | None) -> int | None:
    """Outside topics a reply starts a thread that is numbered by its first message, and is no topic."""
    if reply_to is None:
        return None
    return reply_to.thread_id or reply_to.message_id
