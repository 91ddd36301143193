"""One suite over every database: what the ports promise, each must keep."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.adapters.storage.storage import SqlStorage
from bot.domain.cases import (
    Case,
    CaseEvent,
    CaseTopic,
    DeliveryState,
    Direction,
    EventKind,
    Resolution,
    WorkState,
    claim,
    fold,
    resolve,
)
from bot.domain.deliveries import Delivery, Header, Pool, Priority, Text, ToCase, ToChat, ToPerson
from bot.domain.errors import Conflict, LeaseLost, UnknownCode, VersionConflict
from bot.domain.ids import CaseId, ChatId, PassageId, PersonId, UpdateId
from bot.domain.messages import Button
from bot.domain.people import DeskRole, Pending, Person, PersonState, Role, Speaker, StaffMember
from bot.domain.timers import Timer, TimerKind, TimerState
from bot.domain.turns import Disposition, Retrieved, TurnRecord
from bot.service.ports import OF_CASE, InboxItem, Link, RawUpdate, UnitOfWork
from support.clock import FakeClock
from support.databases import BOT_ID, Database, leased

AMINA, JOSE, GROUP = ChatId(700_001), ChatId(700_002), ChatId(-100_500)
COLLEAGUE = ChatId(900_001)


@pytest.fixture
def storage(database: Database) -> SqlStorage:
    return database.storage()


def raw(update_id: int, chat: ChatId | None, clock: FakeClock) -> RawUpdate:
    return RawUpdate(update_id=UpdateId(update_id), chat_id=chat, payload={"update_id": update_id}, received_at=clock.now())


def claim_updates(uow: UnitOfWork, clock: FakeClock, worker: str = "w1", limit: int = 10) -> list[InboxItem]:
    return uow.inbox.claim(worker=worker, now=clock.now(), lease_s=60, limit=limit)


def text_to(person: Person, n: int, **changes: object) -> Delivery:
    delivery = Delivery(address=ToPerson(person_id=person.id), content=Text(text=f"reply {n}"), dedupe_key=f"key-{n}")
    return replace(delivery, **changes)  # type: ignore[arg-type]


def a_person(uow: UnitOfWork, clock: FakeClock, chat: ChatId = AMINA) -> Person:
    return uow.people.for_chat(chat, now=clock.now())


def a_case(uow: UnitOfWork, clock: FakeClock, person: Person, number: str = "AAA-111") -> Case:
    blank = Case(id=CaseId(0), number=number, person_id=person.id, language="ar", sealed=False, opened_at=clock.now())
    return uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=clock.now(), severity=2, category="exploitation"))


class TestInbox:
    async def test_an_update_seen_twice_is_kept_once(self, storage: SqlStorage, clock: FakeClock) -> None:
        assert await storage.run(lambda uow: uow.inbox.add([raw(1, AMINA, clock), raw(2, AMINA, clock)])) == 2
        assert await storage.run(lambda uow: uow.inbox.add([raw(2, AMINA, clock), raw(3, JOSE, clock)])) == 1
        assert await storage.run(lambda uow: uow.inbox.pending()) == 3

    async def test_a_late_update_with_a_lower_number_is_handled_too(self, storage: SqlStorage, clock: FakeClock) -> None:
        await storage.run(lambda uow: uow.inbox.add([raw(9, AMINA, clock)]))
        await storage.run(lambda uow: uow.inbox.add([raw(8, JOSE, clock)]))
        found = await storage.run(lambda uow: claim_updates(uow, clock))
        assert {item.update_id for item in found} == {8, 9}

    async def test_only_the_oldest_open_update_of_a_chat_is_leased(self, storage: SqlStorage, clock: FakeClock) -> None:
        await storage.run(lambda uow: uow.inbox.add([raw(1, AMINA, clock), raw(2, AMINA, clock), raw(3, JOSE, clock)]))
        first = await storage.run(lambda uow: claim_updates(uow, clock))
        assert [item.update_id for item in first] == [1, 3]
        assert await storage.run(lambda uow: claim_updates(uow, clock)) == []
        await storage.run(
            lambda uow: uow.inbox.finish(UpdateId(1), worker="w1", disposition=Disposition.ANSWERED, now=clock.now())
        )
        assert [item.update_id for item in await storage.run(lambda uow: claim_updates(uow, clock))] == [2]

    async def test_a_lease_that_ran_out_is_given_to_another_worker(self, storage: SqlStorage, clock: FakeClock) -> None:
        await storage.run(lambda uow: uow.inbox.add([raw(1, AMINA, clock)]))
        await storage.run(lambda uow: claim_updates(uow, clock, "w1"))
        clock.advance(seconds=61)
        again = await storage.run(lambda uow: claim_updates(uow, clock, "w2"))
        assert again[0].attempts == 2
        with pytest.raises(LeaseLost):
            await storage.run(
                lambda uow: uow.inbox.finish(UpdateId(1), worker="w1", disposition=Disposition.ANSWERED, now=clock.now())
            )

    async def test_a_retry_holds_back_the_rest_of_its_chat(self, storage: SqlStorage, clock: FakeClock) -> None:
        await storage.run(lambda uow: uow.inbox.add([raw(1, AMINA, clock), raw(2, AMINA, clock)]))
        await storage.run(lambda uow: claim_updates(uow, clock))
        later = clock.now() + timedelta(seconds=5)
        await storage.run(lambda uow: uow.inbox.retry(UpdateId(1), worker="w1", error="boom", not_before=later))
        assert await storage.run(lambda uow: claim_updates(uow, clock)) == []
        clock.advance(seconds=6)
        assert [item.update_id for item in await storage.run(lambda uow: claim_updates(uow, clock))] == [1]

    async def test_leases_of_a_killed_process_are_given_back(self, storage: SqlStorage, clock: FakeClock) -> None:
        await storage.run(lambda uow: uow.inbox.add([raw(1, AMINA, clock)]))
        await storage.run(lambda uow: claim_updates(uow, clock))
        assert await storage.run(lambda uow: uow.inbox.release_leases()) == 1
        assert len(await storage.run(lambda uow: claim_updates(uow, clock, "w2"))) == 1

    async def test_the_payload_is_erased_with_the_disposition(
        self, storage: SqlStorage, database: Database, clock: FakeClock
    ) -> None:
        await storage.run(lambda uow: uow.inbox.add([raw(1, AMINA, clock)]))
        await storage.run(lambda uow: claim_updates(uow, clock))
        await storage.run(
            lambda uow: uow.inbox.finish(UpdateId(1), worker="w1", disposition=Disposition.RELAYED, now=clock.now())
        )
        with database.engine.connect() as connection:
            row = connection.exec_driver_sql("SELECT payload, disposition FROM update_inbox").one()
        assert tuple(row) == (None, "relayed")
        assert await storage.run(lambda uow: uow.inbox.dispositions()) == {1: "relayed"}
        assert await storage.run(lambda uow: uow.inbox.delete_done(before=clock.advance(days=3))) == 1

    async def test_two_workers_at_once_never_share_an_update_nor_a_chat(self, database: Database, clock: FakeClock) -> None:
        storage = database.storage()
        chats = [ChatId(1000 + n % 7) for n in range(60)]
        await storage.run(lambda uow: uow.inbox.add([raw(n, chat, clock) for n, chat in enumerate(chats, start=1)]))
        order: list[int] = []

        async def work(name: str) -> None:
            own = database.storage()
            while True:
                items = await own.run(lambda uow: claim_updates(uow, clock, name, limit=3))
                for item in items:
                    order.append(item.update_id)
                    await asyncio.sleep(0)
                    done = item.update_id
                    await own.run(
                        lambda uow, done=done: uow.inbox.finish(  # type: ignore[misc]
                            done, worker=name, disposition=Disposition.ANSWERED, now=clock.now()
                        )
                    )
                if not items and await own.run(lambda uow: uow.inbox.pending()) == 0:
                    return

        workers = ["a", "b", "c"] if database.kind == "postgresql" else ["a"]
        await asyncio.gather(*(work(name) for name in workers))
        assert sorted(order) == list(range(1, 61)), "each exactly once"
        for chat in set(chats):
            of_chat = [n for n in order if chats[n - 1] == chat]
            assert of_chat == sorted(of_chat)


class TestOutbox:
    async def test_a_delivery_is_written_once_per_key(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        for _ in range(2):
            await storage.run(lambda uow: uow.outbox.add([text_to(person, 1)], now=clock.now()))
        assert await storage.run(lambda uow: uow.outbox.pending()) == 1

    async def test_a_lane_leaves_in_order_and_lanes_by_priority(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        other = await storage.run(lambda uow: a_person(uow, clock, JOSE))
        rows = [
            text_to(person, 1), text_to(person, 2),
            Delivery(address=ToChat(chat_id=GROUP), content=Text(text="x"), dedupe_key="g", priority=Priority.COSMETIC),
            text_to(other, 3, priority=Priority.EMERGENCY),
        ]  # fmt: skip
        await storage.run(lambda uow: uow.outbox.add(rows, now=clock.now()))
        found = await storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=9))
        assert [item.delivery.dedupe_key for item in found] == ["key-3", "key-1", "g"]
        assert found[2].delivery == rows[2]
        await storage.run(lambda uow: uow.outbox.sent(found[1], worker="w", now=clock.now()))
        after = await storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=9))
        assert [item.delivery.dedupe_key for item in after] == ["key-2"]

    async def test_a_reply_computed_before_a_takeover_is_cancelled(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: uow.outbox.add([text_to(person, 1, version=0), text_to(person, 2)], now=clock.now()))

        def take_over(uow: UnitOfWork) -> None:
            conversation = uow.people.conversation(person.id)
            uow.people.save_conversation(replace(conversation, speaker=Speaker.HUMAN, version=conversation.version + 1))

        await storage.run(take_over)
        found = await storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=9))
        assert [item.delivery.dedupe_key for item in found] == ["key-2"], "a card or notice without a version still goes"
        assert (await storage.run(lambda uow: uow.outbox.states()))["cancelled"] == 1

    async def test_lanes_of_the_desk_are_a_pool_apart_and_an_urgent_one_another(
        self, storage: SqlStorage, clock: FakeClock
    ) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        rows = [
            text_to(person, 1),
            Delivery(address=ToCase(case_id=CaseId(1)), content=Text(text="x"), dedupe_key="calm", priority=Priority.TO_DESK),
            Delivery(address=ToCase(case_id=CaseId(2)), content=Text(text="x"), dedupe_key="first", priority=Priority.TO_DESK),
            Delivery(address=ToCase(case_id=CaseId(2)), content=Text(text="x"), dedupe_key="grave", priority=Priority.EMERGENCY),
        ]
        await storage.run(lambda uow: uow.outbox.add(rows, now=clock.now()))
        found = {
            pool: [item.delivery.dedupe_key for item in await storage.run(
                lambda uow, pool=pool: leased(uow, pool, clock.now(), limit=9)  # type: ignore[misc]
            )]
            for pool in Pool
        }  # fmt: skip
        assert found == {Pool.PEOPLE: ["key-1"], Pool.DESK: ["calm"], Pool.URGENT_DESK: ["first"]}, "nothing overtakes in a lane"

    async def test_of_several_headers_that_wait_the_newest_is_sent(self, storage: SqlStorage, clock: FakeClock) -> None:
        for version in range(3):
            header = Delivery(address=ToCase(case_id=CaseId(1)), content=Header(), dedupe_key=f"header{version}")
            await storage.run(lambda uow, header=header: uow.outbox.add([header, header], now=clock.now()))  # type: ignore[misc]
        found = await storage.run(lambda uow: leased(uow, Pool.DESK, clock.now(), limit=9))
        assert [item.delivery.dedupe_key for item in found] == ["header2"]
        assert (await storage.run(lambda uow: uow.outbox.states()))["cancelled"] == 2

    async def test_what_a_killed_process_was_sending_is_marked_ambiguous(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: uow.outbox.add([text_to(person, 1)], now=clock.now()))
        await storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=1))
        assert await storage.run(lambda uow: uow.outbox.release_leases()) == 1
        assert (await storage.run(lambda uow: uow.outbox.states()))["ambiguous"] == 1

    async def test_giving_up_frees_the_lane_and_erases_the_words(
        self, storage: SqlStorage, database: Database, clock: FakeClock
    ) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: uow.outbox.add([text_to(person, 1), text_to(person, 2)], now=clock.now()))
        (first,) = await storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=1))
        await storage.run(lambda uow: uow.outbox.give_up(first, worker="w", error="message_refused", now=clock.now()))
        with pytest.raises(LeaseLost):
            await storage.run(lambda uow: uow.outbox.sent(first, worker="w", now=clock.now()))
        (second,) = await storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=1))
        assert second.delivery.dedupe_key == "key-2"
        await storage.run(lambda uow: uow.outbox.retry(second, worker="w", error="e", not_before=clock.now(), ambiguous=True))
        assert await storage.run(lambda uow: uow.outbox.cancel_person(person.id, reason="gone", now=clock.now())) == []
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM outbox WHERE payload IS NOT NULL").scalar() == 0
        assert await storage.run(lambda uow: uow.outbox.delete_done(before=clock.advance(days=2))) == 2


class TestPeople:
    async def test_a_chat_is_one_person_with_one_conversation(self, storage: SqlStorage, clock: FakeClock) -> None:
        first = await storage.run(lambda uow: a_person(uow, clock))
        again = await storage.run(lambda uow: a_person(uow, clock))
        assert first == again
        assert (first.chat_id, first.role, first.language_chosen) == (AMINA, Role.PUBLIC, False)
        conversation = await storage.run(lambda uow: uow.people.conversation(first.id))
        assert (conversation.speaker, conversation.version, conversation.question) == (Speaker.BOT, 0, "")

    async def test_language_and_open_question_are_kept(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        changed = replace(person, language="ar", language_chosen=True, role=Role.STAFF, welcomed_at=clock.now())
        await storage.run(lambda uow: uow.people.save(changed))
        assert await storage.run(lambda uow: uow.people.get(person.id)) == changed

        def ask(uow: UnitOfWork) -> None:
            conversation = uow.people.conversation(person.id)
            uow.people.save_conversation(
                replace(conversation, pending=Pending.CLARIFY, question="كم يستغرق \u200dلم الشمل؟", category="country")
            )

        await storage.run(ask)
        found = await storage.run(lambda uow: uow.people.conversation(person.id))
        assert (found.pending, found.question) == (Pending.CLARIFY, "كم يستغرق \u200dلم الشمل؟")

    async def test_erasing_leaves_no_words_and_no_way_to_the_person(
        self, storage: SqlStorage, database: Database, clock: FakeClock
    ) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))

        def live(uow: UnitOfWork) -> None:
            case = a_case(uow, clock, person)
            message = uow.cases.add_message(
                case.id, direction=Direction.FROM_PERSON, kind="text", text="secret", staff_id=None,
                state=DeliveryState.RECEIVED, at=clock.now(),
            )  # fmt: skip
            uow.cases.link(AMINA, 5, Link(case_id=case.id, case_message_id=message.id))
            uow.turns.add(a_turn(person, clock))
            uow.outbox.add([text_to(person, 1)], now=clock.now())
            later = clock.now() + timedelta(1)
            uow.buttons.issue([[Button(label="A person", action="human")]], person_id=person.id, case_id=None, expires_at=later)
            uow.people.record_consent(person.id, kind="handover:yes", granted=True, language="ar", now=clock.now())

        await storage.run(live)
        await storage.run(lambda uow: uow.people.erase(person.id, now=clock.now()))
        erased = await storage.run(lambda uow: uow.people.get(person.id))
        assert (erased.state, erased.chat_id, erased.language) == (PersonState.ERASED, 0, None)
        with database.engine.connect() as connection:
            for table, column in (("turn", "text"), ("case_message", "text"), ("outbox", "payload"), ("person", "chat_key")):
                assert connection.exec_driver_sql(f"SELECT count({column}) FROM {table}").scalar() == 0, table
            for table in ("message_link", "button", "consent"):
                assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table
        assert (await storage.run(lambda uow: a_person(uow, clock))).id != person.id, "who writes again is somebody new"

    async def test_people_who_never_came_back_are_erased_unless_a_case_is_open(
        self, storage: SqlStorage, clock: FakeClock
    ) -> None:
        idle = await storage.run(lambda uow: a_person(uow, clock))
        waiting = await storage.run(lambda uow: a_person(uow, clock, JOSE))
        await storage.run(lambda uow: a_case(uow, clock, waiting))
        later = clock.advance(days=400)
        assert await storage.run(lambda uow: uow.people.erase_idle(seen_before=later, now=later)) == 1
        assert (await storage.run(lambda uow: uow.people.get(idle.id))).state is PersonState.ERASED
        assert (await storage.run(lambda uow: uow.people.get(waiting.id))).state is PersonState.ACTIVE


def a_turn(person: Person, clock: FakeClock, update_id: int = 1) -> TurnRecord:
    return TurnRecord(
        update_id=UpdateId(update_id),
        person_id=person.id,
        at=clock.now(),
        outcome="answer",
        severity=0,
        rule_id="answer-grounded",
        reason="grounded",
        language="ar",
        language_confidence=0.9,
        intent="ask_visa",
        intent_confidence=0.8,
        reports={"report_threat": 0.1},
        known=("country",),
        triggers=("a",),
        retrieved=(Retrieved(passage_id=PassageId(7), topic="P08", audience="public", score=0.9),),
        cited=(PassageId(7),),
        degraded=("nlu_slow",),
        policy_version="abc",
        index_version="i1",
        timings_ms={"search": 3.5},
        text="متى؟",
    )


class TestTurns:
    async def test_a_turn_is_read_back_as_it_was_written(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        record = a_turn(person, clock)
        await storage.run(lambda uow: uow.turns.add(record))
        assert await storage.run(lambda uow: uow.turns.get(UpdateId(1))) == record
        assert await storage.run(lambda uow: uow.turns.get(UpdateId(2))) is None

    async def test_words_are_erased_and_facts_stay(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: uow.turns.add(a_turn(person, clock)))
        later = clock.advance(hours=25)
        assert await storage.run(lambda uow: uow.turns.erase_text(before=later - timedelta(hours=24))) == 1
        kept = await storage.run(lambda uow: uow.turns.get(UpdateId(1)))
        assert kept is not None
        assert (kept.text, kept.rule_id) == (None, "answer-grounded")
        assert await storage.run(lambda uow: uow.turns.delete(before=later)) == 1

    async def test_the_passages_shown_lately_are_known(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: uow.turns.add(a_turn(person, clock)))
        since = clock.now() - timedelta(hours=1)
        assert await storage.run(lambda uow: uow.turns.shown(person.id, since=since, until=clock.now())) == [PassageId(7)]
        assert await storage.run(lambda uow: uow.turns.shown(person.id, since=clock.now(), until=clock.now())) == []
        early = since + timedelta(minutes=1)
        assert await storage.run(lambda uow: uow.turns.shown(person.id, since=since, until=early)) == []

    async def test_recent_turns_are_counted_per_person(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        for n in range(3):
            await storage.run(lambda uow, n=n: uow.turns.add(a_turn(person, clock, n)))  # type: ignore[misc]
            clock.advance(seconds=40)
        since = clock.now() - timedelta(seconds=100)
        assert len(await storage.run(lambda uow: uow.turns.recent(person.id, since=since))) == 2
        assert await storage.run(lambda uow: uow.turns.recent(PersonId(99), since=since)) == []


class TestCases:
    async def test_a_person_has_at_most_one_open_case(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: a_case(uow, clock, person))
        with pytest.raises(Conflict):
            await storage.run(lambda uow: a_case(uow, clock, person, "BBB-222"))

    async def test_events_replay_to_the_stored_case(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        case = await storage.run(lambda uow: a_case(uow, clock, person))
        staff = await storage.run(lambda uow: linked(uow, clock))
        other = await storage.run(lambda uow: linked(uow, clock, ChatId(901)))
        blank = replace(case, version=0, severity=1, category=None, waiting_since=None)
        soon = clock.now() + timedelta(hours=1)
        for make in (
            lambda found: claim(found, by=staff.id, role=DeskRole.CASEWORKER, at=clock.now()),
            lambda found: CaseEvent(kind=EventKind.REPLIED, at=clock.now(), staff_id=staff.id),
            lambda found: CaseEvent(kind=EventKind.ASSIGNED, at=clock.now(), staff_id=staff.id, to_id=other.id),
            lambda found: CaseEvent(kind=EventKind.SNOOZED, at=clock.now(), staff_id=other.id, until=soon),
            lambda found: CaseEvent(kind=EventKind.UNREACHABLE, at=clock.now()),
            lambda found: CaseEvent(kind=EventKind.RELEASED, at=clock.now(), note="owner_timer"),
            lambda found: CaseEvent(kind=EventKind.RAISED, at=clock.now(), severity=4, category="gbv"),
            lambda found: CaseEvent(kind=EventKind.SEALED, at=clock.now()),
            lambda found: claim(found, by=staff.id, role=DeskRole.FOCAL_POINT, at=clock.now()),
            lambda found: resolve(found, code=Resolution.HELPED, by=staff.id, role=DeskRole.FOCAL_POINT, at=clock.now()),
            lambda found: resolve(found, code=Resolution.REFERRED, by=other.id, role=DeskRole.FOCAL_POINT, at=clock.now()),
            lambda found: CaseEvent(kind=EventKind.MERGED, at=clock.now(), staff_id=other.id, into_id=CaseId(7)),
        ):
            case = await storage.run(lambda uow, make=make, case=case: uow.cases.append(case, make(case)))  # type: ignore[misc]
        stored = await storage.run(lambda uow: uow.cases.get(case.id))
        assert stored == case == fold(blank, await storage.run(lambda uow: uow.cases.events(case.id)))
        assert (stored.state, stored.sealed, stored.severity, stored.unreachable) == (WorkState.MERGED, True, 4, True)
        assert (stored.resolution, stored.last_owner_id) == (None, staff.id)

    async def test_timers_are_kept_one_of_a_kind_and_ring_in_order(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        case = await storage.run(lambda uow: a_case(uow, clock, person))
        now, later = clock.now(), clock.now() + timedelta(minutes=30)
        first = Timer(kind=TimerKind.FIRST_REPLY, started_at=now, due_at=later)
        ladder = Timer(kind=TimerKind.LADDER, started_at=now, due_at=now)
        await storage.run(lambda uow: uow.timers.save(case.id, first, rings_at=later))
        await storage.run(lambda uow: uow.timers.save(case.id, ladder, rings_at=now))
        assert [found.kind for _, found in await storage.run(lambda uow: uow.timers.ringing(later, limit=9))] == [
            TimerKind.LADDER, TimerKind.FIRST_REPLY,
        ]  # fmt: skip
        running = await storage.run(lambda uow: uow.timers.open_of(case.id))
        paused = replace(running[TimerKind.FIRST_REPLY], state=TimerState.PAUSED, left=timedelta(minutes=7), step=1)
        await storage.run(lambda uow: uow.timers.save(case.id, paused, rings_at=None))
        over = replace(running[TimerKind.LADDER], state=TimerState.STOPPED)
        await storage.run(lambda uow: uow.timers.save(case.id, over, rings_at=None))
        assert await storage.run(lambda uow: uow.timers.ringing(later, limit=9)) == []
        assert await storage.run(lambda uow: uow.timers.open_of(case.id)) == {TimerKind.FIRST_REPLY: paused}
        assert await storage.run(lambda uow: uow.timers.all_of(case.id)) == [paused, over]
        with pytest.raises(VersionConflict):
            await storage.run(lambda uow: uow.timers.save(case.id, first, rings_at=later))

    async def test_the_last_case_of_a_person_is_found(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        assert await storage.run(lambda uow: uow.cases.last_of(person.id)) is None
        case = await storage.run(lambda uow: a_case(uow, clock, person))
        assert await storage.run(lambda uow: uow.cases.last_of(person.id)) == case

    async def test_a_stale_version_cannot_be_appended_to(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        case = await storage.run(lambda uow: a_case(uow, clock, person))
        staff = await storage.run(lambda uow: linked(uow, clock))
        await storage.run(lambda uow: uow.cases.append(case, claim(case, by=staff.id, role=DeskRole.CASEWORKER, at=clock.now())))
        with pytest.raises(VersionConflict):
            await storage.run(
                lambda uow: uow.cases.append(case, claim(case, by=staff.id, role=DeskRole.CASEWORKER, at=clock.now()))
            )

    async def test_a_case_is_found_by_its_topic_also_after_the_group_moved(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        case = await storage.run(lambda uow: a_case(uow, clock, person))
        topic = CaseTopic(case_id=case.id, group_id=GROUP, thread_id=17, header_message_id=18, generation=1)
        await storage.run(lambda uow: uow.cases.save_topic(topic))
        assert await storage.run(lambda uow: uow.cases.topic(case.id)) == topic
        assert await storage.run(lambda uow: uow.cases.by_topic(GROUP, 17)) == case
        assert await storage.run(lambda uow: uow.cases.by_topic(GROUP, 18)) is None
        moved = ChatId(-100_600)
        assert await storage.run(lambda uow: uow.cases.move_group(GROUP, moved)) == 1
        assert await storage.run(lambda uow: uow.cases.by_topic(moved, 17)) == case

    async def test_messages_and_links_are_kept_by_chat_and_number(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        case = await storage.run(lambda uow: a_case(uow, clock, person))

        def write(uow: UnitOfWork) -> None:
            for n, direction in enumerate((Direction.FROM_PERSON, Direction.TO_PERSON, Direction.NOTE)):
                message = uow.cases.add_message(
                    case.id,
                    direction=direction,
                    kind="text",
                    text=f"m{n}",
                    staff_id=None,
                    state=DeliveryState.QUEUED,
                    at=clock.now(),
                )
                uow.cases.link(GROUP, 10 + n, Link(case_id=case.id, case_message_id=message.id))
                uow.cases.link(AMINA, 10 + n, Link(case_id=case.id, case_message_id=message.id))

        await storage.run(write)
        messages = await storage.run(lambda uow: uow.cases.messages(case.id))
        assert [message.text for message in messages] == ["m0", "m1", "m2"]
        await storage.run(lambda uow: uow.cases.set_message_state(messages[1].id, DeliveryState.SENT))
        assert (await storage.run(lambda uow: uow.cases.message(messages[1].id))).state is DeliveryState.SENT
        assert await storage.run(lambda uow: uow.cases.linked(AMINA, 11)) == Link(case_id=case.id, case_message_id=messages[1].id)
        assert await storage.run(lambda uow: uow.cases.place_of(messages[2].id, GROUP)) == 12
        assert await storage.run(lambda uow: uow.cases.linked(JOSE, 11)) is None

    async def test_words_of_old_cases_are_erased_sealed_ones_first(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        case = await storage.run(lambda uow: a_case(uow, clock, person))
        staff = await storage.run(lambda uow: linked(uow, clock))

        def close(uow: UnitOfWork) -> None:
            sealed = uow.cases.append(case, CaseEvent(kind=EventKind.SEALED, at=clock.now()))
            uow.cases.add_message(
                case.id,
                direction=Direction.NOTE,
                kind="text",
                text="x",
                staff_id=None,
                state=DeliveryState.RECEIVED,
                at=clock.now(),
            )
            claimed = uow.cases.append(sealed, claim(sealed, by=staff.id, role=DeskRole.FOCAL_POINT, at=clock.now()))
            uow.cases.append(
                claimed, resolve(claimed, code=Resolution.HELPED, by=staff.id, role=DeskRole.FOCAL_POINT, at=clock.now())
            )

        await storage.run(close)
        now = clock.advance(days=100)
        erase = lambda uow: uow.cases.erase_text(  # noqa: E731
            resolved_before=now - timedelta(days=180), sealed_resolved_before=now - timedelta(days=90)
        )
        assert await storage.run(erase) == 1
        assert await storage.run(erase) == 0
        assert await storage.run(lambda uow: uow.cases.delete(resolved_before=now)) == 1
        assert await storage.run(lambda uow: uow.cases.all(open_only=False)) == []


def linked(uow: UnitOfWork, clock: FakeClock, chat: ChatId = COLLEAGUE) -> StaffMember:
    uow.staff.invite(f"code{chat}", desk_role=DeskRole.CASEWORKER, expires_at=clock.now() + timedelta(hours=1), now=clock.now())
    return uow.staff.redeem(f"code{chat}", chat_id=chat, now=clock.now())


class TestStaff:
    async def test_what_a_member_takes_is_kept(self, storage: SqlStorage, clock: FakeClock) -> None:
        member = await storage.run(lambda uow: linked(uow, clock))
        assert (sorted(member.languages), member.capacity, member.on_call, member.away) == ([], 8, None, False)
        wanted = replace(
            member, languages=frozenset({"ar", "fr"}), queues=frozenset({"protection"}), capacity=5, on_call=1, away=True
        )
        await storage.run(lambda uow: uow.staff.save(wanted))
        assert await storage.run(lambda uow: uow.staff.get(member.id)) == wanted

    async def test_a_code_works_once_and_not_after_its_time(self, storage: SqlStorage, clock: FakeClock) -> None:
        member = await storage.run(lambda uow: linked(uow, clock))
        assert (member.desk_role, member.alias) == (DeskRole.CASEWORKER, "caseworker-1")
        with pytest.raises(UnknownCode):
            await storage.run(lambda uow: uow.staff.redeem("code", chat_id=JOSE, now=clock.now()))
        await storage.run(
            lambda uow: uow.staff.invite(
                "late", desk_role=DeskRole.EDITOR, expires_at=clock.now() + timedelta(hours=1), now=clock.now()
            )
        )
        clock.advance(hours=2)
        with pytest.raises(UnknownCode):
            await storage.run(lambda uow: uow.staff.redeem("late", chat_id=JOSE, now=clock.now()))

    async def test_a_revoked_member_is_nobody_at_once(self, storage: SqlStorage, clock: FakeClock) -> None:
        member = await storage.run(lambda uow: linked(uow, clock))
        chat = member.chat_id
        assert chat is not None
        assert await storage.run(lambda uow: uow.staff.by_chat(chat)) == member
        await storage.run(lambda uow: uow.staff.revoke(member.id, now=clock.now()))
        assert await storage.run(lambda uow: uow.staff.by_chat(chat)) is None
        assert await storage.run(lambda uow: uow.staff.all()) == []

    async def test_those_who_are_linked_are_found_by_number_and_by_name(self, storage: SqlStorage, clock: FakeClock) -> None:
        first, second, gone = [
            await storage.run(lambda uow, n=n: linked(uow, clock, ChatId(700 + n)))  # type: ignore[misc]
            for n in range(3)
        ]
        await storage.run(lambda uow: uow.staff.revoke(gone.id, now=clock.now()))
        some, aliases = await storage.read(lambda uow: (uow.staff.some([second.id, gone.id]), uow.staff.aliases()))
        assert some == [second]
        assert list(aliases.items()) == [(first.id, first.alias), (second.id, second.alias)]


class TestSmallThings:
    async def test_a_button_means_what_it_was_issued_for_until_it_expires(self, storage: SqlStorage, clock: FakeClock) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        choices = [
            [Button(label="عربي", action="language", value="ar"), Button(label="Türkçe", action="language", value="tr")],
            [Button(label="No", action="human_no")],
        ]
        later = clock.now() + timedelta(hours=1)
        [[wired, other], [no]] = await storage.run(
            lambda uow: uow.buttons.issue(choices, person_id=person.id, case_id=None, expires_at=later)
        )
        assert [wired.label, other.label, no.label] == ["عربي", "Türkçe", "No"]
        assert len({wired.token, other.token, no.token}) == 3
        token = wired.token
        assert len(token.encode()) <= 64
        found = await storage.run(lambda uow: uow.buttons.look_up(token, now=clock.now()))
        assert found is not None
        assert (found.action, found.value, found.person_id) == ("language", "ar", person.id)
        assert await storage.run(lambda uow: uow.buttons.look_up("forged", now=clock.now())) is None
        assert await storage.run(lambda uow: uow.buttons.issue([], person_id=None, case_id=None, expires_at=later)) == ()
        assert await storage.run(lambda uow: uow.buttons.delete_expired(clock.advance(hours=2))) == 3

    async def test_only_a_button_of_a_case_says_so_in_its_token(self, storage: SqlStorage, clock: FakeClock) -> None:
        later = clock.now() + timedelta(hours=1)
        for case_id in (None, CaseId(1)):
            [[wired]] = await storage.run(
                lambda uow, case_id=case_id: uow.buttons.issue(  # type: ignore[misc]
                    [[Button(label="Claim", action="claim")]], person_id=None, case_id=case_id, expires_at=later
                )
            )
            token = wired.token
            assert token.startswith(OF_CASE) is (case_id is not None)
            found = await storage.run(lambda uow, token=token: uow.buttons.look_up(token, now=clock.now()))  # type: ignore[misc]
            assert found is not None
            assert found.case_id == case_id

    async def test_the_notebook_keeps_the_last_value(self, storage: SqlStorage, clock: FakeClock) -> None:
        for value in ("one", "two"):
            await storage.run(lambda uow, value=value: uow.notebook.put("paused", value, now=clock.now()))  # type: ignore[misc]
        assert await storage.run(lambda uow: uow.notebook.get("paused")) == "two"
        await storage.run(lambda uow: uow.notebook.delete("paused"))
        assert await storage.run(lambda uow: uow.notebook.get("paused")) is None

    async def test_a_changed_audit_row_breaks_the_chain(self, storage: SqlStorage, database: Database, clock: FakeClock) -> None:
        for n in range(3):
            await storage.run(
                lambda uow, n=n: uow.audit.record(actor="a", action="case.viewed", subject=str(n), now=clock.now())  # type: ignore[misc]
            )
        assert await storage.run(lambda uow: uow.audit.verify())
        with database.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE audit SET actor = 'b' WHERE subject = '1'")
        assert not await storage.run(lambda uow: uow.audit.verify())

    async def test_an_incident_is_opened_once_and_closed(self, storage: SqlStorage, clock: FakeClock) -> None:
        assert await storage.run(lambda uow: uow.incidents.open("desk", "x", now=clock.now()))
        assert not await storage.run(lambda uow: uow.incidents.open("desk", "y", now=clock.now()))
        assert [kind for kind, _, _ in await storage.run(lambda uow: uow.incidents.list_open())] == ["desk"]
        assert await storage.run(lambda uow: uow.incidents.close("desk", now=clock.now()))
        assert await storage.run(lambda uow: uow.incidents.list_open()) == []

    async def test_a_failing_unit_of_work_keeps_nothing(self, storage: SqlStorage, clock: FakeClock) -> None:
        def half(uow: UnitOfWork) -> None:
            uow.notebook.put("a", "1", now=clock.now())
            raise Conflict("no")

        with pytest.raises(Conflict):
            await storage.run(half)
        assert await storage.run(lambda uow: uow.notebook.get("a")) is None

    async def test_a_delivery_to_a_case_topic_is_read_back(self, storage: SqlStorage, clock: FakeClock) -> None:
        delivery = Delivery(address=ToCase(case_id=CaseId(3)), content=Text(text="\u200fمرحبا"), dedupe_key="c", version=None)
        await storage.run(lambda uow: uow.outbox.add([delivery], now=clock.now()))
        found = await storage.run(lambda uow: leased(uow, Pool.DESK, clock.now(), limit=1))
        assert found[0].delivery == delivery

    async def test_another_bots_delivery_with_the_same_key_is_another_delivery(
        self, storage: SqlStorage, database: Database, clock: FakeClock
    ) -> None:
        person = await storage.run(lambda uow: a_person(uow, clock))
        await storage.run(lambda uow: uow.outbox.add([text_to(person, 1)], now=clock.now()))
        other = SqlStorage(database.engine, database.keys, bot_id=BOT_ID + 1)
        await other.run(lambda uow: uow.outbox.add([text_to(person, 1)], now=clock.now()))
        assert await storage.run(lambda uow: uow.outbox.pending()) == 2
