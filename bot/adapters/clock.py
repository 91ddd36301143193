"""The machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """Clock over the system time."""

    def now(self) -> datetime:
        return datetime.now(UTC)
