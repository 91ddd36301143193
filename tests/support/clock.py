"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Clock under the test's control."""

    def __init__(self, at: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) -> None:
        self._now = at

    def now(self) -> datetime:
        return self._now

    def advance(self, **step: float) -> datetime:
        """Move on by ``timedelta(**step)``."""
        self._now += timedelta(**step)
        return self._now
