"""Time for the desk: what is promised is written down with each event. :mod:`bot.service.due` does what falls due.

:func:`record` is the only way an event enters a case: its timers follow in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, EventKind, WorkState
from bot.domain.ids import CaseId
from bot.domain.people import DeskRole, StaffMember, hand_to
from bot.domain.timers import PROMISES, Due, Timer, TimerKind, TimerState, anew, follow
from bot.service import notices
from bot.service.app import App
from bot.service.ports import UnitOfWork
from policies import PolicySet, due_at, warnings_at


def promise(policies: PolicySet) -> Due:
    """Return the office's promises, as :func:`bot.domain.timers.follow` asks for them."""

    def due(kind: TimerKind, severity: int, start: datetime) -> datetime | None:
        target = policies.sla[severity]
        span = {
            TimerKind.FIRST_REPLY: target.first_reply,
            TimerKind.NEXT_REPLY: target.next_reply,
            TimerKind.OWNER: target.owner,
            TimerKind.KEEP_INFORMED: target.keep_informed or policies.sla[1].keep_informed,
        }[kind]
        return None if span is None else due_at(start, span, target.clock, policies.calendar)

    return due


def begin(uow: UnitOfWork, app: App, case: Case, event: CaseEvent) -> Case:
    """Store a new case with its first event and its first timers.

    Raises:
        Conflict: the person has an open case.
    """
    opened = uow.cases.open(case, event)
    _follow(uow, app, case, opened, event)
    return opened


def record(uow: UnitOfWork, app: App, case: Case, event: CaseEvent) -> Case:
    """Append an event to the case as read, and let its timers follow, and who speaks to the person.

    Raises:
        VersionConflict: the case has moved on.
    """
    after = uow.cases.append(case, event)
    _follow(uow, app, case, after, event)
    if case.state is WorkState.QUEUED and after.state is not WorkState.QUEUED:
        uow.incidents.close(unclaimed(case), now=event.at)
    if event.kind in {EventKind.CLAIMED, EventKind.ASSIGNED} and after.owner_id is not None:
        uow.staff.given(after.owner_id, now=event.at)
    speaker = cases.SPEAKER_OF[after.state]
    if speaker is not cases.SPEAKER_OF[case.state]:
        # A new version: what was computed before is not sent any more.
        uow.people.save_conversation(hand_to(uow.people.conversation(case.person_id), speaker, event.at))
    return after


def start_anew(uow: UnitOfWork, app: App, case: Case, *, now: datetime) -> None:
    """Let an open case that has no timers have them, counted from now."""
    for timer in anew(case, now, promise(app.policies)):
        save(uow, app, case.id, timer)


def unclaimed(case: Case) -> str:
    """Return the kind of the incident that an urgent case is nobody's."""
    return f"urgent_case_unclaimed:{case.number}"


def rings_at(timer: Timer, shares: Sequence[float]) -> datetime | None:
    """Return when something happens next: a warning at a share of the time, or that it is due; None when it does not run."""
    if timer.state is not TimerState.RUNNING:
        return None
    warnings = warnings_at(timer.started_at, timer.due_at, shares) if timer.kind in PROMISES else ()
    return warnings[timer.step] if timer.step < len(warnings) else timer.due_at


def _follow(uow: UnitOfWork, app: App, before: Case, after: Case, event: CaseEvent) -> None:
    for timer in follow(uow.timers.open_of(after.id), before, after, event, promise(app.policies)):
        save(uow, app, after.id, timer)


def save(uow: UnitOfWork, app: App, case_id: CaseId, timer: Timer) -> None:
    """Write a timer as it stands, with the moment at which something happens next."""
    uow.timers.save(case_id, timer, rings_at=rings_at(timer, app.policies.sla_warnings))


def on_call(uow: UnitOfWork, case: Case) -> list[StaffMember]:
    """Return who is told about an urgent case, in order; a sealed one is for focal points only."""
    # Whoever has no chat cannot be called.
    everybody = uow.staff.all()
    ready = [one for one in everybody if one.on_call is not None and not one.away and one.chat_id is not None]
    ladder = [member for member in ready if cases.may_have(case, member.desk_role)]
    return sorted(ladder, key=lambda member: (member.on_call or 0, member.id))


def tell_supervisors(uow: UnitOfWork, app: App, case: Case, text_key: str, key: str, now: datetime, **values: object) -> None:
    """Say something about a case to every supervisor; about a sealed one to the focal points.

    Where an office has appointed none, or none who can be told in Telegram, it is told so: nobody else may be shown what is
    sealed, and somebody has to know.
    """
    role, everybody = cases.overseer(case), uow.staff.all()
    told = [member for member in everybody if member.desk_role is role and member.chat_id is not None]
    if not told:
        uow.incidents.open(nobody(role), f"case {case.number} needs one", now=now)
        others = {DeskRole.SUPERVISOR, DeskRole.ADMINISTRATOR}
        told, text_key, values = [one for one in everybody if one.desk_role in others], "nobody_oversees", {"role": role}
    for member in told:
        notices.tell_member(uow, app, member, case, text_key, key=key, now=now, **values)


def nobody(role: DeskRole) -> str:
    """Return the kind of the incident that nobody has this role."""
    return f"no_{role}"
