"""The staff group: claims, notes, replies, and nothing that reaches the wrong person."""

from bot.domain.cases import CaseTopic, Direction, WorkState
from bot.domain.deliveries import Pin, Reaction, Text
from bot.domain.ids import ChatId
from bot.domain.messages import Kind
from bot.domain.people import DeskRole
from bot.service.app import App
from support.assistant import Someone
from support.desk import LEA, OMAR, Desk, the_case


async def test_a_case_becomes_a_topic_with_a_header_and_a_packet(app: App, group: Desk, amina: Someone) -> None:
    case = await the_case(app)
    assert len(group.messenger.topics) == 1
    assert case.number in group.messenger.topics[0]
    assert [b.label for row in group.texts()[0].buttons for b in row] == ["Claim"]
    pinned = [content for _, _, content in group.messenger.sent if isinstance(content, Pin)]
    assert len(pinned) == 1, "the header is pinned"


async def test_the_first_claim_wins_and_the_second_is_told_who(app: App, group: Desk, amina: Someone) -> None:
    lea, _ = await group.member(LEA), await group.member(OMAR)
    await group.presses(LEA, "Claim")
    assert lea.alias in await group.presses(OMAR, "Claim")
    case = await the_case(app)
    assert case.owner_id == lea.id
    assert "a person" in (await amina.receives())[-1]


async def test_an_unlinked_member_cannot_claim_or_write(app: App, group: Desk, amina: Someone) -> None:
    assert "not linked" in await group.presses(LEA, "Claim")
    before = len(await amina.receives())
    await group.posts(LEA, "hello")
    assert len(await amina.receives()) == before


async def test_typed_before_a_claim_is_a_note_and_never_reaches_the_person(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    before = await amina.receives()
    await group.posts(LEA, "I think he is lying")
    assert await amina.receives() == before
    case = await the_case(app)
    notes = await app.storage.run(lambda uow: uow.cases.messages(case.id))
    assert [m.text for m in notes if m.direction is Direction.NOTE] == ["I think he is lying"]


async def test_the_owners_words_reach_the_person_and_are_marked_delivered(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.posts(LEA, "Good morning, how can I help?")
    assert (await amina.receives())[-1] == "Caseworker: Good morning, how can I help?"
    await group.deliver()
    marks = [content for _, _, content in group.messenger.sent if isinstance(content, Reaction)]
    assert marks[-1].emoji == "👌"


async def test_two_slashes_stay_a_note_after_the_claim(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    before = await amina.receives()
    await group.posts(LEA, "// ask a colleague first")
    assert await amina.receives() == before


async def test_a_colleagues_words_stay_a_note(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.member(OMAR)
    await group.presses(LEA, "Claim")
    before = await amina.receives()
    await group.posts(OMAR, "I know this family")
    assert await amina.receives() == before


async def test_nothing_posted_in_general_goes_anywhere(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    before = await amina.receives()
    await group.posts(LEA, "hello all", thread=None)
    assert await amina.receives() == before


async def test_the_persons_words_appear_in_the_topic(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await amina.says("my brother is with me \u200f١٢")
    await group.deliver()
    assert "my brother is with me \u200f١٢" in group.words()


async def test_resolving_returns_the_person_to_the_assistant(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Resolve …")
    await group.presses(LEA, "Helped")
    case = await the_case(app)
    assert case.state is WorkState.RESOLVED
    assert case.number in (await amina.receives())[-1]
    result = await amina.commands("help")
    assert result.replies


async def test_releasing_puts_the_case_back(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    await group.presses(LEA, "Claim")
    await group.presses(LEA, "Release")
    assert (await the_case(app)).state is WorkState.QUEUED


async def test_a_sealed_case_shows_number_severity_and_language_only(app: App, group: Desk) -> None:
    person = Someone(app, ChatId(72), hint="en")
    await person.says("an aid worker asked me for sex to get the food card")
    await person.presses("Yes")
    await person.says("his name is SECRETNAME and he works at the gate")
    await group.deliver()
    case = await the_case(app)
    assert case.sealed
    assert case.number in group.words()
    for words in ("SECRETNAME", "aid worker", "food card", "sea_staff"):
        assert words not in group.words()
        assert words not in "".join(group.messenger.topics)


async def test_only_a_focal_point_claims_a_sealed_case(app: App, group: Desk) -> None:
    person = Someone(app, ChatId(72), hint="en")
    await person.says("an aid worker asked me for sex to get the food card")
    await person.presses("Yes")
    await person.receives()
    await group.member(LEA)
    assert "focal point" in await group.presses(LEA, "Claim")
    await group.member(OMAR, DeskRole.FOCAL_POINT)
    await group.presses(OMAR, "Claim")
    assert (await the_case(app)).state is WorkState.ACTIVE
    before = await person.receives()
    await group.posts(OMAR, "typed into the group")
    assert await person.receives() == before, "what is typed in the group is seen by the group"


async def test_a_command_in_a_strange_group_is_pointed_to_a_private_chat(app: App, group: Desk, amina: Someone) -> None:
    await group.posts(LEA, "", kind=Kind.COMMAND, command="start", chat_id=ChatId(-5), thread=None)
    await group.deliver()
    said = [content.text for chat, _, content in group.messenger.sent if chat == -5 and isinstance(content, Text)]
    assert "private chat" in said[0]


async def test_a_claim_after_the_group_lost_the_topic_still_works(app: App, group: Desk, amina: Someone) -> None:
    await group.member(LEA)
    case = await the_case(app)
    await app.storage.run(lambda uow: uow.cases.save_topic(CaseTopic(case_id=case.id, generation=1)))
    await amina.says("are you there")
    await group.deliver()
    assert len(group.messenger.topics) == 2
    assert "are you there" in group.words()
