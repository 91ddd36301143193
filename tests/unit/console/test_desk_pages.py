"""The queue and the page of a case: what is shown to whom, what is done, and that nothing goes where it must not."""

import asyncio
import html
import re

import pytest

from bot.console.paper import HERE
from bot.domain.cases import Case, DeliveryState, Direction, EventKind, WorkState
from bot.domain.ids import ChatId
from bot.domain.messages import Kind
from bot.domain.people import DeskRole
from bot.service import desk, due
from bot.service.app import App
from support.assistant import CATALOGUE, Shelf, Someone, a_hit
from support.clock import FakeClock
from support.console import ABUSE_BY_STAFF, BOAT, PASSWORD, TEXTS, Served, Visitor
from support.desk import Desk, the_case


def say(key: str, **values: object) -> str:
    return TEXTS.text(key, "en", **values)


async def events_of(app: App, case: Case) -> list[EventKind]:
    return [event.kind for event in await app.storage.read(lambda uow: uow.cases.events(case.id))]


async def a_sealed_case(app: App) -> Case:
    """Somebody complains about aid staff and agrees to a person."""
    person = Someone(app, ChatId(72), hint="en")
    await person.says(ABUSE_BY_STAFF)
    await person.presses("Yes")
    case = await app.storage.read(lambda uow: uow.cases.last_of(uow.people.for_chat(ChatId(72), now=app.clock.now()).id))
    assert case is not None
    assert case.sealed
    return case


@pytest.fixture
async def boat(amina: Someone, app: App) -> Case:
    await amina.says(BOAT)
    return await the_case(app)


@pytest.fixture
async def lea(console: Served) -> Visitor:
    return await console.signed_in(DeskRole.CASEWORKER)


# ---------------------------------------------------------------- queue
async def test_the_gravest_case_stands_first_and_filters_leave_out_the_rest(
    console: Served, app: App, lea: Visitor, boat: Case
) -> None:
    others = [Someone(app, ChatId(200 + n), hint=("ar", "en")[n % 2]) for n in range(4)]
    for other in others:
        await other.commands("human")
        await other.presses("نعم" if other.hint == "ar" else "Yes")
    page = (await lea.gets("/cases")).text
    numbers = re.findall(r'id="row-([A-Z0-9-]+)"', page)
    assert (len(numbers), numbers[0]) == (5, boat.number)
    assert say("counts", waiting=5, urgent=1, mine=0, to_answer=0) in page
    arabic = re.findall(r'id="row-', (await lea.gets("/cases?language=ar")).text)
    grave = re.findall(r'id="row-', (await lea.gets("/cases?severity=3")).text)
    mine = re.findall(r'id="row-', (await lea.gets("/cases?whose=mine")).text)
    assert (len(arabic), len(grave), len(mine)) == (2, 1, 0)
    assert len(re.findall(r'id="row-', (await lea.gets("/cases?severity=99&whose=nobody")).text)) == 5, (
        "what is no filter filters nothing"
    )


async def test_the_next_case_is_the_gravest_one_can_take(app: App, lea: Visitor, boat: Case) -> None:
    taken = await lea.posts("/cases/next")
    assert taken.headers["location"] == f"/cases/{boat.number}?said=claim"
    assert lea.member is not None
    assert (await the_case(app)).owner_id == lea.member.id
    assert (await lea.posts("/cases/next")).headers["location"] == "/cases?said=none_waits"


async def test_the_next_case_is_never_one_above_what_somebody_takes(console: Served, app: App, boat: Case) -> None:
    new = await console.signed_in(DeskRole.CASEWORKER, clearance=2)
    assert (await new.posts("/cases/next")).headers["location"] == "/cases?said=none_waits"
    assert (await the_case(app)).owner_id is None


# ---------------------------------------------------------------- one case
async def test_a_case_is_claimed_answered_and_resolved_from_the_page(
    app: App, clock: FakeClock, lea: Visitor, amina: Someone
) -> None:
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    assert say("claim") in (await lea.gets(f"/cases/{case.number}")).text
    claimed = await lea.does(case.number, "claim")
    assert (say("done_claim") in claimed.text, claimed.headers["hx-trigger"]) == (True, "done-claim")
    version = (await the_case(app)).version
    sent = await lea.posts(f"/cases/{case.number}/reply", piece=True, text="Good morning, how can I help?", version=version)
    assert say("done_reply") in sent.text
    assert "Caseworker: Good morning, how can I help?" in await amina.receives()
    noted = await lea.posts(f"/cases/{case.number}/note", piece=True, text="wants the address of the office")
    assert say("done_note") in noted.text
    page = (await lea.gets(f"/cases/{case.number}")).text
    assert all(words in page for words in ("Good morning, how can I help?", "wants the address", say("fate_sent")))
    await lea.does(case.number, "resolve", "helped", summary="has the address")
    assert (await the_case(app)).state is WorkState.RESOLVED
    assert not any("wants the address" in text or "has the address" in text for text in await amina.receives())


async def test_a_note_goes_to_nobody_but_colleagues(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await lea.does(boat.number, "claim")
    before = await amina.receives()
    await lea.posts(f"/cases/{boat.number}/note", text="the coast guard is told")
    assert await amina.receives() == before
    messages = await app.storage.read(lambda uow: uow.cases.messages(boat.id))
    assert [one.direction for one in messages] == [Direction.FROM_PERSON, Direction.NOTE]


async def test_who_does_not_own_a_case_writes_to_nobody(
    console: Served, app: App, lea: Visitor, amina: Someone, boat: Case
) -> None:
    await lea.does(boat.number, "claim")
    omar, ruth = await console.signed_in(DeskRole.CASEWORKER), await console.signed_in(DeskRole.SUPERVISOR)
    before = await amina.receives()
    for visitor in (omar, ruth):
        version = (await the_case(app)).version
        refused = await visitor.posts(f"/cases/{boat.number}/reply", piece=True, text="not from me", version=version)
        assert 'role="alert"' in refused.text
        assert "hx-trigger" not in refused.headers
    assert await amina.receives() == before


async def test_what_was_written_to_an_older_state_is_not_sent(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await lea.does(boat.number, "claim")
    version = (await the_case(app)).version
    await amina.says("my sister is in the water now")
    refused = await lea.posts(f"/cases/{boat.number}/reply", piece=True, text="I am glad you are well", version=version)
    assert say("refused_changed") in refused.text
    assert not any("glad" in text for text in await amina.receives())
    # The same without a script: the page is shown with the refusal, as it stands now.
    plain = await lea.posts(f"/cases/{boat.number}/reply", text="I am glad you are well", version=version)
    assert (plain.status_code, say("refused_changed") in plain.text, "my sister is in the water" in plain.text) == (
        409,
        True,
        True,
    )


async def test_a_form_sent_twice_is_sent_once(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await lea.does(boat.number, "claim")
    version = (await the_case(app)).version
    path, fields = f"/cases/{boat.number}/reply", {"text": "Help is coming", "key": "abc"}
    answers = await asyncio.gather(*(lea.posts(path, piece=True, version=version, **fields) for _ in range(4)))
    assert {answer.text.strip() for answer in answers} == {f'<p role="status" class="done">{say("done_reply")}</p>'}, (
        "each is told so"
    )
    # Its answer was lost, the page has moved on meanwhile, and it is sent again.
    again = await lea.posts(path, piece=True, version=(await the_case(app)).version, **fields)
    assert say("done_reply") in again.text
    assert (await amina.receives()).count("Caseworker: Help is coming") == 1
    changed = fields | {"text": "Help is coming at noon"}
    await lea.posts(path, piece=True, version=(await the_case(app)).version, **changed)
    assert (await amina.receives()).count("Caseworker: Help is coming at noon") == 1, "words that were changed are sent"
    await lea.posts(path, piece=True, version=(await the_case(app)).version, text="Help is coming", key="other")
    assert (await amina.receives()).count("Caseworker: Help is coming") == 2, "meant twice, sent twice"


async def test_of_many_who_claim_at_once_one_has_the_case(console: Served, app: App, boat: Case) -> None:
    visitors = [await console.signed_in(DeskRole.CASEWORKER) for _ in range(8)]
    answers = await asyncio.gather(*(visitor.does(boat.number, "claim") for visitor in visitors))
    owner = await app.storage.read(lambda uow: uow.staff.get(uow.cases.get(boat.id).owner_id).alias)  # type: ignore[arg-type]
    assert sum(say("done_claim") in answer.text for answer in answers) == 1
    assert sum(say("refused_claimed", who=owner) in answer.text for answer in answers) == 7


async def test_every_command_of_the_group_has_its_form(console: Served, app: App, lea: Visitor, boat: Case) -> None:
    forms = (HERE / "templates" / "case_work.html").read_text() + (HERE / "templates" / "case_talk.html").read_text()
    offered = set(re.findall(r'(?:act|more)\("([a-z]+)"', forms)) | set(re.findall(r'name="verb" value="([a-z]+)"', forms))
    assert offered == set(desk.COMMANDS)
    assert all(f"done_{verb}" in TEXTS._texts["en"] for verb in desk.COMMANDS)


@pytest.mark.parametrize(
    ("verb", "value", "holds"),
    [
        ("snooze", "1h", lambda case: case.state is WorkState.SNOOZED),
        ("severity", "3", lambda case: case.severity == 3),
        ("queue", "legal", lambda case: (case.queue, case.owner_id) == ("legal", None)),
        ("release", "", lambda case: case.owner_id is None),
        ("seal", "", lambda case: (case.sealed, case.owner_id) == (True, None)),
    ],
)
async def test_what_is_done_in_the_console_is_done(  # type: ignore[no-untyped-def]
    app: App, lea: Visitor, amina: Someone, verb: str, value: str, holds
) -> None:
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    await lea.does(case.number, "claim")
    answer = await lea.does(case.number, verb, value)
    assert say(f"done_{verb}") in answer.text
    assert holds(await the_case(app))


async def test_nobody_is_referred_without_their_consent(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    await lea.does(case.number, "claim")
    refused = await lea.does(case.number, "partner", "Red Crescent")
    assert html.escape(say("refused", why=say("not_consent"))) in refused.text
    await lea.does(case.number, "partner", "Red Crescent", agreed="yes")
    messages = await app.storage.read(lambda uow: uow.cases.messages(case.id))
    assert (await the_case(app)).state is WorkState.WAITING_PARTNER
    assert messages[-1].text == CATALOGUE.staff_text("partner_note", partner="Red Crescent")


async def test_an_urgent_case_takes_two_people_to_resolve(console: Served, app: App, lea: Visitor, boat: Case) -> None:
    ruth = await console.signed_in(DeskRole.SUPERVISOR)
    await lea.does(boat.number, "claim")
    await lea.does(boat.number, "resolve", "helped", summary="they are ashore")
    assert (await the_case(app)).state is WorkState.ACTIVE
    assert say("agree_resolve") not in (await lea.gets(f"/cases/{boat.number}")).text
    assert say("agree_resolve") in (await ruth.gets(f"/cases/{boat.number}")).text
    await ruth.does(boat.number, "resolve", "helped")
    assert (await the_case(app)).state is WorkState.RESOLVED


async def test_what_is_done_on_one_side_is_there_on_the_other(console: Served, app: App, lea: Visitor, boat: Case) -> None:
    """Without a group here the same service stands for it: a colleague claims by Telegram, the page knows."""
    group = Desk(app)
    omar = await group.member(ChatId(802))
    page = (await lea.gets(f"/cases/{boat.number}")).text
    assert say("claim") in page
    await app.storage.run(lambda uow: desk.act(uow, app, uow.cases.get(boat.id), omar, "claim", ""))
    page = (await lea.gets(f"/cases/{boat.number}")).text
    assert say("not_yours", who=omar.alias) in page
    assert say("refused_claimed", who=omar.alias) in (await lea.does(boat.number, "claim")).text


async def test_every_look_at_a_case_is_kept(app: App, lea: Visitor, boat: Case) -> None:
    await lea.gets(f"/cases/{boat.number}")
    async with lea.watches(f"/cases/{boat.number}/stream"):
        pass
    assert lea.member is not None
    actor = f"staff:{lea.member.id}"
    log = await app.storage.read(lambda uow: uow.audit.newest(limit=10, actor=actor))
    assert [(one.action, one.subject) for one in log][:2] == [("case.watched", boat.number), ("case.viewed", boat.number)]


async def test_the_packet_tells_what_is_known(app: App, lea: Visitor, boat: Case) -> None:
    page = (await lea.gets(f"/cases/{boat.number}")).text
    for words in (BOAT, "en-distress-boat", say("consent_risk_to_life"), say("fact_safe")):
        assert words in page


async def test_what_the_library_holds_is_shown_beside_the_case(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says("how do I get a visa")
    await amina.says("I want to talk to a person about my visa")
    await amina.presses("Yes")
    case = await the_case(app)
    aid = (await lea.gets(f"/cases/{case.number}/aid")).text
    assert say("aid_shown") in aid
    assert "A visa lets you enter." in aid or "About P01" in aid


async def test_words_are_words_and_never_markup(app: App, lea: Visitor, amina: Someone) -> None:
    attack = '<script>alert(1)</script><img src=x onerror="alert(2)"> {{ 7 * 7 }} "><hx-partial hx-target="#case-head">'
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    await amina.says(attack)
    await lea.does(case.number, "claim")
    await lea.posts(f"/cases/{case.number}/note", text=attack)
    page = (await lea.gets(f"/cases/{case.number}")).text
    async with lea.watches(f"/cases/{case.number}/stream") as stream:
        page += (await stream.next()).data.replace('<hx-partial hx-target="#case-head" hx-swap', "")
    assert "<script>alert" not in page
    assert "<img" not in page
    assert '<hx-partial hx-target="#case-head">' not in page
    assert page.count("&lt;script&gt;alert(1)") == 4
    assert "{{ 7 * 7 }}" in page


async def test_what_may_distress_is_folded_and_the_rest_is_not(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await amina.says("thank you for writing")
    page = (await lea.gets(f"/cases/{boat.number}")).text
    talk = page[page.index('id="case-talk"') : page.index('class="writing"')]
    folded = re.findall(r"<details id=\"fold-\d+\">.*?</details>", talk, flags=re.DOTALL)
    assert (len(folded), BOAT in folded[0], "thank you for writing" in "".join(folded)) == (1, True, False)


async def test_a_photo_is_named_where_it_cannot_be_shown(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await amina.says(kind=Kind.PHOTO)
    assert say("kind_photo") in (await lea.gets(f"/cases/{boat.number}")).text


async def test_a_reply_can_be_taken_back_from_the_page(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await lea.does(boat.number, "claim")
    version = (await the_case(app)).version
    await lea.posts(f"/cases/{boat.number}/reply", text="wrong words", version=version)
    await lea.posts(f"/cases/{boat.number}/reply", text="right words", version=(await the_case(app)).version)
    assert say("take_back") in (await lea.gets(f"/cases/{boat.number}")).text
    first = next(one for one in await app.storage.read(lambda uow: uow.cases.messages(boat.id)) if one.text == "wrong words")
    assert say("done_undo") in (await lea.does(boat.number, "undo", str(first.id))).text
    told = await amina.receives()
    assert (any("wrong words" in text for text in told), any("right words" in text for text in told)) == (False, True)
    messages = await app.storage.read(lambda uow: uow.cases.messages(boat.id))
    assert [one.state for one in messages[-2:]] == [DeliveryState.WITHDRAWN, DeliveryState.SENT]


# ---------------------------------------------------------------- sealed
async def test_a_sealed_case_does_not_exist_for_a_caseworker(console: Served, app: App, lea: Visitor) -> None:
    sealed_case = await a_sealed_case(app)
    page = (await lea.gets("/cases")).text
    assert sealed_case.number not in page
    assert say("counts", waiting=0, urgent=0, mine=0, to_answer=0) in page
    unknown = await lea.gets("/cases/ZZZ-ZZZ")
    for path in ("", "/stream", "/aid"):
        answer = await lea.gets(f"/cases/{sealed_case.number}{path}")
        assert answer.status_code == unknown.status_code == 404
        assert answer.text.replace(f"/cases/{sealed_case.number}{path}", "") == unknown.text.replace("/cases/ZZZ-ZZZ", "")
    for verb in ("claim", "seal", "release"):
        assert (await lea.does(sealed_case.number, verb)).status_code == 404
    assert (await lea.posts(f"/cases/{sealed_case.number}/note", text="x")).status_code == 404
    assert EventKind.NOTED not in await events_of(app, sealed_case)


async def test_a_supervisor_knows_of_a_sealed_case_and_reads_nothing(console: Served, app: App) -> None:
    sealed_case = await a_sealed_case(app)
    ruth = await console.signed_in(DeskRole.SUPERVISOR)
    page = (await ruth.gets(f"/cases/{sealed_case.number}")).text
    assert say("sealed_long") in page
    assert "sex" not in page
    assert "food" not in page
    row = (await ruth.gets("/cases")).text
    assert sealed_case.number in row
    assert say("category_sea_staff") not in row
    for path in ("/stream", "/aid"):
        assert (await ruth.gets(f"/cases/{sealed_case.number}{path}")).status_code == 404
    assert (await ruth.does(sealed_case.number, "claim")).status_code == 404


async def test_a_focal_point_works_a_sealed_case(console: Served, app: App) -> None:
    sealed_case = await a_sealed_case(app)
    zoe = await console.signed_in(DeskRole.FOCAL_POINT)
    assert ABUSE_BY_STAFF in (await zoe.gets(f"/cases/{sealed_case.number}")).text
    await zoe.does(sealed_case.number, "claim")
    assert zoe.member is not None
    assert (await app.storage.read(lambda uow: uow.cases.get(sealed_case.id))).owner_id == zoe.member.id


async def test_the_glass_is_broken_by_two_people_for_an_hour(console: Served, app: App, clock: FakeClock) -> None:
    sealed_case = await a_sealed_case(app)
    ruth, vera = await console.signed_in(DeskRole.SUPERVISOR), await console.signed_in(DeskRole.SUPERVISOR)
    path = f"/cases/{sealed_case.number}"
    assert (await ruth.posts(f"{path}/open", reason="short")).status_code == 409
    await ruth.posts(f"{path}/open", reason="no focal point answers and she is at risk")
    assert (await ruth.posts(f"{path}/open", reason="no focal point answers and she is at risk")).status_code == 409
    number = re.search(r'action="/sealed/(\d+)"', (await vera.gets("/sealed")).text)
    assert number is not None
    assert 'action="/sealed/' not in (await ruth.gets("/sealed")).text, "nobody agrees with themselves"
    assert (await ruth.posts(f"/sealed/{number[1]}")).status_code == 409
    assert say("sealed_long") in (await ruth.gets(path)).text
    await vera.posts(f"/sealed/{number[1]}")
    assert ABUSE_BY_STAFF in (await ruth.gets(path)).text
    assert say("sealed_long") in (await vera.gets(path)).text, "who agreed sees nothing"
    assert say("not_glass_limits") in (await ruth.does(sealed_case.number, "severity", "1")).text
    await ruth.does(sealed_case.number, "claim")
    owned = await app.storage.read(lambda uow: uow.cases.get(sealed_case.id))
    assert ruth.member is not None
    assert owned.owner_id == ruth.member.id
    assert say("not_glass_limits") in (await ruth.does(sealed_case.number, "resolve", "false_alarm")).text
    assert (await vera.posts(f"/sealed/{number[1]}")).status_code == 409, "it was agreed to already"
    clock.advance(minutes=29)
    await ruth.gets("/still-here")
    clock.advance(minutes=29)
    await ruth.gets("/still-here")
    clock.advance(minutes=2)
    assert say("sealed_long") in (await ruth.gets(path)).text
    await due.ring(app)
    assert (await app.storage.read(lambda uow: uow.cases.get(sealed_case.id))).owner_id is None, (
        "it waits for a focal point again"
    )
    actions = [one.action for one in await app.storage.read(lambda uow: uow.audit.newest(limit=20, subject=sealed_case.number))]
    assert {"case.glass_asked", "case.glass_broken", "case.viewed", "case.claimed"} <= set(actions)


async def test_nobody_agrees_after_an_hour_and_focal_points_are_told_at_once(console: Served, app: App, clock: FakeClock) -> None:
    group = Desk(app)
    focal = await group.member(ChatId(850), DeskRole.FOCAL_POINT)
    sealed_case = await a_sealed_case(app)
    ruth, vera = await console.signed_in(DeskRole.SUPERVISOR), await console.signed_in(DeskRole.SUPERVISOR)
    await ruth.posts(f"/cases/{sealed_case.number}/open", reason="no focal point answers and she is at risk")
    await group.deliver()
    told = [content.text for to, _, content in group.messenger.sent if to == focal.chat_id and hasattr(content, "text")]
    assert any("asks to open" in text for text in told)
    assert say("counts_sealed", n=1) in (await vera.gets("/cases")).text
    page = (await vera.gets("/sealed")).text
    number = re.search(r'action="/sealed/(\d+)"', page)
    assert number is not None
    assert ABUSE_BY_STAFF not in page
    clock.advance(minutes=61)
    for visitor in (ruth, vera):
        clock.advance(seconds=31)
        assert visitor.member is not None
        await visitor.signs_in(visitor.member.alias)
    assert (await vera.posts(f"/sealed/{number[1]}")).status_code == 409
    assert say("sealed_long") in (await ruth.gets(f"/cases/{sealed_case.number}")).text


async def test_a_focal_point_ends_it_and_sees_what_was_opened(console: Served, app: App) -> None:
    sealed_case = await a_sealed_case(app)
    ruth, zoe = await console.signed_in(DeskRole.SUPERVISOR), await console.signed_in(DeskRole.FOCAL_POINT)
    await ruth.posts(f"/cases/{sealed_case.number}/open", reason="no focal point answers and she is at risk")
    number = re.search(r'action="/sealed/(\d+)"', (await zoe.gets("/sealed")).text)
    assert number is not None
    await zoe.posts(f"/sealed/{number[1]}")
    await ruth.does(sealed_case.number, "claim")
    assert (await ruth.posts(f"/sealed/{number[1]}/end")).status_code == 403
    await zoe.posts(f"/sealed/{number[1]}/end")
    assert say("sealed_long") in (await ruth.gets(f"/cases/{sealed_case.number}")).text
    assert (await app.storage.read(lambda uow: uow.cases.get(sealed_case.id))).owner_id is None
    assert zoe.member is not None
    assert say("glass_was_open", by=zoe.member.alias) in (await zoe.gets("/sealed")).text
    assert sealed_case.number not in (await ruth.gets("/sealed")).text


async def test_whoever_has_a_new_password_breaks_no_glass(console: Served, app: App, clock: FakeClock) -> None:
    sealed_case = await a_sealed_case(app)
    ruth, vera = await console.signed_in(DeskRole.SUPERVISOR), await console.signed_in(DeskRole.SUPERVISOR)
    new = "another four unrelated words"
    await ruth.posts("/account/password", old=PASSWORD, password=new, again=new)
    path = f"/cases/{sealed_case.number}/open"
    refused = await ruth.posts(path, reason="no focal point answers and she is at risk")
    assert say("not_glass_new_password") in refused.text
    await vera.posts(path, reason="no focal point answers and she is at risk")
    number = re.search(r'action="/sealed/(\d+)"', (await ruth.gets("/sealed")).text)
    assert number is not None
    assert (await ruth.posts(f"/sealed/{number[1]}")).status_code == 409


async def test_merging_tells_nobody_which_numbers_are_sealed(console: Served, app: App, lea: Visitor, amina: Someone) -> None:
    sealed_case = await a_sealed_case(app)
    await amina.commands("human")
    await amina.presses("Yes")
    mine = next(one for one in await app.storage.read(lambda uow: uow.cases.all()) if not one.sealed)
    await lea.does(mine.number, "claim")
    answers = {
        (await lea.does(mine.number, "merge", number)).text.replace(number, "") for number in (sealed_case.number, "ZZZ-ZZZ")
    }
    assert len(answers) == 1


async def test_the_aid_of_an_old_case_ends_with_it(
    app: App, lea: Visitor, clock: FakeClock, amina: Someone, shelf: Shelf
) -> None:
    shelf.by_word["harass"] = a_hit(9, "P70", "Report abuse by aid staff here.", title="Reporting aid staff")
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    await lea.does(case.number, "claim")
    await lea.does(case.number, "resolve", "helped")
    clock.advance(minutes=1)
    await amina.says("what counts as harass in an office")
    assert "Reporting aid staff" not in (await lea.gets(f"/cases/{case.number}/aid")).text


async def test_a_case_sealed_by_hand_is_gone_for_its_owner(app: App, lea: Visitor, amina: Someone, boat: Case) -> None:
    await lea.does(boat.number, "claim")
    assert say("done_seal") in (await lea.does(boat.number, "seal")).text
    assert (await lea.gets(f"/cases/{boat.number}")).status_code == 404
    version = (await the_case(app)).version
    refused = await lea.posts(f"/cases/{boat.number}/reply", piece=True, text="are you safe?", version=version)
    assert refused.status_code == 404
    assert not any("are you safe" in text for text in await amina.receives())
