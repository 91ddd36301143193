"""Open a database by its URL, with the settings durability needs. Errors never show parameters: hashes of chats are among them.

SQLite: WAL, ``synchronous=FULL`` (NORMAL may lose the last commit after Telegram's offset has moved), ``BEGIN IMMEDIATE`` (a
deferred transaction that turns into a write can fail in the middle), a busy timeout.
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from bot.domain.errors import InvalidSettings, StorageUnavailable

BUSY_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_S = 5


def open_engine(url: str, *, pool_size: int = 8, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Engine:
    """Return an engine; nothing is connected yet.

    Raises:
        InvalidSettings: the URL names another kind of database, or cannot be read; the message shows no password.
    """
    if url.startswith("postgresql://"):
        engine = create_engine(
            _address(url),
            pool_size=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
        _configure_postgresql(engine, busy_timeout_ms)
        return engine
    if not url.startswith("sqlite://"):
        scheme = url.partition("://")[0] if "://" in url else "no scheme"
        raise InvalidSettings(f"WAYPOST_DATABASE__URL ({scheme}): use sqlite:///path or postgresql://…")
    in_memory = url == "sqlite://"
    places: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": pool_size}
    arguments = {"check_same_thread": False, "timeout": busy_timeout_ms / 1000}
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, **places)
    _configure_sqlite(engine, busy_timeout_ms)
    return engine


def _address(url: str) -> URL:
    try:
        return make_url(url.replace("postgresql://", "postgresql+psycopg://", 1))
    except (ArgumentError, ValueError):
        # Without its cause, which shows the part that is wrong: a password with an unescaped sign is read as a port.
        raise InvalidSettings(
            "WAYPOST_DATABASE__URL cannot be read as postgresql://user:password@host:port/name: write signs of a password as %XX"
        ) from None


def _configure_sqlite(engine: Engine, busy_timeout_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # The driver must not begin transactions by itself: "begin" below does (SQLAlchemy, "pysqlite, SAVEPOINT support").
        connection.isolation_level = None
        cursor = connection.cursor()
        # secure_delete: what is erased is overwritten, not only unlinked.
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON", f"busy_timeout={busy_timeout_ms}"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Any) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if options.get("reading") else "BEGIN IMMEDIATE")


def _configure_postgresql(engine: Engine, lock_timeout_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        # Set here and not as a start-up option, which connection poolers refuse.
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {lock_timeout_ms}; SET idle_in_transaction_session_timeout = '60s'")
        connection.commit()


def enable_wal(engine: Engine) -> None:
    """Turn write-ahead logging on; kept in the file, so that once is enough.

    Raises:
        StorageUnavailable: the file cannot be opened or written to; names a folder that is missing.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        # The driver's own connection: the mode cannot be changed inside a transaction, and SQLAlchemy's are always in one.
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL").close()
        finally:
            connection.close()
    except sqlite3.Error as exc:
        folder = Path(engine.url.database or "").parent
        remedy = "" if folder.exists() else f"; the folder {folder} is missing"
        raise StorageUnavailable(f"The database {engine.url.database} cannot be opened: {exc}{remedy}") from exc
