"""What has to reach Telegram: an address, a content, and the promise under which it may be sent.

A :class:`Delivery` is written in the same transaction as the state change it belongs to and is sent later. Addresses name
people and cases, not chats: the chat, and the forum topic of a case, are looked up when it is sent, so that a topic which
has disappeared can be made anew and the very same message delivered there.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId

TELEGRAM_LIMIT = 4096
"""UTF-16 units in one message (Bot API, sendMessage)."""


def utf16_length(text: str) -> int:
    """Return the length of ``text`` in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


class Pool(StrEnum):
    """Deliveries that are worked on side by side with others, so that a full one holds up no other."""

    PEOPLE = "people"
    DESK = "desk"
    URGENT_DESK = "urgent_desk"
    """Lanes of the desk in which something urgent waits."""


class Priority(IntEnum):
    """Smaller goes first when several lanes wait for the same budget."""

    EMERGENCY = 0
    TO_PERSON = 10
    TO_DESK = 20
    COSMETIC = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ToPerson:
    person_id: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCase:
    """The forum topic of a case; made when it does not exist."""

    case_id: CaseId
    group_id: ChatId | None = None
    """Only in this group: what is changed or marked stands there and nowhere else."""

    @property
    def lane(self) -> str:
        return f"case:{self.case_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToChat:
    """A chat that belongs to no person: the staff group's General, or a group we were added to by mistake."""

    chat_id: ChatId
    thread_id: int | None = None


Address = ToPerson | ToCase | ToChat


@dataclass(frozen=True, slots=True, kw_only=True)
class WireButton:
    """A button as Telegram sees it: a label and an opaque token of at most 64 bytes."""

    label: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """At most 4,096 UTF-16 units; longer texts are split before they are written."""

    text: str
    buttons: tuple[tuple[WireButton, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Messages copied, never forwarded: a forward shows the writer's account."""

    from_chat_id: ChatId
    message_ids: tuple[int, ...]
    """One, or those of an album in their order."""
    album: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """A mark under a message: delivered or not."""

    message_id: int
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """New words, and buttons, for a message of ours."""

    message_id: int
    text: str
    buttons: tuple[tuple[WireButton, ...], ...] = ()
    is_caption: bool = False
    """The words stand below a photo or a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    message_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseTopic:
    """The case is resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReopenTopic:
    """The case is open again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first post of a case's topic, as the case stands when it is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aid:
    """What helps whoever takes the case: what the person was shown, what the library holds, a draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The post in a group's General that says how its cases stand, as they stand when it is sent."""


Content = Text | Copy | Reaction | Edit | Pin | CloseTopic | ReopenTopic | Header | Aid | Board


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One outgoing operation."""

    address: Address
    content: Content
    dedupe_key: str
    """Unique: writing the same delivery twice keeps one row."""
    priority: Priority = Priority.TO_PERSON
    version: int | None = None
    """Conversation version the content was computed for; None for cards and notices, which always go out."""
    case_message_ids: tuple[CaseMessageId, ...] = ()
    """The case messages this carries, so that their delivery state can be shown to the caseworker."""
    answers: CaseMessageId | None = None
    """The case message this replies to: shown so where that message stands in the same chat."""
    not_before: datetime | None = None
    """Held until then: it can still be taken back, or more is to come that belongs to it."""

    @property
    def slot(self) -> str | None:
        """Of deliveries of one lane and slot that wait, only the newest is sent."""
        match self.content:
            case Header():
                return "header"
            case Board():
                return "board"
        return None

    @property
    def lane(self) -> str:
        """Deliveries of one lane leave strictly in the order they were written."""
        match self.address:
            case ToPerson(person_id=person_id):
                return f"person:{person_id}"
            case ToCase() as topic:
                return topic.lane
            case ToChat(chat_id=chat_id):
                return f"chat:{chat_id}"


def joined(waiting: Delivery, new: Delivery) -> Delivery | None:
    """Return one delivery in place of two that follow each other in a case's topic; None when they stay apart.

    What a person writes in a row becomes one post, and the parts of an album stay one: a group takes about twenty operations a
    minute, all topics together.
    """
    if not (new.case_message_ids and waiting.case_message_ids):
        return None
    content: Content
    match waiting.content, new.content:
        case Text(text=above, buttons=()), Text(text=below, buttons=()):
            content = Text(text=f"{above}\n\n{below}")
            # To a person each reply stays one, so that it can be taken back alone.
            fits = isinstance(new.address, ToCase) and utf16_length(content.text) <= TELEGRAM_LIMIT
            if not fits or new.answers not in {None, waiting.answers}:
                return None
        case Copy(album=str(album)), Copy(album=str(other)) if album == other:
            content = replace(waiting.content, message_ids=(*waiting.content.message_ids, *new.content.message_ids))
        case _:
            return None
    return replace(
        waiting, content=content, priority=min(waiting.priority, new.priority), not_before=new.not_before,
        case_message_ids=(*waiting.case_message_ids, *new.case_message_ids),
    )  # fmt: skip
