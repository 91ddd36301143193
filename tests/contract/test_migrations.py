"""The schema: upgrades and downgrades on both databases, nothing readable in the file, and a database that refuses."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from bot.adapters.keys import KeyRing
from bot.adapters.storage import migrate
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.domain.cases import Case, CaseEvent, DeliveryState, Direction, EventKind
from bot.domain.deliveries import Delivery, Text, ToChat, ToPerson
from bot.domain.errors import InvalidSettings, StorageUnavailable
from bot.domain.ids import CaseId, ChatId, UpdateId
from bot.domain.messages import Button
from bot.domain.people import DeskRole, Pending
from bot.domain.turns import TurnRecord
from bot.service.ports import Link, RawUpdate, UnitOfWork
from support.clock import FakeClock
from support.databases import BOT_ID, postgres_server, sqlite_file

CHAT, GROUP, WORKER = ChatId(5_918_273_645_019), ChatId(-1_002_846_197_735), ChatId(5_818_273_640_017)
WORDS = "my-boss-holds-my-passport"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("empty")
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{folder / 'waypost.db'}")
        yield engine
        engine.dispose()
    else:
        for database in postgres_server().empty(folder):
            yield database.engine


def tables_of(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_an_empty_database_is_brought_to_what_the_code_expects(empty: Engine) -> None:
    assert migrate.current(empty) is None
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()
    with empty.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), migrate.metadata()) == []  # type: ignore[arg-type]  # a list is documented


def test_a_database_that_is_up_to_date_is_left_alone(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("INSERT INTO notebook (name, value, at) VALUES ('x', 'y', '2026-11-24T09:00:00Z')")
    migrate.upgrade(empty)
    with empty.connect() as connection:
        assert connection.exec_driver_sql("SELECT value FROM notebook").scalar() == "y"


def test_a_downgrade_leaves_nothing_behind_and_can_be_taken_back(empty: Engine) -> None:
    migrate.upgrade(empty)
    expected = tables_of(empty)
    migrate.downgrade(empty, "base")
    assert tables_of(empty) == {"alembic_version"}
    assert migrate.current(empty) is None
    migrate.upgrade(empty)
    assert tables_of(empty) == expected


def test_links_survive_the_change_of_their_key_both_ways(empty: Engine, clock: FakeClock, tmp_path: Path) -> None:
    migrate.upgrade(empty)
    storage = SqlStorage(empty, KeyRing.create(tmp_path / "keys" / "master.json"), bot_id=BOT_ID)

    def write(uow: UnitOfWork) -> list[Link]:
        person = uow.people.for_chat(CHAT, now=clock.now())
        blank = Case(id=CaseId(0), number="AAA-111", person_id=person.id, language="en", sealed=False, opened_at=clock.now())
        case = uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=clock.now(), severity=2))
        links = []
        for _ in range(2):  # joined into one post
            message = uow.cases.add_message(
                case.id, direction=Direction.FROM_PERSON, kind="text", text=WORDS, staff_id=None, state=DeliveryState.RECEIVED,
                at=clock.now(),
            )  # fmt: skip
            links.append(Link(case_id=case.id, case_message_id=message.id))
            uow.cases.link(GROUP, 7, links[-1])
        return links

    first, last = storage.run_now(write)
    assert storage.run_now(lambda uow: uow.cases.linked(GROUP, 7)) == last
    migrate.downgrade(empty, "0004")
    migrate.upgrade(empty)
    assert storage.run_now(lambda uow: uow.cases.linked(GROUP, 7)) == first


def everything(uow: UnitOfWork, clock: FakeClock) -> None:
    """Write the marker wherever words, and the chats wherever chats are kept."""
    now = clock.now()
    payload = {"update_id": 1, "message": {"chat": {"id": int(CHAT)}, "text": WORDS}}
    uow.inbox.add([RawUpdate(update_id=UpdateId(1), chat_id=CHAT, payload=payload, received_at=now)])
    person = uow.people.for_chat(CHAT, now=now)
    conversation = uow.people.conversation(person.id)
    uow.people.save_conversation(type(conversation)(person_id=person.id, question=WORDS, pending=Pending.OFFER, updated_at=now))
    uow.turns.add(
        TurnRecord(
            update_id=UpdateId(1), person_id=person.id, at=now, outcome="escalate", severity=2, rule_id="r", reason="x",
            language="en", language_confidence=1.0, text=WORDS,
        )
    )  # fmt: skip
    blank = Case(id=CaseId(0), number="AAA-111", person_id=person.id, language="en", sealed=False, opened_at=now)
    case = uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=now, severity=2, category="exploitation"))
    topic = uow.cases.topic(case.id)
    uow.cases.save_topic(type(topic)(case_id=case.id, group_id=GROUP, thread_id=12))
    message = uow.cases.add_message(
        case.id, direction=Direction.FROM_PERSON, kind="text", text=WORDS, staff_id=None, state=DeliveryState.RECEIVED, at=now
    )
    uow.outbox.add(
        [
            Delivery(
                address=ToPerson(person_id=person.id), content=Text(text=WORDS), dedupe_key="a", case_message_ids=(message.id,)
            ),
            Delivery(address=ToChat(chat_id=GROUP), content=Text(text=WORDS), dedupe_key="b"),
        ],
        now=now,
    )
    uow.staff.invite("AB-12-CD", desk_role=DeskRole.CASEWORKER, expires_at=now.replace(year=2027), now=now)
    uow.staff.redeem("AB-12-CD", chat_id=WORKER, now=now)
    uow.buttons.issue([[Button(label="Yes", action="yes")]], person_id=person.id, case_id=None, expires_at=now.replace(year=2027))


def test_whoever_copies_the_file_reads_no_words_and_learns_no_chat(tmp_path: Path, clock: FakeClock) -> None:
    for database in sqlite_file(tmp_path):
        database.storage().run_now(lambda uow: everything(uow, clock))
        with database.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        written = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
        assert b"exploitation" in written, "the category is no secret: the bytes looked at are the right ones"
        assert WORDS.encode() not in written
        for chat in (CHAT, GROUP, WORKER):
            assert str(abs(chat)).encode() not in written
            assert int(chat).to_bytes(6, "big", signed=True) not in written, "as SQLite stores a number"


def test_a_database_that_may_only_be_read_refuses_in_words(tmp_path: Path) -> None:
    for database in sqlite_file(tmp_path):
        engine = open_engine(f"sqlite:///file:{tmp_path / 'data' / 'waypost.db'}?mode=ro&uri=true")
        with pytest.raises(StorageUnavailable, match="readonly"):
            SqlStorage(engine, database.keys, bot_id=BOT_ID).run_now(lambda uow: uow.inbox.release_leases())
        engine.dispose()


def test_a_database_that_another_program_holds_refuses_in_words(tmp_path: Path) -> None:
    for database in sqlite_file(tmp_path):
        engine = open_engine(database.url, busy_timeout_ms=100)
        other = sqlite3.connect(tmp_path / "data" / "waypost.db", isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            storage = SqlStorage(engine, database.keys, bot_id=BOT_ID)
            with pytest.raises(StorageUnavailable, match="locked"):
                storage.run_now(lambda uow: uow.inbox.pending())
            other.execute("ROLLBACK")
            assert storage.run_now(lambda uow: uow.inbox.pending()) == 0
        finally:
            other.close()
            engine.dispose()


def test_a_migration_that_cannot_be_written_refuses_in_words(tmp_path: Path) -> None:
    for database in sqlite_file(tmp_path):
        engine = open_engine(database.url, busy_timeout_ms=100)
        other = sqlite3.connect(tmp_path / "data" / "waypost.db", isolation_level=None)
        try:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StorageUnavailable):
                migrate.downgrade(engine, "base")
        finally:
            other.close()
            engine.dispose()


@pytest.mark.parametrize("url", ["sqlite:///{}/nowhere/waypost.db", "sqlite:///{}"], ids=["no folder", "a folder"])
def test_a_database_that_cannot_be_made_refuses_in_words(url: str, tmp_path: Path) -> None:
    engine = open_engine(url.format(tmp_path))
    with pytest.raises(StorageUnavailable, match=r"nowhere is missing|cannot be opened"):
        migrate.upgrade(engine)
    engine.dispose()


def test_a_database_that_cannot_be_opened_has_no_version(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'nowhere' / 'waypost.db'}")
    with pytest.raises(StorageUnavailable):
        migrate.current(engine)
    engine.dispose()


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    engine = open_engine("postgresql://waypost@127.0.0.1:1/waypost")
    storage = SqlStorage(engine, KeyRing.create(tmp_path / "master.json"), bot_id=BOT_ID)
    with pytest.raises(StorageUnavailable):
        storage.run_now(lambda uow: uow.inbox.pending())
    with pytest.raises(StorageUnavailable):
        migrate.upgrade(engine)
    engine.dispose()


@pytest.mark.parametrize("address", ["postgresql://u@db:hunter2/x", "postgresql://u:p@ss:hunter2@db/x", "mysql://u:hunter2@db/x"])
def test_an_address_that_cannot_be_read_shows_no_password(address: str) -> None:
    with pytest.raises(InvalidSettings, match="WAYPOST_DATABASE__URL") as caught:
        open_engine(address)
    assert "hunter2" not in str(caught.value)


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="WAYPOST_DATABASE__URL"):
        open_engine("mysql://localhost/waypost")
