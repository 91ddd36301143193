"""The inbox: updates kept before they are acknowledged, leased chat by chat."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, FromClause, func, literal_column, select, update

from bot.adapters.storage import lanes
from bot.adapters.storage.codec import decode_update, encode_update
from bot.adapters.storage.tables import update_inbox as inbox
from bot.adapters.storage.vault import Vault
from bot.domain.errors import LeaseLost
from bot.domain.ids import UpdateId
from bot.domain.turns import Disposition
from bot.service.ports import InboxItem, RawUpdate


class SqlInbox:
    """Inbox over the table ``update_inbox``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, updates: Sequence[RawUpdate]) -> int:
        """Insert or ignore, by the set of numbers seen: a late update with a lower number is as welcome as any."""
        if not updates:
            return 0
        rows = [self._row(raw) for raw in updates]
        return len(self._vault.all(self._vault.insert(inbox).values(rows).on_conflict_do_nothing().returning(inbox.c.update_id)))

    def claim(self, *, worker: str, now: datetime, lease_s: float, limit: int) -> list[InboxItem]:
        is_head = lanes.is_head(inbox, inbox.c.update_id, ("bot_id", "lane"), _is_open, now)
        # "+ 0" keeps SQLite from walking all done rows by the primary key: the index of open rows is the short way.
        ours = inbox.c.bot_id + 0 == self._vault.bot_id
        heads = (
            select(inbox)
            .where(ours, _is_open(inbox), lanes.is_free(inbox, now), is_head)
            .order_by(inbox.c.update_id)
            .limit(limit)
        )
        rows = lanes.lock(self._vault, heads, inbox.c.update_id, inbox.c.lane)
        if rows:
            self._vault.run(
                update(inbox)
                .where(inbox.c.bot_id == self._vault.bot_id, inbox.c.update_id.in_([row.update_id for row in rows]))
                .values(
                    state="leased", worker=worker, leased_until=now + timedelta(seconds=lease_s), attempts=inbox.c.attempts + 1
                )
            )
        return [
            InboxItem(
                update_id=UpdateId(row.update_id),
                payload=decode_update(self._vault.open(row.payload, "update"))[1],
                received_at=row.received_at,
                attempts=row.attempts + 1,
            )
            for row in rows
        ]

    def finish(self, update_id: UpdateId, *, worker: str, disposition: Disposition, now: datetime) -> None:
        done = {
            "state": "done",
            "disposition": disposition,
            "disposed_at": now,
            "payload": None,
            "lane": "",
            "worker": None,
            "leased_until": None,
        }
        # The chat's hash goes too: nothing then leads from an erased person's turns back to their chat.
        self._change(update_id, worker, done)

    def retry(self, update_id: UpdateId, *, worker: str, error: str, not_before: datetime) -> None:
        again = {"state": "pending", "error": error[:64], "not_before": not_before, "worker": None, "leased_until": None}
        self._change(update_id, worker, again)

    def release_leases(self) -> int:
        return self._vault.run(
            update(inbox)
            .where(inbox.c.bot_id == self._vault.bot_id, inbox.c.state == "leased")
            .values(state="pending", worker=None, leased_until=None)
        )

    def pending(self) -> int:
        statement = select(func.count()).select_from(inbox).where(inbox.c.bot_id == self._vault.bot_id, inbox.c.state != "done")
        return self._vault.count(statement)

    def delete_done(self, *, before: datetime) -> int:
        return self._vault.run(inbox.delete().where(inbox.c.state == "done", inbox.c.disposed_at < before))

    def dispositions(self) -> dict[int, str | None]:
        """Return update number → disposition of everything kept; None while it is open. For the reconciler."""
        rows = self._vault.all(select(inbox.c.update_id, inbox.c.disposition).where(inbox.c.bot_id == self._vault.bot_id))
        return {row.update_id: row.disposition for row in rows}

    def _row(self, raw: RawUpdate) -> dict[str, object]:
        lane = self._vault.chat_key(raw.chat_id) if raw.chat_id is not None else f"-{raw.update_id}"
        return {
            "bot_id": self._vault.bot_id,
            "update_id": raw.update_id,
            "lane": lane,
            "received_at": raw.received_at,
            "payload": self._vault.seal(encode_update(raw.chat_id, raw.payload), "update"),
            "state": "pending",
        }

    def _change(self, update_id: UpdateId, worker: str, values: dict[str, object]) -> None:
        statement = (
            update(inbox)
            .where(
                inbox.c.bot_id == self._vault.bot_id,
                inbox.c.update_id == update_id,
                inbox.c.state == "leased",
                inbox.c.worker == worker,
            )
            .values(**values)
        )
        if self._vault.run(statement) != 1:
            raise LeaseLost(f"Update {update_id} is not leased by this worker any more")


def _is_open(table: FromClause) -> ColumnElement[bool]:
    """The condition of the index ``ix_update_inbox_open``, word for word."""
    return table.c.state != literal_column("'done'")
