"""The board: one pinned post in a group's General that says how its cases stand, and whether Telegram holds the desk up.

It is brought up to date at most once in :data:`LOOK_EVERY_S` and only when it would say something else: edits too count against
what a group may take. Nothing is ever relayed from General.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.domain.cases import Case, WorkState
from bot.domain.deliveries import Board, Priority, ToChat
from bot.domain.ids import ChatId
from bot.service import groups, notices
from bot.service.app import App
from bot.service.periodic import repeat
from bot.service.ports import UnitOfWork

LOOK_EVERY_S = 45.0
NAMED = 8
"""Urgent cases named one by one."""
BEHIND = timedelta(seconds=60)
"""From here it is said that the group is behind."""
IN_WORK = (WorkState.ACTIVE, WorkState.WAITING_PERSON, WorkState.WAITING_PARTNER, WorkState.SNOOZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the board is to say, and the message that says it; None where there is none yet."""

    name: str
    text: str
    message_id: int | None


async def run(app: App, stop: asyncio.Event) -> None:
    """Keep the boards up to date until ``stop`` is set."""
    await repeat(partial(refresh, app), LOOK_EVERY_S, stop, name="board")


async def refresh(app: App) -> None:
    """Let every board be brought up to date that says something else than is the case."""
    now = app.clock.now()
    if await app.storage.run(lambda uow: _refresh(uow, app, now)):
        app.outbox_bell.ring()


def as_it_stands(uow: UnitOfWork, app: App, group_id: ChatId, *, now: datetime) -> Shown | None:
    """Return what the board of a group says now; None when the group is none of ours any more, or says it already."""
    name = next((name for name, group in groups.all_groups(uow, app).items() if group == group_id), None)
    if name is None:
        return None
    text = _text(uow, app, name, now)
    known = uow.notebook.get(f"board:{name}") or ""
    place, _, said = known.partition(" ")
    if said == _digest(group_id, text):
        return None
    # A group that was given a new id has none of the old messages.
    is_here = said.partition(":")[0] == _mark(str(group_id))
    return Shown(name=name, text=text, message_id=int(place) if place and is_here else None)


def keep(uow: UnitOfWork, shown: Shown, *, group_id: ChatId, now: datetime) -> None:
    """Remember what was shown, and where."""
    uow.notebook.put(f"board:{shown.name}", f"{shown.message_id} {_digest(group_id, shown.text)}", now=now)


def _refresh(uow: UnitOfWork, app: App, now: datetime) -> int:
    stale = [group for group in groups.all_groups(uow, app).values() if as_it_stands(uow, app, group, now=now) is not None]
    for group in stale:
        key = f"board:{_mark(str(group))}:{now.timestamp():.0f}"
        notices.enqueue(uow, ToChat(chat_id=group), Board(), key=key, now=now, priority=Priority.TO_DESK)
    return len(stale)


def _text(uow: UnitOfWork, app: App, name: str, now: datetime) -> str:
    own = set(app.office.groups)
    shown = [case for case in uow.cases.all(limit=10_000) if (case.queue == name if name else case.queue not in own)]
    cases, drills = [case for case in shown if not case.drill], [case.number for case in shown if case.drill]
    waiting = sorted(
        (case for case in cases if case.state is WorkState.QUEUED), key=lambda case: (-case.severity, case.opened_at)
    )
    states = Counter(case.state for case in cases)
    say = app.catalogue.staff_text
    lines = [say("board_title"), say("board_waiting", n=len(waiting), since=_oldest(app, waiting))]
    lines += [
        say("board_case", number=case.number, severity=case.severity, language=case.language, since=_since(app, case))
        for case in waiting
        if case.is_urgent
    ][:NAMED]
    to_answer = sum(case.waiting_since is not None for case in cases if case.state in IN_WORK)
    late = uow.timers.count_late([case.id for case in cases])
    lines += [
        say("board_in_work", n=sum(states[state] for state in IN_WORK), active=to_answer),
        say("board_late", n=late) if late else "",
        say("board_drills", numbers=", ".join(drills)) if drills else "",
    ]
    behind = uow.outbox.waiting_since([case.id for case in shown])
    if behind is not None and now - behind > BEHIND:
        lines.append(say("board_behind", since=notices.local(app, behind)))
    return "\n".join(line for line in lines if line)


def _oldest(app: App, waiting: Sequence[Case]) -> str:
    return notices.local(app, min(case.waiting_since or case.opened_at for case in waiting)) if waiting else "–"


def _since(app: App, case: Case) -> str:
    return notices.local(app, case.waiting_since or case.opened_at)


def _digest(group_id: ChatId, text: str) -> str:
    """Return a mark of a group and, after a colon, of what is said in it."""
    return f"{_mark(str(group_id))}:{_mark(text)}"


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
