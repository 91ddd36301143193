"""What time does by itself: words are erased, finished rows deleted, dead buttons swept."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.domain.accounts import SESSION_IDLE, SESSION_LIFE
from bot.service.app import App
from bot.service.periodic import repeat
from bot.service.ports import UnitOfWork

logger = logging.getLogger(__name__)

SWEEP_EVERY_S = 600.0
UPDATES_KEPT = timedelta(hours=48)
"""Numbers of handled updates, kept to know a repeated one: Telegram repeats an update for 24 hours at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How much a sweep erased: proof without content."""

    turn_texts: int
    turn_facts: int
    case_texts: int
    case_records: int
    people: int
    updates: int
    deliveries: int
    buttons: int
    sessions: int
    gaps: int


async def run(app: App, stop: asyncio.Event) -> None:
    """Sweep every ten minutes until ``stop`` is set."""
    await repeat(partial(sweep, app), SWEEP_EVERY_S, stop, name="sweep")


async def sweep(app: App) -> Swept:
    """Apply the retention rules of ``policies/data/retention.yaml`` once."""
    now = app.clock.now()
    swept = await app.storage.run(lambda uow: _sweep(uow, app, now))
    logger.info(
        "retention applied", extra={"event": "retention.applied", **{name: getattr(swept, name) for name in swept.__slots__}}
    )
    return swept


def _sweep(uow: UnitOfWork, app: App, now: datetime) -> Swept:
    def before(rule: str) -> datetime:
        return now - app.policies.retention[rule].keep

    return Swept(
        turn_texts=uow.turns.erase_text(before=before("turn_text")),
        turn_facts=uow.turns.delete(before=before("turn_facts")),
        case_texts=uow.cases.erase_text(
            resolved_before=before("case_content"), sealed_resolved_before=before("sealed_case_content")
        ),
        case_records=uow.cases.delete(resolved_before=before("case_record")),
        people=uow.people.erase_idle(seen_before=before("person"), now=now),
        updates=uow.inbox.delete_done(before=now - UPDATES_KEPT),
        deliveries=uow.outbox.delete_done(before=before("outbox_text")),
        buttons=uow.buttons.delete_expired(now),
        sessions=uow.accounts.delete_dead_sessions(seen_before=now - SESSION_IDLE, started_before=now - SESSION_LIFE),
        gaps=uow.gaps.delete(before=before("turn_facts"), notes_before=before("case_content")),
    )
