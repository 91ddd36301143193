"""Telegram's limits are kept, and a 429 in one chat holds up nobody else."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.deliveries import Priority
from bot.domain.ids import ChatId
from bot.service.budget import GROUP_RESERVE, Bucket, Budget

WINDOW_S = 60.0
pauses = st.lists(st.one_of(st.just(0.0), st.floats(0, 5), st.floats(0, 90)), min_size=1, max_size=120)


def a_bucket(rate: float, size: float, reserve: float = 0.0) -> Bucket:
    return Bucket(rate, size, reserve, filled_at=0.0)


def a_group_bucket(group_per_min: float) -> Bucket:
    """Return a bucket as ``Budget`` makes it for a group, filled at second 0."""
    budget = Budget(overall_per_s=1e9, private_per_s=1, group_per_min=group_per_min)
    return a_bucket(budget._group_per_s, budget._group_size, reserve=min(GROUP_RESERVE, budget._group_size - 1))


def passes(bucket: Bucket, now: float, *, urgent: bool = True) -> float:
    """Let one operation through and return when it went."""
    now = max(now, bucket.filled_at)
    at = now + bucket.ready_in(now, urgent=urgent)
    while (more := bucket.ready_in(at, urgent=urgent)) > 0:  # the rate may change while one waits
        at += max(more, 1e-9)
    bucket.take(at)
    return at


def busiest_window(moments: list[float]) -> int:
    return max(sum(1 for other in moments if start <= other < start + WINDOW_S - 1e-6) for start in moments)


@given(pauses=pauses, group_per_min=st.sampled_from([5.0, 10.0, 20.0, 60.0]), urgent=st.booleans())
@settings(deadline=None)
def test_no_minute_in_a_group_sees_more_than_the_limit_when_waits_are_kept(
    pauses: list[float], group_per_min: float, urgent: bool
) -> None:
    bucket, now, moments = a_group_bucket(group_per_min), 0.0, []
    for pause in pauses:
        now += pause
        moments.append(passes(bucket, now, urgent=urgent))
    assert busiest_window(moments) <= group_per_min


@given(pauses=pauses, rate=st.floats(0.1, 30), size=st.floats(1, 30))
@settings(deadline=None)
def test_what_is_let_through_never_outruns_rate_and_burst(pauses: list[float], rate: float, size: float) -> None:
    bucket, now = a_bucket(rate, size), 0.0
    for count, pause in enumerate(pauses, start=1):
        now += pause
        at = passes(bucket, now)
        assert at >= now
        assert count <= size + at * rate + 1e-6


def test_a_burst_passes_at_once_and_then_the_rate_holds() -> None:
    bucket = a_bucket(1.0, 4.0)
    assert [round(passes(bucket, 0.0), 6) for _ in range(7)] == [0, 0, 0, 0, 1, 2, 3]
    assert passes(bucket, 100.0) == 100, "a rested bucket is full again"


def test_a_chat_that_was_too_fast_goes_at_half_its_rate_for_a_while() -> None:
    bucket = a_bucket(1.0, 1.0)
    bucket.slow_until = 300.0
    assert [round(passes(bucket, 0.0), 6) for _ in range(3)] == [0, 2, 4]
    assert [round(passes(bucket, 400.0), 6) for _ in range(3)] == [400, 401, 402]


def test_a_closed_chat_waits_at_least_as_long_as_telegram_said() -> None:
    bucket = a_bucket(1.0, 4.0)
    bucket.closed_until = 30.0
    assert min(passes(bucket, 0.0) for _ in range(40)) >= 30


def test_a_minute_after_a_pause_holds_no_more_than_the_limit() -> None:
    bucket = a_group_bucket(20)
    bucket.closed_until, bucket.slow_until = 120.0, 300.0
    moments = [passes(bucket, 0.0) for _ in range(26)]
    assert busiest_window(moments) <= 20


def test_a_few_operations_are_kept_back_for_emergencies() -> None:
    bucket = a_group_bucket(20)
    ordinary = [passes(bucket, 0.0, urgent=False) for _ in range(3)]
    assert ordinary == [0.0] * 3
    assert bucket.ready_in(0.0, urgent=False) > 0
    assert [passes(bucket, 0.0) for _ in range(3)] == [0.0] * 3, "a topic, its header and the words"


async def test_the_most_urgent_goes_first_whoever_came_first() -> None:
    budget, order = Budget(overall_per_s=1e6, private_per_s=50, group_per_min=20), []

    async def send(name: str, priority: Priority) -> None:
        await budget.spend(ChatId(1), priority)
        order.append(name)

    for _ in range(200):
        await budget.spend(ChatId(1))  # the burst is used up
    waiting = [asyncio.create_task(send(name, priority)) for name, priority in (
        ("board", Priority.COSMETIC), ("desk", Priority.TO_DESK), ("danger", Priority.EMERGENCY), ("reply", Priority.TO_PERSON),
    )]  # fmt: skip
    await asyncio.gather(*waiting)
    assert order == ["danger", "reply", "desk", "board"]


async def test_the_smallest_budget_still_lets_everything_through() -> None:
    budget = Budget(overall_per_s=1e6, private_per_s=1, group_per_min=0.5)
    await asyncio.wait_for(budget.spend(ChatId(-1), Priority.COSMETIC), 1)


async def test_who_gives_up_waiting_stands_in_nobodys_way() -> None:
    budget = Budget(overall_per_s=1e6, private_per_s=20, group_per_min=20)
    for _ in range(80):
        await budget.spend(ChatId(1))
    gone = asyncio.create_task(budget.spend(ChatId(1), Priority.EMERGENCY))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait_for(budget.spend(ChatId(1), Priority.COSMETIC), 5)


async def test_a_429_of_one_chat_does_not_delay_another() -> None:
    budget = Budget(overall_per_s=100, private_per_s=1, group_per_min=20)
    punished, other, group = ChatId(1), ChatId(2), ChatId(-3)
    budget.slow_down(punished, 3600)
    waiting = asyncio.create_task(budget.spend(punished))
    try:
        await asyncio.gather(budget.spend(other), budget.spend(group))
        assert not waiting.done()
    finally:
        waiting.cancel()


async def test_a_shorter_429_does_not_open_a_chat_that_is_closed_for_longer() -> None:
    budget = Budget(overall_per_s=100, private_per_s=1, group_per_min=20)
    budget.slow_down(ChatId(1), 3600)
    budget.slow_down(ChatId(1), 0)
    waiting = asyncio.create_task(budget.spend(ChatId(1)))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    waiting.cancel()
