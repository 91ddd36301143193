"""What falls due at the desk: warnings, broken promises, silent owners, people on call, reminders, ends.

A timer is looked at again inside the transaction that acts on it, and the case moves by compare-and-set: several processes may
ring together and each thing still happens once, also across a restart.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, EventKind, WorkState
from bot.domain.errors import StorageUnavailable, VersionConflict
from bot.domain.ids import CaseId
from bot.domain.timers import PROMISES, REMIND_AFTER, Timer, TimerKind, TimerState
from bot.service import notices, routing, sealed
from bot.service.app import App
from bot.service.periodic import repeat
from bot.service.ports import UnitOfWork
from bot.service.timers import on_call, record, save, tell_supervisors, unclaimed
from policies import warnings_at

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
BATCH = 50
PUT_OFF = timedelta(minutes=5)
ASK_AGAIN = timedelta(days=7)
"""How often it is asked what is to become of a case in which nothing happens: an open case is never without a timer."""


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
    if await app.storage.read(lambda uow: uow.accounts.outstayed(since=now - sealed.LOOK_BACK, now=now)):
        rung += await app.storage.run(lambda uow: sealed.take_from_outstayed(uow, app, now=now))
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
    key = _key(timer, f"warn{step}")
    notices.tell_topic(uow, app, case, f"warn_{timer.kind}", key=key, now=now, minutes=left)
    if case.state is WorkState.QUEUED and step == len(app.policies.sla_warnings):
        tell_supervisors(uow, app, case, "waits_unclaimed", key, now, minutes=left)
    save(uow, app, case.id, replace(timer, step=step))


def _miss(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """A promise is broken: it is said once, to the desk and to the supervisors."""
    save(uow, app, case.id, replace(timer, state=TimerState.MISSED))
    case = record(uow, app, case, CaseEvent(kind=EventKind.BREACHED, at=now, note=timer.kind))
    notices.tell_topic(uow, app, case, f"missed_{timer.kind}", key=_key(timer, "missed"), now=now)
    tell_supervisors(uow, app, case, f"missed_{timer.kind}", _key(timer, "missed"), now)


def _lose_owner(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """The owner gave no sign of life: the case returns to the queue; they and the supervisors are told."""
    assert case.owner_id is not None
    owner = uow.staff.get(case.owner_id)
    save(uow, app, case.id, replace(timer, state=TimerState.MISSED))
    case = record(uow, app, case, cases.release_by_timer(case, at=now))
    notices.tell_person(uow, app, case, "human_released", now=now)
    notices.tell_topic(uow, app, case, "owner_timer", key=_key(timer, "owner"), now=now, who=owner.alias)
    notices.tell_member(uow, app, owner, case, "owner_timer", key=_key(timer, "owner"), now=now, who=owner.alias)
    tell_supervisors(uow, app, case, "owner_timer", _key(timer, "owner"), now, who=owner.alias)
    notices.refresh_header(uow, app, case, now=now)


def _climb(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """Tell the next on call, then the supervisors, then raise an incident: an urgent case is never nobody's.

    Places count, not people: whoever joins or leaves the ladder meanwhile makes nobody else be left out.
    """
    further = [member for member in on_call(uow, case) if member.on_call is not None and member.on_call > timer.step]
    if further:
        place = min(member.on_call or 0 for member in further)
        for member in further:
            if member.on_call == place:
                notices.call_member(uow, app, member, case, key=_key(timer, str(place)), now=now)
        wait = app.policies.sla[case.severity].owner.wall
        save(uow, app, case.id, replace(timer, step=place, due_at=now + wait))
        return
    save(uow, app, case.id, replace(timer, state=TimerState.MISSED))
    tell_supervisors(uow, app, case, "ladder_ended", _key(timer, "end"), now)
    notices.tell_topic(uow, app, case, "ladder_ended", key=_key(timer, "end"), now=now)
    uow.incidents.open(unclaimed(case), f"severity {case.severity}, waiting since {notices.local(app, case.opened_at)}", now=now)


def _route(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    """Look for somebody who takes the case, again and again while it waits; an urgent one calls everybody on call anew."""
    if (opens_at := routing.opens_at(app, case, now)) > now:
        save(uow, app, case.id, replace(timer, due_at=opens_at))  # nobody is at work whom it could be given to
        return
    again_at = routing.place(uow, app, case, look=timer.step, key=_key(timer, f"route{timer.step}"), now=now)
    if again_at is None:
        return
    save(uow, app, case.id, replace(timer, step=timer.step + 1, due_at=again_at))
    if case.is_urgent and timer.step > 0 and TimerKind.LADDER not in uow.timers.open_of(case.id):
        save(uow, app, case.id, Timer(kind=TimerKind.LADDER, started_at=now, due_at=now))


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
        save(uow, app, case.id, replace(timer, step=step, due_at=due))
        return
    save(uow, app, case.id, replace(timer, step=step, due_at=now + ASK_AGAIN))
    who = notices.alias_of(uow, case.owner_id)
    notices.tell_topic(uow, app, case, "no_answer", key=_key(timer, f"end{step}"), now=now, who=who)


def _close(uow: UnitOfWork, app: App, case: Case, _timer: Timer, now: datetime) -> None:
    record(uow, app, case, cases.close(case, at=now))


def _stay_unreachable(uow: UnitOfWork, app: App, case: Case, timer: Timer, now: datetime) -> None:
    save(uow, app, case.id, replace(timer, step=timer.step + 1, due_at=now + ASK_AGAIN))
    notices.tell_topic(uow, app, case, "still_unreachable", key=_key(timer, f"end{timer.step}"), now=now)


_DUE = {
    TimerKind.FIRST_REPLY: _miss,
    TimerKind.NEXT_REPLY: _miss,
    TimerKind.OWNER: _lose_owner,
    TimerKind.KEEP_INFORMED: _wake,
    TimerKind.LADDER: _climb,
    TimerKind.ROUTE: _route,
    TimerKind.WAKE: _wake,
    TimerKind.REMIND: _remind,
    TimerKind.CLOSE: _close,
    TimerKind.UNREACHABLE: _stay_unreachable,
}


def _key(timer: Timer, what: str) -> str:
    return f"timer:{timer.id}:{what}"
