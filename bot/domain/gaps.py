"""Gaps of the library: questions nobody could answer from it, and answers that somebody called wrong.

A gap holds no words of a person. What could not be answered is counted by what it was about; the words are read where they still
stand, and go with them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.ids import GapId, StaffId, UpdateId


class GapKind(StrEnum):
    UNANSWERED = "unanswered"
    WRONG = "wrong"
    """Somebody of the staff says that what was shown is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One thing the library lacks, until a version of a document closes it."""

    id: GapId
    kind: GapKind
    topic: str
    """The nearest topic; a dash where nothing was near."""
    intent: str
    """What was asked for, as NLU reads it; a dash where it does not."""
    opened_at: datetime
    note: str = ""
    """What somebody of the staff wrote: their own question, or what is wrong. No words of a person."""
    asked: int = 0
    """How often."""
    languages: tuple[str, ...] = ()
    """Most frequent first."""
    last_at: datetime | None = None
    owner_id: StaffId | None = None
    closed_at: datetime | None = None
    closed_by: str = ""
    """The version that closed it, as ``pathways/en/P08.md 3``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question that was not answered. Its words stand in the turn, for a day."""

    at: datetime
    language: str
    update_id: UpdateId | None = None
    text: str = ""
