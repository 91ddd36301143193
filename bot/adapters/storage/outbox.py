"""The outbox: deliveries written with the state change they belong to, sent lane by lane."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, exists, func, or_, select, update

from bot.adapters.storage import lanes
from bot.adapters.storage.codec import decode, encode
from bot.adapters.storage.tables import OPEN_STATES, conversation, outbox
from bot.adapters.storage.vault import Vault
from bot.domain.deliveries import Content, Delivery, Pool, Priority, ToCase, ToChat, ToPerson, joined
from bot.domain.errors import LeaseLost
from bot.domain.ids import CaseId, CaseMessageId, OutboxId, PersonId
from bot.service.ports import OutboxItem


class SqlOutbox:
    """Outbox over the table of its name."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, deliveries: Iterable[Delivery], *, now: datetime) -> None:
        for delivery in deliveries:
            if self._join(delivery):
                continue
            row = self._row(delivery, now)
            if delivery.slot is not None:
                self._supersede(row, now)
            if delivery.priority is Priority.EMERGENCY and isinstance(delivery.address, ToPerson):
                self._let_go(delivery.lane)
            self._vault.run(self._vault.insert(outbox).values(row).on_conflict_do_nothing())

    def claim(self, free: Mapping[Pool, int], *, worker: str, now: datetime, lease_s: float) -> list[tuple[Pool, OutboxItem]]:
        self._cancel_unsendable(now)
        return [
            (pool, item)
            for pool, limit in free.items()
            if limit > 0
            for item in self._claim(pool, worker=worker, now=now, lease_s=lease_s, limit=limit)
        ]

    def _claim(self, pool: Pool, *, worker: str, now: datetime, lease_s: float, limit: int) -> list[OutboxItem]:
        is_head = lanes.is_head(outbox, outbox.c.id, ("lane",), _is_open, now)
        heads = (
            select(outbox)
            .where(_is_open(outbox), lanes.is_free(outbox, now), is_head, _is_in(pool))
            .order_by(outbox.c.priority, outbox.c.id)
            .limit(limit)
        )
        rows = lanes.lock(self._vault, heads, outbox.c.id, outbox.c.lane)
        for row in rows:
            # A lease that ran out means that the row may have been sent by a process that ended before it could say so.
            unsure = 1 if row.state == "leased" else 0
            self._vault.run(
                update(outbox)
                .where(outbox.c.id == row.id)
                .values(
                    state="leased", worker=worker, leased_until=now + timedelta(seconds=lease_s),
                    attempts=row.attempts + 1, ambiguous=row.ambiguous + unsure,
                )
            )  # fmt: skip
        return [
            OutboxItem(
                id=OutboxId(row.id),
                delivery=decode(self._vault.open(row.payload, "delivery")),
                attempts=row.attempts + 1,
                created_at=row.created_at,
                may_be_repeat=row.ambiguous + (row.state == "leased") > 0,
            )
            for row in rows
        ]

    def sent(self, item: OutboxItem, *, worker: str, now: datetime) -> None:
        self._change(item, worker, {"state": "sent", "done_at": now, "payload": None, "error": None})

    def retry(self, item: OutboxItem, *, worker: str, error: str, not_before: datetime, ambiguous: bool) -> None:
        values = {
            "state": "pending",
            "error": error[:64],
            "not_before": not_before,
            "ambiguous": outbox.c.ambiguous + int(ambiguous),
        }
        self._change(item, worker, values)

    def give_up(self, item: OutboxItem, *, worker: str, error: str, now: datetime) -> None:
        self._change(item, worker, {"state": "dead", "error": error[:64], "done_at": now, "payload": None})

    def withdraw(self, message_ids: Collection[CaseMessageId], *, now: datetime) -> None:
        self._vault.run(
            update(outbox)
            .where(outbox.c.case_message_id.in_(message_ids), *_NEVER_TRIED)
            .values(state="cancelled", error="withdrawn", payload=None, done_at=now)
        )

    def knows(self, dedupe_key: str) -> bool:
        return self._vault.one(select(outbox.c.id).where(outbox.c.dedupe_key == self._key(dedupe_key))) is not None

    def rewrite(self, message_id: CaseMessageId, content: Content) -> bool:
        rows = self._vault.all(select(outbox.c.id, outbox.c.payload).where(outbox.c.case_message_id == message_id))
        if len(rows) != 1 or rows[0].payload is None:
            return False
        changed = replace(decode(self._vault.open(rows[0].payload, "delivery")), content=content)
        return self._change_waiting(rows[0].id, {"payload": self._vault.seal(encode(changed), "delivery")})

    def cancel_person(self, person_id: PersonId, *, reason: str, now: datetime) -> list[CaseMessageId]:
        theirs = (outbox.c.lane == f"person:{person_id}", outbox.c.state == "pending", outbox.c.payload.is_not(None))
        waiting = self._vault.all(select(outbox.c.id, outbox.c.payload).where(*theirs).order_by(outbox.c.id).with_for_update())
        self._vault.run(
            update(outbox)
            .where(outbox.c.id.in_([row.id for row in waiting]))
            .values(state="cancelled", error=reason[:64], payload=None, done_at=now)
        )
        carried = (decode(self._vault.open(row.payload, "delivery")).case_message_ids for row in waiting)
        return [message_id for ids in carried for message_id in ids]

    def waiting_since(self, case_ids: Collection[CaseId]) -> datetime | None:
        lanes_of = [ToCase(case_id=case_id).lane for case_id in case_ids]
        oldest = select(outbox.c.created_at).where(_is_open(outbox), outbox.c.lane.in_(lanes_of)).order_by(outbox.c.id).limit(1)
        row = self._vault.one(oldest)
        return None if row is None else row.created_at

    def release_leases(self) -> int:
        return self._vault.run(
            update(outbox)
            .where(outbox.c.state == "leased")
            .values(state="pending", worker=None, leased_until=None, ambiguous=outbox.c.ambiguous + 1)
        )

    def pending(self) -> int:
        statement = select(func.count()).select_from(outbox).where(outbox.c.state.in_(OPEN_STATES))
        return self._vault.count(statement)

    def delete_done(self, *, before: datetime) -> int:
        return self._vault.run(outbox.delete().where(outbox.c.state.not_in(OPEN_STATES), outbox.c.created_at < before))

    def states(self) -> dict[str, int]:
        """Return state → number of rows, and ``ambiguous`` → rows that may have been sent twice."""
        rows = [tuple(row) for row in self._vault.all(select(outbox.c.state, func.count()).group_by(outbox.c.state))]
        doubtful = self._vault.count(select(func.count()).select_from(outbox).where(outbox.c.ambiguous > 0))
        return {str(row[0]): int(row[1]) for row in rows} | {"ambiguous": doubtful}

    def _cancel_unsendable(self, now: datetime) -> None:
        """Never send a reply computed before somebody took the conversation over, nor erased words, whoever leased them."""
        idle = or_(outbox.c.state == lanes.PENDING, lanes.has_run_out(outbox, now))
        newer = exists().where(conversation.c.person_id == outbox.c.person_id, conversation.c.version > outbox.c.version)
        superseded = outbox.c.version.is_not(None) & newer
        for reason, condition in (("superseded", superseded), ("person_erased", outbox.c.payload.is_(None))):
            self._vault.run(
                update(outbox)
                .where(_is_open(outbox), idle, condition)
                .values(state="cancelled", error=reason, payload=None, worker=None, leased_until=None, done_at=now)
            )

    def _join(self, delivery: Delivery) -> bool:
        """Make the delivery part of the one that waits last in its lane, where the two belong together."""
        if not delivery.case_message_ids:
            return False
        # What stands in a slot is written when it is sent: before or after it makes no difference.
        last = self._vault.one(
            select(outbox)
            .where(outbox.c.lane == delivery.lane, _is_open(outbox), outbox.c.slot.is_(None))
            .order_by(outbox.c.id.desc())
            .limit(1)
        )
        if last is None or last.state != "pending" or last.attempts or last.payload is None:
            return False
        both = joined(decode(self._vault.open(last.payload, "delivery")), delivery)
        if both is None:
            return False
        values = {
            "payload": self._vault.seal(encode(both), "delivery"),
            "priority": int(both.priority),
            "not_before": both.not_before,
        }
        return self._change_waiting(last.id, values)

    def _change_waiting(self, row_id: int, values: dict[str, object]) -> bool:
        """Change a row nobody has begun to send; whoever leases it at this moment is waited for and wins."""
        return self._vault.run(update(outbox).where(outbox.c.id == row_id, *_NEVER_TRIED).values(**values)) == 1

    def _let_go(self, lane: str) -> None:
        """Nothing urgent stands behind what is only held back; what waits after a failed attempt keeps its time."""
        self._vault.run(update(outbox).where(outbox.c.lane == lane, *_NEVER_TRIED).values(not_before=None))

    def _supersede(self, row: dict[str, object], now: datetime) -> None:
        older = (outbox.c.lane == row["lane"], outbox.c.slot == row["slot"], outbox.c.state == lanes.PENDING)
        self._vault.run(
            update(outbox)
            .where(*older, outbox.c.dedupe_key != row["dedupe_key"])
            .values(state="cancelled", error="superseded", payload=None, done_at=now)
        )

    def _key(self, dedupe_key: str) -> str:
        """Return the key as it is kept: two bots of one database do not stand in each other's way."""
        return f"{self._vault.bot_id}:{dedupe_key}"

    def _row(self, delivery: Delivery, now: datetime) -> dict[str, object]:
        address = delivery.address
        lane = f"chat:{self._vault.chat_key(address.chat_id)}" if isinstance(address, ToChat) else delivery.lane
        return {
            "lane": lane,
            "priority": int(delivery.priority),
            # Another bot counts its updates anew: the same number is another message.
            "dedupe_key": self._key(delivery.dedupe_key),
            "payload": self._vault.seal(encode(delivery), "delivery"),
            "person_id": address.person_id if isinstance(address, ToPerson) else None,
            "version": delivery.version,
            "slot": delivery.slot,
            "case_message_id": delivery.case_message_ids[0] if delivery.case_message_ids else None,
            "not_before": delivery.not_before,
            "state": "pending",
            "created_at": now,
        }

    def _change(self, item: OutboxItem, worker: str, values: dict[str, object]) -> None:
        statement = (
            update(outbox)
            .where(outbox.c.id == item.id, outbox.c.state == "leased", outbox.c.worker == worker)
            .values(worker=None, leased_until=None, **values)
        )
        if self._vault.run(statement) != 1:
            raise LeaseLost(f"Delivery {item.id} is not leased by this worker any more")


_NEVER_TRIED = (outbox.c.state == lanes.PENDING, outbox.c.attempts == 0)


def _is_in(pool: Pool) -> ColumnElement[bool]:
    is_desk = outbox.c.lane.startswith("case:")
    if pool is Pool.PEOPLE:
        return ~is_desk
    behind = outbox.alias("behind")
    # A lane is as urgent as the most urgent that waits in it: nothing overtakes within a lane.
    urgent = exists().where(behind.c.lane == outbox.c.lane, _is_open(behind), behind.c.priority == int(Priority.EMERGENCY))
    return is_desk & (urgent if pool is Pool.URGENT_DESK else ~urgent)


def _is_open(table: FromClause) -> ColumnElement[bool]:
    """The condition of the index ``ix_outbox_open``, word for word."""
    return table.c.state.in_((lanes.PENDING, lanes.LEASED))
