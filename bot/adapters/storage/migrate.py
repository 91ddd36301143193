"""Bring a database to this version's schema, from code: no configuration file, the engine is given."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, text
from sqlalchemy.exc import DBAPIError

from bot.adapters.storage import tables
from bot.adapters.storage.engine import enable_wal
from bot.domain.errors import StorageUnavailable
from knowledge.tables import metadata as knowledge_metadata

SCRIPTS = Path(__file__).parent / "migrations"


def metadata() -> list[MetaData]:
    """Return the tables of the application and of the knowledge library: one database holds both."""
    return [tables.metadata, knowledge_metadata]


def upgrade(engine: Engine, to: str = "head") -> None:
    """Apply what is missing; a database at ``to`` is left alone.

    Raises:
        StorageUnavailable: the database cannot be reached or written to.
    """
    _migrate(engine, lambda configuration: command.upgrade(configuration, to))


def downgrade(engine: Engine, to: str) -> None:
    """Undo down to ``to`` (``base`` is an empty database)."""
    _migrate(engine, lambda configuration: command.downgrade(configuration, to))


def current(engine: Engine) -> str | None:
    """Return the database's migration, None for an empty one.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as exc:
        raise StorageUnavailable(f"The database cannot be opened: {exc.orig}") from exc


def head() -> str:
    """Return the newest migration this version has."""
    found = ScriptDirectory(str(SCRIPTS)).get_current_head()
    assert found is not None
    return found


def _migrate(engine: Engine, work: Callable[[Config], None]) -> None:
    try:
        enable_wal(engine)
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('waypost migrations', 0))"))
            work(_configuration(connection))
    except DBAPIError as exc:
        raise StorageUnavailable(f"The database cannot be migrated: {exc.orig}") from exc


def _configuration(connection: Connection) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(SCRIPTS))
    configuration.attributes["connection"] = connection
    return configuration
