"""What a person and a caseworker write to each other: taken back, changed, answered, in albums, and what did not arrive."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.quiet import QuietMessenger
from bot.domain.cases import DeliveryState, Direction, WorkState
from bot.domain.deliveries import Content, Copy, Delivery, Edit, Pool, Text, ToCase, ToPerson, joined, utf16_length
from bot.domain.errors import MessageRefused, PersonUnreachable
from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId
from bot.domain.messages import Kind
from bot.domain.timers import TimerKind
from bot.service.app import App
from bot.service.ports import Sent
from support.assistant import CATALOGUE, Someone
from support.clock import FakeClock
from support.databases import leased
from support.desk import GROUP, LEA, OMAR, Desk, the_case

UNDO = timedelta(seconds=5)


@dataclass(slots=True)
class Unruly(QuietMessenger):
    """Telegram that refuses what goes to some chats; of a group only copies, so that words still arrive."""

    refusals: dict[int, Exception] = field(default_factory=dict)

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content, *, reply_to: int | None = None) -> Sent:
        refusal = self.refusals.get(chat_id)
        if refusal is not None and (chat_id > 0 or isinstance(content, Copy)):
            raise refusal
        return await QuietMessenger.send(self, chat_id, thread_id, content, reply_to=reply_to)


@pytest.fixture
def app(app: App) -> App:
    """An office in which a reply is held for five seconds."""
    return replace(app, office=replace(app.office, undo=UNDO), messenger=Unruly())


def unruly(group: Desk) -> Unruly:
    assert isinstance(group.messenger, Unruly)
    return group.messenger


def words(content: Content) -> str:
    return content.text if isinstance(content, Text) else ""


def place(group: Desk, part: str) -> int:
    """Where in the order of all operations the first text with this part was sent."""
    return next(n for n, (_, _, content) in enumerate(group.messenger.sent) if part in words(content))


@pytest.fixture
async def claimed(app: App, group: Desk, amina: Someone) -> Someone:
    """Amina's case is Lea's."""
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await amina.receives()
    return amina


async def replies(app: App) -> list[tuple[str, DeliveryState]]:
    case = await the_case(app)
    found = await app.storage.run(lambda uow: uow.cases.messages(case.id))
    return [(message.text, message.state) for message in found if message.direction is Direction.TO_PERSON]


def to_person(group: Desk, kind: type[Content]) -> list[Content]:
    return [content for chat, _, content in group.messenger.sent if chat == 71 and isinstance(content, kind)]


# ---------------------------------------------------------------- undo
async def test_a_reply_is_held_and_then_sent(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "Good morning")
    assert await claimed.receives() == before
    clock.advance(seconds=5.1)
    assert (await claimed.receives())[len(before) :] == ["Caseworker: Good morning"]


async def test_a_reply_taken_back_is_never_sent_and_was_never_given(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "He is lying, I think")
    assert (await the_case(app)).state is WorkState.WAITING_PERSON
    clock.advance(seconds=3)
    await group.posts(LEA, kind=Kind.COMMAND, command="undo", text="")
    clock.advance(seconds=60)
    assert await claimed.receives() == before
    case = await the_case(app)
    assert (case.state, case.replied_at) == (WorkState.ACTIVE, None)
    assert case.waiting_since == case.opened_at
    running = await app.storage.run(lambda uow: uow.timers.open_of(case.id))
    assert {TimerKind.FIRST_REPLY, TimerKind.OWNER} <= set(running), "the promise runs on as before"
    assert await replies(app) == [("He is lying, I think", DeliveryState.WITHDRAWN)]
    await group.deliver()
    assert CATALOGUE.staff_text("did_undo") in group.words()


async def test_what_has_left_cannot_be_taken_back_and_that_is_said(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    await group.posts(LEA, "Good morning")
    clock.advance(seconds=6)
    said = await claimed.receives()
    await group.posts(LEA, kind=Kind.COMMAND, command="undo", text="")
    await group.deliver()
    assert CATALOGUE.staff_text("undo_too_late") in group.words()
    assert await claimed.receives() == said
    assert await replies(app) == [("Good morning", DeliveryState.SENT)]


async def test_only_the_last_reply_is_taken_back(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "Good morning")
    await group.posts(LEA, "He is lying")
    await group.posts(LEA, kind=Kind.COMMAND, command="undo", text="")
    clock.advance(seconds=6)
    assert (await claimed.receives())[len(before) :] == ["Caseworker: Good morning"]
    assert (await the_case(app)).state is WorkState.WAITING_PERSON, "one reply was given"


async def test_a_card_never_waits_behind_a_held_reply(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.posts(LEA, "Where are you?")
    await claimed.says("we are 60 people in a boat and the engine stopped, water is coming in")
    said = await claimed.receives()
    assert said[-2] == "Caseworker: Where are you?"
    assert "water" in said[-1] or "boat" in said[-1].lower() or "sea" in said[-1].lower()


# ---------------------------------------------------------------- edits
async def test_an_edit_in_time_changes_what_is_sent(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "Good mornign", message_id=77)
    await group.posts(LEA, "Good morning", message_id=77, is_edit=True)
    clock.advance(seconds=6)
    assert (await claimed.receives())[len(before) :] == ["Caseworker: Good morning"]
    assert await replies(app) == [("Good morning", DeliveryState.SENT)]


async def test_a_later_edit_changes_the_persons_message(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.posts(LEA, "The office opens at 8", message_id=77)
    clock.advance(seconds=6)
    await claimed.receives()
    await group.posts(LEA, "The office opens at 9", message_id=77, is_edit=True)
    await claimed.receives()
    (edit,) = to_person(group, Edit)
    assert isinstance(edit, Edit)
    assert edit.text == "Caseworker: The office opens at 9"
    assert edit.message_id == 1000 * (place(group, "opens at 8") + 1)
    assert [text for text, _ in await replies(app)] == ["The office opens at 8", "✎ The office opens at 9"], "both are kept"


async def test_edited_into_a_note_in_time_it_stays_with_us(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "He is lying", message_id=77)
    await group.posts(LEA, "// he is lying", message_id=77, is_edit=True)
    clock.advance(seconds=60)
    assert await claimed.receives() == before
    assert (await the_case(app)).state is WorkState.ACTIVE


async def test_edited_into_a_note_too_late_it_is_said(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.posts(LEA, "He is lying", message_id=77)
    clock.advance(seconds=6)
    await claimed.receives()
    await group.posts(LEA, "// he is lying", message_id=77, is_edit=True)
    await group.deliver()
    assert CATALOGUE.staff_text("undo_too_late") in group.words()
    assert to_person(group, Edit) == []


async def test_a_note_edited_without_its_slashes_stays_a_note(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "// she sounds afraid", message_id=77)
    await group.posts(LEA, "she sounds afraid", message_id=77, is_edit=True)
    clock.advance(seconds=60)
    assert await claimed.receives() == before


async def test_who_has_given_the_case_away_changes_nothing_any_more(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    await group.posts(LEA, "Good morning", message_id=77)
    clock.advance(seconds=6)
    await claimed.receives()
    await group.presses(LEA, "Release")
    await group.posts(LEA, "Good evening", message_id=77, is_edit=True)
    await group.deliver()
    assert to_person(group, Edit) == []
    assert CATALOGUE.staff_text("edit_not_sent") in group.words()


async def test_what_a_person_changes_stands_below_the_first_wording(app: App, group: Desk, claimed: Someone) -> None:
    await claimed.says("I am in Sfax", message_id=501)
    await group.deliver()
    first = place(group, "I am in Sfax")
    await claimed.says("I am in Tunis", message_id=501, is_edit=True)
    await group.deliver()
    assert "✎ I am in Tunis" in group.words()
    assert "I am in Sfax" in group.words()
    assert group.messenger.threads[place(group, "✎ I am in Tunis")] == 1000 * (first + 1), "as a reply to it"


# ---------------------------------------------------------------- threads
async def test_a_reply_to_a_message_stays_one_on_the_other_side(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    await claimed.says("Which paper do I need?", message_id=501)
    await group.deliver()
    post = 1000 * len(group.messenger.sent)
    await group.posts(LEA, "The green one", reply_to=post, message_id=78)
    clock.advance(seconds=6)
    await claimed.receives()
    sent = place(group, "The green one")
    assert group.messenger.threads[sent] == 501
    await claimed.says("This green?", reply_to=1000 * (sent + 1))
    await group.deliver()
    assert group.messenger.threads[place(group, "This green?")] == 78


# ---------------------------------------------------------------- albums
async def test_an_album_of_a_person_stays_one(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    for n in range(3):
        await claimed.says("three pages" if n == 0 else "", kind=Kind.PHOTO, album="a1", message_id=600 + n)
    await group.deliver()
    assert not any(isinstance(content, Copy) for _, _, content in group.messenger.sent), "more may come"
    clock.advance(seconds=1.3)
    await group.deliver()
    (album,) = [content for _, _, content in group.messenger.sent if isinstance(content, Copy)]
    assert album.message_ids == (600, 601, 602)
    await claimed.says("", kind=Kind.PHOTO, album="a1", message_id=603)
    clock.advance(seconds=1.3)
    await group.deliver()
    late = group.messenger.sent[-1][2]
    assert isinstance(late, Copy)
    assert late.message_ids == (603,)
    assert group.messenger.threads[-1] is not None, "a part that comes late follows as a reply to the others"


@pytest.mark.parametrize("texts", [("// evidence, not for her", "", ""), ("", "// evidence, not for her", "")])
async def test_an_album_whose_caption_is_a_note_stays_with_us(
    app: App, group: Desk, clock: FakeClock, claimed: Someone, texts: Sequence[str]
) -> None:
    before = len(group.messenger.sent)
    for n, text in enumerate(texts):
        await group.posts(LEA, text, kind=Kind.PHOTO, album="a1", message_id=700 + n)
    clock.advance(seconds=60)
    await group.deliver()
    assert not any(chat == 71 for chat, _, _ in group.messenger.sent[before:])
    assert all(state is DeliveryState.WITHDRAWN for _, state in await replies(app))


async def test_an_album_of_the_owner_reaches_the_person_as_one_and_goes_back_as_one(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    for n in range(2):
        await group.posts(LEA, "", kind=Kind.PHOTO, album="a1", message_id=700 + n)
    clock.advance(seconds=6)
    await group.deliver()
    (album,) = to_person(group, Copy)
    assert isinstance(album, Copy)
    assert (album.from_chat_id, album.message_ids) == (GROUP, (700, 701))
    for n in range(2):
        await group.posts(LEA, "", kind=Kind.PHOTO, album="a2", message_id=710 + n)
    await group.posts(LEA, kind=Kind.COMMAND, command="undo", text="")
    clock.advance(seconds=60)
    await group.deliver()
    assert len(to_person(group, Copy)) == 1


@pytest.mark.parametrize(
    "kind", [Kind.VOICE, Kind.DOCUMENT, Kind.STICKER, Kind.LOCATION, Kind.VIDEO, Kind.CONTACT, Kind.PHOTO, Kind.OTHER]
)
async def test_whatever_a_message_is_made_of_it_crosses_both_ways(
    app: App, group: Desk, clock: FakeClock, claimed: Someone, kind: Kind
) -> None:
    await claimed.says("", kind=kind, message_id=601)
    await group.posts(LEA, "", kind=kind, message_id=701)
    clock.advance(seconds=6)
    await group.deliver()
    copies = [(chat, content) for chat, _, content in group.messenger.sent if isinstance(content, Copy)]
    assert (GROUP, Copy(from_chat_id=ChatId(71), message_ids=(601,))) in copies
    assert (ChatId(71), Copy(from_chat_id=GROUP, message_ids=(701,))) in copies


# ---------------------------------------------------------------- what does not arrive
async def test_a_refused_reply_keeps_no_promise(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    unruly(group).refusals[71] = PersonUnreachable()
    await group.posts(LEA, "Good morning")
    clock.advance(seconds=6)
    await group.deliver()
    case = await the_case(app)
    assert (case.state, case.replied_at, case.unreachable) == (WorkState.ACTIVE, None, True)
    assert case.waiting_since == case.opened_at
    assert await replies(app) == [("Good morning", DeliveryState.NOT_DELIVERED)]


async def test_what_cannot_be_shown_to_the_desk_is_said(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    unruly(group).refusals[int(GROUP)] = MessageRefused("message can't be copied")
    await claimed.says("", kind=Kind.OTHER)
    await group.deliver()
    assert "could not be shown here" in group.words()


# ---------------------------------------------------------------- many messages, few posts
async def test_what_a_person_writes_while_the_group_is_behind_becomes_one_post(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    await group.deliver()
    before = len(group.texts())
    for n in range(5):
        await claimed.says(f"line {n}", message_id=500 + n)
    await group.deliver()
    (post,) = group.texts()[before:]
    assert [line for line in post.text.splitlines() if line.startswith("line")] == [f"line {n}" for n in range(5)]
    case = await the_case(app)
    stored = await app.storage.run(lambda uow: uow.cases.messages(case.id))
    lines = [message.id for message in stored if message.text.startswith("line")]
    places = await app.storage.run(lambda uow: {uow.cases.place_of(line, GROUP) for line in lines})
    assert len(places) == 1, "each is found in it"


async def test_a_post_that_is_being_sent_takes_nothing_more(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.deliver()
    await claimed.says("first")
    taken = await app.storage.run(lambda uow: leased(uow, Pool.DESK, clock.now(), limit=9))
    assert len(taken) == 1
    await claimed.says("second")
    assert "second" not in words(taken[0].delivery.content)
    await app.storage.run(lambda uow: uow.outbox.sent(taken[0], worker="w", now=clock.now()))
    await group.deliver()
    assert "second" in group.texts()[-1].text


@given(dice=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_joining_loses_nothing_keeps_the_order_and_crosses_no_border(dice: Random) -> None:
    """Whatever is written one after the other, what is sent in the end says all of it, in order."""
    written: list[Delivery] = []
    sent: list[Delivery] = []
    for n in range(dice.randrange(1, 12)):
        person = dice.random() < 0.2
        album = dice.choice([None, "a", "b"])
        content: Content = (
            Text(text=dice.choice("xyz") * dice.randrange(1, 3000))
            if dice.random() < 0.6
            else Copy(from_chat_id=ChatId(1), message_ids=(n,), album=album)
        )
        address = ToPerson(person_id=PersonId(1)) if person else ToCase(case_id=CaseId(1))
        answers = CaseMessageId(900) if dice.random() < 0.2 else None
        new = Delivery(address=address, content=content, dedupe_key=str(n), case_message_ids=(CaseMessageId(n),), answers=answers)
        written.append(new)
        last = sent[-1] if sent and sent[-1].lane == new.lane else None
        both = joined(last, new) if last is not None else None
        if both is None:
            sent.append(new)
        else:
            sent[-1] = both
    assert [number for one in sent for number in one.case_message_ids] == list(range(len(written)))
    for one in sent:
        match one.content:
            case Text(text=text):
                assert utf16_length(text) <= 4096
                assert text == "\n\n".join(words(written[n].content) for n in one.case_message_ids)
                assert len(one.case_message_ids) == 1 or isinstance(one.address, ToCase), "replies stay apart"
            case Copy(message_ids=ids, album=name):
                assert ids == tuple(one.case_message_ids)
                assert len(ids) == 1 or name is not None


async def test_a_colleague_cannot_take_back_what_is_not_theirs(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.member(OMAR)
    before = await claimed.receives()
    await group.posts(LEA, "Good morning")
    await group.posts(OMAR, kind=Kind.COMMAND, command="undo", text="")
    clock.advance(seconds=6)
    assert (await claimed.receives())[len(before) :] == ["Caseworker: Good morning"]


async def test_two_replies_that_both_fail_keep_no_promise(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    unruly(group).refusals[71] = PersonUnreachable()
    await group.posts(LEA, "Good morning")
    clock.advance(seconds=1)
    await group.posts(LEA, "How are you?")
    clock.advance(seconds=6)
    await group.deliver()
    case = await the_case(app)
    assert (case.state, case.replied_at, case.waiting_since) == (WorkState.ACTIVE, None, case.opened_at)
    assert {state for _, state in await replies(app)} == {DeliveryState.NOT_DELIVERED}
    assert "delivery failed" not in group.words()


async def test_one_reply_taken_back_leaves_the_other_given(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "He is lying", message_id=77)
    clock.advance(seconds=1)
    await group.posts(LEA, "Good morning")
    await group.posts(LEA, "// he is lying", message_id=77, is_edit=True)
    assert (await the_case(app)).state is WorkState.WAITING_PERSON
    clock.advance(seconds=6)
    assert (await claimed.receives())[len(before) :] == ["Caseworker: Good morning"]


async def test_a_long_first_reply_that_is_refused_is_said_once(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    unruly(group).refusals[71] = PersonUnreachable()
    await group.posts(LEA, "x" * 5000)
    clock.advance(seconds=6)
    await group.deliver()
    case = await the_case(app)
    assert (case.state, case.unreachable) == (WorkState.ACTIVE, True)
    assert await app.storage.run(lambda uow: uow.outbox.pending()) == 0


async def test_an_album_to_somebody_who_blocked_us_leaves_no_part_behind(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    await group.posts(LEA, "first")
    for n in range(2):
        await group.posts(LEA, "", kind=Kind.PHOTO, album="a1", message_id=700 + n)
    unruly(group).refusals[71] = PersonUnreachable()
    clock.advance(seconds=6)
    await group.deliver()
    assert {state for _, state in await replies(app)} == {DeliveryState.NOT_DELIVERED}


async def test_a_caption_made_a_note_while_the_photo_is_being_sent_keeps_it_with_us(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    """A copy takes the caption as it stands: also what was tried already is asked again before it leaves."""
    await group.posts(LEA, "her papers", kind=Kind.PHOTO, message_id=77)
    clock.advance(seconds=6)
    (tried,) = await app.storage.run(lambda uow: leased(uow, Pool.PEOPLE, clock.now(), limit=1))
    await app.storage.run(lambda uow: uow.outbox.retry(tried, worker="w", error="e", not_before=clock.now(), ambiguous=False))
    await group.posts(LEA, "// he is lying", kind=Kind.PHOTO, message_id=77, is_edit=True)
    await group.deliver()
    assert to_person(group, Copy) == []
    assert await replies(app) == [("her papers", DeliveryState.WITHDRAWN)]


async def test_the_caption_of_any_part_makes_the_whole_album_a_note(
    app: App, group: Desk, clock: FakeClock, claimed: Someone
) -> None:
    for n, text in enumerate(("", "look at this")):
        await group.posts(LEA, text, kind=Kind.PHOTO, album="a1", message_id=700 + n)
    await group.posts(LEA, "// look at this", kind=Kind.PHOTO, album="a1", message_id=701, is_edit=True)
    clock.advance(seconds=60)
    await group.deliver()
    assert to_person(group, Copy) == []
    assert {state for _, state in await replies(app)} == {DeliveryState.WITHDRAWN}


async def test_an_album_in_two_parts_is_taken_back_as_a_whole(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.posts(LEA, "", kind=Kind.PHOTO, album="a1", message_id=700)
    await claimed.commands("help")  # its answer stands between the parts
    await group.posts(LEA, "", kind=Kind.PHOTO, album="a1", message_id=701)
    await group.posts(LEA, kind=Kind.COMMAND, command="undo", text="")
    clock.advance(seconds=60)
    await group.deliver()
    assert to_person(group, Copy) == []


async def test_a_held_caption_that_is_mended_is_sent_once(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    await group.posts(LEA, "the fomr", kind=Kind.PHOTO, message_id=77)
    await group.posts(LEA, "the form", kind=Kind.PHOTO, message_id=77, is_edit=True)
    clock.advance(seconds=6)
    await group.deliver()
    assert len(to_person(group, Copy)) == 1
    assert CATALOGUE.staff_text("edit_not_sent") not in group.words()
    assert await replies(app) == [("the form", DeliveryState.SENT)]


async def test_a_reply_edited_to_undo_is_taken_back(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    before = await claimed.receives()
    await group.posts(LEA, "He is lying", message_id=77)
    await group.posts(LEA, "", kind=Kind.COMMAND, command="undo", message_id=77, is_edit=True)
    clock.advance(seconds=60)
    assert await claimed.receives() == before


async def test_of_a_place_that_moves_one_in_a_minute_is_shown(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    for seconds in (0, 20, 20, 20, 20):
        clock.advance(seconds=seconds)
        await claimed.says("", kind=Kind.LOCATION, message_id=610, is_edit=seconds > 0)
    await group.deliver()
    copies = [content for chat, _, content in group.messenger.sent if chat == GROUP and isinstance(content, Copy)]
    assert [copy.message_ids for copy in copies] == [(610,), (610,)]


async def test_an_old_header_does_nothing_any_more(app: App, group: Desk, clock: FakeClock, claimed: Someone) -> None:
    """Its number may be another message's in the group where the case is shown now."""
    moved = replace(app, office=replace(app.office, groups={"legal": ChatId(-100_88)}))
    there = Desk(moved)
    there._updates = 5000
    await there.posts(LEA, "legal", kind=Kind.COMMAND, command="queue", argument="legal")
    edits = len([content for _, _, content in group.messenger.sent if isinstance(content, Edit)])
    assert CATALOGUE.staff_text("button_expired") == await there.presses(LEA, "Resolve …")
    await there.deliver()
    assert len([content for _, _, content in group.messenger.sent if isinstance(content, Edit)]) == edits
    before = len(group.messenger.sent)
    await there.posts(LEA, "and one more thing")
    await there.deliver()
    said = [content for chat, _, content in group.messenger.sent[before:] if chat == GROUP]
    assert [words(content) for content in said] == [CATALOGUE.staff_text("moved_elsewhere")]
