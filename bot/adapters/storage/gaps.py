"""Gaps of the library over ``gap`` and ``gap_asking``."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select, update

from bot.adapters.storage.tables import OPEN_CASES, cases, gap, gap_asking, turn
from bot.adapters.storage.vault import Vault
from bot.domain.gaps import Asking, Gap, GapKind
from bot.domain.ids import GapId, StaffId, UpdateId


class SqlGaps:
    """Gaps, each with what was asked; the words are those of the turns, as long as they stand there."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def count(self, *, intent: str, topic: str, language: str, update_id: UpdateId | None, now: datetime) -> None:
        row = {"kind": GapKind.UNANSWERED, "topic": topic, "intent": intent, "opened_at": now}
        same = (gap.c.kind == GapKind.UNANSWERED, gap.c.topic == topic, gap.c.intent == intent)
        # Two who ask at once share one gap; whoever closes it waits until it is counted.
        self._vault.alone("gap")
        found = self._vault.one(select(gap.c.id).where(*same, gap.c.closed_at.is_(None), gap.c.note.is_(None)))
        gap_id = found.id if found else self._vault.connection.execute(insert(gap).values(row).returning(gap.c.id)).scalar_one()
        self._ask(GapId(gap_id), language, update_id, now)

    def report(self, *, kind: GapKind, topic: str, intent: str, language: str, note: str, now: datetime) -> Gap:
        row = {"kind": kind, "topic": topic, "intent": intent, "opened_at": now, "note": self._vault.seal(note, "gap")}
        new_id = GapId(self._vault.connection.execute(insert(gap).values(row).returning(gap.c.id)).scalar_one())
        self._ask(new_id, language, None, now)
        found = self.get(new_id)
        assert found is not None
        return found

    def get(self, gap_id: GapId) -> Gap | None:
        row = self._vault.one(select(gap).where(gap.c.id == gap_id))
        return None if row is None else self._gaps([row])[0]

    def all(self, *, closed: bool = False, limit: int = 200) -> list[Gap]:
        if closed:
            newest = select(gap).where(gap.c.closed_at.is_not(None)).order_by(gap.c.closed_at.desc(), gap.c.id).limit(limit)
            return self._gaps(self._vault.all(newest))
        asked = select(func.count()).where(gap_asking.c.gap_id == gap.c.id).correlate(gap).scalar_subquery()
        # What somebody calls wrong reaches people now, and goes first.
        order = ((gap.c.kind == GapKind.WRONG).desc(), asked.desc(), gap.c.id)
        return self._gaps(self._vault.all(select(gap).where(gap.c.closed_at.is_(None)).order_by(*order).limit(limit)))

    def askings(self, gap_id: GapId, *, limit: int = 20) -> list[Asking]:
        joined = gap_asking.outerjoin(turn, (turn.c.update_id == gap_asking.c.update_id) & (turn.c.bot_id == self._vault.bot_id))
        # Words that became part of a case are for those who work it, and so are those in which somebody tells of harm.
        their_case = exists().where(
            cases.c.person_id == turn.c.person_id, cases.c.state.in_(OPEN_CASES) | (cases.c.opened_at >= turn.c.at)
        )
        rows = self._vault.all(
            select(gap_asking, turn.c.text, turn.c.facts, their_case.label("is_of_case"))
            .select_from(joined)
            .where(gap_asking.c.gap_id == gap_id)
            .order_by(gap_asking.c.id.desc())
            .limit(limit)
        )
        return [
            Asking(
                at=row.at, language=row.language, text=self._vault.open(row.text, "turn") if _is_calm(row) else "",
                update_id=UpdateId(row.update_id) if row.update_id is not None else None,
            )
            for row in rows
        ]  # fmt: skip

    def assign(self, gap_id: GapId, to: StaffId | None) -> None:
        self._vault.run(update(gap).where(gap.c.id == gap_id).values(owner_id=to))

    def close(self, gap_id: GapId, *, by: str, now: datetime) -> None:
        self._vault.run(update(gap).where(gap.c.id == gap_id, gap.c.closed_at.is_(None)).values(closed_at=now, closed_by=by))

    def delete(self, *, before: datetime, notes_before: datetime) -> int:
        gone = self._vault.run(delete(gap_asking).where(gap_asking.c.at < before))
        noted = gap.c.note.is_not(None) & (gap.c.opened_at < notes_before)
        self._vault.run(update(gap).where(noted).values(note=self._vault.seal("", "gap")))
        is_empty = ~exists().where(gap_asking.c.gap_id == gap.c.id)
        is_old = gap.c.note.is_(None) | gap.c.closed_at.is_not(None) | (gap.c.opened_at < notes_before)
        self._vault.run(delete(gap).where(is_old, is_empty))
        return gone

    def _ask(self, gap_id: GapId, language: str, update_id: UpdateId | None, now: datetime) -> None:
        self._vault.run(insert(gap_asking).values(gap_id=gap_id, at=now, language=language, update_id=update_id))

    def _gaps(self, rows: Collection[Row[Any]]) -> list[Gap]:
        counted = self._vault.all(
            select(gap_asking.c.gap_id, gap_asking.c.language, func.count().label("n"), func.max(gap_asking.c.at).label("last"))
            .where(gap_asking.c.gap_id.in_([row.id for row in rows]))
            .group_by(gap_asking.c.gap_id, gap_asking.c.language)
        )
        languages: dict[int, Counter[str]] = {}
        last: dict[int, datetime] = {}
        for row in counted:
            languages.setdefault(row.gap_id, Counter())[row.language] += row.n
            last[row.gap_id] = max(row.last, last.get(row.gap_id, row.last))
        return [
            Gap(
                id=GapId(row.id), kind=GapKind(row.kind), topic=row.topic, intent=row.intent, opened_at=row.opened_at,
                note=self._vault.open(row.note, "gap"), asked=languages.get(row.id, Counter()).total(),
                languages=tuple(code for code, _ in languages.get(row.id, Counter()).most_common()),
                last_at=last.get(row.id), owner_id=StaffId(row.owner_id) if row.owner_id is not None else None,
                closed_at=row.closed_at, closed_by=row.closed_by,
            )
            for row in rows
        ]  # fmt: skip


def _is_calm(row: Row[Any]) -> bool:
    """Whether an editor may read the words of a question."""
    return not row.is_of_case and not (row.facts or {}).get("reports") and not (row.facts or {}).get("triggers")
