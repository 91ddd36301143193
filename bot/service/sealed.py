"""Who reads which case, and how a sealed one is opened when no focal point can be reached.

A sealed case exists for focal points only. Breaking the glass takes two people whose passwords are not new: a supervisor asks
and says why, a focal point or another supervisor agrees, and for an hour the supervisor looks after the person. All focal points
are told at once, see it afterwards, and end it whenever they like. An administrator has no part in it: whoever makes accounts
could be both.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import cases
from bot.domain.accounts import GLASS_HELD, SETTLED, BreakGlass
from bot.domain.cases import Case
from bot.domain.errors import InvalidTransition
from bot.domain.ids import BreakGlassId
from bot.domain.people import DeskRole, StaffMember
from bot.service import casework, notices
from bot.service.app import App
from bot.service.ports import UnitOfWork

LOOK_BACK = timedelta(days=30)
"""How long focal points see what was opened; and how far back it is looked for who still has such a case."""
MIN_REASON = 10
"""Characters of a reason that says something."""
MAX_REASON = 200
AGREES = frozenset({DeskRole.FOCAL_POINT, DeskRole.SUPERVISOR})
BY_GLASS = frozenset({"claim", "reply", "note", "snooze", "wake", "partner", "assign", "release", "undo"})
"""What may be done with a case that was opened for an hour: look after the person, and hand the case on."""
OWN_BY_GLASS = BY_GLASS - {"claim", "note"}
"""What of it is done by its owner alone: nobody takes a sealed case from a focal point."""


def sees(case: Case, member: StaffMember) -> bool:
    """Whether a member may know that a case is there: of a sealed one only those who may read it, or ask to."""
    return member.desk_role.works_cases and (not case.sealed or member.desk_role is not DeskRole.CASEWORKER)


def as_reader(case: Case, member: StaffMember, requests: Iterable[BreakGlass], *, now: datetime) -> StaffMember | None:
    """Return the member with the role they have for this case; None when they may not read it.

    Args:
        requests: Those of any member that are not over.
    """
    if cases.may_have(case, member.desk_role):
        return member
    if not case.sealed or member.desk_role is not DeskRole.SUPERVISOR:
        return None
    opened = any(one.case_id == case.id and one.asked_by == member.id and one.opens(now) for one in requests)
    return replace(member, desk_role=DeskRole.FOCAL_POINT) if opened else None


def ask(uow: UnitOfWork, app: App, case: Case, member: StaffMember, *, reason: str, now: datetime) -> BreakGlass:
    """Ask to open a sealed case.

    Raises:
        InvalidTransition: it is not sealed, not theirs to ask for, asked for already, or without a reason.
    """
    if not case.sealed or member.desk_role is not DeskRole.SUPERVISOR:
        raise InvalidTransition(app.catalogue.staff_text("glass_not_yours"), why="glass_not_yours")
    _require_settled(uow, app, member, now)
    if not MIN_REASON <= len(reason.strip()) <= MAX_REASON:
        raise InvalidTransition(app.catalogue.staff_text("glass_reason"), why="glass_reason")
    if any(one.case_id == case.id and one.asked_by == member.id for one in uow.accounts.requests(since=now)):
        raise InvalidTransition(app.catalogue.staff_text("glass_asked_already"), why="glass_asked_already")
    asked = uow.accounts.ask_to_open(case.id, by=member.id, reason=reason.strip(), now=now, until=now + GLASS_HELD)
    uow.audit.record(actor=member.actor, action="case.glass_asked", subject=case.number, now=now)
    _tell(uow, app, case, "glass_asked", f"glass:{asked.id}:asked", now, who=member.alias)
    return asked


def agree(uow: UnitOfWork, app: App, number: BreakGlassId, member: StaffMember, *, now: datetime) -> BreakGlass:
    """Let a case be opened: the second person.

    Raises:
        InvalidTransition: it waits no more, or the second person is the first.
    """
    asked = uow.accounts.request(number)
    if asked is None or not asked.waits(now):
        raise InvalidTransition(app.catalogue.staff_text("glass_over"), why="glass_over")
    if member.id == asked.asked_by or member.desk_role not in AGREES:
        raise InvalidTransition(app.catalogue.staff_text("glass_not_yours"), why="glass_not_yours")
    _require_settled(uow, app, member, now)
    uow.accounts.grant(number, by=member.id, until=now + GLASS_HELD)
    case = uow.cases.get(asked.case_id)
    uow.audit.record(actor=member.actor, action="case.glass_broken", subject=case.number, now=now)
    who = notices.alias_of(uow, asked.asked_by)
    _tell(uow, app, case, "glass_broken", f"glass:{asked.id}:broken", now, who=who, by=member.alias)
    return replace(asked, granted_by=member.id, ends_at=now + GLASS_HELD)


def end(uow: UnitOfWork, app: App, number: BreakGlassId, member: StaffMember, *, now: datetime) -> None:
    """A focal point refuses, or closes what was opened: at once, and whoever had the case loses it.

    Raises:
        InvalidTransition: ``member`` is no focal point, or it is over.
    """
    asked = uow.accounts.request(number)
    if asked is None or now >= asked.ends_at or member.desk_role is not DeskRole.FOCAL_POINT:
        raise InvalidTransition(app.catalogue.staff_text("glass_over"), why="glass_over")
    uow.accounts.end_request(number, now=now)
    case = uow.cases.get(asked.case_id)
    uow.audit.record(actor=member.actor, action="case.glass_ended", subject=case.number, now=now)
    take_from_outstayed(uow, app, now=now)


def take_from_outstayed(uow: UnitOfWork, app: App, *, now: datetime) -> int:
    """Let sealed cases wait again whose owner had them for a time that is over; return how many owners there were."""
    found = uow.accounts.outstayed(since=now - LOOK_BACK, now=now)
    for staff_id in found:
        casework.take_what_is_not_theirs(uow, app, uow.staff.get(staff_id), now=now)
    return len(found)


def require_by_glass(app: App, case: Case, reader: StaffMember, member: StaffMember, what: str) -> None:
    """Let somebody who reads a case for an hour do no more than that needs.

    Args:
        reader: The member with the role they have for this case, see :func:`as_reader`.

    Raises:
        InvalidTransition: it is for focal points.
    """
    if reader.desk_role is member.desk_role:
        return
    if what not in BY_GLASS or (what in OWN_BY_GLASS and case.owner_id != member.id):
        raise InvalidTransition(app.catalogue.staff_text("glass_limits"), why="glass_limits")


def _require_settled(uow: UnitOfWork, app: App, member: StaffMember, now: datetime) -> None:
    account = uow.accounts.get(member.id)
    if account is None or now - account.changed_at < SETTLED:
        raise InvalidTransition(app.catalogue.staff_text("glass_new_password"), why="glass_new_password")


def _tell(uow: UnitOfWork, app: App, case: Case, text_key: str, key: str, now: datetime, **values: object) -> None:
    for one in uow.staff.all():
        if one.desk_role in AGREES:
            notices.tell_member(uow, app, one, case, text_key, key=key, now=now, **values)
