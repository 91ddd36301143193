"""What happened, for figures and for the live view: facts without words."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import case as when
from sqlalchemy import func, or_, select

from bot.adapters.storage.cases import case_of
from bot.adapters.storage.tables import OPEN_CASES, case_event, case_message, case_timer, cases, turn
from bot.adapters.storage.vault import Vault
from bot.domain.cases import Case, DeliveryState, EventKind
from bot.domain.ids import CaseId, StaffId
from bot.domain.timers import PROMISES, TimerKind, TimerState
from bot.service.office_ports import Promise, Taken

TAKING = (EventKind.CLAIMED, EventKind.ASSIGNED)
COUNTED = (cases.c.drill.is_(False), cases.c.sealed.is_(False))
FATES = (DeliveryState.SENT, DeliveryState.NOT_DELIVERED, DeliveryState.WITHDRAWN)


class SqlFigures:
    """Figures over the tables of cases and turns."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def cases(self, *, since: datetime) -> list[tuple[Case, datetime | None]]:
        taken = (
            select(case_event.c.case_id, func.min(case_event.c.at).label("at"))
            .where(case_event.c.kind.in_(TAKING))
            .group_by(case_event.c.case_id)
            .subquery()
        )
        rows = self._vault.all(
            select(cases, taken.c.at.label("taken_at"))
            .outerjoin(taken, taken.c.case_id == cases.c.id)
            .where(*COUNTED, or_(cases.c.opened_at >= since, cases.c.state.in_(OPEN_CASES)))
            .order_by(cases.c.id)
        )
        return [(case_of(row), row.taken_at) for row in rows]

    def taken(self, *, since: datetime) -> list[Taken]:
        who = when((case_event.c.kind == EventKind.ASSIGNED, case_event.c.to_id), else_=case_event.c.staff_id)
        rows = self._vault.all(
            select(who.label("staff_id"), cases.c.id, cases.c.severity)
            .join(cases, cases.c.id == case_event.c.case_id)
            .where(case_event.c.kind.in_(TAKING), case_event.c.at >= since, *COUNTED)
            .distinct()
        )
        return [Taken(staff_id=StaffId(row.staff_id), severity=row.severity) for row in rows if row.staff_id is not None]

    def sealed(self, *, since: datetime) -> int:
        counted = (cases.c.sealed.is_(True), cases.c.drill.is_(False), cases.c.opened_at >= since)
        return self._vault.count(select(func.count()).select_from(cases).where(*counted))

    def promises(self, *, since: datetime) -> list[Promise]:
        rows = self._vault.all(
            select(
                case_timer.c.id,
                case_timer.c.case_id,
                case_timer.c.kind,
                case_timer.c.state,
                case_timer.c.due_at,
                cases.c.severity,
            )
            .join(cases, cases.c.id == case_timer.c.case_id)
            .where(
                case_timer.c.kind.in_(PROMISES),
                case_timer.c.state.in_((TimerState.KEPT, TimerState.MISSED)),
                case_timer.c.due_at >= since,
                *COUNTED,
            )
            .order_by(case_timer.c.id)
        )
        # A first reply that was taken back, or did not arrive, is promised again: the last row of a case tells what became of it.
        last = {(row.case_id, row.kind if row.kind == TimerKind.FIRST_REPLY else row.id): row for row in rows}
        return [
            Promise(kind=TimerKind(row.kind), state=TimerState(row.state), severity=row.severity, due_at=row.due_at)
            for row in last.values()
        ]

    def outcomes(self, *, since: datetime) -> dict[str, int]:
        drills = select(cases.c.id).where(cases.c.drill.is_(True))
        earnest = turn.c.case_id.is_(None) | turn.c.case_id.not_in(drills)
        counted = select(turn.c.outcome, func.count().label("n")).where(turn.c.at >= since, earnest).group_by(turn.c.outcome)
        return {row.outcome: row.n for row in self._vault.all(counted.order_by(turn.c.outcome))}

    def dues(self) -> Mapping[CaseId, datetime]:
        missed = (case_timer.c.state == TimerState.MISSED) & (case_timer.c.due_at >= cases.c.waiting_since)
        rows = self._vault.all(
            select(case_timer.c.case_id, func.min(case_timer.c.due_at).label("due_at"))
            .join(cases, cases.c.id == case_timer.c.case_id)
            .where(
                case_timer.c.kind.in_(PROMISES),
                cases.c.state.in_(OPEN_CASES),
                (case_timer.c.state == TimerState.RUNNING) | missed,
            )
            .group_by(case_timer.c.case_id)
        )
        return {CaseId(row.case_id): row.due_at for row in rows}

    def marks(self, case_ids: Collection[CaseId]) -> Mapping[CaseId, tuple[int, ...]]:
        if not case_ids:
            return {}
        fates: list[Any] = [func.sum(when((case_message.c.state == fate, 1), else_=0)) for fate in FATES]
        rows = self._vault.all(
            select(case_message.c.case_id, func.max(case_message.c.id), func.sum(func.length(case_message.c.text)), *fates)
            .where(case_message.c.case_id.in_(case_ids))
            .group_by(case_message.c.case_id)
        )
        return {CaseId(row[0]): tuple(int(number or 0) for number in tuple(row)[1:]) for row in rows}
