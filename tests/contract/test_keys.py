"""The key file, what is derived from it, and changing it under a database that is in use."""

import os
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, select

from bot.adapters.keys import ID_BYTES, KeyRing
from bot.adapters.storage.checks import FINGERPRINT, verify_key
from bot.adapters.storage.rotation import CONTEXTS, rotate
from bot.adapters.storage.storage import SqlStorage
from bot.adapters.storage.tables import metadata, person
from bot.domain.cases import Case, CaseEvent, CaseTopic, DeliveryState, Direction, EventKind
from bot.domain.deliveries import Delivery, Pool, Text, ToChat
from bot.domain.errors import InvalidSettings, KeyFileMissing, UnknownCode
from bot.domain.ids import CaseId, ChatId, UpdateId
from bot.domain.messages import Button
from bot.domain.people import Conversation, DeskRole, Pending
from bot.domain.turns import TurnRecord
from bot.service.ports import InboxItem, Link, RawUpdate, UnitOfWork
from support.clock import FakeClock
from support.databases import BOT_ID, Database, leased

AMINA, LEA, GROUP, NEWCOMER = ChatId(700_001), ChatId(900_001), ChatId(-100_500), ChatId(700_009)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "master.json")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "master.json"


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestFile:
    def test_a_new_file_is_readable_by_its_owner_alone_whatever_the_umask(self, path: Path) -> None:
        before = os.umask(0)
        try:
            KeyRing.create(path)
        finally:
            os.umask(before)
        assert mode_of(path) == 0o600

    def test_a_file_that_exists_is_never_overwritten(self, path: Path) -> None:
        KeyRing.create(path)
        content = path.read_bytes()
        with pytest.raises(InvalidSettings, match="exists already"):
            KeyRing.create(path)
        assert path.read_bytes() == content

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InvalidSettings, match="cannot be written"):
            KeyRing.create(tmp_path / "file" / "keys" / "master.json")

    def test_a_file_read_again_is_the_same_ring(self, path: Path) -> None:
        made, read = KeyRing.create(path), KeyRing.load(path)
        assert (read.fingerprint, read.look_up("1"), read.log_tag("1")) == (
            made.fingerprint,
            made.look_up("1"),
            made.log_tag("1"),
        )
        assert read.decrypt(made.encrypt("hello", "turn"), "turn") == "hello"
        assert not read.is_rotating

    def test_a_missing_file_says_where_it_may_come_from(self, path: Path) -> None:
        with pytest.raises(KeyFileMissing, match="backup"):
            KeyRing.load(path)

    @pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o666, 0o610])
    def test_a_file_others_may_read_is_refused_with_the_remedy(self, mode: int, path: Path) -> None:
        KeyRing.create(path)
        path.chmod(mode)
        with pytest.raises(InvalidSettings, match=f"chmod 600 {path}"):
            KeyRing.load(path)

    @pytest.mark.parametrize(
        "content",
        [
            "", "{", "[]", "{}", "null", '"x"', '{"masters": null}', '{"masters": []}', '{"masters": [5]}', '{"masters": [{}]}',
            '{"masters": [{"id": "zz", "key": ""}]}', '{"masters": [{"id": "00000000", "key": "%%%"}]}',
            '{"masters": [{"id": "00000000", "key": "AAAA"}]}', '{"masters": [{"id": 5, "key": 5}]}',
        ],
    )  # fmt: skip
    def test_a_damaged_file_is_refused_with_the_remedy(self, content: str, path: Path) -> None:
        KeyRing.create(path)
        path.write_text(content)
        with pytest.raises(InvalidSettings, match="restore it from its backup"):
            KeyRing.load(path)

    def test_a_file_of_arbitrary_bytes_is_damaged(self, path: Path) -> None:
        KeyRing.create(path)
        path.write_bytes(b"\xff\xfe\x00\x80")
        with pytest.raises(InvalidSettings, match="damaged"):
            KeyRing.load(path)

    def test_a_folder_in_the_place_of_the_file_is_refused_in_words(self, path: Path) -> None:
        path.mkdir(parents=True, mode=0o700)
        with pytest.raises(InvalidSettings):
            KeyRing.load(path)

    def test_saving_replaces_the_file_at_once_and_keeps_it_private(self, path: Path) -> None:
        ring = KeyRing.create(path).with_new_master()
        ring.save(path)
        assert mode_of(path) == 0o600
        assert [found.name for found in path.parent.iterdir()] == ["master.json"]
        assert KeyRing.load(path).fingerprints == ring.fingerprints

    def test_a_part_left_by_a_crash_does_not_open_the_key_to_others(self, path: Path) -> None:
        ring = KeyRing.create(path)
        path.with_suffix(".part").touch(mode=0o644)
        ring.save(path)
        assert mode_of(path) == 0o600


class TestSecrets:
    @given(text=st.text(max_size=300), context=st.text(min_size=1, max_size=20))
    @settings(deadline=None)
    def test_what_is_encrypted_is_read_again_and_never_looks_the_same(self, ring: KeyRing, text: str, context: str) -> None:
        one, two = ring.encrypt(text, context), ring.encrypt(text, context)
        assert ring.decrypt(one, context) == ring.decrypt(two, context) == text
        assert one != two
        assert ring.is_current(one)
        if len(text) > 3:
            assert text.encode() not in one

    def test_a_value_moved_to_another_place_is_refused(self, ring: KeyRing) -> None:
        with pytest.raises(InvalidSettings, match="moved from elsewhere"):
            ring.decrypt(ring.encrypt("hello", "turn"), "case message")

    @given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
    @settings(deadline=None)
    def test_a_value_with_one_bit_changed_is_refused(self, ring: KeyRing, at: int, bit: int) -> None:
        data = bytearray(ring.encrypt("hello", "turn"))
        data[at % len(data)] ^= 1 << bit
        with pytest.raises(InvalidSettings):
            ring.decrypt(bytes(data), "turn")

    @pytest.mark.parametrize("length", [0, 3, 16, 20, 30])
    def test_a_value_cut_short_is_refused(self, length: int, ring: KeyRing) -> None:
        with pytest.raises(InvalidSettings):
            ring.decrypt(ring.encrypt("hello", "turn")[:length], "turn")

    @pytest.mark.parametrize("length", [ID_BYTES, ID_BYTES + 5])
    def test_a_value_cut_within_its_nonce_is_refused(self, length: int, ring: KeyRing) -> None:
        with pytest.raises(InvalidSettings):
            ring.decrypt(ring.encrypt("hello", "turn")[:length], "turn")

    def test_another_key_reads_nothing(self, ring: KeyRing, path: Path) -> None:
        with pytest.raises(InvalidSettings, match="does not hold"):
            KeyRing.create(path).decrypt(ring.encrypt("hello", "turn"), "turn")

    def test_a_look_up_is_stable_and_another_one_under_another_key(self, ring: KeyRing, path: Path) -> None:
        assert ring.look_up("42:700001") == ring.look_up("42:700001")
        assert len({ring.look_up("42:700001"), ring.look_up("42:700002"), KeyRing.create(path).look_up("42:700001")}) == 3
        assert len(ring.look_up("x")) == 64

    def test_neither_logs_nor_buttons_can_be_joined_to_the_database(self, ring: KeyRing) -> None:
        found = [ring.look_up("42:700001"), ring.log_tag("42:700001"), ring.callback_hash("42:700001")]
        assert not any(one != two and (one in two) for one in found for two in found)
        assert ring.look_up("42:700001")[:10] != ring.log_tag("42:700001")

    def test_while_keys_change_both_are_known_and_the_new_one_is_used(self, ring: KeyRing) -> None:
        both = ring.with_new_master()
        assert both.is_rotating
        assert both.look_ups("x")[1] == ring.look_up("x") != both.look_up("x") == both.look_ups("x")[0]
        assert both.fingerprints > ring.fingerprints
        assert both.decrypt(ring.encrypt("old", "turn"), "turn") == "old"
        assert not both.is_current(ring.encrypt("old", "turn"))
        with pytest.raises(InvalidSettings):
            both.current_only().decrypt(ring.encrypt("old", "turn"), "turn")

    def test_a_ring_shows_no_key(self, ring: KeyRing) -> None:
        assert "secret" not in repr(ring)


class TestRightKey:
    def test_the_fingerprint_is_remembered_and_the_same_file_is_taken(self, database: Database) -> None:
        verify_key(database.engine, database.keys)
        verify_key(database.engine, database.keys)
        assert database.storage().run_now(lambda uow: uow.notebook.get(FINGERPRINT)) == database.keys.fingerprint

    def test_another_file_is_refused_once_there_are_people(self, database: Database, clock: FakeClock, path: Path) -> None:
        verify_key(database.engine, database.keys)
        database.storage().run_now(lambda uow: uow.people.for_chat(AMINA, now=clock.now()))
        other = KeyRing.create(path)
        with pytest.raises(InvalidSettings, match=f"{other.fingerprint}.*{database.keys.fingerprint}"):
            verify_key(database.engine, other)
        verify_key(database.engine, database.keys)

    def test_another_file_is_taken_while_the_database_is_empty(self, database: Database, path: Path) -> None:
        verify_key(database.engine, database.keys)
        other = KeyRing.create(path)
        verify_key(database.engine, other)
        assert database.storage().run_now(lambda uow: uow.notebook.get(FINGERPRINT)) == other.fingerprint


def fill(uow: UnitOfWork, clock: FakeClock) -> str:
    """Write something everywhere; return a button's token."""
    now = clock.now()
    amina = uow.people.for_chat(AMINA, now=now)
    uow.people.save_conversation(Conversation(person_id=amina.id, pending=Pending.OFFER, question="may I work?", updated_at=now))
    uow.inbox.add(
        [
            RawUpdate(update_id=UpdateId(number), chat_id=AMINA, payload={"update_id": number, "text": "later"}, received_at=now)
            for number in (5, 6)
        ]
    )
    uow.turns.add(
        TurnRecord(
            update_id=UpdateId(4), person_id=amina.id, at=now, outcome="answer", severity=0, rule_id="r", reason="x",
            language="ar", language_confidence=1.0, text="may I work?",
        )
    )  # fmt: skip
    blank = Case(id=CaseId(0), number="AAA-111", person_id=amina.id, language="ar", sealed=False, opened_at=now)
    case = uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=now, severity=1))
    uow.cases.save_topic(CaseTopic(case_id=case.id, group_id=GROUP, thread_id=12))
    message = uow.cases.add_message(
        case.id,
        direction=Direction.FROM_PERSON,
        kind="text",
        text="please help",
        staff_id=None,
        state=DeliveryState.RECEIVED,
        at=now,
    )
    uow.cases.link(GROUP, 77, Link(case_id=case.id, case_message_id=message.id))
    uow.outbox.add([Delivery(address=ToChat(chat_id=GROUP), content=Text(text="one"), dedupe_key="one")], now=now)
    for code, chat in (("USED", LEA), ("OPEN", None)):
        uow.staff.invite(code, desk_role=DeskRole.CASEWORKER, expires_at=now + timedelta(days=1), now=now)
        if chat is not None:
            uow.staff.redeem(code, chat_id=chat, now=now)
    [[yes]] = uow.buttons.issue(
        [[Button(label="Yes", action="yes")]], person_id=amina.id, case_id=None, expires_at=now + timedelta(days=1)
    )
    return yes.token


def claim(uow: UnitOfWork, clock: FakeClock) -> list[InboxItem]:
    return uow.inbox.claim(worker="w", now=clock.now(), lease_s=60, limit=10)


def file_of(database: Database) -> Path:
    return database.folder / "keys" / "master.json"


def reopened(database: Database) -> SqlStorage:
    return SqlStorage(database.engine, KeyRing.load(file_of(database)), bot_id=BOT_ID)


def ciphers(database: Database) -> list[bytes]:
    """Return every ciphertext of the database, of whatever table."""
    columns = [column for table in metadata.tables.values() for column in table.columns if isinstance(column.type, LargeBinary)]
    with database.engine.connect() as connection:
        return [bytes(row[0]) for column in columns for row in connection.execute(select(column).where(column.is_not(None)))]


def everything_is_there(database: Database, clock: FakeClock) -> None:
    def look(uow: UnitOfWork) -> None:
        amina = uow.people.for_chat(AMINA, now=clock.now())
        assert amina.id == 1, "found, not made anew"
        assert amina.chat_id == AMINA
        assert uow.people.conversation(amina.id).question == "may I work?"
        record = uow.turns.get(UpdateId(4))
        assert record is not None
        assert record.text == "may I work?"
        case = uow.cases.by_topic(GROUP, 12)
        assert case is not None
        assert [message.text for message in uow.cases.messages(case.id)] == ["please help"]
        assert uow.cases.linked(GROUP, 77) is not None
        member = uow.staff.by_chat(LEA)
        assert member is not None
        assert member.chat_id == LEA

    reopened(database).run_now(look)


class TestRotation:
    @pytest.fixture
    def filled(self, database: Database, clock: FakeClock) -> Database:
        verify_key(database.engine, database.keys)
        database.storage().run_now(lambda uow: fill(uow, clock))
        return database

    def test_every_column_of_ciphertext_is_rotated(self) -> None:
        stored = {(table.name, column.name) for table in metadata.tables.values() for column in table.columns
                  if isinstance(column.type, LargeBinary)}  # fmt: skip
        assert {(table.name, column.name) for table, column, _ in CONTEXTS} == stored

    def test_everything_is_read_and_found_with_the_new_key_alone(self, filled: Database, clock: FakeClock) -> None:
        count = rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        ring = KeyRing.load(file_of(filled))
        assert not ring.is_rotating
        assert ring.fingerprint != filled.keys.fingerprint
        assert count == len(ciphers(filled)) > 8
        assert all(ring.is_current(cipher) for cipher in ciphers(filled))
        everything_is_there(filled, clock)
        verify_key(filled.engine, ring)

    def test_the_old_key_opens_nothing_any_more(self, filled: Database, clock: FakeClock) -> None:
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        with pytest.raises(InvalidSettings):
            verify_key(filled.engine, filled.keys)
        for cipher in ciphers(filled):
            with pytest.raises(InvalidSettings):
                filled.keys.decrypt(cipher, "turn")
        with filled.engine.connect() as connection:
            assert (
                connection.scalar(select(person.c.id).where(person.c.chat_key == filled.keys.look_up(f"{BOT_ID}:{AMINA}")))
                is None
            )

    def test_updates_and_deliveries_that_wait_keep_their_order(self, filled: Database, clock: FakeClock) -> None:
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        storage, now = reopened(filled), clock.now()
        late = RawUpdate(update_id=UpdateId(7), chat_id=AMINA, payload={"update_id": 7}, received_at=now)
        storage.run_now(lambda uow: uow.inbox.add([late]))
        assert [item.update_id for item in storage.run_now(lambda uow: claim(uow, clock))] == [5]
        second = Delivery(address=ToChat(chat_id=GROUP), content=Text(text="two"), dedupe_key="two")
        storage.run_now(lambda uow: uow.outbox.add([second], now=now))
        due = storage.run_now(lambda uow: leased(uow, Pool.PEOPLE, now, limit=10))
        assert [item.delivery.dedupe_key for item in due] == ["one"]

    def test_the_first_messages_of_somebody_new_keep_their_order_too(self, filled: Database, clock: FakeClock) -> None:
        def write(number: int) -> RawUpdate:
            payload = {"update_id": number, "message": {"chat": {"id": int(NEWCOMER)}}}
            return RawUpdate(update_id=UpdateId(number), chat_id=NEWCOMER, payload=payload, received_at=clock.now())

        filled.storage().run_now(lambda uow: uow.inbox.add([write(20)]))
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        storage = reopened(filled)
        storage.run_now(lambda uow: uow.inbox.add([write(21)]))
        claimed = [item.update_id for item in storage.run_now(lambda uow: claim(uow, clock)) if item.update_id >= 20]
        assert claimed == [20]

    def test_deliveries_to_a_group_without_any_case_keep_their_order_too(self, database: Database, clock: FakeClock) -> None:
        def write(key: str) -> Delivery:
            return Delivery(address=ToChat(chat_id=GROUP), content=Text(text=key), dedupe_key=key)

        verify_key(database.engine, database.keys)
        database.storage().run_now(lambda uow: uow.outbox.add([write("one")], now=clock.now()))
        rotate(database.engine, file_of(database), bot_id=BOT_ID, clock=clock)
        storage = reopened(database)
        storage.run_now(lambda uow: uow.outbox.add([write("two")], now=clock.now()))
        due = storage.run_now(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=10))
        assert [item.delivery.dedupe_key for item in due] == ["one"]

    def test_buttons_and_open_invitations_stop_working(self, database: Database, clock: FakeClock) -> None:
        token = database.storage().run_now(lambda uow: fill(uow, clock))
        rotate(database.engine, file_of(database), bot_id=BOT_ID, clock=clock)
        storage = reopened(database)
        assert storage.run_now(lambda uow: uow.buttons.look_up(token, now=clock.now())) is None
        with pytest.raises(UnknownCode):
            storage.run_now(lambda uow: uow.staff.redeem("OPEN", chat_id=AMINA, now=clock.now()))

    def test_a_transaction_that_fails_changes_nothing_and_can_be_repeated(self, filled: Database, clock: FakeClock) -> None:
        class Stopped:
            def now(self) -> datetime:
                raise RuntimeError("the power went")

        before = ciphers(filled)
        with pytest.raises(RuntimeError):
            rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=Stopped())
        assert ciphers(filled) == before
        both = KeyRing.load(file_of(filled))
        assert both.is_rotating
        verify_key(filled.engine, both)
        everything_is_there(filled, clock)
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        assert KeyRing.load(file_of(filled)).fingerprint == both.fingerprint, "no third key is made"
        everything_is_there(filled, clock)

    def test_what_was_written_between_crash_and_repetition_is_kept(self, filled: Database, clock: FakeClock) -> None:
        filled.keys.with_new_master().save(file_of(filled))
        reopened(filled).run_now(lambda uow: uow.people.for_chat(NEWCOMER, now=clock.now()))
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        everything_is_there(filled, clock)
        found = reopened(filled).run_now(lambda uow: uow.people.for_chat(NEWCOMER, now=clock.now()))
        assert found.id == 2

    def test_a_crash_before_the_old_key_leaves_the_file_is_repaired_by_repeating(
        self, filled: Database, clock: FakeClock
    ) -> None:
        both = filled.keys.with_new_master()
        both.save(file_of(filled))
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        both.save(file_of(filled))
        verify_key(filled.engine, both)
        everything_is_there(filled, clock)
        rotate(filled.engine, file_of(filled), bot_id=BOT_ID, clock=clock)
        assert not KeyRing.load(file_of(filled)).is_rotating
        everything_is_there(filled, clock)
