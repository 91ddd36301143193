"""Looking for somebody who takes a case that waits, and keeping why it was decided so."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.domain import cases
from bot.domain.cases import Case
from bot.domain.ids import StaffId
from bot.domain.people import DeskRole, StaffMember
from bot.domain.routing import COOL_DOWN, KNOWN_FOR, Candidate, Load, Mode, Why, gave_up, rank
from bot.service import notices, timers
from bot.service.app import App
from bot.service.ports import ALL_OPEN, Routing, UnitOfWork
from policies import counts_from

LOOK_AGAIN = timedelta(minutes=15)
"""How often a queue that gives looks for somebody."""
TELL_AGAIN, TELL_URGENT = timedelta(days=1), timedelta(hours=1)
"""How often the supervisors are told of a case that nobody takes."""


def opens_at(app: App, case: Case, now: datetime) -> datetime:
    """Return when somebody can be looked for: a queue that gives does so in opening hours; others can be claimed at any time."""
    target = app.policies.sla[case.severity]
    return counts_from(now, target.clock, app.policies.calendar) if _gives(app, case) else now


def place(uow: UnitOfWork, app: App, case: Case, *, look: int, key: str, now: datetime) -> datetime | None:
    """Give the case to somebody, or tell who may claim it; return when to look again, None when somebody has it.

    An urgent case is given to nobody who might not look: it calls the people on call (:mod:`bot.service.due`).

    Args:
        look: How often somebody was looked for before.
    """
    mode, gives = Mode(app.policies.queues[case.queue].mode), _gives(app, case)
    loads, known_to = uow.cases.loads(urgent_since=now - COOL_DOWN), _known_to(uow, case, now)
    candidates = _rank(uow, app, case, uow.staff.all(), loads, now, known_to=known_to)
    fit = [one for one in candidates if one.fits]
    chosen = fit[0] if gives and fit else None
    if look == 0 or chosen is not None:
        _keep(uow, case, mode, chosen, candidates, now)
    if chosen is not None:
        _give(uow, app, case, chosen, key=key, now=now)
        return None
    every = LOOK_AGAIN if gives else TELL_URGENT if case.is_urgent else TELL_AGAIN
    if look == 0:
        _announce(uow, app, case, fit, key=key, now=now)
    elif look % (TELL_AGAIN // every if gives else 1) == 0:
        timers.tell_supervisors(uow, app, case, "still_waits", key, now, since=notices.local(app, case.opened_at))
    return now + every


def next_for(uow: UnitOfWork, app: App, member: StaffMember, *, now: datetime) -> Case | None:
    """Return the case nobody has that most needs somebody, of those that fit a member; exercises are left out."""
    loads = uow.cases.loads(urgent_since=now - COOL_DOWN)
    waiting = [case for case in uow.cases.all(limit=ALL_OPEN) if case.owner_id is None and not case.drill]
    for case in sorted(waiting, key=lambda case: (-case.severity, case.waiting_since or case.opened_at)):
        (look,) = _rank(uow, app, case, [member], loads, now, known_to=None)
        if look.fits:
            return case
    return None


def _gives(app: App, case: Case) -> bool:
    return Mode(app.policies.queues[case.queue].mode) is Mode.PUSH and not case.is_urgent


def _rank(
    uow: UnitOfWork, app: App, case: Case, members: Iterable[StaffMember], loads: Mapping[StaffId, Load], now: datetime, *,
    known_to: StaffId | None,
) -> list[Candidate]:  # fmt: skip
    return rank(
        case, members, loads, known_to=known_to, left=gave_up(uow.cases.events(case.id)),
        office_language=app.office.default_language, now=now,
    )  # fmt: skip


def _known_to(uow: UnitOfWork, case: Case, now: datetime) -> StaffId | None:
    """Return who helped this person last. A sealed case is offered to nobody for that: it may be about them."""
    return None if case.sealed else uow.cases.last_owner_of(case.person_id, since=now - KNOWN_FOR)


def _give(uow: UnitOfWork, app: App, case: Case, chosen: Candidate, *, key: str, now: datetime) -> None:
    member = chosen.member
    event = cases.assign(case, to=member.id, to_role=member.desk_role, by=None, role=DeskRole.SUPERVISOR, at=now)
    case = timers.record(uow, app, case, event)
    uow.audit.record(actor="routing", action="case.assigned", subject=case.number, now=now)
    why = ", ".join(chosen.reasons) or "least_load"
    notices.tell_person(uow, app, case, "human_joined", now=now)
    notices.tell_topic(uow, app, case, "routed", key=key, now=now, who=member.alias, why=why)
    notices.tell_member(uow, app, member, case, "routed", key=key, now=now, who=member.alias, why=why)
    notices.refresh_header(uow, app, case, now=now)


def _announce(uow: UnitOfWork, app: App, case: Case, fit: list[Candidate], *, key: str, now: datetime) -> None:
    """The header is the announcement; what it does not say is said here."""
    if not fit:
        notices.tell_topic(uow, app, case, "nobody_fits", key=key, now=now)
        timers.tell_supervisors(uow, app, case, "nobody_fits", key, now)
        return
    if not any(Why.SPEAKS in one.reasons for one in fit):
        notices.tell_topic(uow, app, case, "needs_translation", key=key, now=now, language=case.language)
    if Why.KNOWS in fit[0].reasons and not case.is_urgent:
        notices.offer_case(uow, app, fit[0].member, case, "person_is_back", key=key, now=now)


def _keep(
    uow: UnitOfWork, case: Case, mode: Mode, chosen: Candidate | None, candidates: list[Candidate], now: datetime
) -> None:  # fmt: skip
    looked_at = [(one.member.id, one.fits, [str(why) for why in one.reasons]) for one in candidates]
    chosen_id = None if chosen is None else chosen.member.id
    uow.cases.add_routing(case.id, Routing(at=now, mode=mode, chosen_id=chosen_id, candidates=looked_at))
