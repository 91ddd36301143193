"""How much one person may send: a sliding window over the moments of earlier messages.

Time comes in as seconds on any one clock; nothing is stored here. The caller keeps the moments it is given back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """At most ``limit`` events in any ``window_s`` seconds, counted per ``scope``."""

    id: str
    limit: int
    window_s: float
    scope: str
    description: str
    unit: str
    source: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Whether one more event fits.

    Attributes:
        allowed: It fits, and is counted in ``moments``.
        moments: Moments still inside the window, oldest first; keep them for the next call.
        resets_in_s: Seconds until the next event would fit; 0 when one fits now.
    """

    allowed: bool
    moments: tuple[float, ...]
    resets_in_s: float


def admit(moments: Iterable[float], now_s: float, limit: RateLimit) -> Admission:
    """Count one event at ``now_s`` if it fits; a refused event is not counted.

    A clock that jumps back never locks a person out: moments in the future are taken as now.
    """
    recent = tuple(sorted(min(moment, now_s) for moment in moments if now_s - moment < limit.window_s))
    if len(recent) < limit.limit:
        kept = (*recent, now_s)
        full = len(kept) >= limit.limit
        return Admission(allowed=True, moments=kept, resets_in_s=_wait(kept, now_s, limit) if full else 0.0)
    return Admission(allowed=False, moments=recent, resets_in_s=_wait(recent, now_s, limit))


def _wait(moments: tuple[float, ...], now_s: float, limit: RateLimit) -> float:
    """Return when the oldest of the last ``limit`` events leaves the window."""
    return max(0.0, moments[-limit.limit] + limit.window_s - now_s)
