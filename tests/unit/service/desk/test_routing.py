"""A case that waits finds somebody: by claim, by gift, or by a word to those who can do something about it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.cases import WorkState
from bot.domain.ids import ChatId
from bot.domain.messages import Kind
from bot.domain.people import DeskRole
from bot.domain.routing import Why
from bot.service import due, groups
from bot.service.app import App
from support.assistant import CATALOGUE, Someone
from support.clock import FakeClock
from support.desk import GROUP, LEA, OMAR, RUTH, Desk, the_case

LEGAL = ChatId(-100_88)


def pushing(app: App) -> App:
    """The same office, whose general queue gives cases instead of announcing them."""
    general = replace(app.policies.queues["general"], mode="push")
    return replace(app, policies=replace(app.policies, queues={**app.policies.queues, "general": general}))


async def asks(app: App, number: int = 72, hint: str = "en") -> Someone:
    person = Someone(app, ChatId(number), hint=hint)
    await person.commands("human")
    await person.presses("Yes" if hint == "en" else "Oui")
    return person


def told(group: Desk, chat: ChatId) -> str:
    return "\n".join(content.text for to, _, content in group.messenger.sent if to == chat and hasattr(content, "text"))


async def test_a_queue_that_gives_gives_to_who_carries_least(app: App, group: Desk, clock: FakeClock) -> None:
    push = pushing(app)
    lea, omar = await group.member(LEA), await group.member(OMAR)
    for number in (72, 73, 74):
        await asks(push, number)
        clock.advance(seconds=1)
        await due.ring(push)
    held = await app.storage.run(lambda uow: (len(uow.cases.owned_by(lea.id)), len(uow.cases.owned_by(omar.id))))
    assert sorted(held) == [1, 2]
    await group.deliver()
    assert "Given to you" not in told(group, LEA)
    assert f"Given to {lea.alias}" in told(group, LEA)


async def test_why_it_was_given_is_kept(app: App, group: Desk, clock: FakeClock) -> None:
    push = pushing(app)
    lea = await group.member(LEA, languages=frozenset({"en"}))
    omar = await group.member(OMAR, away=True)
    await asks(push)
    await due.ring(push)
    case = await the_case(app)
    (routing,) = await app.storage.run(lambda uow: uow.cases.routings(case.id))
    assert (routing.mode, routing.chosen_id) == ("push", lea.id)
    assert [(who, fits, list(why)) for who, fits, why in routing.candidates] == [
        (lea.id, True, [Why.SPEAKS]), (omar.id, False, [Why.AWAY]),
    ]  # fmt: skip


async def test_at_night_nothing_is_given_and_in_the_morning_it_is(app: App, group: Desk, clock: FakeClock) -> None:
    push = pushing(app)
    await group.member(LEA)
    clock.advance(hours=12)  # Tuesday, nine in the evening
    await asks(push)
    await due.ring(push)
    assert (await the_case(app)).state is WorkState.QUEUED
    clock.advance(hours=11)
    await due.ring(push)
    assert (await the_case(app)).state is WorkState.QUEUED
    clock.advance(hours=1)
    await due.ring(push)
    assert (await the_case(app)).state is WorkState.ACTIVE


async def test_what_somebody_gave_back_goes_to_somebody_else(app: App, group: Desk, clock: FakeClock) -> None:
    push = pushing(app)
    lea = await group.member(LEA)
    await asks(push)
    await due.ring(push)
    assert (await the_case(app)).owner_id == lea.id
    await group.presses(LEA, "Release")
    await due.ring(push)
    assert (await the_case(app)).state is WorkState.QUEUED, "not at once to the same again"
    omar = await group.member(OMAR)
    clock.advance(minutes=16)
    await due.ring(push)
    assert (await the_case(app)).owner_id == omar.id, "it is looked again while it waits"


async def test_an_urgent_case_is_given_to_nobody_who_may_not_look(app: App, group: Desk, clock: FakeClock) -> None:
    push = pushing(app)
    await group.member(LEA, on_call=1)
    await Someone(push, ChatId(72), hint="en").says("we are 60 people in a boat and the engine stopped, water is coming in")
    await due.ring(push)
    await group.deliver()
    assert (await the_case(app)).state is WorkState.QUEUED
    assert "Urgent case" in told(group, LEA)


async def test_where_nobody_fits_the_supervisors_are_told_once(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(LEA, languages=frozenset({"am"}))
    await group.member(RUTH, DeskRole.SUPERVISOR, languages=frozenset({"am"}))
    await asks(app)
    await due.ring(app)
    clock.advance(hours=1)
    await due.ring(app)
    await group.deliver()
    assert told(group, RUTH).count(CATALOGUE.staff_text("nobody_fits")) == 1
    assert group.words().count(CATALOGUE.staff_text("nobody_fits")) == 1


async def test_a_language_nobody_speaks_is_said_in_the_topic(app: App, group: Desk) -> None:
    await group.member(LEA)
    await asks(app, hint="fr")
    await due.ring(app)
    await group.deliver()
    assert "Nobody on shift speaks fr" in group.words()


async def test_who_helped_a_person_before_is_told_that_they_are_back(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(LEA)
    await group.member(OMAR)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Resolve …")
    await group.presses(LEA, "Helped")
    clock.advance(days=8)
    while await due.ring(app):
        pass
    await amina.commands("human")
    await amina.presses("Yes")
    await due.ring(app)
    await group.deliver()
    assert "You helped this person before" in told(group, LEA)
    assert "You helped this person before" not in told(group, OMAR)
    await group.presses(LEA, "Claim")
    cases = await app.storage.run(lambda uow: uow.cases.all())
    assert [case.state for case in cases] == [WorkState.ACTIVE]


# ---------------------------------------------------------------- several teams
@pytest.fixture
def two_teams(app: App) -> App:
    return replace(app, office=replace(app.office, groups={"legal": LEGAL}))


async def test_a_case_is_shown_in_the_group_of_its_team_and_moves_with_its_story(two_teams: App, clock: FakeClock) -> None:
    group = Desk(two_teams)
    await group.member(LEA)
    person = await asks(two_teams)
    await person.says("my appeal ends on Friday")
    await group.deliver()
    assert {chat for chat, _, _ in group.messenger.sent if chat < 0} == {GROUP}
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "legal", kind=Kind.COMMAND, command="queue", argument="legal")
    case = await the_case(two_teams)
    assert (case.queue, case.state) == ("legal", WorkState.QUEUED)
    await group.deliver()
    there = "\n".join(c.text for chat, _, c in group.messenger.sent if chat == LEGAL and hasattr(c, "text"))
    assert "my appeal ends on Friday" in there, "they have not seen what was written"
    before = len(group.messenger.sent)
    await person.says("and I have no lawyer")
    await group.deliver()
    assert {chat for chat, _, _ in group.messenger.sent[before:] if chat < 0} == {LEGAL}
    assert "and I have no lawyer" in group.messenger.sent[-1][2].text  # type: ignore[union-attr]


async def test_a_group_that_was_given_a_new_id_keeps_its_cases(two_teams: App, clock: FakeClock) -> None:
    new = ChatId(-100_99)
    await two_teams.storage.run(lambda uow: groups.follow(uow, two_teams, LEGAL, new))
    found = await two_teams.storage.run(lambda uow: groups.all_groups(uow, two_teams))
    assert found == {"": GROUP, "legal": new}
    for chat, now_is in ((new, new), (LEGAL, new), (GROUP, GROUP), (ChatId(-5), None)):
        assert await two_teams.storage.run(lambda uow, chat=chat: groups.desk_of(uow, two_teams, chat)) == now_is  # type: ignore[misc]


async def test_what_was_posted_before_the_group_got_its_new_id_still_reaches_the_person(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await app.storage.run(lambda uow: groups.follow(uow, app, GROUP, ChatId(-100_99)))
    await group.posts(LEA, "Good morning")
    assert "Caseworker: Good morning" in await amina.receives()


# ---------------------------------------------------------------- drills
async def test_a_drill_is_a_case_in_everything_and_says_what_it_is(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await group.member(LEA, on_call=1)
    await group.member(OMAR, on_call=2)
    ruth = Someone(app, RUTH, hint="en")
    await ruth.commands("drill", "4")
    case = await the_case(app)
    assert (case.drill, case.severity, case.state) == (True, 4, WorkState.QUEUED)
    for minutes in (0, 3.1):  # the first stays silent
        clock.advance(minutes=minutes)
        await due.ring(app)
    await group.deliver()
    for text in (told(group, LEA), told(group, OMAR)):
        assert "DRILL" in text
        assert "Urgent case" in text
    assert group.messenger.topics[0].startswith("DRILL")
    await group.presses(OMAR, "Claim")
    await ruth.says("I am playing somebody in a boat")
    await group.posts(OMAR, "Where are you?")
    assert "Caseworker: Where are you?" in await ruth.receives()
    assert "playing somebody" in group.words()


async def test_nobody_else_opens_a_drill_nor_learns_that_there_are_any(app: App, group: Desk) -> None:
    await group.member(LEA)
    for chat in (LEA, ChatId(72)):
        said = await Someone(app, chat, hint="en").commands("drill", "4")
        unknown = await Someone(app, ChatId(int(chat) + 1000), hint="en").commands("nonsense")
        assert said.replies[0].text == unknown.replies[0].text
    assert await app.storage.run(lambda uow: uow.cases.all()) == []


async def test_a_drill_and_a_case_in_earnest_never_become_one(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(RUTH, DeskRole.SUPERVISOR)
    ruth = Someone(app, RUTH, hint="en")
    await ruth.commands("drill", "1")
    await group.presses(RUTH, "Claim")
    await group.presses(RUTH, "Resolve …")
    await group.presses(RUTH, "Helped")
    clock.advance(hours=1)
    await ruth.commands("human")
    await ruth.presses("Yes")
    cases = await app.storage.run(lambda uow: uow.cases.all(open_only=False))
    assert sorted((case.drill, case.state, case.follows_id) for case in cases) == [
        (False, WorkState.QUEUED, None), (True, WorkState.RESOLVED, None),
    ]  # fmt: skip


async def test_a_case_that_waits_unclaimed_is_told_to_the_supervisors_before_it_is_late(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(RUTH, DeskRole.SUPERVISOR)
    clock.advance(hours=21)
    await due.ring(app)
    await group.deliver()
    assert "Nobody has taken this case" in told(group, RUTH)
    assert clock.now() < (await the_case(app)).opened_at + timedelta(days=1)
