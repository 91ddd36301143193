"""Who takes a case: everybody is looked at, in order, and for everybody it is said why.

Pure. Hard limits come first (role, seal, shift, queue, clearance, language), then room; among those who are left the last owner,
whoever needs no translation, whoever carries least, whoever has waited longest. An urgent case asks neither for room nor rest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, EventKind
from bot.domain.ids import StaffId
from bot.domain.people import StaffMember

COOL_DOWN = timedelta(hours=2)
"""After a case of severity 3 or 4 has left somebody: no new one is given to them so long."""
KNOWN_FOR = timedelta(days=30)
"""How long a person's last owner is preferred."""
WEIGHT = {0: 0.5, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
"""What a case of a severity weighs."""
WAITING_WEIGHT = 1.0
"""What it weighs more while its person waits for an answer."""


class Mode(StrEnum):
    PULL = "pull"
    """A case is announced; whoever can, claims it."""
    PUSH = "push"
    """A case is given to whoever fits best."""


class Why(StrEnum):
    """Reasons that keep a case from somebody, and reasons that speak for them."""

    ROLE = "works_no_cases"
    SEALED = "sealed"
    AWAY = "away"
    QUEUE = "other_queue"
    CLEARANCE = "above_clearance"
    LANGUAGE = "other_language"
    FULL = "full"
    RESTING = "resting"
    GAVE_UP = "gave_it_up"
    KNOWS = "knows_the_person"
    SPEAKS = "speaks_the_language"
    TRANSLATES = "with_translation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What somebody carries."""

    weight: float = 0.0
    last_urgent_at: datetime | None = None
    """When the last urgent case left them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One member, and why they fit or not."""

    member: StaffMember
    fits: bool
    reasons: tuple[Why, ...]
    weight: float


def gave_up(events: Iterable[CaseEvent]) -> frozenset[StaffId]:
    """Return who had this case and gave it back, or lost it, since the person last needed somebody anew."""
    owner: StaffId | None = None
    left: set[StaffId] = set()
    for event in events:
        match event.kind:
            case EventKind.CLAIMED:
                owner = event.staff_id
            case EventKind.ASSIGNED:
                owner = event.to_id
            case EventKind.RELEASED if owner is not None:
                left.add(owner)
                owner = None
            case EventKind.REOPENED:
                owner, left = None, set()
            case _:
                pass
    return frozenset(left)


def weight_of(case: Case) -> float:
    """Return how much of somebody's capacity a case takes."""
    return WEIGHT[case.severity] + (WAITING_WEIGHT if case.waiting_since is not None else 0.0)


def rank(
    case: Case, members: Iterable[StaffMember], loads: Mapping[StaffId, Load], *, known_to: StaffId | None,
    left: frozenset[StaffId], office_language: str, now: datetime,
) -> list[Candidate]:  # fmt: skip
    """Return everybody, best first; those who do not fit come last.

    Args:
        loads: What members carry; who is not in it carries nothing.
        known_to: The last owner of a case of this person, within :data:`KNOWN_FOR`.
        left: Who gave this case up, see :func:`gave_up`.
        office_language: What members work in who name no language.
    """
    looked_at = [
        _look(
            case,
            member,
            loads.get(member.id, Load()),
            now,
            knows=member.id == known_to,
            gave_it_up=member.id in left,
            speaks=case.language in (member.languages or {office_language}),
        )
        for member in members
    ]
    return sorted(looked_at, key=_order)


def _look(
    case: Case, member: StaffMember, load: Load, now: datetime, *, knows: bool, gave_it_up: bool, speaks: bool
) -> Candidate:  # fmt: skip
    against = [why for why, holds in [*_against(case, member, load, now), (Why.GAVE_UP, gave_it_up)] if holds]
    rather = [
        why
        for why, holds in (
            (Why.KNOWS, knows),
            (Why.SPEAKS, speaks),
            (Why.TRANSLATES, not speaks and not member.languages),
        )
        if holds
    ]
    return Candidate(member=member, fits=not against, reasons=tuple(against or rather), weight=load.weight)


def _against(case: Case, member: StaffMember, load: Load, now: datetime) -> list[tuple[Why, bool]]:
    rested = load.last_urgent_at is None or now - load.last_urgent_at >= COOL_DOWN
    return [
        (Why.ROLE, not member.desk_role.works_cases),
        (Why.SEALED, member.desk_role.works_cases and not cases.may_have(case, member.desk_role)),
        (Why.AWAY, member.away),
        (Why.QUEUE, bool(member.queues) and case.queue not in member.queues),
        (Why.CLEARANCE, case.severity > member.clearance),
        (Why.LANGUAGE, bool(member.languages) and case.language not in member.languages),
        (Why.FULL, not case.is_urgent and load.weight + weight_of(case) > member.capacity),
        (Why.RESTING, not case.is_urgent and not rested),
    ]


def _order(candidate: Candidate) -> tuple[bool, bool, bool, float, float, int]:
    idle_since = candidate.member.given_at
    return (
        not candidate.fits,
        Why.KNOWS not in candidate.reasons,
        Why.SPEAKS not in candidate.reasons,
        candidate.weight,
        idle_since.timestamp() if idle_since is not None else 0.0,
        candidate.member.id,
    )
