"""The books are balanced: every update has one end, every reply one delivery state, and nobody is left unheard.

What does not balance opens an incident, which closes by itself once it does. Two things are mended at once, because a person
would wait for them: a case without a timer gets its timers, and somebody whom nobody answers is answered again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.domain.people import DeskRole, Speaker, hand_to
from bot.service import timers
from bot.service.app import App
from bot.service.periodic import repeat
from bot.service.ports import UnitOfWork

logger = logging.getLogger(__name__)

EVERY_S = 3600.0
HANDLED_WITHIN = timedelta(minutes=10)
DELIVERED_WITHIN = timedelta(hours=1)
LOOK_BACK = timedelta(hours=24)
KINDS = {"updates_without_end", "replies_without_end", "deliveries_waiting", "unseen_messages", "timers_overdue"}
"""Incidents that this module opens and closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What does not balance: incident kind → in words. What was mended: how often."""

    wrong: dict[str, str]
    mended: dict[str, int]


async def run(app: App, stop: asyncio.Event) -> None:
    """Balance the books every hour until ``stop`` is set; what waited while nothing ran is worked off before."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), HANDLED_WITHIN.total_seconds())
    await repeat(partial(reconcile, app), EVERY_S, stop, name="reconcile")


async def reconcile(app: App) -> Balance:
    """Balance the books once: mend, open and close incidents."""
    now = app.clock.now()
    found = await app.storage.run(lambda uow: _reconcile(uow, app, now))
    level = logging.WARNING if found.wrong or any(found.mended.values()) else logging.INFO
    logger.log(level, "books balanced", extra={"event": "reconciled", "wrong": sorted(found.wrong), **found.mended})
    return found


def balance(uow: UnitOfWork, group_id: int | None, groups: Collection[str], now: datetime) -> dict[str, str]:
    """Return what does not balance, by incident kind, and change nothing.

    Args:
        group_id: The office's staff group, if it has one.
        groups: The queues whose team has a group of its own.
    """
    shown = None if group_id is not None else groups
    counts = {
        "updates_without_end": (uow.ledger.updates_without_end(before=now - HANDLED_WITHIN), "updates have no end"),
        "replies_without_end": (uow.ledger.replies_without_end(before=now - DELIVERED_WITHIN), "replies have no delivery state"),
        "deliveries_waiting": (uow.ledger.deliveries_waiting(before=now - DELIVERED_WITHIN), "deliveries wait for over an hour"),
        "unseen_messages": (
            uow.ledger.unseen_messages(after=now - LOOK_BACK, before=now - HANDLED_WITHIN, queues=shown),
            "messages of people stand in no group",
        ),
        "timers_overdue": (len(uow.timers.ringing(now - HANDLED_WITHIN, limit=100)), "timers are overdue"),
    }
    return {kind: f"{n} {what}" for kind, (n, what) in counts.items() if n}


def _reconcile(uow: UnitOfWork, app: App, now: datetime) -> Balance:
    mended = {"cases_timed": _start_timers(uow, app, now), "people_unmuted": _unmute(uow, now)}
    wrong = balance(uow, app.office.group_id, set(app.office.groups), now)
    for kind in KINDS - set(wrong):
        uow.incidents.close(kind, now=now)
    for kind, detail in wrong.items():
        uow.incidents.open(kind, detail, now=now)
    _close_what_is_over(uow, now)
    return Balance(wrong=wrong, mended=mended)


def _start_timers(uow: UnitOfWork, app: App, now: datetime) -> int:
    """Cases opened by a release that knew no timers get them now."""
    found = uow.ledger.cases_without_timer()
    for case_id in found:
        timers.start_anew(uow, app, uow.cases.locked(case_id), now=now)
    return len(found)


def _unmute(uow: UnitOfWork, now: datetime) -> int:
    found = uow.ledger.muted_people()
    for person_id in found:
        uow.people.save_conversation(hand_to(uow.people.conversation(person_id), Speaker.BOT, now))
    return len(found)


def _close_what_is_over(uow: UnitOfWork, now: datetime) -> None:
    roles = {member.desk_role for member in uow.staff.all() if member.chat_id is not None}
    for role in DeskRole:
        if role in roles:
            uow.incidents.close(timers.nobody(role), now=now)
    if uow.ledger.timers_put_off() == 0:
        uow.incidents.close("timer_failed", now=now)
    for kind, _, opened_at in uow.incidents.list_open():
        if kind == "desk_unavailable" and uow.ledger.group_reached_since(opened_at):
            uow.incidents.close(kind, now=now)
