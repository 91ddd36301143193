"""Telegram's limits are kept, and a 429 in one chat holds up nobody else."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.ids import ChatId
from bot.service.budget import Bucket, Budget

WINDOW_S = 60.0
pauses = st.lists(st.one_of(st.just(0.0), st.floats(0, 5), st.floats(0, 90)), min_size=1, max_size=120)


def a_group_bucket(group_per_min: float) -> Bucket:
    """Return a bucket as ``Budget`` makes it for a group, filled at second 0."""
    made = Budget(overall_per_s=1e9, private_per_s=1, group_per_min=group_per_min)._bucket(ChatId(-1))
    return Bucket(made.rate_per_s, made.size, filled_at=0.0)


def busiest_window(moments: list[float]) -> int:
    return max(sum(1 for other in moments if start <= other < start + WINDOW_S - 1e-6) for start in moments)


@given(pauses=pauses, group_per_min=st.sampled_from([5.0, 10.0, 20.0, 60.0]))
@settings(deadline=None)
def test_no_minute_in_a_group_sees_more_than_the_limit_when_waits_are_kept(pauses: list[float], group_per_min: float) -> None:
    bucket, now, moments = a_group_bucket(group_per_min), 0.0, []
    for pause in pauses:
        now += pause
        moments.append(now + bucket.wait_s(now))
    assert busiest_window(moments) <= group_per_min


@given(pauses=pauses, rate=st.floats(0.1, 30), size=st.floats(1, 30))
@settings(deadline=None)
def test_a_wait_is_never_negative_and_what_is_let_through_never_outruns_rate_and_burst(
    pauses: list[float], rate: float, size: float
) -> None:
    bucket, now = Bucket(rate, size, filled_at=0.0), 0.0
    for count, pause in enumerate(pauses, start=1):
        now += pause
        wait_s = bucket.wait_s(now)
        assert wait_s >= 0
        assert count <= size + (now + wait_s) * rate + 1e-6


def test_a_burst_passes_at_once_and_then_the_rate_holds() -> None:
    bucket = Bucket(1.0, 4.0, filled_at=0.0)
    assert [bucket.wait_s(0.0) for _ in range(7)] == [0, 0, 0, 0, 1, 2, 3]
    assert bucket.wait_s(100.0) == 0, "a rested bucket is full again"


def test_a_chat_that_was_too_fast_goes_at_half_its_rate_for_a_while() -> None:
    bucket = Bucket(1.0, 1.0, filled_at=0.0)
    bucket.slow_until = 300.0
    assert [bucket.wait_s(0.0) for _ in range(3)] == [0, 2, 4]
    assert [bucket.wait_s(400.0) for _ in range(3)] == [0, 1, 2]


def test_a_closed_chat_waits_at_least_as_long_as_telegram_said() -> None:
    bucket = Bucket(1.0, 4.0, filled_at=0.0)
    bucket.closed_until = 30.0
    assert min(bucket.wait_s(0.0) for _ in range(40)) >= 30


def test_a_minute_after_a_pause_holds_no_more_than_the_limit() -> None:
    bucket = a_group_bucket(20)
    bucket.closed_until, bucket.slow_until = 120.0, 300.0
    moments = [bucket.wait_s(0.0) for _ in range(16)]
    moments += [120.0 + bucket.wait_s(120.0) for _ in range(10)]
    assert busiest_window(moments) <= 20


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
