"""The console in a browser, as a caseworker uses it: with a mouse, with keys alone, on a phone, from right to left, cut off."""

import re
from functools import partial

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from bot.domain.cases import Case, Direction, WorkState
from bot.domain.ids import ChatId
from bot.domain.people import DeskRole, StaffMember
from bot.service import accounts, desk
from bot.service.app import App
from bot.service.ports import UnitOfWork
from support.assistant import Someone
from support.console import ABUSE_BY_STAFF, BOAT, CODE, PASSWORD, SECRET, TEXTS, Served
from support.desk import the_case
from support.windows import Window, Windows

GRAVE = {"serious", "critical"}
FIRST_LOAD_BYTES = 200_000
LIVE_MS = 3_000


def say(key: str, language: str = "en", **values: object) -> str:
    return TEXTS.text(key, language, **values)


async def a_small_office(app: App) -> None:
    """Some people wait, in several languages."""
    for n, (language, ask, yes) in enumerate(
        [
            ("ar", "أريد التحدث مع شخص من فضلك", "نعم"),
            ("fr", "je veux parler à une personne", "Oui"),
            ("en", "I want to talk to a person about my visa", "Yes"),
            ("es", "quiero hablar con una persona", "Sí"),
        ]
    ):
        person = Someone(app, ChatId(300 + n), hint=language)
        await person.says(ask)
        await person.presses(yes)


async def a_case_of_theirs(app: App, window: Window, amina: Someone) -> Page:
    """Amina is in a boat, and a caseworker has claimed her case and looks at it."""
    await amina.says(BOAT)
    case = await the_case(app)
    await window.signs_in(DeskRole.CASEWORKER)
    await window.goes(f"/cases/{case.number}")
    await window.page.get_by_role("button", name=say("claim")).click()
    return window.page


async def test_a_shift_with_the_mouse(app: App, window: Window, amina: Someone) -> None:
    page = window.page
    await a_small_office(app)
    await window.goes("/")
    await window.picture("console-sign-in")
    await window.signs_in(DeskRole.CASEWORKER)
    await amina.says(BOAT)
    first = page.locator("#queue li").first
    await expect(first).to_contain_text("Distress", timeout=LIVE_MS)
    await expect(page).to_have_title(re.compile(r"^\(1\)"))
    await window.picture("console-queue")
    await first.get_by_role("link").click()
    await page.get_by_role("button", name=say("claim")).click()
    await expect(page.locator("#said")).to_have_text(say("done_claim"))
    await expect(page.locator("#case-head")).to_contain_text(say("you"), timeout=LIVE_MS)
    await page.get_by_label(say("reply")).fill("I am a person. The coast guard knows where you are.")
    await page.get_by_role("button", name=say("send")).click()
    await expect(page.locator("#case-talk")).to_contain_text(say("fate_queued"))
    await expect(page.get_by_label(say("reply"))).to_have_value("")
    await page.wait_for_timeout(1100)
    assert any("The coast guard knows" in text for text in await amina.receives())
    await expect(page.locator("#case-talk")).to_contain_text(say("fate_sent"), timeout=LIVE_MS)
    await page.get_by_label(say("note"), exact=True).fill("Told the coast guard at 12:40.")
    await page.get_by_role("button", name=say("keep_note")).click()
    await expect(page.locator("#case-talk article.note")).to_contain_text("Told the coast guard")
    await amina.says("we see a ship now")
    await expect(page.locator("#case-talk")).to_contain_text("we see a ship now", timeout=LIVE_MS)
    await window.picture("console-case", full=True)
    await page.get_by_text(say("resolve"), exact=True).first.click()
    await page.get_by_label(say("resolve_line")).fill("The coast guard has them.")
    await page.locator("#do-resolve button").click()
    await expect(page.locator("#said")).to_have_text(say("done_resolve"))
    messages = await app.storage.read(lambda uow: uow.cases.messages(uow.cases.all()[0].id))
    assert not any("coast guard at 12:40" in text for text in await amina.receives())
    assert sum(one.direction is Direction.NOTE for one in messages) == 2


async def test_an_empty_queue_says_that_it_is_empty(app: App, window: Window, amina: Someone) -> None:
    empty = window.page.get_by_text(say("queue_empty"))
    await window.signs_in(DeskRole.CASEWORKER)
    await expect(empty).to_be_visible()
    await amina.says(BOAT)
    await expect(empty).to_be_hidden(timeout=LIVE_MS)


async def test_a_reply_is_taken_back_in_time(app: App, window: Window, amina: Someone) -> None:
    page = await a_case_of_theirs(app, window, amina)
    await page.get_by_label(say("reply")).fill("Meant for somebody else")
    await page.get_by_role("button", name=say("send")).click()
    await page.get_by_role("button", name=say("take_back")).click()
    await expect(page.locator("#said")).to_have_text(say("done_undo"))
    await page.wait_for_timeout(1100)
    assert not any("somebody else" in text for text in await amina.receives())


async def test_a_shift_with_keys_alone(app: App, window: Window, amina: Someone) -> None:
    """Nothing is clicked: what a mouse can do, Tab, Enter, arrows and letters can."""
    page, keys = window.page, window.page.keyboard
    await a_small_office(app)
    await amina.says(BOAT)
    case = await the_case(app)
    member = await window.served.member(DeskRole.CASEWORKER)
    await window.goes("/cases")
    await keys.type(member.alias)  # the first field has the focus
    await keys.press("Tab")
    await keys.type(PASSWORD)
    await keys.press("Tab")
    await keys.type(CODE)
    await keys.press("Enter")
    await page.locator("#queue li").first.wait_for()
    await keys.press("j")
    assert await page.evaluate("document.activeElement.textContent") == case.number
    await keys.press("j")
    assert await page.evaluate("document.activeElement.textContent") != case.number
    await keys.press("k")
    await keys.press("Enter")
    await page.wait_for_url(f"**/cases/{case.number}")
    await tab_to(window, say("claim"))
    await keys.press("Enter")
    await expect(page.locator("#said")).to_have_text(say("done_claim"))
    await expect(page.locator("#reply-text")).to_be_focused(timeout=LIVE_MS)
    await keys.type("Help is coming")
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(page.locator("#said")).to_have_text(say("done_reply"))
    await page.wait_for_timeout(1100)
    assert any("Help is coming" in text for text in await amina.receives())


async def tab_to(window: Window, name: str) -> None:
    """Press Tab until what has this name has the focus, and see that it shows."""
    for _ in range(60):
        await window.page.keyboard.press("Tab")
        if await window.page.evaluate("document.activeElement.textContent.trim()") == name:
            look = "(() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.boxShadow] })()"
            shown = set(await window.page.evaluate(look)) != {"none"}
            assert shown, f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"Tab never came to {name}")


async def test_the_first_thing_a_screen_reader_meets_leads_to_the_content(window: Window) -> None:
    await window.signs_in(DeskRole.CASEWORKER)
    await window.page.keyboard.press("Tab")
    assert await window.page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    await window.page.keyboard.press("Enter")
    assert await window.page.evaluate("document.activeElement.id") == "main"


PAGES_OF = {
    DeskRole.CASEWORKER: ("/cases", "/cases?whose=mine&severity=2", "/cases/{case}", "/ask", "/library", "/account"),
    DeskRole.SUPERVISOR: ("/cases/{sealed}", "/sealed", "/gaps", "/figures"),
    DeskRole.FOCAL_POINT: ("/cases/{sealed}",),
    DeskRole.EDITOR: ("/gaps", "/gaps/1", "/library"),
    DeskRole.ADMINISTRATOR: ("/accounts",),
    DeskRole.AUDITOR: ("/log",),
}


async def numbers(app: App, amina: Someone) -> dict[str, str]:
    await a_small_office(app)
    await amina.says("where can my grandmother register her horse")
    await amina.says(BOAT)
    complaint = Someone(app, ChatId(72), hint="en")
    await complaint.says(ABUSE_BY_STAFF)
    await complaint.presses("Yes")
    cases = await app.storage.read(lambda uow: uow.cases.all())
    return {"case": (await the_case(app)).number, "sealed": next(case.number for case in cases if case.sealed)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
async def test_no_page_keeps_anybody_out(app: App, windows: Windows, amina: Someone, scheme: str, language: str) -> None:
    """Axe finds nothing serious on any page, in the light and in the dark, from left to right and from right to left."""
    known, found = await numbers(app, amina), []
    for role, paths in PAGES_OF.items():
        window = await windows.new(color_scheme=scheme)
        await window.signs_in(role)
        await window.page.context.add_cookies([{"name": "waypost_language", "value": language, "url": window.served.url}])
        for path in ("/sign-in", *(path.format(**known) for path in paths)):
            await window.goes(path)
            await window.page.wait_for_timeout(150)
            for details in await window.page.locator("main details > summary").all():
                if await details.is_visible():
                    await details.click()
            result = await Axe().run(window.page)
            found += [
                f"{path} as {role}: {one['id']} {one['nodes'][0]['html'][:120]}"
                for one in result.response["violations"]
                if one["impact"] in GRAVE
            ]
    assert found == []


async def test_every_page_fits_a_phone(app: App, windows: Windows, amina: Someone) -> None:
    known, wide = await numbers(app, amina), []
    for role, paths in PAGES_OF.items():
        window = await windows.new(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
        await window.signs_in(role)
        for path in (path.format(**known) for path in paths):
            await window.goes(path)
            width = await window.page.evaluate("document.documentElement.scrollWidth")
            if width > 360:
                wide.append((path, role, width))
        if role is DeskRole.CASEWORKER:
            await window.goes("/cases")
            await window.picture("console-phone")
    assert wide == []


async def test_arabic_is_read_from_right_to_left_in_any_interface(app: App, windows: Windows) -> None:
    person = Someone(app, ChatId(75), hint="ar")
    await person.says("أريد التحدث مع شخص من فضلك")
    await person.presses("نعم")
    await person.says("زوجي في ألمانيا ورقم ملفي 1234-AB")
    case = await the_case(app)
    for language, direction in (("en", "ltr"), ("ar", "rtl")):
        window = await windows.new()
        member = await window.signs_in(DeskRole.CASEWORKER)
        await window.page.context.add_cookies([{"name": "waypost_language", "value": language, "url": window.served.url}])
        await app.storage.run(partial(does, app=app, case=case, member=member, verb="claim"))
        await window.goes(f"/cases/{case.number}")
        words = window.page.locator("#case-talk .words", has_text="ألمانيا")
        await expect(words).to_have_css("direction", "rtl")
        await expect(window.page.locator("body")).to_have_css("direction", direction)
        box = window.page.locator("#reply-text")
        await box.fill("مرحبا")
        await expect(box).to_have_css("direction", "rtl")
        await window.picture(f"console-{'arabic-words' if language == 'en' else 'arabic'}", full=True)
        await app.storage.run(partial(does, app=app, case=case, member=member, verb="release"))


def does(uow: UnitOfWork, *, app: App, case: Case, member: StaffMember, verb: str) -> None:
    desk.act(uow, app, uow.cases.get(case.id), member, verb, "")


async def test_what_is_typed_survives_what_happens_meanwhile(app: App, window: Window, amina: Someone) -> None:
    page = await a_case_of_theirs(app, window, amina)
    await page.get_by_label(say("reply")).fill("I have called the coast")
    await page.get_by_text(say("resolve"), exact=True).first.click()
    await page.get_by_label(say("resolve_line")).fill("half a line")
    await page.get_by_label(say("reply")).focus()
    await page.keyboard.press("End")
    await amina.says("the water is up to our knees")
    await expect(page.locator("#case-talk")).to_contain_text("up to our", timeout=LIVE_MS)
    await page.keyboard.type(" guard")
    await expect(page.get_by_label(say("reply"))).to_have_value("I have called the coast guard")
    await expect(page.get_by_label(say("resolve_line"))).to_have_value("half a line")
    assert await page.evaluate("document.activeElement.id") == "reply-text"
    await page.get_by_role("button", name=say("send")).click()
    await expect(page.locator("#said")).to_have_text(say("done_reply"))


async def test_two_colleagues_see_each_other_within_a_second(app: App, windows: Windows, amina: Someone) -> None:
    await amina.says(BOAT)
    case = await the_case(app)
    lea, omar = await windows.new(), await windows.new()
    await lea.signs_in(DeskRole.CASEWORKER)
    await omar.signs_in(DeskRole.CASEWORKER)
    await lea.goes(f"/cases/{case.number}")
    await omar.goes(f"/cases/{case.number}")
    await lea.page.get_by_role("button", name=say("claim")).click()
    assert lea.member is not None
    await expect(omar.page.locator("#case-work")).to_contain_text(say("not_yours", who=lea.member.alias), timeout=LIVE_MS)
    await expect(omar.page.get_by_role("button", name=say("claim"))).to_have_count(0)


async def test_a_window_that_was_cut_off_catches_up(app: App, window: Window, amina: Someone) -> None:
    page = window.page
    await window.signs_in(DeskRole.CASEWORKER)
    await window.goes("/cases")
    await page.wait_for_timeout(300)
    await page.context.set_offline(True)
    await page.evaluate("document.querySelector('[hx-sse\\\\:connect]')._htmx.sse.reader.cancel()")
    await amina.says(BOAT)
    await expect(page.locator("#line")).to_be_visible(timeout=10_000)
    await expect(page.locator("#queue li")).to_have_count(0)
    await page.context.set_offline(False)
    await expect(page.locator("#queue li")).to_have_count(1, timeout=20_000)
    await expect(page.locator("#line")).to_be_hidden()
    window.faults.clear()  # the browser names the requests that failed while it was cut off


async def test_a_session_that_ends_leaves_no_words_on_the_screen_and_keeps_what_was_typed(
    app: App, window: Window, amina: Someone
) -> None:
    page = window.page
    await amina.commands("human")
    await amina.presses("Yes")
    case = await the_case(app)
    member = await window.signs_in(DeskRole.CASEWORKER)
    await window.goes(f"/cases/{case.number}")
    await page.get_by_role("button", name=say("claim")).click()
    await page.get_by_label(say("reply")).fill("a long answer")
    await app.storage.run(lambda uow: uow.accounts.end_sessions(member.id))
    await expect(page.locator("#line")).to_have_text(say("session_over"), timeout=LIVE_MS)
    await expect(page.get_by_label(say("reply"))).to_have_value("a long answer")
    assert await page.locator("#case-talk article").count() == 0
    assert await page.locator("[hx-sse\\:connect]").count() == 0, "it asks no more"
    # It learns of the end from the open line or, should that be on its way back just then, from one refusal; never from two.
    refused = [fault for fault in window.faults if "401 (Unauthorized)" in fault]
    assert len(refused) <= 1
    window.faults = [fault for fault in window.faults if fault not in refused]


async def test_the_glass_takes_two_windows(app: App, windows: Windows) -> None:
    complaint = Someone(app, ChatId(72), hint="en")
    await complaint.says(ABUSE_BY_STAFF)
    await complaint.presses("Yes")
    case = await the_case(app)
    ruth, zoe = await windows.new(), await windows.new()
    await ruth.signs_in(DeskRole.SUPERVISOR)
    await zoe.signs_in(DeskRole.FOCAL_POINT)
    await ruth.goes(f"/cases/{case.number}")
    await expect(ruth.page.locator("main")).to_contain_text(say("sealed_long"))
    await ruth.page.get_by_label(say("glass_reason")).fill("The focal points are on a plane until noon")
    await ruth.page.get_by_role("button", name=say("glass_ask")).click()
    await zoe.goes("/sealed")
    await zoe.page.get_by_role("button", name=say("glass_agree")).click()
    await ruth.goes(f"/cases/{case.number}")
    await expect(ruth.page.locator("#case-head")).to_contain_text(say("glass_open"))
    await ruth.page.get_by_role("button", name=say("claim")).click()
    await expect(ruth.page.locator("#said")).to_have_text(say("done_claim"))


async def test_staff_ask_and_read_in_place(window: Window) -> None:
    page = window.page
    await window.signs_in(DeskRole.STAFF)
    await page.get_by_label(say("ask_question")).fill("how many people share one latrine?")
    await page.get_by_role("button", name=say("ask"), exact=True).click()
    await expect(page.locator("#answer")).to_contain_text("Plan one latrine for twenty people.")
    await expect(page.locator("#answer")).to_contain_text(say("why_rule"))
    await window.picture("console-ask", full=True)
    await page.get_by_text(say("report"), exact=True).click()
    await page.get_by_label(say("report_note")).fill("The standard was changed this year.")
    await page.get_by_role("button", name=say("report_send")).click()
    await expect(page.locator("#said")).to_have_text(say("done_reported"))


async def test_an_account_is_made_from_a_link(app: App, window: Window, console: Served) -> None:
    page = window.page
    code = await app.storage.run(lambda uow: accounts.invite_first_administrator(uow, now=app.clock.now()))
    await window.goes(f"/welcome?code={code}")
    assert await page.locator("code.secret").inner_text() == SECRET
    box = await page.locator(".qr svg").bounding_box()
    assert box is not None
    assert box["width"] > 100
    await page.get_by_label(say("password"), exact=True).fill(PASSWORD)
    await page.get_by_label(say("password_again")).fill(PASSWORD)
    await page.get_by_label(say("one_time_code")).fill(CODE)
    await page.get_by_role("button", name=say("welcome_done")).click()
    await page.wait_for_url("**/accounts")
    await page.get_by_label(say("invite_role")).select_option("caseworker")
    await page.get_by_role("button", name=say("invite"), exact=True).click()
    await expect(page.locator("article")).to_contain_text("/welcome?code=")


async def test_without_scripts_the_desk_still_works(app: App, windows: Windows, amina: Someone) -> None:
    await amina.says(BOAT)
    case = await the_case(app)
    window = await windows.new(java_script_enabled=False)
    page = window.page
    await window.signs_in(DeskRole.CASEWORKER)
    await window.goes(f"/cases/{case.number}")
    await page.get_by_role("button", name=say("claim")).click()
    await expect(page.locator("#said")).to_have_text(say("done_claim"))
    await page.get_by_label(say("reply")).fill("Help is coming")
    await page.get_by_role("button", name=say("send")).click()
    await expect(page.locator("#said")).to_have_text(say("done_reply"))
    await page.wait_for_timeout(1100)
    assert any("Help is coming" in text for text in await amina.receives())


async def test_a_first_load_is_small(app: App, window: Window, amina: Someone) -> None:
    """What comes over the line from nothing to the open queue and a case, with nothing kept from before."""
    await a_small_office(app)
    await amina.says(BOAT)
    case = await the_case(app)
    sizes: list[int] = []

    async def weigh(request) -> None:  # type: ignore[no-untyped-def]
        if "/stream" not in request.url:
            found = await request.sizes()
            sizes.append(found["responseBodySize"] + found["responseHeadersSize"])

    window.page.on("requestfinished", weigh)
    await window.signs_in(DeskRole.CASEWORKER)
    await window.goes("/cases")
    await window.goes(f"/cases/{case.number}")
    await window.page.wait_for_timeout(300)
    assert 10_000 < sum(sizes) < FIRST_LOAD_BYTES


async def test_the_supervisor_sees_the_figures(app: App, windows: Windows, amina: Someone) -> None:
    await numbers(app, amina)
    lea = await windows.served.member(DeskRole.CASEWORKER)
    for case in (await app.storage.read(lambda uow: uow.cases.all()))[:4]:
        if not case.sealed:
            await app.storage.run(partial(does, app=app, case=case, member=lea, verb="claim"))
    window = await windows.new()
    await window.signs_in(DeskRole.SUPERVISOR)
    await window.goes("/figures")
    await expect(window.page.locator("main")).to_contain_text(lea.alias)
    await window.picture("console-figures", full=True)
    dark = await windows.new(color_scheme="dark")
    await dark.signs_in(DeskRole.SUPERVISOR)
    await dark.goes("/cases")
    await dark.picture("console-dark")
    assert WorkState.ACTIVE in {case.state for case in await app.storage.read(lambda uow: uow.cases.all())}
