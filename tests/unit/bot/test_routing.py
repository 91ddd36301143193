"""Who takes a case: a golden table of who is looked at and why, and what holds for any staff and any load."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.cases import Case, CaseEvent, EventKind
from bot.domain.ids import CaseId, ChatId, PersonId, StaffId
from bot.domain.people import DeskRole, StaffMember
from bot.domain.routing import COOL_DOWN, Load, Why, gave_up, rank, weight_of

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
CASE = Case(
    id=CaseId(1), number="AAA-111", person_id=PersonId(1), language="ar", sealed=False, opened_at=NOW, severity=2, queue="legal",
    waiting_since=NOW,
)  # fmt: skip
LEA = StaffMember(id=StaffId(1), chat_id=ChatId(1), desk_role=DeskRole.CASEWORKER, alias="lea", linked_at=NOW)


def looked_at(member: StaffMember, *, case: Case = CASE, load: Load | None = None, **known: object) -> tuple[bool, set[Why]]:
    found = {"known_to": None, "left": frozenset[StaffId](), "office_language": "en", "now": NOW} | known
    (one,) = rank(case, [member], {member.id: load} if load else {}, **found)  # type: ignore[arg-type]
    return one.fits, set(one.reasons)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"desk_role": DeskRole.EDITOR}, Why.ROLE),
        ({"desk_role": DeskRole.AUDITOR}, Why.ROLE),
        ({"away": True}, Why.AWAY),
        ({"queues": frozenset({"protection"})}, Why.QUEUE),
        ({"clearance": 1}, Why.CLEARANCE),
        ({"languages": frozenset({"fr", "en"})}, Why.LANGUAGE),
        ({"capacity": 2}, Why.FULL),
    ],
)
def test_what_keeps_a_case_from_somebody(changes: dict[str, object], why: Why) -> None:
    assert looked_at(replace(LEA, **changes)) == (False, {why})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"desk_role": DeskRole.SUPERVISOR},
        {"queues": frozenset({"legal", "general"})},
        {"clearance": 2},
        {"languages": frozenset({"ar"})},
        {"capacity": 3},
    ],
)
def test_what_lets_somebody_have_it(changes: dict[str, object]) -> None:
    assert looked_at(replace(LEA, **changes))[0]  # type: ignore[arg-type]


def test_a_sealed_case_is_for_focal_points_only() -> None:
    sealed = replace(CASE, sealed=True)
    assert looked_at(LEA, case=sealed) == (False, {Why.SEALED})
    assert looked_at(replace(LEA, desk_role=DeskRole.SUPERVISOR), case=sealed) == (False, {Why.SEALED})
    assert looked_at(replace(LEA, desk_role=DeskRole.FOCAL_POINT), case=sealed)[0]


def test_after_an_urgent_case_somebody_rests_and_an_urgent_one_asks_for_no_rest_and_no_room() -> None:
    tired = Load(weight=50.0, last_urgent_at=NOW - COOL_DOWN + timedelta(minutes=1))
    assert looked_at(LEA, load=tired) == (False, {Why.FULL, Why.RESTING})
    assert looked_at(LEA, load=replace(tired, weight=0.0)) == (False, {Why.RESTING})
    assert looked_at(LEA, load=Load(last_urgent_at=NOW - COOL_DOWN))[0]
    assert looked_at(LEA, load=tired, case=replace(CASE, severity=4))[0]


def test_who_names_no_language_works_in_that_of_the_office() -> None:
    assert looked_at(LEA, office_language="ar") == (True, {Why.SPEAKS})
    assert looked_at(LEA, office_language="en") == (True, {Why.TRANSLATES})


def test_whoever_gave_it_up_is_not_given_it_again() -> None:
    assert looked_at(LEA, left=frozenset({LEA.id})) == (False, {Why.GAVE_UP})


def test_who_gave_it_up_is_read_from_the_events() -> None:
    def event(kind: EventKind, **more: object) -> CaseEvent:
        return CaseEvent(kind=kind, at=NOW, **more)  # type: ignore[arg-type]

    story = [
        event(EventKind.OPENED),
        event(EventKind.CLAIMED, staff_id=StaffId(1)),
        event(EventKind.ASSIGNED, staff_id=StaffId(1), to_id=StaffId(2)),
        event(EventKind.RELEASED, note="owner_timer"),
    ]
    assert gave_up(story) == {2}, "who handed it to a colleague has not given it up"
    assert gave_up([*story, event(EventKind.RESOLVED), event(EventKind.REOPENED)]) == frozenset()


def order(*members: StaffMember, loads: dict[StaffId, Load] | None = None, known_to: StaffId | None = None) -> list[str]:
    return [
        one.member.alias
        for one in rank(CASE, members, loads or {}, known_to=known_to, left=frozenset(), office_language="en", now=NOW)
    ]


def test_the_order_is_known_then_language_then_load_then_rest() -> None:
    def member(number: int, alias: str, **changes: object) -> StaffMember:
        return replace(LEA, id=StaffId(number), alias=alias, **changes)  # type: ignore[arg-type]

    any_language = member(1, "any")
    speaks = member(2, "speaks", languages=frozenset({"ar"}))
    knows = member(3, "knows")
    away = member(4, "away", away=True)
    assert order(away, any_language, speaks, knows, known_to=StaffId(3)) == ["knows", "speaks", "any", "away"]
    busy, idle = member(5, "busy"), member(6, "idle")
    assert order(busy, idle, loads={StaffId(5): Load(weight=3.0)}) == ["idle", "busy"]
    long_ago, just_now = member(8, "long", given_at=NOW - timedelta(hours=5)), member(7, "just", given_at=NOW)
    assert order(just_now, long_ago, member(9, "never")) == ["never", "long", "just"]


def test_graver_cases_and_waiting_people_weigh_more() -> None:
    answered = replace(CASE, waiting_since=None)
    assert weight_of(replace(CASE, severity=4)) > weight_of(CASE) > weight_of(answered) > weight_of(replace(answered, severity=0))


@given(dice=st.randoms(use_true_random=False))
def test_whoever_is_there_everybody_is_looked_at_and_nobody_is_given_what_they_may_not_have(dice: Random) -> None:
    case = replace(
        CASE, severity=dice.randrange(5), sealed=dice.random() < 0.3, language=dice.choice(["ar", "fr"]),
        queue=dice.choice(["legal", "general"]),
    )  # fmt: skip
    members = [
        StaffMember(
            id=StaffId(n), chat_id=ChatId(n), desk_role=dice.choice(list(DeskRole)), alias=str(n), linked_at=NOW,
            languages=frozenset(dice.sample(["ar", "fr", "en"], dice.randrange(3))),
            queues=frozenset(dice.sample(["legal", "general"], dice.randrange(3))), capacity=dice.randrange(1, 9),
            clearance=dice.randrange(5), away=dice.random() < 0.3,
        )
        for n in range(dice.randrange(7))
    ]  # fmt: skip
    loads = {member.id: Load(weight=dice.random() * 8) for member in members if dice.random() < 0.7}
    known_to = dice.choice(members).id if members and dice.random() < 0.5 else None
    ranked = rank(case, members, loads, known_to=known_to, left=frozenset(), office_language="en", now=NOW)
    assert {one.member.id for one in ranked} == {member.id for member in members}
    assert [one.fits for one in ranked] == sorted((one.fits for one in ranked), reverse=True)
    for one in ranked:
        assert one.fits or one.reasons, "a no has a reason"
        if not one.fits:
            continue
        assert one.member.desk_role.works_cases
        assert not case.sealed or one.member.desk_role is DeskRole.FOCAL_POINT
        assert not one.member.away
        assert case.severity <= one.member.clearance
        assert not one.member.languages or case.language in one.member.languages
        assert not one.member.queues or case.queue in one.member.queues
        assert case.is_urgent or one.weight + weight_of(case) <= one.member.capacity
