"""Looking for somebody who takes a case that waits, and keeping why it was decided so."""

from datetime import datetime, timedelta

from bot.domain import cases
from bot.domain.cases import Case
from bot.domain.people import DeskRole
from bot.domain.routing import COOL_DOWN, KNOWN_FOR, Candidate, Mode, Why, gave_up, rank
from bot.service import notices, timers
from bot.service.app import App
from bot.service.ports import Routing, UnitOfWork
from policies import counts_from

LOOK_AGAIN = timedelta(minutes=15)


def place(uow: UnitOfWork, app: App, case: Case, *, is_first: bool, key: str, now: datetime) -> datetime | None:
    """Give the case to somebody, or tell who may claim it; return when to look again, None when that is settled.

    An urgent case is given to nobody who might not look: it calls the people on call (:mod:`bot.service.due`).
    """
    mode = Mode(app.policies.queues[case.queue].mode)
    candidates = _candidates(uow, case, now)
    fit = [one for one in candidates if one.fits]
    gives = mode is Mode.PUSH and not case.is_urgent
    opens_at = counts_from(now, app.policies.sla[case.severity].clock, app.policies.calendar)
    if gives and fit and opens_at > now:
        return opens_at  # nobody is at work whom it could be given to
    chosen = fit[0] if gives and fit else None
    if is_first or chosen is not None:
        _keep(uow, case, mode, chosen, candidates, now)
    if chosen is not None:
        _give(uow, app, case, chosen, key=key, now=now)
        return None
    if is_first:
        _announce(uow, app, case, fit, key=key, now=now)
    return now + LOOK_AGAIN if gives else None


def _candidates(uow: UnitOfWork, case: Case, now: datetime) -> list[Candidate]:
    return rank(
        case, uow.staff.all(), uow.cases.loads(urgent_since=now - COOL_DOWN),
        known_to=uow.cases.last_owner_of(case.person_id, since=now - KNOWN_FOR), left=gave_up(uow.cases.events(case.id)), now=now,
    )  # fmt: skip


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
