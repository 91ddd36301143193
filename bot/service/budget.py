"""How fast we may send: Telegram's limits per chat and overall, learnt tighter from every 429.

Limits from docs/adr/0004: about 30 messages a second overall, 1 a second in a private chat (short bursts pass), 20 a minute in
a group, all topics together. A 429 pauses its own chat only; a global pause would hold up people who have done nothing.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from bot.domain.ids import ChatId

KEPT_CHATS = 10_000
SLOW_FOR_S = 300.0


@dataclass(slots=True)
class Bucket:
    """A token bucket: ``rate_per_s`` tokens a second, at most ``size`` saved up."""

    rate_per_s: float
    size: float
    tokens: float = field(init=False)
    filled_at: float = field(default_factory=time.monotonic)
    closed_until: float = 0.0
    slow_until: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.size

    def wait_s(self, now: float) -> float:
        """Take a token and return how long to wait before using it, in seconds.

        Nothing is saved up while the bucket is closed: whatever waits for the end of a pause leaves at the rate, not at once.
        """
        rate = self.rate_per_s / 2 if now < self.slow_until else self.rate_per_s
        open_s = max(now - max(self.filled_at, self.closed_until), 0.0)
        self.tokens = min(self.size, self.tokens + open_s * rate) - 1
        self.filled_at = now
        owed_s = max(-self.tokens, 0.0) / rate
        return max(self.closed_until - now, 0.0) + owed_s


class Budget:
    """All buckets of this process."""

    def __init__(self, *, overall_per_s: float, private_per_s: float, group_per_min: float) -> None:
        self._overall = Bucket(overall_per_s, overall_per_s)
        self._private_per_s = private_per_s
        # Burst and refill add up to the limit in every window of 60 s; a full burst beside a full refill would double it.
        self._group_size = 0.4 * group_per_min
        self._group_per_s = 0.6 * group_per_min / 60
        self._buckets: OrderedDict[ChatId, Bucket] = OrderedDict()

    async def spend(self, chat_id: ChatId) -> None:
        """Wait until one more operation in this chat is allowed."""
        now = time.monotonic()
        wait_s = max(self._overall.wait_s(now), self._bucket(chat_id).wait_s(now))
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def slow_down(self, chat_id: ChatId, retry_after_s: float) -> None:
        """Telegram said 429 for this chat: pause it, and go at half its rate for five minutes."""
        bucket, now = self._bucket(chat_id), time.monotonic()
        bucket.closed_until = max(bucket.closed_until, now + retry_after_s)
        bucket.slow_until = now + SLOW_FOR_S

    def _bucket(self, chat_id: ChatId) -> Bucket:
        if chat_id not in self._buckets:
            is_group = chat_id < 0
            self._buckets[chat_id] = (
                Bucket(self._group_per_s, self._group_size) if is_group else Bucket(self._private_per_s, 4 * self._private_per_s)
            )
        self._buckets.move_to_end(chat_id)
        if len(self._buckets) > KEPT_CHATS:
            self._buckets.popitem(last=False)
        return self._buckets[chat_id]
