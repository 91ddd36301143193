"""Time as the emulator sees it: the real clock plus what a test has skipped."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """``advance`` moves message dates, the 24 h and 48 h limits and rate windows; sleeping stays real."""

    def __init__(self, read: Callable[[], float] = time.time) -> None:
        self._read = read
        self._skipped_s = 0.0

    def now(self) -> float:
        return self._read() + self._skipped_s

    def advance(self, seconds: float) -> None:
        self._skipped_s += seconds
