"""Every page and every role: who gets in, who does not, and that no page is without a rule."""

import re
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from bot.console import matrix, pages
from bot.console.access import OpenPage, Page
from bot.console.frame import MAX_BODY_BYTES
from bot.console.paper import HERE
from bot.console.visit import Place
from bot.domain.people import DeskRole
from support.assistant import Someone
from support.console import TEXTS, Served
from support.databases import Database

NOT_OURS = TEXTS.text("error_foreign", "en")


def address_of(page: Page, number: str) -> str:
    """Return an address that the path of a page matches."""
    given = {
        "{number}": number if page.path.startswith("/cases") else "1",
        "{collection}": "pathways",
        "{path:path}": "en/P08.md",
    }
    return re.sub(r"\{[^}]+\}", lambda found: given[found[0]], page.path)


def test_every_route_has_a_rule(console: Served) -> None:
    built: Starlette = pages.build(console.console)
    everything: list[Page | OpenPage] = [*pages.OPEN_PAGES, *pages.PAGES]
    routed = {(route.path, *sorted((route.methods or set()) - {"HEAD"})) for route in built.routes if isinstance(route, Route)}
    ruled = {(page.path, page.method) for page in everything}
    assert routed == ruled
    assert [route.path for route in built.routes if isinstance(route, Mount)] == ["/static"]
    assert all(isinstance(route, Mount | Route) for route in built.routes)
    assert all(page.roles for page in pages.PAGES)
    assert len(ruled) == len(pages.OPEN_PAGES) + len(pages.PAGES), "no page twice"


@pytest.mark.parametrize("role", DeskRole)
async def test_each_role_opens_its_pages_and_no_other(console: Served, amina: Someone, role: DeskRole) -> None:
    await amina.commands("human")
    await amina.presses("Yes")
    number = (await console.app.storage.read(lambda uow: uow.cases.all()))[0].number
    visitor = await console.signed_in(role)
    wrong = []
    for page in pages.PAGES:
        if page.path == "/sign-out" or page.path.endswith("/stream"):
            continue
        address = address_of(page, number)
        answer = await (visitor.gets(address) if page.method == "GET" else visitor.posts(address))
        is_refused = answer.status_code == 403 and NOT_OURS not in answer.text
        if is_refused is (role in page.roles) or answer.status_code >= 500:
            wrong.append((page.method, address, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("role", [role for role in DeskRole if not role.works_cases])
async def test_a_stream_is_for_its_roles_too(console: Served, role: DeskRole) -> None:
    visitor = await console.signed_in(role)
    assert (await visitor.gets("/cases/stream")).status_code == 403
    assert (await visitor.gets("/cases/AAA-AAA/stream")).status_code == 403


async def test_without_a_session_every_page_leads_to_the_sign_in(console: Served) -> None:
    visitor, wrong = console.visitor(), []
    for page in pages.PAGES:
        address = address_of(page, "AAA-AAA")
        answer = await (visitor.gets(address) if page.method == "GET" else visitor.posts(address))
        if page.method == "GET":
            is_right = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
        else:
            is_right = answer.status_code == 401
        if not is_right:
            wrong.append((page.method, address, answer.status_code))
    assert wrong == []


async def test_a_form_that_is_not_ours_does_nothing(console: Served) -> None:
    visitor, other = await console.signed_in(DeskRole.SUPERVISOR), await console.signed_in(DeskRole.CASEWORKER)
    for page in pages.PAGES:
        if page.method != "POST" or DeskRole.SUPERVISOR not in page.roles:
            continue
        address = address_of(page, "AAA-AAA")
        tries = [
            await visitor.client.post(address),
            await visitor.client.post(address, data={"csrf": other.csrf}),
            await visitor.client.post(address, data={"csrf": visitor.csrf}, headers={"Origin": "https://evil.example"}),
            await visitor.client.post(address, data={"csrf": visitor.csrf}, headers={"Origin": "null"}),
        ]
        assert [answer.status_code for answer in tries] == [403] * 4, address
        assert all(NOT_OURS in answer.text for answer in tries)


async def test_the_sign_in_form_too_must_be_ours(console: Served) -> None:
    visitor = console.visitor()
    for page in pages.OPEN_PAGES:
        if page.method == "POST":
            answer = await visitor.client.post(page.path, headers={"Origin": "https://evil.example"})
            assert (answer.status_code, NOT_OURS in answer.text) == (403, True)
    del visitor.client.headers["Origin"]
    assert (await visitor.client.post("/sign-in")).status_code == 403
    same = {"Sec-Fetch-Site": "same-origin"}
    assert (await visitor.client.post("/sign-in", data={"name": "x"}, headers=same)).text.count(TEXTS.text("sign_in_wrong", "en"))


async def test_every_answer_says_what_a_browser_may_do_with_it(console: Served) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    for path in ("/cases", "/sign-in", "/nothing", "/static/console.css", "/figures"):
        headers = (await visitor.gets(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("public, max-age=31536000, immutable" if "static" in path else "no-store")


async def test_no_template_asks_for_what_the_policy_forbids() -> None:
    for path in (HERE / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|js:|<script(?! src=)|https?://", text), path.name


async def test_another_name_for_this_machine_leads_nowhere(console: Served) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    answer = await visitor.client.get("/cases", headers={"Host": "evil.example"})
    assert answer.status_code == 421


async def test_a_form_that_is_too_large_is_not_read(console: Served) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    answer = await visitor.client.post("/ask", data={"csrf": visitor.csrf, "question": "x" * MAX_BODY_BYTES})
    assert answer.status_code == 413

    async def pieces() -> AsyncIterator[bytes]:
        yield b"csrf=1"

    assert (await visitor.client.post("/ask", content=pieces())).status_code == 413


def test_behind_https_the_cookie_is_bound_to_the_host() -> None:
    place = Place.at("https://desk.example.org", 8080)
    assert (place.cookie, place.is_secure, sorted(place.hosts)) == ("__Host-waypost", True, ["desk.example.org"])
    assert place.origins == {"https://desk.example.org"}


def test_the_matrix_names_every_page_and_every_role() -> None:
    text = matrix.page()
    for page in pages.PAGES:
        assert f"`{page.path}`" in text
    for role in DeskRole:
        assert role.value.replace("_", " ") in text


async def test_a_database_that_fails_is_said_and_shows_nothing(console: Served, place: Database) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    with place.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE console_session")
    answer = await visitor.gets("/cases")
    assert answer.status_code == 503
    assert TEXTS.text("error_unavailable", "en") in answer.text
