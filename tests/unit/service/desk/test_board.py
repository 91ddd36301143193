"""The board in General, the packet of a case, and the books that must balance."""

import pytest

from bot.domain.cases import DeliveryState, Direction
from bot.domain.deliveries import Board, Delivery, Edit, Pin, Text, ToChat
from bot.domain.ids import ChatId, UpdateId
from bot.domain.people import DeskRole, Speaker, hand_to
from bot.domain.turns import Disposition
from bot.service import board, casework, due, reconcile
from bot.service.app import App
from bot.service.ports import RawUpdate, UnitOfWork
from knowledge.passages import Audience
from support.assistant import CATALOGUE, Intents, Shelf, Someone, a_hit, an_app
from support.clock import FakeClock
from support.databases import Database
from support.desk import GROUP, LEA, RUTH, Desk, the_case

BOAT = "we are 60 people in a boat and the engine stopped, water is coming in"


def general(group: Desk) -> list[Text | Edit]:
    """What was posted in General, and how it was changed."""
    found = [content for chat, thread, content in group.messenger.sent if chat == GROUP and thread is None]
    return [content for content in found if isinstance(content, Text | Edit)]


# ---------------------------------------------------------------- board
async def test_the_board_is_posted_once_pinned_and_then_edited_when_it_would_say_something_else(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(LEA)
    await board.refresh(app)
    await group.deliver()
    (posted,) = general(group)
    assert isinstance(posted, Text)
    assert "Waiting for somebody: 1" in posted.text
    pins = [content for _, thread, content in group.messenger.sent if isinstance(content, Pin) and thread is None]
    assert len(pins) == 1
    clock.advance(seconds=45)
    await board.refresh(app)
    await group.deliver()
    assert len(general(group)) == 1, "nothing has changed, nothing is spent"
    await group.presses(LEA, "Claim")
    await board.refresh(app)
    await group.deliver()
    changed = general(group)[-1]
    assert isinstance(changed, Edit)
    assert "Waiting for somebody: 0" in changed.text
    assert "In work: 1, of these to be answered 1" in changed.text


async def test_the_board_names_urgent_cases_and_no_words_of_anybody(app: App, group: Desk, clock: FakeClock) -> None:
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    person = Someone(app, ChatId(73), hint="en")
    await person.says("an aid worker asked me for sex to get the food card")
    await person.presses("Yes")
    await board.refresh(app)
    await group.deliver()
    text = general(group)[-1].text
    cases = await app.storage.run(lambda uow: uow.cases.all())
    urgent = [case.number for case in cases if case.is_urgent]
    assert urgent
    assert all(number in text for number in urgent)
    assert "boat" not in text
    assert "sea_staff" not in text


async def test_the_board_says_that_a_promise_is_broken_until_the_person_is_answered(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(LEA)
    clock.advance(hours=25)
    while await due.ring(app):
        pass
    await board.refresh(app)
    await group.deliver()
    assert "A promised time has passed: 1" in general(group)[-1].text
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "Good morning, I am sorry for the wait")
    clock.advance(seconds=50)
    await board.refresh(app)
    await group.deliver()
    assert "A promised time has passed" not in general(group)[-1].text


async def test_the_board_says_that_the_group_is_behind(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await amina.says("are you there")
    clock.advance(seconds=61)
    case = await the_case(app)
    shown = await app.storage.run(lambda uow: board.as_it_stands(uow, app, GROUP, now=clock.now()))
    assert shown is not None
    assert "Telegram limits this group" in shown.text
    await group.deliver()
    after = await app.storage.run(lambda uow: board.as_it_stands(uow, app, GROUP, now=clock.now()))
    assert after is not None
    assert "Telegram limits this group" not in after.text
    assert case.number not in after.text, "only urgent cases are named"


async def test_of_several_boards_that_wait_one_is_sent(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    for _ in range(3):
        await board.refresh(app)
        clock.advance(seconds=1)
    await group.deliver()
    assert len(general(group)) == 1


async def test_a_board_of_a_group_that_is_not_ours_any_more_is_left_alone(app: App, group: Desk, clock: FakeClock) -> None:
    stale = Delivery(address=ToChat(chat_id=ChatId(-5)), content=Board(), dedupe_key="stale")
    await app.storage.run(lambda uow: uow.outbox.add([stale], now=clock.now()))
    await group.deliver()
    assert not any(chat == -5 for chat, _, _ in group.messenger.sent)


# ---------------------------------------------------------------- packet
ENGLISH = a_hit(1, "P08", "A family member applies, and the government decides.", version_number=3)
STAFF = a_hit(2, "6.10", "Refer to the family unity focal point.", audience=Audience.STAFF)


@pytest.fixture
def stocked(place: Database, clock: FakeClock) -> App:
    shelf = Shelf(by_word={"family": ENGLISH, "reunification": STAFF})
    intents = Intents(by_word={"family": "ask_family_reunification"})
    return an_app(place.storage(), clock, shelf=shelf, intents=intents, group_id=int(GROUP))


async def test_the_packet_says_what_was_asked_shown_known_and_agreed(stocked: App, clock: FakeClock) -> None:
    group, person = Desk(stocked), Someone(stocked, ChatId(72), hint="en")
    await person.says("what is family reunification and who decides in Germany")
    await person.commands("human")
    await person.presses("Yes")
    await group.deliver()
    words = group.words()
    for part in (
        "what is family reunification and who decides in Germany", "Severity 1", "% sure", "yes, when it was offered",
        "Told: country", "whether it is safe to write", "What the person was shown:", "version 3",
        "What the library holds on it:", "[6.10, staff, version 1", "Draft. Nobody has sent it",
    ):  # fmt: skip
        assert part in words, part
    assert not any("Draft" in text or "6.10" in text for text in await person.receives())


async def test_the_packet_says_what_the_risk_was_read_from(app: App, group: Desk) -> None:
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    await group.deliver()
    assert "read from: en-distress" in group.words()
    assert CATALOGUE.staff_text("consent_risk_to_life") in group.words()


async def test_a_sealed_case_gets_no_aid_in_the_group(stocked: App) -> None:
    group, person = Desk(stocked), Someone(stocked, ChatId(72), hint="en")
    await person.says("an aid worker asked me for sex for the family food card")
    await person.presses("Yes")
    await group.deliver()
    assert (await the_case(stocked)).sealed
    assert "What the library holds" not in group.words()
    assert "Draft" not in group.words()


async def test_without_the_library_a_case_arrives_all_the_same(place: Database, clock: FakeClock) -> None:
    app = an_app(place.storage(), clock, shelf=Shelf(state="index_missing"), group_id=int(GROUP))
    group, person = Desk(app), Someone(app, ChatId(72), hint="en")
    await person.commands("human")
    await person.presses("Yes")
    await group.deliver()
    assert "They agreed to a person" in group.words()


# ---------------------------------------------------------------- books
async def balanced(app: App) -> tuple[set[str], dict[str, int]]:
    found = await reconcile.reconcile(app)
    return set(found.wrong), {name: n for name, n in found.mended.items() if n}


async def incidents(app: App) -> set[str]:
    return {kind for kind, _, _ in await app.storage.run(lambda uow: uow.incidents.list_open())}


async def test_an_ordinary_day_balances(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "Good morning")
    for n in range(3):
        await amina.says(f"line {n}")
    await group.posts(LEA, "// she answers")
    await group.deliver()
    clock.advance(hours=2)
    assert await balanced(app) == (set(), {})


async def test_an_update_without_an_end_is_found_and_closes_by_itself(app: App, group: Desk, clock: FakeClock) -> None:
    lost = RawUpdate(update_id=UpdateId(9), chat_id=ChatId(9), payload={}, received_at=clock.now())
    await app.storage.run(lambda uow: uow.inbox.add([lost]))
    clock.advance(minutes=11)
    assert await balanced(app) == ({"updates_without_end"}, {})
    assert "updates_without_end" in await incidents(app)
    await app.storage.run(lambda uow: uow.inbox.claim(worker="w", now=clock.now(), lease_s=60, limit=1))
    await app.storage.run(
        lambda uow: uow.inbox.finish(UpdateId(9), worker="w", disposition=Disposition.SERVICE_EVENT, now=clock.now())
    )
    assert await balanced(app) == (set(), {})
    assert "updates_without_end" not in await incidents(app)


async def written(app: App, direction: Direction, state: DeliveryState) -> None:
    """A message that stands in the case and nowhere else."""
    case, now = await the_case(app), app.clock.now()

    def write(uow: UnitOfWork) -> None:
        uow.cases.add_message(case.id, direction=direction, kind="text", text="lost", staff_id=None, state=state, at=now)

    await app.storage.run(write)


async def test_a_reply_nobody_knows_the_end_of_is_found(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await written(app, Direction.TO_PERSON, DeliveryState.QUEUED)
    clock.advance(hours=1.1)
    assert (await balanced(app))[0] == {"replies_without_end"}


async def test_a_message_that_stands_in_no_group_is_found(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.deliver()
    await written(app, Direction.FROM_PERSON, DeliveryState.RECEIVED)
    clock.advance(minutes=11)
    assert (await balanced(app))[0] == {"unseen_messages"}


async def test_what_waits_too_long_is_found_and_what_waits_its_turn_is_not(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.deliver()
    await amina.says("are you there")
    clock.advance(minutes=59)
    assert (await balanced(app))[0] == set()
    clock.advance(minutes=2)
    assert (await balanced(app))[0] == {"deliveries_waiting"}


async def test_somebody_whom_nobody_answers_is_answered_again(app: App, clock: FakeClock) -> None:
    person = Someone(app, ChatId(72), hint="en")
    await person.says("hello")
    found = await app.storage.run(lambda uow: uow.people.for_chat(ChatId(72), now=clock.now()))

    def mute(uow: UnitOfWork) -> None:
        uow.people.save_conversation(hand_to(uow.people.conversation(found.id), Speaker.HUMAN, clock.now()))

    await app.storage.run(mute)
    assert (await person.says("hello")).replies == []
    assert (await balanced(app))[1] == {"people_unmuted": 1}
    assert (await person.says("hello")).replies


async def test_a_case_from_before_there_were_timers_gets_them(
    app: App, group: Desk, clock: FakeClock, amina: Someone, place: Database
) -> None:
    with place.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM case_timer")
    assert (await balanced(app))[1] == {"cases_timed": 1}
    case = await the_case(app)
    kinds = {str(kind) for kind in await app.storage.run(lambda uow: uow.timers.open_of(case.id))}
    assert kinds == {"first_reply", "route"}
    assert await balanced(app) == (set(), {})


async def test_an_incident_of_the_desk_closes_when_the_group_is_reached_again(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await app.storage.run(lambda uow: uow.incidents.open("desk_unavailable", "kicked", now=clock.now()))
    await reconcile.reconcile(app)
    assert "desk_unavailable" in await incidents(app)
    clock.advance(minutes=1)
    await amina.says("are you there")
    await group.deliver()
    await reconcile.reconcile(app)
    assert "desk_unavailable" not in await incidents(app)


async def test_an_office_without_a_focal_point_is_told_so_and_its_incident_closes_with_one(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(RUTH, DeskRole.SUPERVISOR)
    case = await the_case(app)
    await app.storage.run(lambda uow: casework.seal(uow, app, case, key="sealed", now=clock.now()))
    await group.deliver()
    private = [content.text for chat, _, content in group.messenger.sent if chat == RUTH and isinstance(content, Text)]
    assert "nobody with the role focal_point" in private[-1]
    assert "no_focal_point" in await incidents(app)
    await group.member(LEA, DeskRole.FOCAL_POINT)
    await reconcile.reconcile(app)
    assert "no_focal_point" not in await incidents(app)
