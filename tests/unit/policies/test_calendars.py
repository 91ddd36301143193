"""Working time: blocks, nights, week-ends, holidays and changes of clocks."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import Calendar, ClockTime, PolicyError, Span, due_at, load

ATHENS = ZoneInfo("Europe/Athens")
WEEK = {day: ((time(9), time(13)), (time(14), time(17, 30))) for day in range(5)}
OFFICE = Calendar(zone=ATHENS, hours=WEEK, holidays=frozenset({date(2026, 10, 28), date(2026, 12, 25)}), on_call=False)
ON_CALL = Calendar(zone=ATHENS, hours=WEEK, holidays=frozenset(), on_call=True)
ROUND_THE_CLOCK = Calendar(
    zone=ATHENS, hours={day: ((time(0), time(0)),) for day in range(7)}, holidays=frozenset(), on_call=True
)
NIGHTS = Calendar(
    zone=ATHENS, hours={day: ((time(0), time(6)), (time(22), time(0))) for day in range(7)}, holidays=frozenset(), on_call=False
)  # fmt: skip


def local(text: str, zone: ZoneInfo = ATHENS) -> datetime:
    """Return ``2026-10-23 17:25`` as a moment of the zone; a repeated hour is its first."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "span", "end"),
    [
        # within a block, over lunch, over night
        ("2026-10-19 09:00", "30 min", "2026-10-19 09:30"),
        ("2026-10-19 09:00", "4 h", "2026-10-19 13:00"),
        ("2026-10-19 12:30", "1 h", "2026-10-19 14:30"),
        ("2026-10-19 13:00", "1 min", "2026-10-19 14:01"),
        ("2026-10-19 13:30", "1 h", "2026-10-19 15:00"),
        ("2026-10-19 16:30", "4 h", "2026-10-20 12:00"),
        ("2026-10-19 17:30", "4 h", "2026-10-20 13:00"),
        ("2026-10-19 23:59", "15 min", "2026-10-20 09:15"),
        ("2026-10-20 03:00", "4 h", "2026-10-20 13:00"),
        # over a week-end
        ("2026-10-23 17:25", "4 h", "2026-10-26 12:55"),
        ("2026-10-23 17:25", "8 h", "2026-10-27 09:25"),
        ("2026-10-24 12:00", "30 min", "2026-10-26 09:30"),
        ("2026-10-25 02:30", "2 h", "2026-10-26 11:00"),
        # over a holiday (Wednesday 28 October)
        ("2026-10-27 17:00", "1 h", "2026-10-29 09:30"),
        ("2026-10-28 10:00", "4 h", "2026-10-29 13:00"),
        # whole working days
        ("2026-10-19 10:00", "1 working day", "2026-10-20 10:00"),
        ("2026-10-19 13:20", "1 working day", "2026-10-20 14:00"),
        ("2026-10-23 16:00", "1 working day", "2026-10-26 16:00"),
        ("2026-10-23 17:55", "1 working day", "2026-10-27 09:00"),
        ("2026-10-24 11:00", "2 working days", "2026-10-29 09:00"),
        ("2026-10-27 11:00", "1 working day", "2026-10-29 11:00"),
        ("2026-12-24 12:00", "1 working day", "2026-12-28 12:00"),
        # the clocks go back on 25 October and forward on 29 March: hours stay where they are on the wall
        ("2026-10-23 11:00", "1 working day", "2026-10-26 11:00"),
        ("2027-03-26 11:00", "1 working day", "2027-03-29 11:00"),
        ("2027-03-26 17:00", "1 h", "2027-03-29 09:30"),
    ],
)
def test_working_time_passes_only_while_the_office_is_open(start: str, span: str, end: str) -> None:
    assert OFFICE.add(local(start), Span.parse(span)) == local(end)


@pytest.mark.parametrize(
    ("clock", "calendar", "start", "span", "end"),
    [
        (ClockTime.WALL, OFFICE, "2026-10-24 23:00", "5 min", "2026-10-24 23:05"),
        # 25 October has 25 hours, 28 March 2027 has 23
        (ClockTime.WALL, OFFICE, "2026-10-24 12:00", "1 days", "2026-10-25 11:00"),
        (ClockTime.WALL, OFFICE, "2027-03-27 12:00", "1 day", "2027-03-28 13:00"),
        (ClockTime.ON_CALL, ON_CALL, "2026-10-24 23:00", "30 min", "2026-10-24 23:30"),
        (ClockTime.ON_CALL, OFFICE, "2026-10-24 23:00", "30 min", "2026-10-26 09:30"),
        (ClockTime.ON_CALL, OFFICE, "2026-10-23 17:10", "30 min", "2026-10-23 17:40"),
        (ClockTime.ON_CALL, OFFICE, "2026-10-23 13:10", "30 min", "2026-10-23 14:30"),
        (ClockTime.WORKING, OFFICE, "2026-10-23 17:10", "30 min", "2026-10-26 09:10"),
        # six real hours: the hour from three to four comes twice that night
        (ClockTime.WORKING, ROUND_THE_CLOCK, "2026-10-24 23:50", "6 h", "2026-10-25 04:50"),
        (ClockTime.WORKING, ROUND_THE_CLOCK, "2026-10-24 23:50", "1 working day", "2026-10-25 23:50"),
        (ClockTime.WORKING, NIGHTS, "2026-10-19 05:30", "1 h", "2026-10-19 22:30"),
        (ClockTime.WORKING, NIGHTS, "2026-10-19 23:30", "1 h", "2026-10-20 00:30"),
    ],
)
def test_a_promise_counts_in_the_time_of_its_severity(
    clock: ClockTime, calendar: Calendar, start: str, span: str, end: str
) -> None:
    assert due_at(local(start), Span.parse(span), clock, calendar) == local(end)


def test_a_block_that_a_change_of_clocks_swallows_is_left_out() -> None:
    early = Calendar(zone=ATHENS, hours={6: ((time(3), time(4)),)}, holidays=frozenset(), on_call=False)
    assert early.next_open(local("2027-03-27 12:00")) == local("2027-04-04 03:00")


def test_a_block_holds_its_beginning_and_not_its_end() -> None:
    edges = ["08:59", "09:00", "12:59", "13:00", "14:00", "17:29", "17:30"]
    assert [OFFICE.is_open(local(f"2026-10-19 {edge}")) for edge in edges] == [False, True, True, False, True, True, False]
    assert not OFFICE.is_open(local("2026-10-28 10:00"))
    assert not OFFICE.is_open(local("2026-10-25 10:00"))


def test_an_office_that_never_opens_is_an_error_not_a_loop() -> None:
    never = Calendar(zone=ATHENS, hours={}, holidays=frozenset(), on_call=False)
    with pytest.raises(ValueError, match="no opening within 400 days"):
        never.next_open(local("2026-10-19 10:00"))


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(start=MOMENTS, minutes=st.integers(1, 5000))
def test_what_is_added_is_what_was_worked(start: datetime, minutes: int) -> None:
    end = OFFICE.add(start, Span(minutes=minutes))
    assert OFFICE.worked(start, end) == timedelta(minutes=minutes)
    assert OFFICE.is_open(end - timedelta(microseconds=1))


@given(one=MOMENTS, other=MOMENTS, days=st.integers(1, 10))
def test_a_later_start_is_never_due_earlier(one: datetime, other: datetime, days: int) -> None:
    first, second = sorted((one, other))
    assert OFFICE.add(first, Span(working_days=days)) <= OFFICE.add(second, Span(working_days=days))


@pytest.mark.parametrize("text", ["", "5", "5 minutes", "0 min", "-1 h", "1.5 h", "one day", "5min"])
def test_a_length_of_time_nobody_can_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no length of time"):
        Span.parse(text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("zone: UTC", "zone: Atlantis", "no time zone"),
        ('monday: ["09:00-17:00"', 'monday: ["17:00-09:00"', "no opening hours"),
        ('monday: ["09:00-17:00"]', 'monday: ["09:00-13:00", "12:00-17:00"]', "in order"),
        ("holidays: []", 'holidays: [{on: 2027-02-30, name: "no day"}]', "day is out of range"),
        ("on_call: false ", "on_call: perhaps ", "boolean"),
    ],
)
def test_a_calendar_that_cannot_be_right_is_refused_with_its_place(data: Path, old: str, new: str, message: str) -> None:
    path = data / "calendar.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(PolicyError, match=message) as caught:
        load(data)
    assert caught.value.file == "calendar.yaml"
