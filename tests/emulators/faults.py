"""What goes wrong on purpose: scripted, by chance with a seed, or because a limit was exceeded."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulators.clock import Clock
from emulators.errors import too_many_requests
from emulators.updates import UpdateQueue

BAD_GATEWAY_HTML = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.18.0</center>\r\n</body>\r\n</html>\r\n"
)
# Faults without a named method spare these, so that a bot can start and listen.
QUIET_METHODS = ("getMe", "getUpdates", "setWebhook", "deleteWebhook", "getWebhookInfo")
# Edits and new topics count against a chat as messages do (tdlib/td issue 2592).
COUNTED = ("send", "copy", "forward", "edit", "createForumTopic")
NOT_COUNTED = ("sendChatAction", "editForumTopic")


@dataclass(slots=True, kw_only=True)
class Fault:
    """What happens to one call.

    Either ``code`` with ``description`` (or ``body``, for answers that are no JSON) replaces the answer
    and the call has no effect; or the call takes effect unless ``drop`` is "before", and the connection
    is closed without an answer when ``drop`` is set. ``delay_s`` passes between the effect, if any, and the end.
    """

    code: int | None = None
    description: str = ""
    parameters: Mapping[str, Any] | None = None
    body: str | None = None
    drop: str | None = None
    delay_s: float = 0.0

    @property
    def name(self) -> str:
        if self.code is not None:
            return f"{self.code} {self.description}".strip()
        return f"dropped {self.drop} effect" if self.drop else f"slow by {self.delay_s} s"


@dataclass(slots=True)
class _Scripted:
    method: str | None
    chat_id: int | None
    times: int
    fault: Fault

    def matches(self, method: str, chat_id: Any) -> bool:
        if self.method is None and method in QUIET_METHODS:
            return False
        return self.method in (None, method) and self.chat_id in (None, chat_id) and self.times > 0


@dataclass(slots=True)
class _Chances:
    random: random.Random
    too_many: float
    bad_gateway: float
    drop_before: float
    drop_after: float
    retry_after_s: int
    methods: frozenset[str] | None


@dataclass(slots=True)
class _Limits:
    per_group_per_minute: int
    per_chat_per_second: float
    overall_per_second: int
    sent: dict[int, deque[float]] = field(default_factory=lambda: defaultdict(deque))


class FaultPlan:
    """The faults to come. Scripted ones go first, in the order they were added."""

    def __init__(self, clock: Clock, updates: UpdateQueue) -> None:
        self._clock = clock
        self._updates = updates
        self._scripted: list[_Scripted] = []
        self._chances: _Chances | None = None
        self._limits: _Limits | None = None

    def fail_next(
        self,
        method: str | None,
        code: int,
        description: str,
        *,
        chat_id: int | None = None,
        times: int = 1,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        """Refuse the next ``times`` calls of ``method`` (None: of any but the listening ones), without effect."""
        fault = Fault(code=code, description=description, parameters=parameters)
        self._scripted.append(_Scripted(method, chat_id, times, fault))

    def too_many_requests(self, method: str | None, retry_after_s: int, *, chat_id: int | None = None, times: int = 1) -> None:
        """Answer 429 with ``retry_after``."""
        error = too_many_requests(retry_after_s)
        self.fail_next(method, 429, error.description, chat_id=chat_id, times=times, parameters=error.parameters)

    def bad_gateway(self, method: str | None, *, chat_id: int | None = None, times: int = 1) -> None:
        """Answer 502 with a page of HTML, as the front servers do."""
        fault = Fault(code=502, description="Bad Gateway", body=BAD_GATEWAY_HTML)
        self._scripted.append(_Scripted(method, chat_id, times, fault))

    def drop_after_effect(self, method: str | None, *, chat_id: int | None = None, times: int = 1, delay_s: float = 0.0) -> None:
        """Do what was asked, then (after ``delay_s``) close the connection: the bot cannot know."""
        self._scripted.append(_Scripted(method, chat_id, times, Fault(drop="after", delay_s=delay_s)))

    def drop_before_effect(self, method: str | None, *, chat_id: int | None = None, times: int = 1, delay_s: float = 0.0) -> None:
        """Close the connection without having done anything: to the bot it looks the same."""
        self._scripted.append(_Scripted(method, chat_id, times, Fault(drop="before", delay_s=delay_s)))

    def slow(self, method: str | None, delay_s: float, *, chat_id: int | None = None, times: int = 1) -> None:
        """Take effect at once, answer only after ``delay_s``."""
        self._scripted.append(_Scripted(method, chat_id, times, Fault(delay_s=delay_s)))

    def duplicate_updates(self, times: int = 1) -> None:
        """Deliver each of the next ``times`` updates once more after the bot has confirmed it."""
        self._updates.duplicate_next += times

    def chaos(
        self,
        *,
        seed: int,
        too_many: float = 0.0,
        bad_gateway: float = 0.0,
        drop_before: float = 0.0,
        drop_after: float = 0.0,
        retry_after_s: int = 1,
        methods: list[str] | None = None,
    ) -> None:
        """Fail by chance; each probability is per call, the same seed gives the same sequence."""
        chosen = None if methods is None else frozenset(methods)
        rng = random.Random(seed)
        self._chances = _Chances(rng, too_many, bad_gateway, drop_before, drop_after, retry_after_s, chosen)

    def limit_rates(
        self,
        *,
        per_group_per_minute: int = 20,
        per_chat_per_second: float = 1.0,
        overall_per_second: int = 30,
    ) -> None:
        """Refuse with 429 what exceeds Telegram's published limits; a private chat may burst to 5."""
        self._limits = _Limits(per_group_per_minute, per_chat_per_second, overall_per_second)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._scripted.clear()
        self._chances = self._limits = None
        self._updates.duplicate_next = 0

    def next_for(self, method: str, chat_id: Any) -> Fault | None:
        """The fault for this call, used up by asking."""
        for scripted in self._scripted:
            if scripted.matches(method, chat_id):
                scripted.times -= 1
                return scripted.fault
        return self._by_chance(method) or self._over_limit(method, chat_id)

    def _by_chance(self, method: str) -> Fault | None:
        chances = self._chances
        if chances is None or (method in QUIET_METHODS if chances.methods is None else method not in chances.methods):
            return None
        error = too_many_requests(chances.retry_after_s)
        drawn = chances.random.random()
        for probability, fault in (
            (chances.too_many, Fault(code=429, description=error.description, parameters=error.parameters)),
            (chances.bad_gateway, Fault(code=502, description="Bad Gateway", body=BAD_GATEWAY_HTML)),
            (chances.drop_before, Fault(drop="before")),
            (chances.drop_after, Fault(drop="after")),
        ):
            if drawn < probability:
                return fault
            drawn -= probability
        return None

    def _over_limit(self, method: str, chat_id: Any) -> Fault | None:
        limits = self._limits
        if limits is None or not method.startswith(COUNTED) or method in NOT_COUNTED or not isinstance(chat_id, int):
            return None
        now = self._clock.now()
        wait_s = max(
            _wait(limits.sent[0], now, limits.overall_per_second, 1.0),
            _wait(limits.sent[chat_id], now, *_chat_limit(limits, chat_id)),
        )
        if wait_s > 0:
            error = too_many_requests(int(wait_s) + 1)
            return Fault(code=429, description=error.description, parameters=error.parameters)
        limits.sent[0].append(now)
        limits.sent[chat_id].append(now)
        return None


def _chat_limit(limits: _Limits, chat_id: int) -> tuple[int, float]:
    """(messages, seconds): groups per minute, private chats as a short burst at the average rate."""
    if chat_id < 0:
        return limits.per_group_per_minute, 60.0
    return 5, 5 / limits.per_chat_per_second


def _wait(sent: deque[float], now: float, allowed: int, window_s: float) -> float:
    while sent and sent[0] <= now - window_s:
        sent.popleft()
    return sent[0] + window_s - now if len(sent) >= allowed else 0.0
