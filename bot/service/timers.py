"""Time for the desk: what is promised is written down with each event, and what falls due is done once.

:func:`record` is the only way an event enters a case: its timers follow in the same transaction. :func:`ring` does what is due.
A timer is looked at again inside the transaction that acts on it, and the case moves by compare-and-set: several processes may
ring together and each thing still happens once, also across a restart.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, EventKind
from bot.domain.errors import StorageUnavailable, VersionConflict
from bot.domain.ids import CaseId
from bot.domain.people import StaffMember, hand_to
from bot.domain.timers import PROMISES, REMIND_AFTER, Due, Timer, TimerKind, TimerState, follow
from bot.service import notices
from bot.service.app import App
from bot.service.periodic import repeat
from bot.service.ports import UnitOfWork
from policies import PolicySet, due_at, warnings_at

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
BATCH = 50
PUT_OFF = timedelta(minutes=5)


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
    speaker = cases.SPEAKER_OF[after.state]
    if speaker is not cases.SPEAKER_OF[case.state]:
        # A new version: what was computed before is not sent any more.
        uow.people.save_conversation(hand_to(uow.people.conversation(case.person_id), speaker, event.at))
    return after


def rings_at(timer: Timer, shares: Sequence[float]) -> datetime | None:
    """Return when something happens next: a warning at a share of the time, or that it is due; None when it does not run."""
    if timer.state is not TimerState.RUNNING:
        return None
    warnings = warnings_at(timer.started_at, timer.due_at, shares) if timer.kind in PROMISES else ()
    return warnings[timer.step] if timer.step < len(warnings) else timer.due_at


def _follow(uow: UnitOfWork, app: App, before: Case, after: Case, event: CaseEvent) -> None:
    for timer in follow(uow.timers.open_of(after.id), before, after, event, promise(app.policies)):
        _save(uow, app, after.id, timer)


def _save(uow: UnitOfWork, app: App, case_id: CaseId, timer: Timer) -> None:
    uow.timers.save(case_id, timer, rings_at=rings_at(timer, app.policies.sla_warnings))


async def run(app: App, stop: asyncio.Event) -> None:
    """Ring until ``stop`` is set."""
    await repeat(partial(ring, app), LOOK_EVERY_S, stop, name="timers")


async def ring(app: App) -> int:
    """Do what is due now, each in its own transaction; return how many timers rang."""
    now, rung = app.clock.now(), 0
    for case_id, timer in await app.storage.run(lambda uow: uow.timers.ringing(now, limit=BATCH)):
        try:
            rung += await app.storage.run(partial(_ring_one, app=app, case_id=case_id, timer=timer, now=now))
        except VersionConflict:
            continue  # the case has just moved: it is looked at again
        except StorageUnavailable:
            raise
        except Exception:
            # The outermost loop: a timer nobody foresaw is put off, so that it holds up no other and floods no log.
            logger.exception("timer failed", extra={"event": "timer.failed", "case_id": case_id, "kind": timer.kind})
            await _put_off(app, timer, now)
    if rung:
        app.outbox_bell.ring()
    return rung


def _ring_one(uow: UnitOfWork, *, app: App, case_id: CaseId, timer: Timer, now: datetime) -> bool:
    case = uow.cases.locked(case_id)
    if uow.timers.open_of(case_id).get(timer.kind) != timer:
        return False
    if timer.kind in PROMISES and timer.step < len(app.policies.sla_warnings) and now < timer.due_at:
        _warn(uow, app, case, timer, now)
    else:
        _DUE[timer.kind](uow, app, case, timer, now)
    logger.info("timer rang", extra={"event": "timer.rang", "case": case.number, "kind": timer.kind, "step": timer.step})
    return True


async def _put_off(app: App, timer: Timer, now: datetime) -> None:
    def work(uow: UnitOfWork) -> None:
        uow.timers.put_off(timer, now + PUT_OFF)
        uow.incidents.open("timer_failed", f"a timer of the kind {timer.kind}", now=now)

    try:
        await app.storage.run(work)
    except (StorageUnavailable, VersionConflict):
        logger.warning("timer not put off", extra={"event": "timer.not_put_off", "kind": timer.kind})


def _warn(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    # After a standstill one warning is enough.
    step = sum(at <= now for at in warnings_at(timer.started_at, timer.due_at, app.policies.sla_warnings))
    left = max(1, round((timer.due_at - now) / timedelta(minutes=1)))
    notices.tell_topic(uow, app, case, f"warn_{timer.kind}", key=_key(timer, f"warn{step}"), now=now, minutes=left)
    _save(uow, app, case.id, replace(timer, step=step))


def _miss(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """A promise is broken: it is said once, to the desk and to the supervisors."""
    _save(uow, app, case.id, replace(timer, state=TimerState.MISSED))
    case = record(uow, app, case, CaseEvent(kind=EventKind.BREACHED, at=now, note=timer.kind))
    notices.tell_topic(uow, app, case, f"missed_{timer.kind}", key=_key(timer, "missed"), now=now)
    tell_supervisors(uow, app, case, f"missed_{timer.kind}", _key(timer, "missed"), now)


def _lose_owner(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """The owner gave no sign of life: the case returns to the queue; they and the supervisors are told."""
    assert case.owner_id is not None
    owner = uow.staff.get(case.owner_id)
    _save(uow, app, case.id, replace(timer, state=TimerState.MISSED))
    case = record(uow, app, case, cases.release_by_timer(case, at=now))
    notices.tell_person(uow, app, case, "human_released", now=now)
    notices.tell_topic(uow, app, case, "owner_timer", key=_key(timer, "owner"), now=now, who=owner.alias)
    notices.tell_member(uow, app, owner, case, "owner_timer", key=_key(timer, "owner"), now=now, who=owner.alias)
    tell_supervisors(uow, app, case, "owner_timer", _key(timer, "owner"), now, who=owner.alias)
    notices.refresh_header(uow, app, case, now=now)


def _climb(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """Tell the next person on call, then the supervisors, then raise an incident: an urgent case is never nobody's."""
    ladder = on_call(uow, case)
    if timer.step < len(ladder):
        member = ladder[timer.step]
        notices.call_member(uow, app, member, case, key=_key(timer, str(timer.step)), now=now)
        wait = app.policies.sla[case.severity].owner.wall
        _save(uow, app, case.id, replace(timer, step=timer.step + 1, due_at=now + wait))
        return
    _save(uow, app, case.id, replace(timer, state=TimerState.MISSED))
    tell_supervisors(uow, app, case, "ladder_ended", _key(timer, "end"), now)
    notices.tell_topic(uow, app, case, "ladder_ended", key=_key(timer, "end"), now=now)
    uow.incidents.open("urgent_case_unclaimed", f"case {case.number} of severity {case.severity}", now=now)


def _wake(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    case = record(uow, app, case, cases.wake(case, at=now))
    notices.tell_topic(
        uow, app, case, f"woken_{timer.kind}", key=_key(timer, "woken"), now=now, who=notices.alias_of(uow, case.owner_id)
    )
    notices.refresh_header(uow, app, case, now=now)


def _remind(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """Two gentle words to the person, then the owner is asked what is to become of the case."""
    step = timer.step + 1
    if step < len(REMIND_AFTER):
        if not case.sealed and not case.unreachable:  # a reminder may be read by whoever holds the phone
            notices.tell_person(uow, app, case, "case_reminder", now=now, key=_key(timer, str(step)), number=case.number)
        # After a standstill the next one waits its time too.
        due = max(timer.started_at + REMIND_AFTER[step], now + REMIND_AFTER[step] - REMIND_AFTER[step - 1])
        _save(uow, app, case.id, replace(timer, step=step, due_at=due))
        return
    _save(uow, app, case.id, replace(timer, state=TimerState.STOPPED))
    notices.tell_topic(uow, app, case, "no_answer", key=_key(timer, "end"), now=now, who=notices.alias_of(uow, case.owner_id))


def _close(uow: UnitOfWork, app: App, case: Case, _timer: Timer, now: datetime) -> None:
    record(uow, app, case, cases.close(case, at=now))


def _stay_unreachable(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    _save(uow, app, case.id, replace(timer, state=TimerState.STOPPED))
    notices.tell_topic(uow, app, case, "still_unreachable", key=_key(timer, "end"), now=now)


_DUE = {
    TimerKind.FIRST_REPLY: _miss,
    TimerKind.NEXT_REPLY: _miss,
    TimerKind.OWNER: _lose_owner,
    TimerKind.KEEP_INFORMED: _wake,
    TimerKind.LADDER: _climb,
    TimerKind.WAKE: _wake,
    TimerKind.REMIND: _remind,
    TimerKind.CLOSE: _close,
    TimerKind.UNREACHABLE: _stay_unreachable,
}


def on_call(uow: UnitOfWork, case: Case) -> list[StaffMember]:
    """Return who is told about an urgent case, in order; a sealed one is for focal points only."""
    ready = [member for member in uow.staff.all() if member.on_call is not None and not member.away]
    ladder = [member for member in ready if cases.may_have(case, member.desk_role)]
    return sorted(ladder, key=lambda member: (member.on_call or 0, member.id))


def tell_supervisors(uow: UnitOfWork, app: App, case: Case, text_key: str, key: str, now: datetime, **values: object) -> None:
    """Say something about a case to every supervisor; about a sealed one to the focal points."""
    for member in uow.staff.all():
        if member.desk_role is cases.overseer(case):
            notices.tell_member(uow, app, member, case, text_key, key=key, now=now, **values)


def _key(timer: Timer, what: str) -> str:
    return f"timer:{timer.id}:{what}"
