"""A case is the fold of its events, and only what is allowed can happen to it.

The rules are held against a second machine (:class:`Reference`), written from the specification as one table: what may happen in
which state, by whom, and where it leads. It knows nothing of the code under test.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import cases
from bot.domain.cases import SPEAKER_OF, Case, CaseEvent, EventKind, Resolution, WorkState, apply, fold, may_reply
from bot.domain.errors import CaseAlreadyClaimed, Conflict, InvalidTransition
from bot.domain.ids import CaseId, PersonId, StaffId
from bot.domain.people import DeskRole

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BLANK = Case(id=CaseId(1), number="AAA-111", person_id=PersonId(1), language="ar", sealed=False, opened_at=NOW)
OTHER = replace(BLANK, id=CaseId(2), number="BBB-222")
ROLE_OF = {
    StaffId(1): DeskRole.CASEWORKER,
    StaffId(2): DeskRole.CASEWORKER,
    StaffId(3): DeskRole.SUPERVISOR,
    StaffId(4): DeskRole.FOCAL_POINT,
    StaffId(5): DeskRole.FOCAL_POINT,
    StaffId(6): DeskRole.AUDITOR,
}
STAFF = list(ROLE_OF)

# state → what leads where; "=" stays. Owned states share the rows of OWNED_ROWS.
OWNED_ROWS = {
    "assign": "active", "release": "queued", "timer": "queued", "wrote": "active", "reply": "waiting_person",
    "partner": "waiting_partner", "snooze": "snoozed", "resolve": "resolved", "raise": "=", "judge": "=", "note": "=",
    "unreachable": "=", "merge": "merged", "lost": "active", "move": "queued",
}  # fmt: skip
TABLE: dict[str, dict[str, str]] = {
    "queued": {
        "claim": "active", "assign": "active", "wrote": "=", "raise": "=", "note": "=", "unreachable": "=", "merge": "merged",
        "lost": "=", "move": "=",
    },
    "active": OWNED_ROWS,
    "waiting_person": OWNED_ROWS,
    "waiting_partner": OWNED_ROWS | {"reply": "=", "wake": "active"},
    "snoozed": OWNED_ROWS | {"wake": "active"},
    "resolved": {"reopen": "queued", "close": "closed", "note": "=", "merge": "merged"},
    "closed": {"note": "=", "merge": "merged"},
    "merged": {"note": "="},
    "erased": {},
}  # fmt: skip
WORKERS = {DeskRole.CASEWORKER, DeskRole.SUPERVISOR, DeskRole.FOCAL_POINT}


@dataclass
class Reference:
    """The specification as a table and a handful of guards."""

    state: str = "queued"
    severity: int = 1
    sealed: bool = False
    owner: StaffId | None = None
    review_by: StaffId | None = None
    unreachable: bool = False
    resolved_at: datetime | None = None
    log: list[str] = field(default_factory=list)

    def allows(self, action: str, by: StaffId, to: StaffId, level: int, at: datetime) -> bool:  # noqa: PLR0912
        if action not in TABLE[self.state]:
            return False
        role, is_supervisor = ROLE_OF[by], ROLE_OF[by] is DeskRole.SUPERVISOR
        looks_after = role is (DeskRole.FOCAL_POINT if self.sealed else DeskRole.SUPERVISOR)
        commands = (by == self.owner or looks_after) and (not self.sealed or role is DeskRole.FOCAL_POINT)
        match action:
            case "claim":
                return role in WORKERS and self._may_have(by)
            case "assign":
                return (by == self.owner or looks_after) and to != self.owner and self._may_have(to)
            case "release" | "partner":
                return commands
            case "move":
                return (by == self.owner or is_supervisor) and not self.sealed
            case "reply":
                return by == self.owner and self._may_have(by)
            case "lost":
                return self.state != "waiting_person"
            case "snooze":
                return commands and 0 < level <= (2 if self.severity >= 3 else 30 * 24)
            case "resolve":
                looks_again = self.review_by not in {None, by} and role is (
                    DeskRole.FOCAL_POINT if self.sealed else DeskRole.SUPERVISOR
                )
                return looks_again or (commands and (self.severity < 3 or self.review_by is None))
            case "judge":
                milder = self.severity >= 3 and level % 5 < 3
                return commands and level % 5 != self.severity and ((looks_after and by != self.owner) or not milder)
            case "unreachable":
                return not self.unreachable
            case "reopen":
                return self.resolved_at is not None and at - self.resolved_at <= timedelta(days=7)
            case "close":
                return self.resolved_at is not None and at - self.resolved_at >= timedelta(days=7)
            case "merge":
                return (is_supervisor or by == self.owner) and (not self.sealed or role is DeskRole.FOCAL_POINT)
            case "raise":
                return level % 6 > self.severity
            case _:
                return True

    def perform(self, action: str, by: StaffId, to: StaffId, level: int, at: datetime) -> None:  # noqa: PLR0912
        asks_review = action == "resolve" and self.severity >= 3 and self.review_by is None
        leads_to = TABLE[self.state][action]
        if asks_review:
            self.review_by = by
        elif leads_to != "=":
            self.state = leads_to
        if action in {"assign", "release", "timer", "wrote", "raise", "reopen", "lost", "move"} or (
            action == "judge" and level % 5 > self.severity
        ):
            self.review_by = None
        match action:
            case "claim":
                self.owner = by
            case "assign":
                self.owner = to
            case "release" | "timer" | "move":
                self.owner = None
            case "merge":
                self.owner, self.review_by = None, None
            case "resolve" if not asks_review:
                self.owner, self.review_by, self.resolved_at = None, None, at
            case "reopen":
                self.resolved_at, self.unreachable = None, False
            case "judge" | "raise":
                before, self.severity = self.severity, level % (5 if action == "judge" else 6)
                if self.state == "snoozed" and self.severity > before and self.severity >= 3:
                    self.state = "active"
            case "unreachable":
                self.unreachable = True
            case "wrote":
                self.unreachable = False

    def _may_have(self, staff: StaffId) -> bool:
        role = ROLE_OF[staff]
        return role in WORKERS and (not self.sealed or role is DeskRole.FOCAL_POINT)


ACTIONS = sorted({action for row in TABLE.values() for action in row})


def attempt(case: Case, action: str, by: StaffId, to: StaffId, level: int, at: datetime) -> CaseEvent | None:  # noqa: PLR0912
    """Ask the code under test for the same action."""
    role = ROLE_OF[by]
    match action:
        case "claim":
            return cases.claim(case, by=by, role=role, at=at, owner_alias="Lea")
        case "assign":
            return cases.assign(case, to=to, to_role=ROLE_OF[to], by=by, role=role, at=at)
        case "release":
            return cases.release(case, by=by, role=role, at=at)
        case "timer":
            return cases.release_by_timer(case, at=at)
        case "wrote":
            return cases.person_wrote(case, at=at)
        case "reply":
            return cases.reply(case, by=by, role=role, at=at)
        case "note":
            return cases.note(case, by=by, at=at)
        case "partner":
            return cases.ask_partner(case, by=by, role=role, at=at)
        case "snooze":
            return cases.snooze(case, until=at + timedelta(hours=level), by=by, role=role, at=at)
        case "move":
            return cases.move(case, queue=f"team-{at.timestamp()}", by=by, role=role, at=at)
        case "lost":
            return cases.undelivered(case, before=case, at=at)
        case "wake":
            return cases.wake(case, at=at)
        case "resolve":
            return cases.resolve(case, code=Resolution.HELPED, by=by, role=role, at=at)
        case "reopen":
            return cases.reopen(case, at=at)
        case "close":
            return cases.close(case, at=at)
        case "merge":
            return cases.merge(case, into=replace(OTHER, sealed=case.sealed), by=by, role=role, at=at)
        case "raise":
            return cases.raise_severity(case, severity=level % 6, category="threats", at=at)
        case "judge":
            return cases.set_severity(case, severity=level % 5, by=by, role=role, at=at)
        case "unreachable":
            return cases.reachability(case, reachable=False, at=at)
    raise AssertionError(action)


LEVELS = [0, 1, 2, 3, 4, 5, 719, 720, 721]
"""Severities modulo 5 or 6, and hours of a snooze around its limits."""
LATER = [timedelta(minutes=1), timedelta(hours=3), timedelta(days=2), timedelta(days=7)]


@given(dice=st.randoms(use_true_random=False), first=st.integers(1, 4), sealed=st.booleans())
@settings(deadline=None, max_examples=400)
def test_whatever_people_try_a_case_does_what_the_specification_says(dice: Random, first: int, sealed: bool) -> None:
    blank = replace(BLANK, sealed=sealed)
    reference = Reference(severity=first, sealed=sealed)
    opened = CaseEvent(kind=EventKind.OPENED, at=NOW, severity=first, category="exploitation")
    events, case, at = [opened], apply(blank, opened), NOW
    for _ in range(40):
        # Three of four attempts are such as the state knows, and half of them the owner's: else little ever happens.
        action = dice.choice(sorted(TABLE[reference.state]) or ACTIONS if dice.random() < 0.75 else ACTIONS)
        by = reference.owner if reference.owner and dice.random() < 0.5 else dice.choice(STAFF)
        to, level = dice.choice(STAFF), dice.choice(LEVELS)
        at += dice.choice(LATER)
        before = case
        allowed = reference.allows(action, by, to, level, at)
        try:
            event = attempt(case, action, by, to, level, at)
        except Conflict as refusal:
            assert not allowed, f"{action} in {reference.state} was refused: {refusal}"
            assert str(refusal), "a refusal gives its reason"
            assert case == before
            continue
        assert (event is not None) == allowed, f"{action} by {by} in {reference.state}"
        if event is None:
            continue
        reference.perform(action, by, to, level, at)
        events.append(event)
        case = apply(case, event)
        assert (case.state, case.severity, case.owner_id, case.review_by, case.unreachable) == (
            reference.state, reference.severity, reference.owner, reference.review_by, reference.unreachable,
        ), f"after {action}"  # fmt: skip
        assert (case.owner_id is not None) == (case.state in cases.OWNED)
        assert [one for one in STAFF if may_reply(case, one)] == ([case.owner_id] if case.owner_id else [])
        assert (case.snoozed_until is not None) == (case.state is WorkState.SNOOZED)
    assert fold(blank, events) == case
    assert fold(fold(blank, events[:7]), events[7:]) == case
    assert case.version == len(events)


def in_state(state: WorkState, owner: StaffId | None = None, *, severity: int = 1) -> Case:
    claimed = CaseEvent(kind=EventKind.CLAIMED, at=NOW, staff_id=owner)
    events = {
        WorkState.QUEUED: [],
        WorkState.ACTIVE: [claimed],
        WorkState.RESOLVED: [claimed, CaseEvent(kind=EventKind.RESOLVED, at=NOW, staff_id=owner, note="helped")],
        WorkState.ERASED: [CaseEvent(kind=EventKind.ERASED, at=NOW)],
    }[state]
    return fold(BLANK, [CaseEvent(kind=EventKind.OPENED, at=NOW, severity=severity), *events])


def test_the_first_caseworker_wins_and_the_second_is_told_who_it_was() -> None:
    with pytest.raises(CaseAlreadyClaimed) as caught:
        cases.claim(in_state(WorkState.ACTIVE, STAFF[0]), by=STAFF[1], role=DeskRole.CASEWORKER, at=NOW, owner_alias="Lea")
    assert caught.value.by == "Lea"
    assert "Lea" in str(caught.value)


@pytest.mark.parametrize(
    ("after", "reopens"),
    [(timedelta(days=6, hours=23), True), (timedelta(days=7), True), (timedelta(days=7, seconds=1), False)],
)
def test_within_a_week_the_same_case_opens_again(after: timedelta, reopens: bool) -> None:
    case = in_state(WorkState.RESOLVED, STAFF[0])
    assert cases.may_reopen(case, sealed=False, at=NOW + after) is reopens
    if reopens:
        again = apply(case, cases.reopen(case, at=NOW + after))
        assert (again.state, again.last_owner_id) == (WorkState.QUEUED, STAFF[0]), "the last owner is preferred"
    else:
        with pytest.raises(InvalidTransition, match="a new case follows it"):
            cases.reopen(case, at=NOW + after)


def test_a_complaint_about_staff_never_returns_to_a_case_colleagues_have_read() -> None:
    assert not cases.may_reopen(in_state(WorkState.RESOLVED, STAFF[0]), sealed=True, at=NOW)


def test_a_case_of_another_person_is_never_merged() -> None:
    stranger = replace(OTHER, person_id=PersonId(2))
    with pytest.raises(InvalidTransition, match="not two cases of one person"):
        cases.merge(BLANK, into=stranger, by=StaffId(3), role=DeskRole.SUPERVISOR, at=NOW)


def test_a_sealed_case_is_never_merged_with_an_open_one() -> None:
    with pytest.raises(InvalidTransition, match="not two cases of one person"):
        sealed = replace(BLANK, sealed=True, owner_id=StaffId(4))
        cases.merge(sealed, into=OTHER, by=StaffId(4), role=DeskRole.FOCAL_POINT, at=NOW)


def test_what_is_written_after_the_owner_asked_for_a_second_look_voids_it() -> None:
    case = in_state(WorkState.ACTIVE, STAFF[0], severity=4)
    asked = apply(case, cases.resolve(case, code=Resolution.HELPED, by=STAFF[0], role=DeskRole.CASEWORKER, at=NOW))
    assert (asked.state, asked.review_by, asked.resolution) == (WorkState.ACTIVE, STAFF[0], "helped")
    assert apply(asked, cases.person_wrote(asked, at=NOW)).review_by is None


def test_the_oldest_unanswered_message_is_what_the_person_waits_for() -> None:
    case = in_state(WorkState.ACTIVE, STAFF[0])
    answered = apply(case, cases.reply(case, by=STAFF[0], role=DeskRole.CASEWORKER, at=NOW + timedelta(minutes=5)))
    assert (answered.waiting_since, answered.replied_at) == (None, NOW + timedelta(minutes=5))
    first = apply(answered, cases.person_wrote(answered, at=NOW + timedelta(minutes=7)))
    second = apply(first, cases.person_wrote(first, at=NOW + timedelta(minutes=9)))
    assert second.waiting_since == NOW + timedelta(minutes=7)


@given(severity=st.integers(0, 5), present=st.integers(1, 5))
def test_the_assistant_raises_severity_or_leaves_it(severity: int, present: int) -> None:
    case = apply(BLANK, CaseEvent(kind=EventKind.OPENED, at=NOW, severity=present, category="scam"))
    event = cases.raise_severity(case, severity=severity, category=None, at=NOW)
    assert (event is not None) == (severity > present)
    if event is not None:
        assert (apply(case, event).severity, apply(case, event).category) == (severity, "scam")


def test_every_state_of_the_work_says_who_speaks_to_the_person() -> None:
    assert set(SPEAKER_OF) == set(WorkState)
