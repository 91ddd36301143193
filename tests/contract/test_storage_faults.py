"""What storage does when things go wrong or happen at once: crashes, erasures in flight, several writers."""

import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from bot.adapters.storage import tables
from bot.adapters.storage.storage import SqlStorage
from bot.domain.cases import Case, CaseEvent, EventKind, WorkState, claim, may_reply
from bot.domain.deliveries import Delivery, Pool, Text, ToCase, ToPerson
from bot.domain.errors import LeaseLost, VersionConflict
from bot.domain.ids import CaseId, ChatId, UpdateId
from bot.domain.people import DeskRole, Person, Speaker
from bot.domain.turns import Disposition
from bot.service.ports import OutboxItem, RawUpdate, UnitOfWork
from support.clock import FakeClock
from support.databases import BOT_ID, Database

AMINA, JOSE = ChatId(700_001_777), ChatId(700_002_777)


@pytest.fixture
def storage(database: Database) -> SqlStorage:
    return database.storage()


def raw(number: int, chat: ChatId, clock: FakeClock, **payload: object) -> RawUpdate:
    return RawUpdate(update_id=UpdateId(number), chat_id=chat, payload={"n": number, **payload}, received_at=clock.now())


def someone(storage: SqlStorage, clock: FakeClock, chat: ChatId = AMINA) -> Person:
    return storage.run_now(lambda uow: uow.people.for_chat(chat, now=clock.now()))


def words_to(person: Person, key: str, version: int | None = None) -> Delivery:
    return Delivery(address=ToPerson(person_id=person.id), content=Text(text=f"words {key}"), dedupe_key=key, version=version)


def send(storage: SqlStorage, clock: FakeClock, *deliveries: Delivery) -> None:
    storage.run_now(lambda uow: uow.outbox.add(deliveries, now=clock.now()))


def take(storage: SqlStorage, clock: FakeClock, worker: str = "w") -> list[OutboxItem]:
    def claim_all(uow: UnitOfWork) -> list[OutboxItem]:
        return [item for _, item in uow.outbox.claim(dict.fromkeys(Pool, 9), worker=worker, now=clock.now(), lease_s=60)]

    return storage.run_now(claim_all)


def take_update(storage: SqlStorage, clock: FakeClock, worker: str = "w", limit: int = 9) -> list[int]:
    items = storage.run_now(lambda uow: uow.inbox.claim(worker=worker, now=clock.now(), lease_s=60, limit=limit))
    return [item.update_id for item in items]


def open_case(uow: UnitOfWork, clock: FakeClock, person: Person) -> Case:
    blank = Case(id=CaseId(0), number="AAA-111", person_id=person.id, language="ar", sealed=False, opened_at=clock.now())
    return uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=clock.now(), severity=2))


def at_once(work: Callable[[int], None], threads: int = 4) -> None:
    """Run ``work`` in several threads that start together; an error in one is an error of the test."""
    barrier, errors = threading.Barrier(threads), list[BaseException]()

    def go(number: int) -> None:
        barrier.wait()
        try:
            work(number)
        except BaseException as exc:  # noqa: BLE001 - shown below
            errors.append(exc)

    running = [threading.Thread(target=go, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert errors == []


class TestLeases:
    def test_a_late_update_with_a_lower_number_waits_for_the_one_being_handled(
        self, storage: SqlStorage, clock: FakeClock
    ) -> None:
        storage.run_now(lambda uow: uow.inbox.add([raw(10, AMINA, clock)]))
        assert take_update(storage, clock, "w1") == [10]
        storage.run_now(lambda uow: uow.inbox.add([raw(9, AMINA, clock)]))
        assert take_update(storage, clock, "w2") == []
        storage.run_now(
            lambda uow: uow.inbox.finish(UpdateId(10), worker="w1", disposition=Disposition.ANSWERED, now=clock.now())
        )
        assert take_update(storage, clock, "w2") == [9]

    def test_a_superseded_reply_is_not_sent_after_its_sender_died(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = someone(storage, clock)
        send(storage, clock, words_to(person, "old", version=0), words_to(person, "card"))
        assert [item.delivery.dedupe_key for item in take(storage, clock)] == ["old"]

        def take_over(uow: UnitOfWork) -> None:
            uow.people.save_conversation(replace(uow.people.conversation(person.id), version=1, speaker=Speaker.HUMAN))

        storage.run_now(take_over)
        clock.advance(seconds=61)
        assert [item.delivery.dedupe_key for item in take(storage, clock, "w2")] == ["card"]

    def test_workers_at_once_share_no_update_keep_each_chat_in_order_and_lose_nothing(
        self, database: Database, clock: FakeClock
    ) -> None:
        if database.kind == "memory":
            pytest.skip("one connection")
        storage = database.storage()
        numbers = list(range(1, 121))
        random.Random(7).shuffle(numbers)
        storage.run_now(lambda uow: uow.inbox.add([raw(number, ChatId(number % 6 + 1), clock) for number in numbers]))
        busy, guard, done = set[int](), threading.Lock(), list[int]()

        def work(name: int) -> None:
            worker, idle = f"w{name}", 0
            while idle < 20:
                found = take_update(storage, clock, worker, limit=2)
                idle = 0 if found else idle + 1
                for number in found:
                    with guard:
                        assert number % 6 not in busy
                        busy.add(number % 6)
                for number in found:
                    with guard:
                        busy.remove(number % 6)
                        done.append(number)
                    self._finish(storage, clock, worker, number)

        at_once(work)
        assert sorted(done) == sorted(numbers)
        assert all([n for n in done if n % 6 == chat] == sorted(n for n in numbers if n % 6 == chat) for chat in range(6))

    def _finish(self, storage: SqlStorage, clock: FakeClock, worker: str, number: int) -> None:
        storage.run_now(
            lambda uow: uow.inbox.finish(UpdateId(number), worker=worker, disposition=Disposition.ANSWERED, now=clock.now())
        )

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.sampled_from(["add", "claim", "finish", "retry", "expire"]), st.integers(0, 7)), max_size=40))
    def test_any_interleaving_keeps_each_chat_in_order_and_loses_nothing(
        self, database: Database, clock: FakeClock, steps: list[tuple[str, int]]
    ) -> None:
        if database.kind != "memory":
            pytest.skip("the same statements; memory is quick enough for many examples")
        storage, added, held, done = database.storage(), list[int](), dict[int, str](), list[int]()
        with database.engine.begin() as connection:
            connection.execute(tables.update_inbox.delete())
        for name, n in steps:
            match name:
                case "add":
                    added.append(len(added) + 1)
                    storage.run_now(lambda uow: uow.inbox.add([raw(len(added), ChatId(len(added) % 3 + 1), clock)]))
                case "claim":
                    for number in take_update(storage, clock, f"w{n}", limit=n + 1):
                        held[number] = f"w{n}"
                case "expire":
                    clock.advance(seconds=61)
                case _ if held:
                    number = sorted(held)[n % len(held)]
                    self._end(storage, clock, name, number, held.pop(number), done)
        clock.advance(hours=1)
        while found := take_update(storage, clock, "last"):
            for number in found:
                self._end(storage, clock, "finish", number, "last", done)
        assert sorted(done) == added
        assert all([n for n in done if n % 3 == chat] == [n for n in added if n % 3 == chat] for chat in range(3))

    def _end(self, storage: SqlStorage, clock: FakeClock, name: str, number: int, worker: str, done: list[int]) -> None:
        with contextlib.suppress(LeaseLost):
            if name == "finish":
                self._finish(storage, clock, worker, number)
                done.append(number)
            else:
                later = clock.now() + timedelta(seconds=30)
                storage.run_now(lambda uow: uow.inbox.retry(UpdateId(number), worker=worker, error="x", not_before=later))


class TestErasure:
    def test_erasing_someone_while_a_delivery_is_being_sent_does_not_stop_the_outbox(
        self, storage: SqlStorage, clock: FakeClock
    ) -> None:
        person, other = someone(storage, clock), someone(storage, clock, JOSE)
        send(storage, clock, words_to(person, "a"))
        [item] = take(storage, clock)
        storage.run_now(lambda uow: uow.people.erase(person.id, now=clock.now()))
        storage.run_now(lambda uow: uow.outbox.retry(item, worker="w", error="x", not_before=clock.now(), ambiguous=False))
        send(storage, clock, words_to(other, "b"))
        assert [found.delivery.dedupe_key for found in take(storage, clock)] == ["b"]
        assert storage.run_now(lambda uow: uow.outbox.pending()) == 1

    def test_words_on_their_way_to_the_staff_group_are_cancelled_and_the_notice_of_erasure_is_not(
        self, storage: SqlStorage, clock: FakeClock
    ) -> None:
        person = someone(storage, clock)
        case = storage.run_now(lambda uow: open_case(uow, clock, person))
        send(storage, clock, Delivery(address=ToCase(case_id=case.id), content=Text(text="she wrote"), dedupe_key="words"))
        clock.advance(seconds=1)

        def erase(uow: UnitOfWork) -> None:
            uow.cases.append(case, CaseEvent(kind=EventKind.ERASED, at=clock.now()))
            notice = Delivery(address=ToCase(case_id=case.id), content=Text(text="erased"), dedupe_key="notice")
            uow.outbox.add([notice], now=clock.now())
            uow.people.erase(person.id, now=clock.now())

        storage.run_now(erase)
        assert [item.delivery.dedupe_key for item in take(storage, clock)] == ["notice"]

    def test_a_case_of_an_erased_person_is_deleted_in_its_time(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = someone(storage, clock)

        def erase(uow: UnitOfWork) -> None:
            case = uow.cases.append(open_case(uow, clock, person), CaseEvent(kind=EventKind.ERASED, at=clock.now()))
            assert case.state is WorkState.ERASED

        storage.run_now(erase)
        assert storage.run_now(lambda uow: uow.cases.delete(resolved_before=clock.now())) == 0
        clock.advance(days=800)
        assert storage.run_now(lambda uow: uow.cases.delete(resolved_before=clock.now() - timedelta(days=730))) == 1

    def test_no_chat_id_no_word_and_no_trace_of_an_erased_chat_is_in_the_file(self, database: Database, clock: FakeClock) -> None:
        if database.kind != "sqlite":
            pytest.skip("looks into the file")
        storage, person = database.storage(), someone(database.storage(), clock)
        for chat in range(200):
            someone(storage, clock, ChatId(1_000 + chat))
        storage.run_now(lambda uow: uow.inbox.add([raw(1, AMINA, clock, text="my husband hits me")]))
        send(storage, clock, words_to(person, "a"))
        assert take_update(storage, clock) == [1]
        content = file_content(database)
        assert str(int(AMINA)).encode() not in content
        assert b"husband" not in content
        assert b"words a" not in content
        with database.engine.begin() as connection:
            cipher = connection.scalar(select(tables.person.c.chat_cipher).where(tables.person.c.id == person.id))
        assert cipher is not None
        assert cipher in content

        def forget(uow: UnitOfWork) -> None:
            uow.people.erase(person.id, now=clock.now())
            uow.inbox.finish(UpdateId(1), worker="w", disposition=Disposition.ANSWERED, now=clock.now())

        storage.run_now(forget)
        content = file_content(database)
        assert cipher not in content
        assert database.keys.look_up(f"{BOT_ID}:{int(AMINA)}").encode() not in content


def file_content(database: Database) -> bytes:
    connection = database.engine.raw_connection()
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return Path(database.url.removeprefix("sqlite:///")).read_bytes()


class TestAtOnce:
    def test_the_audit_chain_is_unbroken_when_several_write_to_it(self, database: Database, clock: FakeClock) -> None:
        if database.kind == "memory":
            pytest.skip("one connection")
        storage = database.storage()

        def write(worker: int) -> None:
            for _ in range(20):
                storage.run_now(lambda uow: uow.audit.record(actor=f"w{worker}", action="x", subject="y", now=clock.now()))

        at_once(write)
        assert storage.run_now(lambda uow: uow.audit.verify())

    def test_a_chat_that_writes_to_several_processes_is_one_person(self, database: Database, clock: FakeClock) -> None:
        if database.kind == "memory":
            pytest.skip("one connection")
        found = list[int]()
        at_once(lambda _: found.append(someone(database.storage(), clock).id))
        assert len(set(found)) == 1

    def test_an_incident_is_opened_by_one(self, database: Database, clock: FakeClock) -> None:
        if database.kind == "memory":
            pytest.skip("one connection")
        storage, new = database.storage(), list[bool]()
        at_once(lambda _: new.append(storage.run_now(lambda uow: uow.incidents.open("kind", "detail", now=clock.now()))))
        assert sorted(new) == [False, False, False, True]

    def test_a_member_who_links_again_keeps_their_cases(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = someone(storage, clock)

        def link_twice(uow: UnitOfWork) -> None:
            later = clock.now() + timedelta(hours=1)
            uow.staff.invite("one", desk_role=DeskRole.CASEWORKER, expires_at=later, now=clock.now())
            uow.staff.invite("two", desk_role=DeskRole.SUPERVISOR, expires_at=later, now=clock.now())
            first = uow.staff.redeem("one", chat_id=JOSE, now=clock.now())
            case = open_case(uow, clock, person)
            case = uow.cases.append(case, claim(case, by=first.id, role=DeskRole.CASEWORKER, at=clock.now()))
            again = uow.staff.redeem("two", chat_id=JOSE, now=clock.now())
            assert may_reply(case, again.id)
            assert (again.desk_role, again.alias) == (DeskRole.SUPERVISOR, "supervisor-1")
            assert uow.staff.all() == [again]

        storage.run_now(link_twice)


class TestLockOrder:
    def test_a_turn_and_a_claim_of_one_case_wait_for_each_other_and_never_deadlock(
        self, database: Database, clock: FakeClock
    ) -> None:
        if database.kind != "postgresql":
            pytest.skip("one writer")
        storage, person = database.storage(), someone(database.storage(), clock)
        case_id = storage.run_now(lambda uow: open_case(uow, clock, person)).id
        holds = threading.Barrier(2, timeout=1)

        def meet() -> None:
            with contextlib.suppress(threading.BrokenBarrierError):
                holds.wait()

        def turn(uow: UnitOfWork) -> None:
            conversation = uow.people.conversation(person.id)
            meet()
            uow.cases.append(uow.cases.get(case_id), CaseEvent(kind=EventKind.RAISED, at=clock.now(), severity=3))
            uow.people.save_conversation(conversation)

        def claimed(uow: UnitOfWork) -> None:
            with contextlib.suppress(VersionConflict):
                uow.cases.append(uow.cases.get(case_id), CaseEvent(kind=EventKind.CLAIMED, at=clock.now()))
            meet()
            uow.people.save_conversation(uow.people.conversation(person.id))

        at_once(lambda n: storage.run_now(turn if n else claimed), threads=2)
        with database.engine.connect() as connection:
            statement = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            assert connection.scalar(statement) == 0
