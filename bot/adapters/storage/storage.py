"""Storage over SQLAlchemy: a unit of work is a function, run in a thread, inside one transaction.

SQLite has one writer: all work of a process goes through one thread. PostgreSQL gets as many threads as the pool has
connections; a transaction it refuses for a deadlock or a serialization failure is run again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from bot.adapters.keys import KeyRing
from bot.adapters.storage.unit_of_work import SqlUnitOfWork
from bot.adapters.storage.vault import Vault
from bot.domain.errors import StorageUnavailable, VersionConflict
from bot.service.ports import UnitOfWork

T = TypeVar("T")

ATTEMPTS = 3
READERS = 4
TRY_AGAIN = {"40001", "40P01"}
"""PostgreSQL: serialization failure, deadlock detected."""


class SqlStorage:
    """Storage over one engine."""

    def __init__(self, engine: Engine, keys: KeyRing, *, bot_id: int, threads: int = 8) -> None:
        self._engine = engine
        self._keys = keys
        self._bot_id = bot_id
        workers = 1 if engine.dialect.name == "sqlite" else threads
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="storage")
        # A SQLite file is read beside its writer; one in memory has a single connection.
        is_file = engine.dialect.name == "sqlite" and bool(engine.url.database)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reading") if is_file else self._executor
        self._reading = engine.execution_options(reading=True)

    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run ``work`` in one transaction; on any error nothing is kept.

        Raises:
            StorageUnavailable: the database is read-only, full, locked or gone.
        """
        return await asyncio.get_running_loop().run_in_executor(self._executor, self.run_now, work)

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run ``work``, which only reads, in one transaction; it does not wait for those who write."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read_now, work)

    def _read_now(self, work: Callable[[UnitOfWork], T]) -> T:
        try:
            with self._reading.connect() as connection:
                return work(SqlUnitOfWork(Vault(connection, self._keys, self._bot_id)))
        except SQLAlchemyError as exc:
            raise StorageUnavailable(f"The database cannot be read: {getattr(exc, 'orig', exc)}") from exc

    def run_now(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run ``work`` in this thread."""
        for attempt in range(ATTEMPTS):
            try:
                with self._engine.begin() as connection:
                    return work(SqlUnitOfWork(Vault(connection, self._keys, self._bot_id)))
            except DBAPIError as exc:
                if getattr(exc.orig, "sqlstate", None) in TRY_AGAIN and attempt < ATTEMPTS - 1:
                    continue
                # Two transactions made the same row: the one that came second starts again and finds it.
                if isinstance(exc, IntegrityError):
                    raise VersionConflict(str(exc.orig)) from exc
                raise StorageUnavailable(f"The database cannot be used: {exc.orig}") from exc
            except SQLAlchemyError as exc:
                raise StorageUnavailable(f"The database cannot be used: {exc}") from exc
        raise AssertionError("unreachable")
