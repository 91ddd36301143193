"""A group as its members see it: topics, members, the bot's rights, and moving to a new chat id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulators import render
from emulators.model import ADMIN_RIGHTS, Chat, Message, Topic
from emulators.people import NotPossible, User

if TYPE_CHECKING:
    from emulators.world import World

DEFAULT_COLOR = 0x6FB9F0


class Group:
    """A (forum) group; ``chat`` is replaced when the group migrates, the handle stays."""

    def __init__(self, world: World, chat: Chat) -> None:
        self._world = world
        self.chat = chat

    def __repr__(self) -> str:
        return f"<Group {self.chat_id} {self.chat.title}>"

    @property
    def chat_id(self) -> int:
        return self.chat.chat_id

    @property
    def topics(self) -> list[Topic]:
        """Topics that exist, oldest first; General is not among them."""
        return [topic for topic in self.chat.topics.values() if not topic.is_deleted]

    @property
    def general(self) -> list[Message]:
        """Messages in General, or in a group without topics."""
        return [m for m in self.chat.present if m.thread_id not in self.chat.topics and not m.is_service]

    @property
    def texts(self) -> list[str]:
        """Every text in the group, whatever the topic, oldest first."""
        return [m.text for m in self.chat.present if not m.is_service]

    def topic(self, name_contains: str) -> Topic:
        """The newest topic whose name contains the text.

        Raises:
            LookupError: there is none.
        """
        for topic in reversed(self.topics):
            if name_contains in topic.name:
                return topic
        raise LookupError(f"no topic with {name_contains!r}; there are {[topic.name for topic in self.topics]}")

    def add_member(self, user: User, *, is_admin: bool = False) -> None:
        self.chat.members[user.user_id] = user.account
        if is_admin:
            self.chat.administrators[user.user_id] = set(ADMIN_RIGHTS)

    def remove_member(self, user: User) -> None:
        del self.chat.members[user.user_id]
        self.chat.administrators.pop(user.user_id, None)

    def create_topic(self, name: str, *, by: User) -> Topic:
        return self._world.open_topic(self.chat, by.account, name, DEFAULT_COLOR)

    def rename_topic(self, topic: Topic, name: str, *, by: User) -> None:
        topic.name = name
        self._tell(topic, by, {"forum_topic_edited": {"name": name}})

    def close_topic(self, topic: Topic, *, by: User | None = None) -> None:
        topic.is_closed = True
        self._tell(topic, by, {"forum_topic_closed": {}})

    def reopen_topic(self, topic: Topic, *, by: User | None = None) -> None:
        topic.is_closed = False
        self._tell(topic, by, {"forum_topic_reopened": {}})

    def delete_topic(self, topic: Topic) -> None:
        """Delete a topic with all its messages; the bot only finds out when it sends there."""
        self._world.delete_topic(topic)

    def migrate(self) -> int:
        """Move the group to a new chat id, which is returned; topics keep their numbers, messages stay behind."""
        old = self.chat
        new = Chat(
            self._world.new_group_id(),
            "supergroup",
            title=old.title,
            is_forum=old.is_forum,
            members=dict(old.members),
            administrators=dict(old.administrators),
            creator_id=old.creator_id,
            last_message_id=max(old.topics, default=1),  # keeps the numbers of moved topics free
        )
        new.topics = {
            t.thread_id: Topic(new, t.thread_id, t.name, t.icon_color, t.is_closed, t.is_deleted, t.icon_custom_emoji_id)
            for t in old.topics.values()
        }
        self._world.chats[new.chat_id] = new
        mover = self._actor(None).account
        self._world.post_and_tell(old, mover, {"migrate_to_chat_id": new.chat_id})
        self._world.post_and_tell(new, mover, {"migrate_from_chat_id": old.chat_id})
        old.migrated_to = new.chat_id
        self.chat = new
        return new.chat_id

    def set_bot_rights(self, **rights: bool) -> None:
        """Grant or withdraw single rights, e.g. ``can_manage_topics=False``."""
        held = set(self.chat.administrators.get(self._world.bot.user_id, ()))
        held |= {right for right, is_granted in rights.items() if is_granted}
        self._set_bot("administrator", held - {right for right, is_granted in rights.items() if not is_granted})

    def make_bot_plain_member(self) -> None:
        self._set_bot("member", None)

    def make_bot_admin(self) -> None:
        self._set_bot("administrator", set(ADMIN_RIGHTS))

    def kick_bot(self) -> None:
        self._set_bot("kicked", None)

    def _set_bot(self, status: str, rights: set[str] | None) -> None:
        chat, bot = self.chat, self._world.bot
        before = render.member(chat, bot, is_bot=True)
        chat.bot_status = status
        chat.administrators.pop(bot.user_id, None)
        if rights is not None:
            chat.administrators[bot.user_id] = rights
        body = {
            "chat": render.chat(chat),
            "from": render.user(self._actor(None).account),
            "date": int(self._world.clock.now()),
            "old_chat_member": before,
            "new_chat_member": render.member(chat, bot, is_bot=True),
        }
        self._world.tell("my_chat_member", body, chat)

    def _tell(self, topic: Topic, by: User | None, content: dict[str, object]) -> None:
        actor = self._actor(by).account
        self._world.post_and_tell(self.chat, actor, content, thread_id=topic.thread_id)

    def _actor(self, by: User | None) -> User:
        """Who did it: the one named, or else the creator of the group."""
        if by is not None:
            return by
        if self.chat.creator_id is None:
            raise NotPossible(f"{self} has no members who could do that")
        return User(self._world, self._world.accounts[self.chat.creator_id])
