"""How long each kind of data lives: a time from a named event, after which it is erased by the sweep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule:
    """One class of data and its life.

    Attributes:
        id: Name of the data class.
        keep: How long after the event; zero means at once.
        counted_from: The event: ``received``, ``disposition_recorded``, ``case_closed``, ``last_seen`` …
        action: ``erase`` (row and content go) or ``erase_content`` (facts stay, words go).
    """

    id: str
    keep: timedelta
    counted_from: str
    action: str
    description: str
    unit: str
    source: str
    since: str


def expires_at(rule: RetentionRule, event_at: datetime) -> datetime:
    """Return when data whose event was at ``event_at`` (aware) must be gone."""
    return event_at + rule.keep


def is_expired(rule: RetentionRule, event_at: datetime, now: datetime) -> bool:
    """Return whether the sweep at ``now`` must erase it."""
    return now >= expires_at(rule, event_at)
