"""Pages that change by themselves: what happens on the desk is seen, what was missed is replayed, and nothing else is sent."""

import asyncio
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console import queue, sheet
from bot.console.visit import Row
from bot.domain.ids import ChatId
from bot.domain.people import DeskRole
from bot.service import casework
from bot.service.app import App
from support.assistant import Someone
from support.console import BOAT, TEXTS, Served, Visitor
from support.databases import Database
from support.desk import the_case

QUIET_S = 1.0


@pytest.fixture
async def lea(console: Served) -> Visitor:
    return await console.signed_in(DeskRole.CASEWORKER)


async def seen(visitor: Visitor, path: str) -> str:
    """Return the address of the stream as the page names it, with the mark of what it shows."""
    page = (await visitor.gets(path)).text
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


async def test_a_new_case_appears_on_an_open_page(app: App, lea: Visitor, amina: Someone) -> None:
    async with lea.watches(await seen(lea, "/cases")) as stream:
        await amina.says(BOAT)
        number = (await the_case(app)).number
        event = await stream.until(lambda data: f"row-{number}" in data)
        assert 'hx-swap="afterbegin"' in event.data
        assert TEXTS.text("counts", "en", waiting=1, urgent=1, mine=0, to_answer=0) in event.data


async def test_a_page_that_is_up_to_date_is_sent_nothing(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    async with lea.watches(await seen(lea, "/cases")) as stream:
        with pytest.raises(TimeoutError):
            await stream.next(QUIET_S)


async def test_what_happened_between_the_page_and_its_stream_is_not_missed(app: App, lea: Visitor, amina: Someone) -> None:
    address = await seen(lea, "/cases")
    await amina.says(BOAT)
    number = (await the_case(app)).number
    async with lea.watches(address) as stream:
        assert f"row-{number}" in (await stream.next()).data


async def test_a_browser_that_was_cut_off_is_told_what_it_missed_and_nothing_twice(
    app: App, lea: Visitor, amina: Someone
) -> None:
    address = await seen(lea, "/cases")
    async with lea.watches(address) as stream:
        await amina.says(BOAT)
        last = await stream.next()
    async with lea.watches(address, last_event_id=last.id) as stream:
        with pytest.raises(TimeoutError):
            await stream.next(QUIET_S)
    other = Someone(app, ChatId(90), hint="en")
    await other.commands("human")
    await other.presses("Yes")
    async with lea.watches(address, last_event_id=last.id) as stream:
        event = await stream.next()
        assert event.data.count('id="row-') == 2
        assert event.id != last.id


async def test_a_message_of_the_person_appears_in_the_open_case(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    number = (await the_case(app)).number
    async with lea.watches(await seen(lea, f"/cases/{number}")) as stream:
        await amina.says("my brother is with me")
        event = await stream.until(lambda data: "my brother is with me" in data)
        assert 'hx-target="#case-talk"' in event.data


async def test_what_becomes_of_a_reply_appears_too(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    case = await the_case(app)
    await lea.does(case.number, "claim")
    async with lea.watches(await seen(lea, f"/cases/{case.number}")) as stream:
        version = (await the_case(app)).version
        await lea.posts(f"/cases/{case.number}/reply", piece=True, text="Help is coming", version=version)
        await stream.until(lambda data: TEXTS.text("fate_queued", "en") in data)
        await amina.receives()
        event = await stream.until(lambda data: TEXTS.text("fate_sent", "en") in data)
        assert 'hx-target="#case-head"' not in event.data, "only the part that changed is sent"


async def test_a_case_that_is_over_still_shows_what_comes(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    await lea.does(case.number, "claim")
    await lea.does(case.number, "resolve", "helped")
    async with lea.watches(await seen(lea, f"/cases/{case.number}")) as stream:
        await amina.commands("human")
        await amina.presses("Yes")
        assert TEXTS.text("state_queued", "en") in (await stream.next()).data


async def test_a_stream_ends_with_the_session(app: App, console: Served, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    number = (await the_case(app)).number
    assert lea.member is not None
    alias = lea.member.alias
    async with lea.watches(await seen(lea, "/cases")) as queue_of, lea.watches(await seen(lea, f"/cases/{number}")) as case_of:
        await app.storage.run(lambda uow: casework.revoke_staff(uow, app, alias, now=app.clock.now()))
        for stream in (queue_of, case_of):
            assert (await stream.next()).name == "session-over"


async def test_a_case_that_is_sealed_is_gone_from_an_open_page(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    case = await the_case(app)
    async with lea.watches(await seen(lea, "/cases")) as queue_of, lea.watches(await seen(lea, f"/cases/{case.number}")) as talk:
        await app.storage.run(lambda uow: casework.seal(uow, app, uow.cases.get(case.id), key="k", now=app.clock.now()))
        assert 'hx-swap="delete"' in (await queue_of.next()).data
        assert (await talk.next()).name == "look-again"
        await amina.says("he hit me again")
        with pytest.raises((EOFError, TimeoutError)):
            await talk.next(QUIET_S)


async def test_a_desk_that_cannot_be_looked_at_lets_its_pages_go(app: App, place: Database, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    async with lea.watches(await seen(lea, "/cases")) as stream:
        with place.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE case_timer RENAME TO hidden")
        with pytest.raises(EOFError):
            await stream.next(15)
        with place.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE hidden RENAME TO case_timer")
    async with lea.watches(await seen(lea, "/cases")) as stream:
        other = Someone(app, ChatId(90), hint="en")
        await other.commands("human")
        await other.presses("Yes")
        assert "row-" in (await stream.next()).data


async def test_a_demoted_reader_is_sent_away_at_once(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    case = await the_case(app)
    assert lea.member is not None
    staff_id = lea.member.id
    async with lea.watches(await seen(lea, f"/cases/{case.number}")) as stream:
        await app.storage.run(lambda uow: uow.staff.change_role(staff_id, DeskRole.EDITOR))
        assert (await stream.next()).name == "look-again"


async def test_an_erased_case_leaves_no_word_in_an_open_page(app: App, lea: Visitor, amina: Someone) -> None:
    await amina.says(BOAT)
    number = (await the_case(app)).number
    async with lea.watches(await seen(lea, f"/cases/{number}")) as stream:
        await amina.commands("forget")
        await amina.presses("erase")
        event = await stream.until(lambda data: 'hx-target="#case-packet"' in data)
        assert BOAT not in event.data
        assert TEXTS.text("packet_none", "en") in event.data


async def test_many_pages_are_served_by_one_look(app: App, console: Served, amina: Someone) -> None:
    visitors = [await console.signed_in(DeskRole.CASEWORKER) for _ in range(6)]
    addresses = [await seen(visitor, "/cases") for visitor in visitors]

    async def one(visitor: Visitor, address: str) -> str:
        async with visitor.watches(address) as stream:
            return (await stream.until(lambda data: "row-" in data)).data

    waiting = [asyncio.create_task(one(*pair)) for pair in zip(visitors, addresses, strict=True)]
    await asyncio.sleep(0.3)
    await amina.says(BOAT)
    assert len(set(await asyncio.gather(*waiting))) == 1


async def test_a_mark_of_another_page_is_no_mark() -> None:
    assert sheet.of_text("1.2.3.4.5.6") == dict(zip(sheet.PARTS, "123456", strict=True))
    assert sheet.of_text("nonsense") == sheet.of_text("") == {}


# ---------------------------------------------------------------- steps
def after_pieces(rows: list[Row], pieces: list[str]) -> list[str]:
    """Return the ids of a list as a browser has them after the pieces of one event.

    As htmx does it: the places of all pieces are found first, among what was there before; then each piece is put in its place.
    """
    shown = [(row.id, row.html) for row in rows]
    there_before = {row.id for row in rows} | {"queue"}
    for piece in pieces:
        found = re.fullmatch(r'<hx-partial hx-target="#([^"]+)" hx-swap="([a-zA-Z]+)">(.*)</hx-partial>', piece, flags=re.DOTALL)
        assert found is not None, piece
        target, how, html = found.groups()
        assert target in there_before, f"{target} was not there when the places were found"
        new = [(one[1], one[0]) for one in re.findall(r'(<li id="([^"]+)">.*?</li>)', html)]
        ids = [one for one, _ in shown]
        match how:
            case "delete":
                shown.pop(ids.index(target))
            case "afterbegin":
                shown[:0] = new
            case "afterend":
                shown[ids.index(target) + 1 : ids.index(target) + 1] = new
            case "outerMorph":
                shown[ids.index(target)] = new[0]
    return [html for _, html in shown]


ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), unique_by=lambda pair: pair[0]).map(
    lambda pairs: [Row(number=f"N{n}", html=f'<li id="row-N{n}">{n} version {version}</li>') for n, version in pairs]
)


@given(before=ROWS, after=ROWS)
def test_the_steps_between_two_looks_make_one_of_the_other(before: list[Row], after: list[Row]) -> None:
    assert after_pieces(before, list(queue.steps(before, after))) == [row.html for row in after]


@given(rows=ROWS)
def test_nothing_is_sent_where_nothing_changed(rows: list[Row]) -> None:
    assert list(queue.steps(rows, [replace(row) for row in rows])) == []
