"""Access, limits, retention and promised times: pure functions over the values in the data files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import RateLimit, Span, admit, due_at, expires_at, is_expired, load, visible_audiences, warnings_at

POLICIES = load()
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def limit(count: int, window_s: float) -> RateLimit:
    return RateLimit(
        id="some", limit=count, window_s=window_s, scope="person", description="d", unit="u", source="s", since="2026-11-24"
    )


def test_the_public_sees_only_what_is_public() -> None:
    assert visible_audiences("public", POLICIES.audiences) == {"public"}
    assert visible_audiences("staff", POLICIES.audiences) == {"public", "staff"}


@pytest.mark.parametrize("role", ["", "visitor", "Staff", "security", "administrator"])
def test_an_unknown_role_sees_nothing(role: str) -> None:
    assert visible_audiences(role, POLICIES.audiences, security_enabled=(role,)) == frozenset()


def test_security_stays_closed_until_opened_for_a_named_role() -> None:
    assert "security" not in visible_audiences("staff", POLICIES.audiences)
    assert "security" in visible_audiences("staff", POLICIES.audiences, security_enabled=["staff"])


def test_security_cannot_be_opened_for_the_public() -> None:
    assert visible_audiences("public", POLICIES.audiences, security_enabled=["public", "staff"]) == {"public"}


@given(st.lists(st.floats(0, 30), max_size=60), st.integers(1, 5), st.floats(0.5, 20))
def test_the_limiter_never_exceeds_its_rate(steps: list[float], count: int, window_s: float) -> None:
    kept: tuple[float, ...] = ()
    rule, now_s, admitted = limit(count, window_s), 0.0, []
    for step in steps:
        now_s += step
        admission = admit(kept, now_s, rule)
        kept = admission.moments
        if admission.allowed:
            admitted.append(now_s)
        for start in admitted:
            assert sum(start <= moment < start + window_s for moment in admitted) <= count


@given(st.lists(st.floats(0, 5), min_size=1, max_size=40), st.integers(1, 4), st.floats(0.5, 10))
def test_after_the_stated_wait_one_more_is_allowed(steps: list[float], count: int, window_s: float) -> None:
    kept: tuple[float, ...] = ()
    rule, now_s = limit(count, window_s), 0.0
    for step in steps:
        now_s += step
        admission = admit(kept, now_s, rule)
        kept = admission.moments
        assert admission.resets_in_s >= 0
        assert admit(kept, now_s + admission.resets_in_s + 1e-6, rule).allowed


def test_a_clock_that_jumps_back_locks_nobody_out_for_longer_than_the_window() -> None:
    rule = limit(1, 60)
    first = admit((), 1_000_000.0, rule)
    back = admit(first.moments, 10.0, rule)
    assert not back.allowed
    assert back.resets_in_s <= 60


def test_twenty_messages_a_minute() -> None:
    rule = POLICIES.rate_limits["person-minute"]
    kept: tuple[float, ...] = ()
    for second in range(20):
        admission = admit(kept, float(second), rule)
        assert admission.allowed
        kept = admission.moments
    refused = admit(kept, 20.0, rule)
    assert not refused.allowed
    assert refused.resets_in_s == pytest.approx(40.0)


@pytest.mark.parametrize(
    ("name", "keep"), [("inbox_payload", timedelta(0)), ("turn_text", timedelta(hours=24)), ("case_content", timedelta(days=180))]
)
def test_each_kind_of_data_has_its_life(name: str, keep: timedelta) -> None:
    rule = POLICIES.retention[name]
    assert rule.keep == keep
    assert expires_at(rule, NOW) == NOW + keep
    assert is_expired(rule, NOW, NOW + keep)
    assert not is_expired(rule, NOW, NOW + keep - timedelta(seconds=1))


def test_sealed_cases_live_no_longer_than_others() -> None:
    assert POLICIES.retention["sealed_case_content"].keep <= POLICIES.retention["case_content"].keep


@pytest.mark.parametrize(
    ("severity", "notice_s", "first_reply", "owner"),
    [
        (4, 5, Span(minutes=5), Span(minutes=3)),
        (3, 5, Span(minutes=30), Span(minutes=15)),
        (2, 10, Span(minutes=240), Span(minutes=120)),
        (1, 10, Span(working_days=1), Span(minutes=240)),
        (0, 10, Span(working_days=2), Span(working_days=1)),
    ],
)
def test_promised_times_are_those_of_the_table(severity: int, notice_s: int, first_reply: Span, owner: Span) -> None:
    target = POLICIES.sla[severity]
    assert (target.notice, target.first_reply, target.owner) == (timedelta(seconds=notice_s), first_reply, owner)


@given(at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))
def test_graver_cases_are_never_promised_later(at: datetime) -> None:
    def due(severity: int, name: str) -> datetime:
        target = POLICIES.sla[severity]
        return due_at(at, getattr(target, name), target.clock, POLICIES.calendar)

    for graver, milder in ((4, 3), (3, 2), (2, 1), (1, 0)):
        for name in ("first_reply", "next_reply", "owner"):
            assert due(graver, name) <= due(milder, name)


def test_information_promises_no_word_in_between() -> None:
    assert POLICIES.sla[0].keep_informed is None


def test_warnings_come_at_half_and_four_fifths() -> None:
    due = NOW + timedelta(minutes=100)
    assert warnings_at(NOW, due, POLICIES.sla_warnings) == (NOW + timedelta(minutes=50), NOW + timedelta(minutes=80))
