"""Accounts, sessions, requests to open sealed cases, gaps and figures, on every database the product supports."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.adapters.storage.rotation import rotate
from bot.adapters.storage.storage import SqlStorage
from bot.domain.accounts import Account, Tries
from bot.domain.cases import Case, CaseEvent, DeliveryState, Direction, EventKind
from bot.domain.errors import UnknownCode
from bot.domain.gaps import GapKind
from bot.domain.ids import CaseId, ChatId, UpdateId
from bot.domain.people import DeskRole, StaffMember
from bot.domain.timers import Timer, TimerKind, TimerState
from bot.domain.turns import TurnRecord
from bot.service.ports import UnitOfWork
from support.clock import FakeClock
from support.databases import BOT_ID, Database

SECRET, WORDS = "JBSWY3DPEHPK3PXP" * 2, "where is the office"


@pytest.fixture
def storage(database: Database) -> SqlStorage:
    return database.storage()


def member(uow: UnitOfWork, clock: FakeClock, role: DeskRole = DeskRole.CASEWORKER) -> StaffMember:
    code = f"code-{len(uow.staff.all())}"
    uow.staff.invite(code, desk_role=role, expires_at=clock.now() + timedelta(hours=1), now=clock.now())
    return uow.staff.redeem(code, chat_id=None, now=clock.now())


def account(of: StaffMember, clock: FakeClock) -> Account:
    return Account(staff_id=of.id, password_hash="hash", totp_secret=SECRET, last_step=0, changed_at=clock.now())


def a_case(uow: UnitOfWork, clock: FakeClock, number: str, *, sealed: bool = False, drill: bool = False) -> Case:
    person = uow.people.for_chat(ChatId(sum(map(ord, number))), now=clock.now())
    blank = Case(
        id=CaseId(0), number=number, person_id=person.id, language="en", sealed=sealed, opened_at=clock.now(), drill=drill
    )  # fmt: skip
    return uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=clock.now(), severity=4))


async def test_an_account_is_kept_sealed_and_read_again(storage: SqlStorage, database: Database, clock: FakeClock) -> None:
    found = await storage.run(lambda uow: member(uow, clock))
    made = account(found, clock)
    await storage.run(lambda uow: uow.accounts.save(made))
    assert await storage.read(lambda uow: uow.accounts.get(found.id)) == made
    assert set(await storage.read(lambda uow: uow.accounts.having())) == {found.id}
    with database.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT totp_secret FROM account").scalar_one()
    assert SECRET.encode() not in bytes(kept)


async def test_a_step_is_used_once_whoever_comes_at_once(storage: SqlStorage, clock: FakeClock) -> None:
    found = await storage.run(lambda uow: member(uow, clock))
    made = account(found, clock)
    await storage.run(lambda uow: uow.accounts.save(made))
    tries = await asyncio.gather(*(storage.run(lambda uow: uow.accounts.use_step(made, 7)) for _ in range(6)))
    assert sum(tries) == 1
    assert not await storage.run(lambda uow: uow.accounts.use_step(made, 6))
    assert not await storage.run(lambda uow: uow.accounts.use_step(replace(made, password_hash="older"), 8))


async def test_a_password_that_is_another_by_now_is_not_written_over(storage: SqlStorage, clock: FakeClock) -> None:
    found = await storage.run(lambda uow: member(uow, clock))
    made = account(found, clock)
    await storage.run(lambda uow: uow.accounts.save(made))
    assert await storage.run(lambda uow: uow.accounts.change_password(made, "new", now=clock.now()))
    assert not await storage.run(lambda uow: uow.accounts.change_password(made, "newer", now=clock.now()))


async def test_sessions_end_one_by_one_for_a_member_and_with_their_link(storage: SqlStorage, clock: FakeClock) -> None:
    lea, omar = await storage.run(lambda uow: (member(uow, clock), member(uow, clock)))

    def start(uow: UnitOfWork) -> None:
        for token, who in (("a", lea), ("b", lea), ("c", omar)):
            uow.accounts.start_session(token, who.id, now=clock.now())

    await storage.run(start)
    assert set(await storage.read(lambda uow: uow.accounts.sessions(["a", "b", "c", "d"]))) == {"a", "b", "c"}
    await storage.run(lambda uow: uow.accounts.end_sessions(lea.id, but="b"))
    assert set(await storage.read(lambda uow: uow.accounts.sessions(["a", "b", "c"]))) == {"b", "c"}
    await storage.run(lambda uow: uow.staff.revoke(omar.id, now=clock.now()))
    assert set(await storage.read(lambda uow: uow.accounts.sessions(["b", "c"]))) == {"b"}
    later = clock.advance(hours=1)
    await storage.run(lambda uow: uow.accounts.delete_dead_sessions(seen_before=later, started_before=later))
    assert await storage.read(lambda uow: uow.accounts.sessions(["b"])) == {}


async def test_tries_are_counted_one_after_the_other(storage: SqlStorage, clock: FakeClock) -> None:
    def count(uow: UnitOfWork) -> None:
        known = uow.accounts.tries("lea@here")
        uow.accounts.save_tries("lea@here", Tries(failures=known.failures + 1), now=clock.now())

    await asyncio.gather(*(storage.run(count) for _ in range(8)))
    assert await storage.run(lambda uow: uow.accounts.tries("lea@here")) == Tries(failures=8)


async def test_a_code_works_once_whoever_comes_at_once(storage: SqlStorage, clock: FakeClock) -> None:
    expires = clock.now() + timedelta(hours=1)
    await storage.run(lambda uow: uow.staff.invite("x", desk_role=DeskRole.EDITOR, expires_at=expires, now=clock.now()))
    redeem = storage.run
    found = await asyncio.gather(
        *(redeem(lambda uow: uow.staff.redeem("x", chat_id=None, now=clock.now())) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, StaffMember) for one in found) == 1
    assert sum(isinstance(one, UnknownCode) for one in found) == 4


async def test_a_request_waits_is_granted_and_ends(storage: SqlStorage, clock: FakeClock) -> None:
    now = clock.now()
    ruth, vera = await storage.run(lambda uow: (member(uow, clock), member(uow, clock)))
    case = await storage.run(lambda uow: a_case(uow, clock, "AAA-111", sealed=True))
    until = now + timedelta(hours=1)
    asked = await storage.run(lambda uow: uow.accounts.ask_to_open(case.id, by=ruth.id, reason=WORDS, now=now, until=until))
    assert (asked.reason, asked.waits(now), asked.opens(now)) == (WORDS, True, False)
    await storage.run(lambda uow: uow.accounts.grant(asked.id, by=vera.id, until=until))
    opened = (await storage.read(lambda uow: uow.accounts.requests(since=now)))[0]
    assert opened.opens(now)
    await storage.run(lambda uow: uow.cases.append(case, CaseEvent(kind=EventKind.CLAIMED, at=now, staff_id=ruth.id)))
    await storage.run(lambda uow: uow.accounts.end_request(asked.id, now=now + timedelta(minutes=1)))
    later = now + timedelta(minutes=2)
    assert await storage.read(lambda uow: uow.accounts.requests(since=later)) == []
    assert await storage.read(lambda uow: uow.accounts.outstayed(since=now, now=later)) == [ruth.id]
    await storage.run(lambda uow: uow.people.erase(case.person_id, now=later))
    assert (await storage.read(lambda uow: uow.accounts.requests(since=now)))[0].reason == ""


async def test_questions_of_a_kind_share_a_gap_whoever_asks_at_once(storage: SqlStorage, clock: FakeClock) -> None:
    def ask(uow: UnitOfWork, language: str) -> None:
        uow.gaps.count(intent="ask_visa", topic="P01", language=language, update_id=None, now=clock.now())

    await asyncio.gather(*(storage.run(lambda uow, code=code: ask(uow, code)) for code in ("en", "en", "fr", "en")))  # type: ignore[misc]
    wrong = await storage.run(
        lambda uow: uow.gaps.report(
            kind=GapKind.WRONG, topic="P02", intent="–", language="en", note="the fee is old", now=clock.now()
        )
    )
    found = await storage.read(lambda uow: uow.gaps.all())
    assert [(one.kind, one.asked, one.languages[0], one.note) for one in found] == [
        (GapKind.WRONG, 1, "en", "the fee is old"), (GapKind.UNANSWERED, 4, "en", "")
    ]  # fmt: skip
    await storage.run(lambda uow: uow.gaps.close(wrong.id, by="pathways/x 2", now=clock.now()))
    assert [one.id for one in await storage.read(lambda uow: uow.gaps.all(closed=True))] == [wrong.id]
    later = clock.advance(days=400)
    assert await storage.run(lambda uow: uow.gaps.delete(before=later, notes_before=later)) == 5
    assert await storage.read(lambda uow: (uow.gaps.all(), uow.gaps.all(closed=True))) == ([], [])


async def test_words_of_a_gap_are_those_of_its_turn_while_no_case_has_them(storage: SqlStorage, clock: FakeClock) -> None:
    def ask(uow: UnitOfWork) -> Case:
        person = uow.people.for_chat(ChatId(5), now=clock.now())
        uow.turns.add(
            TurnRecord(
                update_id=UpdateId(3), person_id=person.id, at=clock.now(), outcome="escalate", severity=1, rule_id="r",
                reason="not_in_documents", language="en", language_confidence=1.0, text=WORDS,
            )
        )  # fmt: skip
        uow.gaps.count(intent="–", topic="–", language="en", update_id=UpdateId(3), now=clock.now())
        return Case(id=CaseId(0), number="B", person_id=person.id, language="en", sealed=False, opened_at=clock.now())

    blank = await storage.run(ask)
    gap = (await storage.read(lambda uow: uow.gaps.all()))[0]
    assert [one.text for one in await storage.read(lambda uow: uow.gaps.askings(gap.id))] == [WORDS]
    await storage.run(lambda uow: uow.cases.open(blank, CaseEvent(kind=EventKind.OPENED, at=clock.now(), severity=1)))
    assert [one.text for one in await storage.read(lambda uow: uow.gaps.askings(gap.id))] == [""]


async def test_figures_leave_out_drills_and_sealed_cases(storage: SqlStorage, clock: FakeClock) -> None:
    since = clock.now() - timedelta(days=1)

    def fill(uow: UnitOfWork) -> Case:
        lea = member(uow, clock)
        for n, kinds in enumerate(({}, {"sealed": True}, {"drill": True})):
            case = a_case(uow, clock, f"AA{n}-111", **kinds)
            uow.cases.append(case, CaseEvent(kind=EventKind.CLAIMED, at=clock.now(), staff_id=lea.id))
            for state in (TimerState.KEPT, TimerState.MISSED):
                timer = Timer(kind=TimerKind.FIRST_REPLY, started_at=clock.now(), due_at=clock.now(), state=state)
                uow.timers.save(case.id, timer, rings_at=None)
        return uow.cases.get(CaseId(case.id - 2))

    first = await storage.run(fill)
    cases, taken, sealed, promises, dues = await storage.read(
        lambda uow: (
            uow.figures.cases(since=since), uow.figures.taken(since=since), uow.figures.sealed(since=since),
            uow.figures.promises(since=since), uow.figures.dues(),
        )
    )  # fmt: skip
    assert [(case.number, at) for case, at in cases] == [(first.number, clock.now())]
    assert [one.severity for one in taken] == [4]
    assert sealed == 1
    assert [one.state for one in promises] == [TimerState.MISSED], "the last word on a first reply counts"
    assert first.id in dues


async def test_turns_are_counted_by_outcome_and_exercises_are_left_out(storage: SqlStorage, clock: FakeClock) -> None:
    since = clock.now()

    def turn(uow: UnitOfWork, number: int, outcome: str, case: Case | None = None, *, days: int = 0) -> None:
        person = uow.people.for_chat(ChatId(5), now=clock.now())
        uow.turns.add(
            TurnRecord(
                update_id=UpdateId(number), person_id=person.id, at=since + timedelta(days=days), outcome=outcome, severity=1,
                rule_id="r", reason="r", language="en", language_confidence=1.0, text=WORDS,
                case_id=None if case is None else case.id,
            )
        )  # fmt: skip

    def fill(uow: UnitOfWork) -> None:
        turn(uow, 1, "answer")
        turn(uow, 2, "answer", days=2)
        turn(uow, 3, "emergency", a_case(uow, clock, "AAA-111"))
        turn(uow, 4, "emergency", a_case(uow, clock, "BBB-222", drill=True))
        turn(uow, 5, "clarify", days=-1)

    await storage.run(fill)
    assert await storage.read(lambda uow: uow.figures.outcomes(since=since)) == {"answer": 2, "emergency": 1}


async def test_the_mark_of_a_case_changes_with_every_message_and_what_becomes_of_it(
    storage: SqlStorage, clock: FakeClock
) -> None:
    case = await storage.run(lambda uow: a_case(uow, clock, "AAA-111"))

    async def mark() -> tuple[int, ...] | None:
        return (await storage.read(lambda uow: uow.figures.marks([case.id]))).get(case.id)

    marks = [await mark()]
    for text in ("one", "two"):
        message = await storage.run(
            lambda uow, text=text: uow.cases.add_message(  # type: ignore[misc]
                case.id,
                direction=Direction.TO_PERSON,
                kind="text",
                text=text,
                staff_id=None,
                state=DeliveryState.QUEUED,
                at=clock.now(),
            )
        )
        marks.append(await mark())
    await storage.run(lambda uow: uow.cases.set_message_state(message.id, DeliveryState.SENT))
    marks.append(await mark())
    await storage.run(lambda uow: uow.cases.set_text(message.id, "two and more"))
    marks.append(await mark())
    assert len(set(marks)) == len(marks)


async def test_a_new_master_key_keeps_accounts_and_ends_sessions(
    storage: SqlStorage, database: Database, clock: FakeClock
) -> None:
    found = await storage.run(lambda uow: member(uow, clock))
    made = account(found, clock)

    def fill(uow: UnitOfWork) -> None:
        uow.accounts.save(made)
        uow.accounts.start_session("a", found.id, now=clock.now())
        case = a_case(uow, clock, "AAA-111", sealed=True)
        uow.cases.add_packet(case.id, WORDS, now=clock.now())
        uow.accounts.ask_to_open(case.id, by=found.id, reason=WORDS, now=clock.now(), until=clock.now() + timedelta(hours=1))
        uow.gaps.report(kind=GapKind.WRONG, topic="–", intent="–", language="en", note=WORDS, now=clock.now())

    await storage.run(fill)
    path = Path(database.folder) / "keys" / "master.json"
    rotate(database.engine, path, bot_id=BOT_ID, clock=clock)
    after = replace(database, keys=type(database.keys).load(path)).storage()
    assert await after.read(lambda uow: uow.accounts.get(found.id)) == made
    assert await after.read(lambda uow: uow.accounts.sessions(["a"])) == {}
    assert (await after.read(lambda uow: uow.accounts.requests(since=clock.now())))[0].reason == WORDS
    assert (await after.read(lambda uow: uow.gaps.all()))[0].note == WORDS
    case = (await after.read(lambda uow: uow.cases.all()))[0]
    assert await after.read(lambda uow: uow.cases.packets(case.id)) == [WORDS]
