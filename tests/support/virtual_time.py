"""An event loop in which nobody waits: when nothing is left to do, time moves on to the next thing that is due.

What takes real time (threads, sockets) must not be used in it; :class:`InlineStorage` runs transactions at once.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from bot.adapters.storage.storage import SqlStorage
from bot.service.ports import UnitOfWork

T = TypeVar("T")
START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class _Impatient(selectors.SelectSelector):
    """A selector that moves the loop's time on instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.skipped_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop over virtual seconds, counted from 0."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        return self._impatient.skipped_s


class VirtualClock:
    """The office's clock in virtual time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())


class InlineStorage:
    """Storage whose transactions take no time."""

    def __init__(self, storage: SqlStorage) -> None:
        self._storage = storage

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        return self._storage.run_now(work)

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        return self._storage.run_now(work)


def run_virtually(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run ``main`` to its end in a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()
