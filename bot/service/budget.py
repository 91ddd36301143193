"""How fast we may send: Telegram's limits per chat and overall, learnt tighter from every 429.

Limits from docs/adr/0004: about 30 messages a second overall, 1 a second in a private chat (short bursts pass), 20 a minute in
a group, all topics together. A 429 pauses its own chat only; a global pause would hold up people who have done nothing.

Whoever waits for the same chat is served by urgency, and a group keeps a few operations back for emergencies, so that the word of
somebody in danger never stands behind a hundred others.
"""

import asyncio
import heapq
import itertools
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.domain.deliveries import Priority
from bot.domain.ids import ChatId

KEPT_CHATS = 10_000
SLOW_FOR_S = 300.0
ROUNDING_S = 1e-6
"""Less than this is the rounding of numbers, not a wait."""
GROUP_BURST = 0.3
"""Share of a group's minute that may be used at once."""
GROUP_RESERVE = 3.0
"""Operations a group keeps back for emergencies: a new topic, its header and what the person wrote."""


@dataclass(slots=True)
class Bucket:
    """A token bucket: ``rate_per_s`` tokens a second, at most ``size`` saved up, ``reserve`` of them for emergencies."""

    rate_per_s: float
    size: float
    reserve: float = 0.0
    filled_at: float = 0.0
    tokens: float = field(init=False)
    closed_until: float = 0.0
    slow_until: float = 0.0
    waiting: list[tuple[Priority, int]] = field(default_factory=list)
    """A heap of those who wait."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.tokens = self.size

    def ready_in(self, now: float, *, urgent: bool) -> float:
        """Return in how many seconds the next operation is allowed; 0 when it is now."""
        self._fill(now)
        missing = 1.0 + (0.0 if urgent else self.reserve) - self.tokens
        return max(self.closed_until - now, missing / self._rate(now), 0.0)

    def take(self, now: float) -> None:
        """Use one operation."""
        self._fill(now)
        self.tokens -= 1

    def _fill(self, now: float) -> None:
        # Nothing is saved up while the bucket is closed: what waited for the end of a pause leaves at the rate, not at once.
        open_s = max(now - max(self.filled_at, self.closed_until), 0.0)
        self.tokens = min(self.size, self.tokens + open_s * self._rate(now))
        self.filled_at = max(self.filled_at, now)

    def _rate(self, now: float) -> float:
        return self.rate_per_s / 2 if now < self.slow_until else self.rate_per_s


class Budget:
    """All buckets of this process."""

    def __init__(self, *, overall_per_s: float, private_per_s: float, group_per_min: float) -> None:
        self._overall = Bucket(overall_per_s, overall_per_s)
        self._private_per_s = private_per_s
        # Burst and refill add up to the limit in every window of 60 s; a full burst beside a full refill would double it.
        # What is saved up for a burst is lost to a group that is behind: most of the budget is refill.
        self._group_size = max(1.0, GROUP_BURST * group_per_min)
        self._group_per_s = (1 - GROUP_BURST) * group_per_min / 60
        self._buckets: OrderedDict[ChatId, Bucket] = OrderedDict()
        self._tickets = itertools.count()

    async def spend(self, chat_id: ChatId, priority: Priority = Priority.TO_PERSON) -> None:
        """Wait until one more operation in this chat is allowed, and nobody more urgent waits for it."""
        await self._turn(self._bucket(chat_id), priority)
        await self._turn(self._overall, priority)

    def slow_down(self, chat_id: ChatId, retry_after_s: float) -> None:
        """Telegram said 429 for this chat: pause it, and go at half its rate for five minutes."""
        bucket, now = self._bucket(chat_id), _now()
        bucket.closed_until = max(bucket.closed_until, now + retry_after_s)
        bucket.slow_until = now + SLOW_FOR_S

    async def _turn(self, bucket: Bucket, priority: Priority) -> None:
        ticket = (priority, next(self._tickets))
        heapq.heappush(bucket.waiting, ticket)
        _move(bucket)
        try:
            while True:
                wait_s = bucket.ready_in(_now(), urgent=priority is Priority.EMERGENCY)
                is_first = bucket.waiting[0] == ticket
                if is_first and wait_s <= ROUNDING_S:
                    bucket.take(_now())
                    return
                await _until(bucket.moved, wait_s if is_first else None)
        finally:
            bucket.waiting.remove(ticket)
            heapq.heapify(bucket.waiting)
            _move(bucket)

    def _bucket(self, chat_id: ChatId) -> Bucket:
        if chat_id not in self._buckets:
            self._buckets[chat_id] = self._new_bucket(chat_id)
        self._buckets.move_to_end(chat_id)
        if len(self._buckets) > KEPT_CHATS:
            self._buckets.popitem(last=False)
        return self._buckets[chat_id]

    def _new_bucket(self, chat_id: ChatId) -> Bucket:
        if chat_id < 0:
            # What is kept back leaves room for one operation that is not urgent, however small the budget.
            reserve = min(GROUP_RESERVE, self._group_size - 1)
            return Bucket(self._group_per_s, self._group_size, reserve, filled_at=_now())
        return Bucket(self._private_per_s, 4 * self._private_per_s, filled_at=_now())


def _now() -> float:
    return asyncio.get_running_loop().time()


def _move(bucket: Bucket) -> None:
    """Wake those who wait, to look whether it is their turn."""
    bucket.moved.set()
    bucket.moved = asyncio.Event()


async def _until(event: asyncio.Event, wait_s: float | None) -> None:
    try:
        await asyncio.wait_for(event.wait(), wait_s)
    except TimeoutError:
        return
