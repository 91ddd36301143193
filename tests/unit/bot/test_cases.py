"""A case is the fold of its events, and only what is allowed can happen to it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.cases import (
    SPEAKER_OF,
    Case,
    CaseEvent,
    EventKind,
    WorkState,
    apply,
    claim,
    fold,
    may_reply,
    raise_severity,
    release,
    resolve,
)
from bot.domain.errors import CaseAlreadyClaimed, Conflict, InvalidTransition
from bot.domain.ids import CaseId, PersonId, StaffId
from bot.domain.people import DeskRole

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
STAFF = [StaffId(1), StaffId(2), StaffId(3)]
BLANK = Case(id=CaseId(1), number="AAA-111", person_id=PersonId(1), language="ar", sealed=False, opened_at=NOW)

steps = st.lists(
    st.tuples(
        st.sampled_from(["claim", "release", "resolve", "raise", "seal", "erase"]),
        st.sampled_from(STAFF),
        st.sampled_from(list(DeskRole)),
        st.integers(0, 5),
    ),
    max_size=30,
)


def attempt(case: Case, step: tuple[str, StaffId, DeskRole, int], at: datetime) -> CaseEvent | None:
    name, by, role, severity = step
    match name:
        case "claim":
            return claim(case, by=by, at=at, owner_alias="Lea")
        case "release":
            return release(case, by=by, role=role, at=at)
        case "resolve":
            return resolve(case, by=by, role=role, at=at)
        case "raise":
            return raise_severity(case, severity=severity, category="violence", at=at)
        case "seal":
            return CaseEvent(kind=EventKind.SEALED, at=at)
        case _:
            return CaseEvent(kind=EventKind.ERASED, at=at)


@given(steps=steps, first=st.integers(1, 3))
@settings(deadline=None, max_examples=200)
def test_whatever_people_try_a_case_stays_sound_and_is_the_fold_of_its_events(
    steps: list[tuple[str, StaffId, DeskRole, int]], first: int
) -> None:
    opened = CaseEvent(kind=EventKind.OPENED, at=NOW, severity=first, category="exploitation")
    events, case = [opened], apply(BLANK, opened)
    for number, step in enumerate(steps):
        at, before = NOW + timedelta(minutes=number), case
        try:
            event = attempt(case, step, at)
        except Conflict:
            assert case == before
            continue
        if event is None:
            continue
        events.append(event)
        case = apply(case, event)
        assert case.version == before.version + 1
        assert case.severity >= before.severity, "nothing the assistant does lowers severity"
        assert case.sealed or not before.sealed, "a sealed case is never opened to the group again"
        assert (case.owner_id is not None) == (case.state is WorkState.ACTIVE)
        assert [by for by in STAFF if may_reply(case, by)] == ([case.owner_id] if case.owner_id else [])
        if before.state in {WorkState.RESOLVED, WorkState.ERASED} and step[0] not in {"erase", "raise", "seal"}:
            pytest.fail(f"a {before.state} case was changed by {step[0]}")
    assert fold(BLANK, events) == case
    assert fold(fold(BLANK, events[:7]), events[7:]) == case
    assert case.version == len(events)


def in_state(state: WorkState, owner: StaffId | None = None) -> Case:
    events = {
        WorkState.QUEUED: [],
        WorkState.ACTIVE: [CaseEvent(kind=EventKind.CLAIMED, at=NOW, staff_id=owner)],
        WorkState.RESOLVED: [
            CaseEvent(kind=EventKind.CLAIMED, at=NOW, staff_id=owner),
            CaseEvent(kind=EventKind.RESOLVED, at=NOW, staff_id=owner),
        ],
        WorkState.ERASED: [CaseEvent(kind=EventKind.ERASED, at=NOW)],
    }[state]
    return fold(BLANK, events)


@pytest.mark.parametrize("state", [WorkState.RESOLVED, WorkState.ERASED])
def test_a_case_that_is_over_can_be_neither_claimed_nor_released_nor_resolved(state: WorkState) -> None:
    case = in_state(state, STAFF[0])
    with pytest.raises(InvalidTransition, match=f"AAA-111 is {state}"):
        claim(case, by=STAFF[0], at=NOW)
    for act in (release, resolve):
        with pytest.raises(InvalidTransition, match=f"AAA-111 is {state}"):
            act(case, by=STAFF[0], role=DeskRole.SUPERVISOR, at=NOW)


def test_the_first_caseworker_wins_and_the_second_is_told_who_it_was() -> None:
    with pytest.raises(CaseAlreadyClaimed) as caught:
        claim(in_state(WorkState.ACTIVE, STAFF[0]), by=STAFF[1], at=NOW, owner_alias="Lea")
    assert caught.value.by == "Lea"
    assert "Lea" in str(caught.value)


def test_a_case_nobody_has_cannot_be_released_nor_resolved_even_by_a_supervisor() -> None:
    for act in (release, resolve):
        with pytest.raises(InvalidTransition, match="claim it before"):
            act(in_state(WorkState.QUEUED), by=STAFF[0], role=DeskRole.SUPERVISOR, at=NOW)


@pytest.mark.parametrize("role", list(DeskRole))
def test_beside_the_owner_only_a_supervisor_may_release_or_resolve(role: DeskRole) -> None:
    case = in_state(WorkState.ACTIVE, STAFF[0])
    assert resolve(case, by=STAFF[0], role=role, at=NOW).kind is EventKind.RESOLVED
    for act in (release, resolve):
        if role is DeskRole.SUPERVISOR:
            assert act(case, by=STAFF[1], role=role, at=NOW).staff_id == STAFF[1]
        else:
            with pytest.raises(InvalidTransition, match="belongs to a colleague"):
                act(case, by=STAFF[1], role=role, at=NOW)


def test_a_supervisor_who_does_not_own_the_case_writes_notes_only() -> None:
    assert not may_reply(in_state(WorkState.ACTIVE, STAFF[0]), STAFF[1])
    assert not any(may_reply(in_state(state, STAFF[0]), STAFF[0]) for state in WorkState if state is not WorkState.ACTIVE)


@given(severity=st.integers(0, 5), present=st.integers(1, 5))
def test_severity_is_raised_or_left_alone(severity: int, present: int) -> None:
    case = apply(BLANK, CaseEvent(kind=EventKind.OPENED, at=NOW, severity=present, category="scam"))
    event = raise_severity(case, severity=severity, category=None, at=NOW)
    assert (event is not None) == (severity > present)
    if event is not None:
        assert (apply(case, event).severity, apply(case, event).category) == (severity, "scam")


def test_every_state_of_the_work_says_who_speaks_to_the_person() -> None:
    assert set(SPEAKER_OF) == set(WorkState)
