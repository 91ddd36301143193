"""Timers of cases: what runs, and when it rings."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists, func, insert, select, update

from bot.adapters.storage.tables import OPEN_TIMERS, case_timer, cases
from bot.adapters.storage.vault import Vault
from bot.domain.ids import CaseId, TimerId
from bot.domain.timers import PROMISES, Timer, TimerKind, TimerState


class SqlTimers:
    """Timers over ``case_timer``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open_of(self, case_id: CaseId) -> Mapping[TimerKind, Timer]:
        rows = self._vault.all(select(case_timer).where(case_timer.c.case_id == case_id, case_timer.c.state.in_(OPEN_TIMERS)))
        return {timer.kind: timer for timer in map(_timer, rows)}

    def all_of(self, case_id: CaseId) -> list[Timer]:
        rows = self._vault.all(select(case_timer).where(case_timer.c.case_id == case_id).order_by(case_timer.c.id))
        return [_timer(row) for row in rows]

    def save(self, case_id: CaseId, timer: Timer, *, rings_at: datetime | None) -> None:
        values = {
            "started_at": timer.started_at, "due_at": timer.due_at, "rings_at": rings_at, "state": timer.state,
            "step": timer.step, "left_s": None if timer.left is None else timer.left.total_seconds(),
        }  # fmt: skip
        if timer.id is None:
            self._vault.run(insert(case_timer).values(case_id=case_id, kind=timer.kind, **values))
        else:
            self._vault.run(update(case_timer).where(case_timer.c.id == timer.id).values(**values))

    def count_late(self, case_ids: Collection[CaseId]) -> int:
        # A promise that was missed ends; who still waits after it is late.
        missed = exists().where(
            case_timer.c.case_id == cases.c.id,
            case_timer.c.state == TimerState.MISSED,
            case_timer.c.kind.in_(PROMISES),
            case_timer.c.due_at >= cases.c.waiting_since,
        )
        late = select(func.count()).select_from(cases).where(cases.c.id.in_(case_ids), missed)
        return self._vault.count(late)

    def put_off(self, timer: Timer, until: datetime) -> None:
        unchanged = (case_timer.c.id == timer.id, case_timer.c.state == "running", case_timer.c.step == timer.step)
        self._vault.run(update(case_timer).where(*unchanged).values(rings_at=until))

    def ringing(self, now: datetime, *, limit: int) -> list[tuple[CaseId, Timer]]:
        rows = self._vault.all(
            select(case_timer).where(case_timer.c.rings_at <= now).order_by(case_timer.c.rings_at, case_timer.c.id).limit(limit)
        )
        return [(CaseId(row.case_id), _timer(row)) for row in rows]


def _timer(row: Row[Any]) -> Timer:
    return Timer(
        id=TimerId(row.id),
        kind=TimerKind(row.kind),
        started_at=row.started_at,
        due_at=row.due_at,
        state=TimerState(row.state),
        step=row.step,
        left=None if row.left_s is None else timedelta(seconds=row.left_s),
    )
