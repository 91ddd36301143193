"""Leases by lane, shared by inbox and outbox: the first open row of each lane that has none leased.

Two workers on PostgreSQL may look at the same moment, each with its own snapshot. Row locks alone do not keep them out of one
lane (they could take different rows of it), so a lane is locked for the transaction and looked at again before it is leased.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Table, and_, exists, func, literal_column, or_, select

from bot.adapters.storage.vault import Vault

PENDING: ColumnElement[str] = literal_column("'pending'")
LEASED: ColumnElement[str] = literal_column("'leased'")
"""Literals, not parameters: SQLite uses a partial index only for a condition it can read."""


def is_free(table: Table, now: datetime) -> ColumnElement[bool]:
    """Pending and due, or leased by somebody whose lease has run out."""
    due = or_(table.c.not_before.is_(None), table.c.not_before <= now)
    return or_(and_(table.c.state == PENDING, due), has_run_out(table, now))


def has_run_out(table: Table, now: datetime) -> ColumnElement[bool]:
    return and_(table.c.state == LEASED, table.c.leased_until < now)


def is_head(table: Table, number: Column[Any], same: Sequence[str], is_open: Any, now: datetime) -> ColumnElement[bool]:
    """No open row of the lane (equal in the columns ``same``) is older, and none at all is being worked on.

    ``is_open`` makes the condition of the table's partial index from a table.
    """
    other = table.alias("other")
    theirs = other.c[number.name]
    in_the_way = or_(theirs < number, and_(theirs != number, other.c.state == LEASED, other.c.leased_until >= now))
    return ~exists().where(*(other.c[name] == table.c[name] for name in same), is_open(other), in_the_way)


def lock(vault: Vault, heads: Select[Any], number: Column[Any], lane: Column[Any]) -> Sequence[Row[Any]]:
    """Return the rows of ``heads`` that nobody else can lease before this transaction ends."""
    rows = vault.all(heads.with_for_update(skip_locked=True))
    if not rows or vault.connection.dialect.name == "sqlite":
        return rows
    tries = [
        func.pg_try_advisory_xact_lock(func.hashtextextended(row._mapping[lane], 0)).label(f"n{n}") for n, row in enumerate(rows)
    ]
    got = vault.connection.execute(select(*tries)).one()
    mine = [row._mapping[number] for row, is_locked in zip(rows, got, strict=True) if is_locked]
    return vault.all(heads.where(number.in_(mine))) if mine else []
