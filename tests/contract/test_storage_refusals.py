"""A database that refuses, one at another schema, one written with another key: said in words, before anything is lost."""

import contextlib
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, text, update

from bot.adapters.keys import KeyRing
from bot.adapters.storage import migrate, tables
from bot.adapters.storage.checks import verify_key
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.domain.errors import InvalidSettings, StorageUnavailable
from bot.domain.ids import ChatId, UpdateId
from bot.domain.people import Person
from bot.service.ports import RawUpdate
from support.clock import FakeClock
from support.databases import BOT_ID, Database, postgres_server

AMINA = ChatId(700_001_777)


def someone(storage: SqlStorage, clock: FakeClock) -> Person:
    return storage.run_now(lambda uow: uow.people.for_chat(AMINA, now=clock.now()))


class TestRefusals:
    @pytest.fixture
    def file(self, database: Database) -> str:
        if database.kind != "sqlite":
            pytest.skip("a file")
        return database.url.removeprefix("sqlite:///")

    def test_a_read_only_file_is_unavailable(self, database: Database, file: str, clock: FakeClock) -> None:
        engine = open_engine(f"sqlite:///file:{file}?mode=ro&uri=true")
        with pytest.raises(StorageUnavailable, match="readonly"):
            someone(SqlStorage(engine, database.keys, bot_id=BOT_ID), clock)
        engine.dispose()

    def test_a_locked_file_is_unavailable_until_it_is_free(self, database: Database, file: str, clock: FakeClock) -> None:
        engine = open_engine(f"sqlite:///{file}", busy_timeout_ms=50)
        storage = SqlStorage(engine, database.keys, bot_id=BOT_ID)
        with database.engine.begin(), pytest.raises(StorageUnavailable, match="locked"):
            someone(storage, clock)
        assert someone(storage, clock).chat_id == AMINA
        engine.dispose()

    def test_a_locked_row_of_a_server_is_waited_for_then_unavailable(self, database: Database, clock: FakeClock) -> None:
        if database.kind != "postgresql":
            pytest.skip("a server")
        person = someone(database.storage(), clock)
        engine = open_engine(database.url, busy_timeout_ms=50)
        storage = SqlStorage(engine, database.keys, bot_id=BOT_ID)
        with database.engine.begin() as other:
            other.execute(update(tables.person).where(tables.person.c.id == person.id).values(language="fr"))
            with pytest.raises(StorageUnavailable, match="lock timeout"):
                storage.run_now(lambda uow: uow.people.save(person))
        engine.dispose()

    def test_a_missing_folder_is_unavailable(self, database: Database, clock: FakeClock, tmp_path: Path) -> None:
        engine = open_engine(f"sqlite:///{tmp_path}/none/waypost.db")
        with pytest.raises(StorageUnavailable, match="unable to open"):
            someone(SqlStorage(engine, database.keys, bot_id=BOT_ID), clock)

    @pytest.mark.parametrize("url", ["mysql://host/db", "waypost.db", ""])
    def test_another_kind_of_database_is_refused(self, url: str) -> None:
        with pytest.raises(InvalidSettings, match="use sqlite:///path or postgresql://"):
            open_engine(url)

    def test_an_error_shows_no_hash_of_a_chat(self, database: Database, clock: FakeClock) -> None:
        with database.engine.begin() as connection:
            connection.execute(text("ALTER TABLE person RENAME TO gone"))
        with pytest.raises(StorageUnavailable) as caught:
            someone(database.storage(), clock)
        assert database.keys.look_up(f"{BOT_ID}:{int(AMINA)}") not in "".join(traceback.format_exception(caught.value))

    def test_a_time_without_a_zone_is_refused(self, database: Database, clock: FakeClock) -> None:
        naive = {"name": "x", "value": "y", "at": clock.now().replace(tzinfo=None)}
        with pytest.raises(Exception, match="time zone"), database.engine.begin() as connection:
            connection.execute(insert(tables.notebook), naive)


class TestMigrations:
    def test_the_migrated_database_is_what_the_tables_say(self, database: Database) -> None:
        with database.engine.connect() as connection:
            both: Any = migrate.metadata()  # Alembic takes several, its annotation does not say so
            assert compare_metadata(MigrationContext.configure(connection), both) == []
        assert migrate.current(database.engine) == migrate.head()

    def test_going_back_leaves_nothing(self, database: Database) -> None:
        migrate.downgrade(database.engine, "base")
        assert migrate.current(database.engine) is None
        assert inspect(database.engine).get_table_names() == ["alembic_version"]

    @pytest.mark.postgres
    def test_two_processes_may_migrate_at_once(self, tmp_path: Path) -> None:
        databases: Iterator[Database] = postgres_server().empty(tmp_path)
        database = next(databases)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(migrate.upgrade, [database.engine] * 2))
        assert migrate.current(database.engine) == migrate.head()
        with contextlib.suppress(StopIteration):
            next(databases)


class TestForeignKey:
    def test_it_is_refused_as_soon_as_anything_encrypted_is_kept(
        self, database: Database, clock: FakeClock, tmp_path: Path
    ) -> None:
        verify_key(database.engine, database.keys)
        update = RawUpdate(update_id=UpdateId(1), chat_id=AMINA, payload={}, received_at=clock.now())
        database.storage().run_now(lambda uow: uow.inbox.add([update]))
        with pytest.raises(InvalidSettings, match="restore that key file"):
            verify_key(database.engine, KeyRing.create(tmp_path / "other.json"))

    def test_rows_without_a_noted_key_are_nobodys(self, database: Database, clock: FakeClock) -> None:
        database.storage().run_now(lambda uow: uow.people.for_chat(AMINA, now=clock.now()))
        with pytest.raises(InvalidSettings, match="not noted"):
            verify_key(database.engine, database.keys)

    def test_an_empty_database_takes_the_key_it_is_given(self, database: Database, tmp_path: Path) -> None:
        other = KeyRing.create(tmp_path / "other.json")
        verify_key(database.engine, database.keys)
        verify_key(database.engine, other)
        verify_key(database.engine, other)
