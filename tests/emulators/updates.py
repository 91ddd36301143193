"""The queue between people and the bot: acknowledged by offset, or pushed to a webhook."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulators.clock import Clock
from emulators.errors import OTHER_POLLER, POLL_ENDED_BY_WEBHOOK, WEBHOOK_ACTIVE, conflict

FIRST_UPDATE_ID = 700_000_001
EXPIRY_S = 24 * 3600
# Telegram sends these only to bots that ask for them by name.
_ON_REQUEST_ONLY = {"chat_member", "message_reaction", "message_reaction_count"}


@dataclass(slots=True, eq=False)
class Pending:
    """An update the bot has not confirmed yet."""

    update_id: int
    body: dict[str, Any]
    chat_id: int
    queued_at: float
    deliver_twice: bool = False
    is_in_flight: bool = False


@dataclass(slots=True)
class Webhook:
    """Where and how to push; ``last_error`` and ``failures`` are what getWebhookInfo tells."""

    url: str
    secret_token: str | None
    max_connections: int
    last_error: str | None = None
    last_error_at: float | None = None


class UpdateQueue:
    """Updates in order, kept until confirmed or 24 h old."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pending: list[Pending] = []
        self._again: list[Pending] = []
        self._next_id = FIRST_UPDATE_ID
        self._news = asyncio.Event()
        self._polling: asyncio.Future[str] | None = None
        self.allowed: set[str] | None = None
        self.webhook: Webhook | None = None
        self.duplicate_next = 0
        self.log: list[dict[str, Any]] = []

    @property
    def pending(self) -> list[Pending]:
        self._expire()
        return list(self._pending)

    def add(self, kind: str, body: dict[str, Any], chat_id: int) -> Pending | None:
        """Queue an update, unless the bot did not ask for that kind."""
        if not self._is_wanted(kind):
            return None
        update = Pending(self._next_id, {"update_id": self._next_id, kind: body}, chat_id, self._clock.now())
        self._next_id += 1
        if self.duplicate_next > 0:
            self.duplicate_next -= 1
            update.deliver_twice = True
        self._pending.append(update)
        self.log.append(update.body)
        self.wake()
        return update

    def confirm(self, update: Pending) -> bool:
        """Take a delivered update off the queue; False when it is to be delivered once more."""
        if update.deliver_twice:
            update.deliver_twice = False
            return False
        with contextlib.suppress(ValueError):
            self._pending.remove(update)
        return True

    def drop_all(self) -> None:
        self._pending.clear()
        self._again.clear()

    def allow(self, kinds: Iterable[str] | None) -> None:
        """Remember ``allowed_updates``: an empty list restores the default, None changes nothing."""
        if kinds is not None:
            self.allowed = set(kinds) or None

    async def poll(self, *, offset: int, limit: int, timeout_s: float) -> list[dict[str, Any]]:
        """getUpdates: confirm everything before ``offset``, then wait for at least one update.

        Raises:
            ApiError: 409, when a webhook is set or another poll takes over.
        """
        if self.webhook is not None:
            raise conflict(WEBHOOK_ACTIVE)
        self.end_poll(OTHER_POLLER)
        self._confirm_before(offset)
        deadline = asyncio.get_running_loop().time() + timeout_s
        mine = self._polling = asyncio.get_running_loop().create_future()
        try:
            while not (batch := self._batch(offset, limit)):
                left_s = deadline - asyncio.get_running_loop().time()
                if left_s <= 0 or not await self._wait(mine, left_s):
                    break
        finally:
            if self._polling is mine:
                self._polling = None
        if mine.done():
            raise conflict(mine.result())
        return batch

    def end_poll(self, reason: str = POLL_ENDED_BY_WEBHOOK) -> None:
        """Answer the waiting getUpdates, if any, with 409."""
        if self._polling is not None and not self._polling.done():
            self._polling.set_result(reason)
        self._polling = None

    def wake(self) -> None:
        self._news.set()

    async def changed(self, timeout_s: float) -> None:
        """Wait until something is queued or ``wake`` is called."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):  # wait_for of Python 3.11 may swallow a cancellation
                await self._news.wait()

    async def _wait(self, mine: asyncio.Future[str], timeout_s: float) -> bool:
        """True when it is worth looking again, False when the time is over or the poll was ended."""
        self._news.clear()
        news = asyncio.create_task(self._news.wait())
        waited_for: set[asyncio.Future[Any]] = {news, mine}
        try:
            done, _ = await asyncio.wait(waited_for, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        return bool(done) and not mine.done()

    def _batch(self, offset: int, limit: int) -> list[dict[str, Any]]:
        self._expire()
        repeated, self._again = self._again, []
        waiting = [update for update in self._pending if update.update_id >= offset]
        return [update.body for update in (*repeated, *waiting)][:limit]

    def _confirm_before(self, offset: int) -> None:
        if offset < 0:  # only the newest -offset updates are kept
            del self._pending[: max(0, len(self._pending) + offset)]
            return
        for update in [u for u in self._pending if u.update_id < offset]:
            if not self.confirm(update):
                self._pending.remove(update)
                self._again.append(update)

    def _expire(self) -> None:
        oldest = self._clock.now() - EXPIRY_S
        self._pending = [update for update in self._pending if update.queued_at > oldest]

    def _is_wanted(self, kind: str) -> bool:
        return kind not in _ON_REQUEST_ONLY if self.allowed is None else kind in self.allowed
