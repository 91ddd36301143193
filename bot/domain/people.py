"""The person who writes to us, and who may speak to them at this moment.

A person is known by a chat alone: no name, no profile. Their :class:`Conversation` says who speaks (:class:`Speaker`)
and carries a version: every change of speaker raises it, and a reply computed for an older version is never sent.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.ids import ChatId, PersonId, StaffId


class Role(StrEnum):
    """Whom passages may be shown to: everybody, or people linked to the staff by a one-time code."""

    PUBLIC = "public"
    STAFF = "staff"


class DeskRole(StrEnum):
    """What somebody may do with cases and content (CONTRACTS, Roles)."""

    STAFF = "staff"
    """Reads the staff manual; works no cases."""
    CASEWORKER = "caseworker"
    SUPERVISOR = "supervisor"
    FOCAL_POINT = "focal_point"
    EDITOR = "editor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"

    @property
    def works_cases(self) -> bool:
        """May claim, answer and close cases."""
        return self in {DeskRole.CASEWORKER, DeskRole.SUPERVISOR, DeskRole.FOCAL_POINT}


class Speaker(StrEnum):
    """Who may write to the person."""

    BOT = "bot"
    HUMAN_PENDING = "human_pending"
    """A case waits for a caseworker: only cards and fixed notices are sent."""
    HUMAN = "human"
    NONE = "none"


class PersonState(StrEnum):
    ACTIVE = "active"
    BLOCKED = "blocked"
    """Telegram said the person blocked us or deleted the account: nothing is sent until they write again."""
    ERASED = "erased"


class Pending(StrEnum):
    """What our last message asked, so that a yes, a no or a country can be understood."""

    OFFER = "offer"
    CLARIFY = "clarify"
    ANSWERED = "answered"
    """Nothing is asked; for a while a question may lean on the one before it."""
    FORGET = "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One chat, its language and its role."""

    id: PersonId
    chat_id: ChatId
    role: Role
    state: PersonState
    language: str | None
    language_chosen: bool
    """True when the person picked the language; a chosen language is never overridden by detection."""
    language_asked: bool
    """They were asked once whether to go on in the language they write."""
    welcomed_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Who speaks, and what the last message left open."""

    person_id: PersonId
    speaker: Speaker = Speaker.BOT
    version: int = 0
    pending: Pending | None = None
    question: str = ""
    """The person's question that an offer or a clarification belongs to; erased with the turn text."""
    category: str | None = None
    """The category an open offer or the last card belongs to, or the fact a clarifying question asked for."""
    severity: int = 0
    clarifications_asked: int = 0
    """In a row."""
    card_sent_at: datetime | None = None
    updated_at: datetime | None = None


def hand_to(conversation: Conversation, speaker: Speaker, at: datetime) -> Conversation:
    """Return the conversation with another speaker, a new version and nothing left open."""
    return replace(
        conversation, speaker=speaker, version=conversation.version + 1, pending=None, question="", category=None,
        severity=0, clarifications_asked=0, updated_at=at,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """Somebody linked by a one-time code. ``alias`` is how colleagues see them; their account is never shown."""

    id: StaffId
    chat_id: ChatId | None
    """None: they work in the console alone."""
    desk_role: DeskRole
    alias: str
    linked_at: datetime
    languages: frozenset[str] = frozenset()
    """Languages they work in; empty: that of the office, and any other with a translation."""
    queues: frozenset[str] = frozenset()
    """Queues they take cases from; empty: all."""
    capacity: int = 8
    """Weighted cases they carry at a time."""
    on_call: int | None = None
    """Place in the ladder that is told about urgent cases, 1 first; None: not on call."""
    clearance: int = 4
    """Gravest severity they are given."""
    given_at: datetime | None = None
    """When they last got a case."""
    away: bool = False
    """Off shift: nothing is given to them."""

    @property
    def actor(self) -> str:
        """Name in the audit log; it stays when the alias changes with the role."""
        return f"staff:{self.id}"
