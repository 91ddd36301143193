"""What was said to us, and what we say back.

An :class:`Incoming` is one Telegram update after conversion: nothing of the person's profile is in it.
A :class:`Reply` is what a person would see; how it travels is :mod:`bot.domain.deliveries`.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from bot.domain.ids import ChatId, PassageId, UpdateId


class Kind(StrEnum):
    """What a message is made of. Everything but text, command and button is answered by a kind explanation."""

    TEXT = "text"
    COMMAND = "command"
    BUTTON = "button"
    PHOTO = "photo"
    DOCUMENT = "document"
    VOICE = "voice"
    VIDEO = "video"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One message or button press of one chat."""

    update_id: UpdateId
    chat_id: ChatId
    sender_id: ChatId
    """Who wrote: equals ``chat_id`` in a private chat, the member's own id in the staff group."""
    message_id: int
    kind: Kind
    sent_at: datetime
    text: str = ""
    """NFC text or caption, empty when there is none."""
    command: str | None = None
    """Lower-case command without slash and bot name."""
    argument: str = ""
    button: str | None = None
    """Opaque token of a pressed button."""
    callback_id: str | None = None
    language_hint: str | None = None
    """Telegram's interface language, two letters: a first guess only."""
    thread_id: int | None = None
    reply_to: int | None = None
    """The message of the same chat it replies to."""
    album: str | None = None
    """Messages sent together share it; only one of them carries the caption."""
    is_edit: bool = False
    is_private: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A choice offered under a message. ``action`` names what happens; the wire carries only an opaque token."""

    label: str
    action: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A passage shown to a person, with all that lets them check it."""

    passage_id: PassageId
    topic: str | None
    title: str
    publisher: str
    url: str
    audience: str
    checked: date
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One message from the assistant."""

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    citations: tuple[Citation, ...] = field(default=())
