"""The life of a case at the desk: what is promised, what falls due, and who is told."""

from datetime import timedelta

import pytest

from bot.domain.cases import Case, WorkState
from bot.domain.deliveries import Copy
from bot.domain.ids import ChatId
from bot.domain.messages import Kind
from bot.domain.people import DeskRole, Speaker
from bot.domain.timers import Timer, TimerKind, TimerState
from bot.service import casework, desk, due
from bot.service.app import App
from support.assistant import CATALOGUE, Someone
from support.clock import FakeClock
from support.desk import GROUP, LEA, OMAR, RUTH, Desk, the_case

BOAT = "we are 60 people in a boat and the engine stopped, water is coming in"


async def later(app: App, clock: FakeClock, **time: float) -> int:
    """Let time pass and ring until nothing rings any more; return how often it rang."""
    clock.advance(**time)
    rung = 0
    while now := await due.ring(app):
        rung += now
    return rung


def private(group: Desk, chat: ChatId) -> list[str]:
    """What a colleague was told in private."""
    return [content.text for to, _, content in group.messenger.sent if to == chat and hasattr(content, "text")]


# ---------------------------------------------------------------- promises
async def test_a_promise_warns_twice_and_its_breach_is_said_once(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(RUTH, DeskRole.SUPERVISOR)
    for hours in (12, 8, 4.5, 100):  # one working day: until tomorrow at nine
        await later(app, clock, hours=hours)
    await group.deliver()
    words = group.words()
    assert words.count("First reply promised in") == 2
    assert words.count(CATALOGUE.staff_text("missed_first_reply")) == 1
    number = (await the_case(app)).number
    unclaimed, missed, *still = private(group, RUTH)
    assert unclaimed.startswith(f"{number}: Nobody has taken this case")
    assert missed == f"{number}: {CATALOGUE.staff_text('missed_first_reply')}"
    assert still
    assert all("Nobody has taken this case yet" in text for text in still), "once a day, as long as nobody has it"


async def test_a_first_reply_keeps_the_promise(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "Good morning, how can I help?")
    case = await the_case(app)
    assert case.state is WorkState.WAITING_PERSON
    kept = {timer.kind: timer.state for timer in await app.storage.run(lambda uow: uow.timers.all_of(case.id))}
    assert (kept[TimerKind.FIRST_REPLY], kept[TimerKind.OWNER]) == (TimerState.KEPT, TimerState.KEPT)
    assert "answered, waiting for the person" in (await shown_header(group))


async def test_after_a_standstill_one_warning_is_enough(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await later(app, clock, hours=23)
    await later(app, clock, hours=2)
    await group.deliver()
    words = group.words()
    assert words.count("First reply promised in") == 1
    assert words.count(CATALOGUE.staff_text("missed_first_reply")) == 1


async def test_a_silent_owner_loses_the_case(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    lea = await group.member(LEA)
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await group.presses(LEA, "Claim")
    await later(app, clock, hours=4.1)
    case = await the_case(app)
    assert (case.state, case.owner_id, case.last_owner_id) == (WorkState.QUEUED, None, lea.id)
    conversation = await app.storage.run(lambda uow: uow.people.conversation(case.person_id))
    assert conversation.speaker is Speaker.HUMAN_PENDING
    await group.deliver()
    assert "waiting for a caseworker again" in (await amina.receives())[-1]
    assert any("No sign of life" in text for text in private(group, LEA))
    assert any("No sign of life" in text for text in private(group, RUTH))
    assert group.labels() == ["Claim"]


async def test_a_note_is_a_sign_of_life_but_no_reply(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "// I am looking for an interpreter")
    clock.advance(hours=3)
    await group.posts(LEA, "// still looking")
    await later(app, clock, hours=3)
    assert (await the_case(app)).state is WorkState.ACTIVE
    await later(app, clock, hours=20)
    assert (await the_case(app)).state is WorkState.QUEUED, "a note is no reply: the next sign of life is expected in its time"
    await group.deliver()
    assert CATALOGUE.staff_text("missed_first_reply") in group.words()


async def test_a_timer_that_fails_holds_up_no_other(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    other = Someone(app, ChatId(72), hint="en")
    await other.commands("human")
    await other.presses("Yes")
    await later(app, clock, seconds=1)
    broken = await the_case(app)
    odd = Timer(kind=TimerKind.WAKE, started_at=clock.now(), due_at=clock.now())  # nothing has been put aside
    await app.storage.run(lambda uow: uow.timers.save(broken.id, odd, rings_at=clock.now()))
    assert await later(app, clock, hours=12.1) == 2, "the warnings of both cases"
    open_now = await app.storage.run(lambda uow: uow.incidents.list_open())
    assert "timer_failed" in [kind for kind, _, _ in open_now]


# ---------------------------------------------------------------- urgent cases
async def test_an_urgent_case_calls_one_after_the_other_until_somebody_takes_it(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(LEA, on_call=1)
    await group.member(OMAR, on_call=2)
    await group.member(RUTH, DeskRole.SUPERVISOR)
    someone = Someone(app, ChatId(72), hint="en")
    assert (await someone.says(BOAT)).case_opened
    await later(app, clock, seconds=1)
    await group.deliver()
    assert "Urgent case" in private(group, LEA)[-1]
    assert private(group, OMAR) == []
    await later(app, clock, minutes=3)
    await group.deliver()
    assert "Urgent case" in private(group, OMAR)[-1]
    await group.presses(OMAR, "Claim")  # in private, from the call
    assert (await the_case(app)).state is WorkState.ACTIVE
    await later(app, clock, minutes=1)
    assert not any("Everybody on call" in text for text in private(group, RUTH))


async def test_when_nobody_takes_it_the_supervisors_are_told_and_an_incident_is_open(
    app: App, group: Desk, clock: FakeClock
) -> None:
    await group.member(LEA, on_call=1)
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    await later(app, clock, seconds=1)
    await later(app, clock, minutes=3.1)
    await group.deliver()
    assert any("Everybody on call" in text for text in private(group, RUTH))
    open_now = await app.storage.run(lambda uow: uow.incidents.list_open())
    case = await the_case(app)
    assert [kind for kind, _, _ in open_now] == [f"urgent_case_unclaimed:{case.number}"]
    await group.presses(LEA, "Claim")
    assert await app.storage.run(lambda uow: uow.incidents.list_open()) == []


async def test_an_urgent_case_takes_two_people_to_resolve(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(LEA)
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    await group.deliver()
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Resolve …")
    assert "one line that says what was done" in await group.presses(LEA, "Helped")
    await group.posts(LEA, "helped the coast guard took them in", kind=Kind.COMMAND, command="resolve",
                      argument="helped the coast guard took them in")  # fmt: skip
    assert (await the_case(app)).state is WorkState.ACTIVE
    await group.deliver()
    assert any("would resolve this case" in text for text in private(group, RUTH))
    await group.presses(RUTH, "Helped")
    case = await the_case(app)
    assert (case.state, case.resolution) == (WorkState.RESOLVED, "helped")


async def test_an_urgent_case_is_put_aside_for_two_hours_at_most(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(LEA)
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    await group.deliver()
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Put aside …")
    assert "at most 2 hours" in await group.presses(LEA, "4 hours")
    await group.presses(LEA, "1 hour")
    assert (await the_case(app)).state is WorkState.SNOOZED


# ---------------------------------------------------------------- waiting
async def test_what_was_put_aside_comes_back_in_its_time(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Put aside …")
    await group.presses(LEA, "1 hour")
    await later(app, clock, minutes=59)
    assert (await the_case(app)).state is WorkState.SNOOZED
    await later(app, clock, minutes=2)
    assert (await the_case(app)).state is WorkState.ACTIVE


async def test_whatever_the_person_writes_wakes_the_case(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Put aside …")
    await group.presses(LEA, "3 days")
    await amina.says("I have one more question")
    assert (await the_case(app)).state is WorkState.ACTIVE


async def test_the_person_is_reminded_twice_and_then_the_owner_is_asked(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "Do you still have the letter?")
    before = len(await amina.receives())
    for _ in range(5):
        await later(app, clock, hours=24.1)
    said = (await amina.receives())[before:]
    assert [text.split(".")[0] for text in said] == ["A caseworker has answered above"] * 2
    await group.deliver()
    assert "has not answered, also not two reminders" in group.words()


async def test_a_partner_is_asked_and_the_person_kept_informed(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Ask a partner")
    assert (await the_case(app)).state is WorkState.WAITING_PARTNER
    await later(app, clock, days=3.1)
    assert (await the_case(app)).state is WorkState.ACTIVE
    await group.deliver()
    assert "has heard nothing for a while" in group.words()


# ---------------------------------------------------------------- the end, and after it
async def resolved(group: Desk, who: ChatId = LEA) -> None:
    await group.presses(who, "Claim")
    await group.presses(who, "Resolve …")
    await group.presses(who, "Helped")
    await group.deliver()


async def test_within_a_week_the_same_case_opens_again(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    lea = await group.member(LEA)
    await resolved(group)
    first = await the_case(app)
    await later(app, clock, days=6, hours=23)
    await amina.commands("human")
    assert (await amina.presses("Yes")).case_opened
    again = await the_case(app)
    assert (again.id, again.state, again.last_owner_id) == (first.id, WorkState.QUEUED, lea.id)
    await group.deliver()
    assert f"{lea.alias} had this case last" in group.words()
    assert len(group.messenger.topics) == 1, "the same topic, opened again"


async def test_after_a_week_a_new_case_follows_the_old_one(app: App, group: Desk, clock: FakeClock, amina: Someone) -> None:
    await group.member(LEA)
    await resolved(group)
    first = await the_case(app)
    await later(app, clock, days=7, seconds=1)
    assert (await the_case(app)).state is WorkState.CLOSED
    await amina.commands("human")
    await amina.presses("Yes")
    second = await app.storage.run(lambda uow: uow.cases.last_of(first.person_id))
    assert second is not None
    assert (second.follows_id, second.number != first.number) == (first.id, True)


async def test_thanks_after_the_end_are_answered_by_the_assistant(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await resolved(group)
    await amina.says("thank you so much")
    assert (await the_case(app)).state is WorkState.RESOLVED, "a word of thanks opens nothing again"


async def test_a_mistyped_command_never_reaches_the_person(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    before = await amina.receives()
    await group.posts(LEA, "he lies", kind=Kind.COMMAND, command="nota", argument="he lies")
    assert await amina.receives() == before
    assert "nothing was sent to the person" in group.words()


@pytest.mark.parametrize(
    "changes", [{"text": "/ resolve he lies"}, {"text": "/résoudre il ment"}, {"kind": Kind.PHOTO, "text": "/resolve he lies"}]
)
async def test_what_looks_like_a_command_never_reaches_the_person(
    app: App, group: Desk, amina: Someone, changes: dict[str, object]
) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    before = await amina.receives()
    await group.posts(LEA, **changes)  # type: ignore[arg-type]
    assert await amina.receives() == before
    assert (await the_case(app)).state is WorkState.ACTIVE


async def test_a_complaint_about_staff_takes_the_case_from_whoever_has_it(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.member(RUTH, DeskRole.FOCAL_POINT)
    await group.presses(LEA, "Claim")
    case = await the_case(app)
    await app.storage.run(lambda uow: casework.seal(uow, app, case, key="sealed", now=app.clock.now()))
    after = await the_case(app)
    assert (after.sealed, after.owner_id, after.state) == (True, None, WorkState.QUEUED)
    conversation = await app.storage.run(lambda uow: uow.people.conversation(case.person_id))
    assert conversation.speaker is Speaker.HUMAN_PENDING
    await group.deliver()
    assert any("sealed now" in text for text in private(group, RUTH))
    assert "only a focal point" in await group.presses(LEA, "Claim")


async def test_an_urgent_case_is_judged_milder_by_a_supervisor_only(app: App, group: Desk) -> None:
    await group.member(LEA)
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Severity …")
    assert "a supervisor who does not have it judges it milder" in await group.presses(LEA, "2")
    await group.presses(RUTH, "2")
    assert (await the_case(app)).severity == 2


async def test_somebody_who_came_back_in_danger_calls_people_at_once(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.member(LEA, on_call=1)
    case = await the_case(app)
    await app.storage.run(lambda uow: casework.person_unreachable(uow, app, case.person_id, key="b", now=clock.now()))
    await resolved(group)
    clock.advance(days=1)
    await amina.says(BOAT)
    again = await the_case(app)
    assert (again.id, again.unreachable, again.severity) == (case.id, False, 4)
    await later(app, clock, seconds=1)
    await group.deliver()
    assert "Urgent case" in private(group, LEA)[-1]


async def test_a_case_is_given_to_a_colleague(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    omar = await group.member(OMAR)
    await group.presses(LEA, "Claim")
    await group.posts(LEA, omar.alias, kind=Kind.COMMAND, command="assign", argument=omar.alias)
    assert (await the_case(app)).owner_id == omar.id
    before = await amina.receives()
    await group.posts(LEA, "this is only a note now")
    await group.posts(OMAR, "Good day, I go on from here")
    assert (await amina.receives())[len(before) :] == ["Caseworker: Good day, I go on from here"]
    assert any("gave this case to" in text for text in private(group, OMAR))


async def test_a_person_out_of_reach_stops_the_clocks_and_comes_back(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    case = await the_case(app)
    await app.storage.run(lambda uow: casework.person_unreachable(uow, app, case.person_id, key="blocked", now=clock.now()))
    await later(app, clock, days=3)
    await group.deliver()
    assert "promise" not in group.words(), "no promise is broken by somebody who cannot be reached"
    assert "cannot be reached at present" in await shown_header(group)
    await amina.says("I am back")
    assert not (await the_case(app)).unreachable
    left = await app.storage.run(lambda uow: uow.timers.open_of(case.id))
    assert left[TimerKind.FIRST_REPLY].due_at - clock.now() > timedelta(hours=20)


async def shown_header(group: Desk) -> str:
    await group.deliver()
    return group.header().text


# ---------------------------------------------------------------- after "I am safe"
COMPLAINT = "an aid worker asked me for sex to get the food card"


async def test_whoever_said_that_they_are_safe_and_then_wants_a_person_is_heard(app: App, group: Desk, clock: FakeClock) -> None:
    person = Someone(app, ChatId(72), hint="en")
    await person.says(BOAT)
    await person.presses("safe")
    case = await the_case(app)
    await person.says("can somebody help me with my passport please, I want to talk to a person")
    await person.presses("Yes")
    await group.deliver()
    assert "passport" in group.words()
    conversation = await app.storage.run(lambda uow: uow.people.conversation(case.person_id))
    assert conversation.speaker is Speaker.HUMAN_PENDING


async def test_a_complaint_after_i_am_safe_seals_the_case(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(RUTH, DeskRole.FOCAL_POINT)
    person = Someone(app, ChatId(72), hint="en")
    await person.says(BOAT)
    await person.presses("safe")
    await person.says(COMPLAINT)
    await person.presses("Yes")
    await group.deliver()
    assert (await the_case(app)).sealed
    assert "food card" not in group.words()


# ---------------------------------------------------------------- sealed
async def test_what_waits_for_the_group_is_not_posted_once_the_case_is_sealed(
    app: App, group: Desk, clock: FakeClock, amina: Someone
) -> None:
    await group.deliver()
    before = len(group.messenger.sent)
    await amina.says("the man in the blue vest SECRET")
    await amina.says("", kind=Kind.PHOTO)
    await amina.says("caption SECRET", kind=Kind.PHOTO, album="a1")
    case = await the_case(app)
    await app.storage.run(lambda uow: casework.seal(uow, app, case, key="sealed", now=clock.now()))
    clock.advance(seconds=2)
    await group.deliver()
    after = [content for chat, _, content in group.messenger.sent[before:] if chat == GROUP]
    assert not any(isinstance(content, Copy) for content in after)
    assert "SECRET" not in group.words()
    assert CATALOGUE.staff_text("sealed_packet", number=case.number) in group.words()


async def a_complaint(app: App) -> tuple[Someone, Case]:
    """Somebody complains about staff, and agrees to a person."""
    person = Someone(app, ChatId(72), hint="en")
    await person.says(COMPLAINT)
    await person.presses("Yes")
    return person, await the_case(app)


async def test_a_sealed_case_and_one_that_colleagues_read_never_point_to_each_other(
    app: App, group: Desk, clock: FakeClock
) -> None:
    omar, ruth = await group.member(OMAR, DeskRole.FOCAL_POINT), await group.member(RUTH, DeskRole.FOCAL_POINT)
    person, sealed = await a_complaint(app)
    for member, verb, value in ((omar, "claim", ""), (omar, "resolve", "helped done"), (ruth, "resolve", "helped done")):
        await app.storage.run(
            lambda uow, m=member, v=verb, w=value: desk.act(uow, app, uow.cases.get(sealed.id), m, v, w)  # type: ignore[misc]
        )
    assert (await the_case(app)).state is WorkState.RESOLVED
    await later(app, clock, days=8)
    await person.commands("human")
    await person.presses("Yes")
    await later(app, clock, seconds=1)
    await group.deliver()
    newest = await app.storage.run(lambda uow: uow.cases.last_of(sealed.person_id))
    assert newest is not None
    assert (newest.sealed, newest.follows_id) == (False, None)
    assert "Earlier case" not in group.words()
    assert not any("You helped this person" in text for text in private(group, OMAR))


async def test_who_has_an_urgent_sealed_case_does_not_judge_it_milder_alone(app: App, group: Desk) -> None:
    omar, ruth = await group.member(OMAR, DeskRole.FOCAL_POINT), await group.member(RUTH, DeskRole.FOCAL_POINT)
    _, case = await a_complaint(app)
    await app.storage.run(lambda uow: casework.claim(uow, app, uow.cases.get(case.id), omar, now=app.clock.now()))
    await app.storage.run(
        lambda uow: casework.raise_severity(
            uow, app, uow.cases.get(case.id), severity=4, category=None, key="r", now=app.clock.now()
        )
    )
    for member, severity in ((omar, 4), (ruth, 2)):
        await app.storage.run(
            lambda uow, member=member: desk.act(uow, app, uow.cases.get(case.id), member, "severity", "2")  # type: ignore[misc]
        )
        assert (await the_case(app)).severity == severity


async def test_a_focal_point_who_is_one_no_more_loses_sealed_cases_and_can_be_removed(app: App, group: Desk) -> None:
    omar = await group.member(OMAR, DeskRole.FOCAL_POINT)
    _, case = await a_complaint(app)
    await app.storage.run(lambda uow: casework.claim(uow, app, uow.cases.get(case.id), omar, now=app.clock.now()))
    await app.storage.run(
        lambda uow: uow.staff.invite(
            "new", desk_role=DeskRole.CASEWORKER, expires_at=app.clock.now() + timedelta(hours=1), now=app.clock.now()
        )
    )
    await Someone(app, OMAR, hint="en").commands("link", "new")
    assert (await the_case(app)).state is WorkState.QUEUED
    await app.storage.run(lambda uow: casework.revoke_staff(uow, app, uow.staff.get(omar.id).alias, now=app.clock.now()))
    assert await app.storage.run(lambda uow: uow.staff.all()) == []


# ---------------------------------------------------------------- nobody takes it
async def test_an_urgent_case_nobody_takes_calls_everybody_anew_every_hour(app: App, group: Desk, clock: FakeClock) -> None:
    await group.member(LEA, on_call=1)
    await group.member(RUTH, DeskRole.SUPERVISOR)
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    for _ in range(3 * 60):
        await later(app, clock, minutes=1)
    await group.deliver()
    assert sum("Urgent case" in text for text in private(group, LEA)) == 3
    assert sum("Nobody has taken this case yet" in text for text in private(group, RUTH)) == 2


async def test_a_second_look_nobody_takes_returns_the_case_to_the_queue(app: App, group: Desk, clock: FakeClock) -> None:
    lea = await group.member(LEA)
    await Someone(app, ChatId(72), hint="en").says(BOAT)
    case = await the_case(app)
    for verb, value in (("claim", ""), ("resolve", "helped the coast guard took them in")):
        await app.storage.run(lambda uow, v=verb, w=value: desk.act(uow, app, uow.cases.get(case.id), lea, v, w))  # type: ignore[misc]
    assert (await the_case(app)).review_by == lea.id
    await later(app, clock, minutes=4)
    after = await the_case(app)
    assert (after.state, after.review_by) == (WorkState.QUEUED, None)


async def test_a_photo_that_opens_a_case_is_shown(app: App, group: Desk) -> None:
    await Someone(app, ChatId(72), hint="en").says(BOAT, kind=Kind.PHOTO, message_id=601)
    await group.deliver()
    copies = [content for chat, _, content in group.messenger.sent if chat == GROUP and isinstance(content, Copy)]
    assert copies == [Copy(from_chat_id=ChatId(72), message_ids=(601,))]


async def test_a_post_below_an_erased_case_is_answered_and_holds_up_nothing(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await amina.commands("forget")
    await amina.presses("Yes")
    await group.posts(LEA, "was there something?")
    await group.deliver()
    assert "has been erased; nothing is added to it" in group.words()
