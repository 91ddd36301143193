"""Ask, gaps, library, figures, accounts and the audit log."""

import re
from collections.abc import Iterable
from datetime import UTC, date, timedelta

import pytest

from bot.adapters.quiet import QuietMessenger
from bot.console.paper import HERE
from bot.domain.cases import EventKind, Resolution, WorkState
from bot.domain.deliveries import Text
from bot.domain.gaps import GapKind
from bot.domain.ids import ChatId
from bot.domain.messages import Kind
from bot.domain.people import DeskRole
from bot.domain.routing import Mode, Why
from bot.service import due, figures, housekeeping
from bot.service.app import App
from knowledge.passages import Audience, Authority, Document, Source, sealed
from knowledge.store import KnowledgeStore
from policies import Outcome
from support.assistant import Shelf, Someone, a_hit
from support.clock import FakeClock
from support.console import ABUSE_BY_STAFF, BOAT, CODE, PASSWORD, SECRET, TEXTS, Served
from support.databases import Database
from support.desk import Desk, the_case


def say(key: str, **values: object) -> str:
    return TEXTS.text(key, "en", **values)


def a_document(path: str = "en/P08.md", body: str = "Families may ask to live together.", **changes: object) -> Document:
    values: dict[str, object] = {
        "collection": "pathways", "path": path, "topic": "P08", "title": "Family", "language": "en", "audience": Audience.PUBLIC,
        "kind": "entry", "body": body, "authority": Authority.GUIDANCE, "checked": date(2026, 11, 1),
        "review_due": date(2026, 11, 20),
        "sources": (Source(title="Page", url="https://help.unhcr.org/p08", publisher="UNHCR"),),
    }  # fmt: skip
    return sealed(Document(**{**values, **changes}))  # type: ignore[arg-type]


@pytest.fixture
def store(place: Database) -> KnowledgeStore:
    return KnowledgeStore(place.engine)


# ---------------------------------------------------------------- ask
async def test_staff_ask_and_see_the_answer_its_source_and_why(console: Served) -> None:
    visitor = await console.signed_in(DeskRole.STAFF)
    answer = (await visitor.posts("/ask", piece=True, question="how do I get a visa?")).text
    for words in ("A visa lets you enter.", "https://help.unhcr.org/P01", "answer-grounded", "0.90", say("why"), "About P01"):
        assert words in answer
    assert 'href="/passages/1"' in answer


async def test_the_question_stands_in_no_address_and_is_written_down_nowhere(console: Served, app: App) -> None:
    visitor = await console.signed_in(DeskRole.STAFF)
    await visitor.posts("/ask", question="how do I get a visa?")
    page = (await visitor.gets("/ask")).text
    assert "how do I get a visa" not in page
    assert await app.storage.read(lambda uow: [one.asked for one in uow.gaps.all()]) == []
    assert await app.storage.read(lambda uow: uow.figures.outcomes(since=app.clock.now() - timedelta(days=1))) == {}


async def test_staff_are_shown_what_the_public_is_not(console: Served, shelf: Shelf) -> None:
    shelf.by_word["latrine"] = a_hit(7, "3.1", "One latrine for twenty people.", audience=Audience.STAFF)
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    answer = (await visitor.posts("/ask", piece=True, question="how many people for one latrine")).text
    assert "One latrine for twenty people." in answer
    assert say("audience_staff") in answer
    assert all(Audience.SECURITY not in asked for asked in shelf.asked)


async def test_where_nothing_answers_it_is_said_and_told_to_the_editors(console: Served, app: App) -> None:
    visitor, editor = await console.signed_in(DeskRole.STAFF), await console.signed_in(DeskRole.EDITOR)
    answer = (await visitor.posts("/ask", piece=True, question="how do I register a drone")).text
    assert say("no_answer") in answer
    told = await visitor.posts(
        "/ask/report", piece=True, kind="unanswered", topic="–", intent="–", note="rules for drones in camps"
    )
    assert say("done_reported") in told.text
    number = (await app.storage.read(lambda uow: uow.gaps.all()))[0].id
    assert "rules for drones in camps" in (await editor.gets(f"/gaps/{number}")).text


async def test_a_wrong_answer_is_flagged_and_stands_first(console: Served, app: App, amina: Someone) -> None:
    await amina.says("can I bring my goldfish to the office")
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    await visitor.posts("/ask/report", kind="wrong", topic="P01", intent="ask_visa", note="the fee has changed")
    found = await app.storage.read(lambda uow: uow.gaps.all())
    assert found[0].kind is GapKind.WRONG


# ---------------------------------------------------------------- gaps
async def test_a_question_nobody_could_answer_becomes_a_gap_and_is_counted(
    console: Served, app: App, clock: FakeClock, amina: Someone
) -> None:
    editor = await console.signed_in(DeskRole.EDITOR)
    omar = Someone(app, ChatId(75), hint="fr")
    await amina.says("where can my grandmother register her horse")
    await omar.says("où ma grand-mère peut-elle déclarer son cheval")
    found = await app.storage.read(lambda uow: uow.gaps.all())
    assert [(one.asked, set(one.languages), one.note) for one in found] == [(2, {"en", "fr"}, "")]
    page = (await editor.gets(f"/gaps/{found[0].id}")).text
    assert "where can my grandmother register her horse" in page
    actions = [one.action for one in await app.storage.read(lambda uow: uow.audit.newest(limit=3))]
    assert "gap.words_viewed" in actions
    clock.advance(hours=25)
    await housekeeping.sweep(app)
    clock.advance(seconds=31)
    assert editor.member is not None
    await editor.signs_in(editor.member.alias)
    page = (await editor.gets(f"/gaps/{found[0].id}")).text
    assert "grandmother" not in page
    assert say("gap_asked_n", n=2) in page


async def test_a_gap_is_closed_by_a_version_published_after_it_was_found(
    console: Served, app: App, clock: FakeClock, store: KnowledgeStore, amina: Someone
) -> None:
    store.publish([a_document()], now=clock.now())
    clock.advance(minutes=1)
    await amina.says("where can my grandmother register her horse")
    editor = await console.signed_in(DeskRole.EDITOR)
    gap = (await app.storage.read(lambda uow: uow.gaps.all()))[0]
    assert editor.member is not None
    await editor.posts(f"/gaps/{gap.id}/assign", to=str(editor.member.id))
    assert (await app.storage.read(lambda uow: uow.gaps.get(gap.id))).owner_id == editor.member.id  # type: ignore[union-attr]
    unknown = await editor.posts(f"/gaps/{gap.id}/close", document="pathways/en/none.md")
    old = await editor.posts(f"/gaps/{gap.id}/close", document="pathways/en/P08.md")
    assert (unknown.status_code, old.status_code) == (422, 422)
    assert say("refused_no_version") in old.text
    clock.advance(minutes=1)
    store.publish([a_document(body="Families may ask to live together. Horses too.")], now=clock.now())
    await editor.posts(f"/gaps/{gap.id}/close", document="pathways/en/P08.md")
    assert await app.storage.read(lambda uow: uow.gaps.all()) == []
    assert "pathways/en/P08.md 2" in (await editor.gets("/gaps?closed=1")).text
    await amina.says("where can my grandmother register her horse")
    assert len(await app.storage.read(lambda uow: uow.gaps.all())) == 1, "asked again after that, it is a gap again"


async def test_a_gap_that_is_not_there_is_not_found(console: Served) -> None:
    editor = await console.signed_in(DeskRole.EDITOR)
    assert (await editor.gets("/gaps/99")).status_code == 404
    assert (await editor.posts("/gaps/99/close", document="x/y")).status_code == 404
    assert (await editor.posts("/gaps/99/assign", to="1")).status_code == 404


# ---------------------------------------------------------------- library
async def test_the_library_shows_versions_and_what_is_overdue(console: Served, clock: FakeClock, store: KnowledgeStore) -> None:
    store.publish([a_document(), a_document("en/P09.md", title="Work", review_due=date(2027, 5, 1))], now=clock.now())
    store.publish([a_document(body="Families may ask. It takes a year.")], now=clock.advance(minutes=1))
    visitor = await console.signed_in(DeskRole.STAFF)
    everything, overdue = (await visitor.gets("/library")).text, (await visitor.gets("/library?due=1")).text
    assert say("library_n", n=2) in everything
    assert ("Family" in overdue, "Work" in overdue) == (True, False)
    assert "Work" in (await visitor.gets("/library?words=work")).text
    page = (await visitor.gets("/library/pathways/en/P08.md")).text
    assert "It takes a year." in page
    assert say("library_changed", n=1) in page
    assert say("withdraw") not in page
    old = (await visitor.gets("/library/pathways/en/P08.md?version=1")).text
    assert "It takes a year." not in old
    for missing in ("/library/pathways/en/none.md", "/library/none/x.md", "/library/pathways/en/P08.md?version=9"):
        assert (await visitor.gets(missing)).status_code == 404


async def test_security_documents_exist_for_nobody_here(console: Served, clock: FakeClock, store: KnowledgeStore) -> None:
    store.publish([a_document("en/S01.md", title="Convoys", audience=Audience.SECURITY)], now=clock.now())
    visitor = await console.signed_in(DeskRole.EDITOR)
    assert "Convoys" not in (await visitor.gets("/library")).text
    assert (await visitor.gets("/library/pathways/en/S01.md")).status_code == 404


async def test_an_editor_withdraws_and_nobody_else_can(
    console: Served, app: App, clock: FakeClock, store: KnowledgeStore
) -> None:
    store.publish([a_document()], now=clock.now())
    editor, worker = await console.signed_in(DeskRole.EDITOR), await console.signed_in(DeskRole.CASEWORKER)
    path = "/library/pathways/en/P08.md"
    assert (await worker.posts(path, sure="yes")).status_code == 403
    assert (await editor.posts(path)).status_code == 422
    assert (await editor.posts(path, sure="yes")).status_code == 303
    assert say("status_withdrawn") in (await editor.gets(path)).text
    assert (await editor.posts(path, sure="yes")).status_code == 409
    log = await app.storage.read(lambda uow: uow.audit.newest(limit=1))
    assert (log[0].action, log[0].subject) == ("document.withdrawn", "pathways/en/P08.md")


async def test_a_passage_is_read_in_place_and_one_for_nobody_is_not_there(
    console: Served, clock: FakeClock, store: KnowledgeStore, place: Database, shelf: Shelf
) -> None:
    shelf.by_word.clear()
    store.publish([a_document(), a_document("en/S01.md", title="Convoys", audience=Audience.SECURITY)], now=clock.now())
    with place.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT id, audience FROM passage WHERE kind = 'lead'").all()
    ids = {row[1]: row[0] for row in rows}
    visitor = await console.signed_in(DeskRole.STAFF)
    page = (await visitor.gets(f"/passages/{ids['public']}")).text
    assert "Families may ask to live together." in page
    assert "https://help.unhcr.org/p08" in page
    assert (await visitor.gets(f"/passages/{ids['security']}")).status_code == 404
    assert (await visitor.gets("/passages/999")).status_code == 404


# ---------------------------------------------------------------- figures
async def test_figures_count_what_happened(console: Served, app: App, clock: FakeClock, amina: Someone) -> None:
    lea, ruth = await console.signed_in(DeskRole.CASEWORKER), await console.signed_in(DeskRole.SUPERVISOR)
    await amina.says(BOAT)
    boat = await the_case(app)
    clock.advance(minutes=2)
    await lea.does(boat.number, "claim")
    clock.advance(minutes=2)
    await lea.posts(f"/cases/{boat.number}/reply", text="Help is coming", version=(await the_case(app)).version)
    late = Someone(app, ChatId(90), hint="fr")
    await late.says("nous sommes 40 dans un bateau, le moteur est en panne et l'eau entre")
    clock.advance(minutes=6)
    await due.ring(app)
    found = await app.storage.read(lambda uow: figures.report(uow, now=clock.now(), days=7, zone=UTC))
    assert (found.to_claim.n, found.to_claim.median) == (1, timedelta(minutes=2))
    assert (found.to_reply.n, found.to_reply.longest) == (1, timedelta(minutes=4))
    assert found.never_taken == 1
    assert [(one.kind, one.severity, one.kept, one.missed) for one in found.promises] == [("first_reply", 4, 1, 1)]
    assert dict(found.languages) == {"en": 1, "fr": 1}
    assert [(severity, n) for severity, n, _ in found.waiting if n] == [(4, 1)]
    carried = {one.alias: one for one in found.carried}
    assert lea.member is not None
    assert (carried[lea.member.alias].open, carried[lea.member.alias].urgent) == (1, 1)
    page = (await ruth.gets("/figures?days=30")).text
    for words in (say("figures_crisis"), say("never_taken", n=1), "Français", lea.member.alias, say("n_minutes", n=2)):
        assert words in page
    assert (await ruth.gets("/figures?days=4000")).status_code == 200


async def test_drills_count_nowhere_and_sealed_cases_by_number_alone(app: App, clock: FakeClock, amina: Someone) -> None:
    group = Desk(app)
    await group.member(amina.chat, DeskRole.SUPERVISOR)
    await amina.commands("drill", "4")
    await amina.says("I am waiting")
    person = Someone(app, ChatId(72), hint="en")
    await person.says(ABUSE_BY_STAFF)
    await person.presses("Yes")
    clock.advance(days=2)
    await due.ring(app)
    found = await app.storage.read(lambda uow: figures.report(uow, now=clock.now(), days=7, zone=UTC))
    assert sum(n for _, n, _ in found.waiting) == 0
    assert found.to_claim.n == found.never_taken == 0
    assert (found.promises, found.languages, found.resolutions, found.sealed) == ([], [], [], 1)
    assert sum(n for _, n in found.opened_by_day) == 0


async def test_whoever_had_an_urgent_case_was_exposed_also_when_they_gave_it_away(
    console: Served, app: App, clock: FakeClock, amina: Someone
) -> None:
    lea, omar = await console.signed_in(DeskRole.CASEWORKER), await console.signed_in(DeskRole.CASEWORKER)
    await amina.says(BOAT)
    number = (await the_case(app)).number
    assert lea.member is not None
    assert omar.member is not None
    await lea.does(number, "claim")
    await lea.does(number, "assign", omar.member.alias)
    found = await app.storage.read(lambda uow: figures.report(uow, now=clock.now(), days=7, zone=UTC))
    assert {one.alias: (one.taken, one.urgent, one.open) for one in found.carried} == {
        lea.member.alias: (1, 1, 0), omar.member.alias: (1, 1, 1)
    }  # fmt: skip


async def test_words_that_became_part_of_a_case_are_for_no_editor(console: Served, app: App, amina: Someone) -> None:
    editor = await console.signed_in(DeskRole.EDITOR)
    await amina.says("where can my grandmother register her horse")
    await amina.presses("Yes")
    gap = (await app.storage.read(lambda uow: uow.gaps.all()))[0]
    page = (await editor.gets(f"/gaps/{gap.id}")).text
    assert "grandmother" not in page
    assert say("gap_asked_n", n=1) in page


async def test_focal_points_are_invited_by_focal_points(console: Served, app: App) -> None:
    admin = await console.signed_in(DeskRole.ADMINISTRATOR)
    assert "/welcome?code=" in (await admin.posts("/accounts/invite", role="focal_point")).text, "somebody has to be the first"
    zoe, ruth = await console.signed_in(DeskRole.FOCAL_POINT), await console.signed_in(DeskRole.SUPERVISOR)
    assert zoe.member is not None
    assert ruth.member is not None
    tries = [
        await admin.posts("/accounts/invite", role="focal_point"),
        await admin.posts("/accounts/invite", member=str(zoe.member.id)),
        await admin.posts("/accounts/change", member=str(ruth.member.id), what="role", role="focal_point"),
        await admin.posts("/accounts/change", member=str(zoe.member.id), what="role", role="editor"),
        await zoe.posts("/accounts/invite", role="administrator"),
    ]
    assert [answer.status_code for answer in tries] == [403] * 5
    assert "/welcome?code=" in (await zoe.posts("/accounts/invite", role="focal_point")).text
    assert ruth.member.alias not in (await zoe.gets("/accounts")).text
    assert (await zoe.posts("/accounts/change", member=str(ruth.member.id), what="revoke")).status_code == 403


# ---------------------------------------------------------------- accounts
async def test_an_administrator_invites_and_the_link_works(console: Served, app: App) -> None:
    admin = await console.signed_in(DeskRole.ADMINISTRATOR)
    page = (await admin.posts("/accounts/invite", role="caseworker")).text
    link = re.search(r"http://127\.0\.0\.1:\d+/welcome\?code=([\w-]+)", page)
    assert link is not None
    assert f"/link {link[1]}" in page
    assert link[1] not in (await admin.gets("/accounts")).text, "it is shown once"
    new = console.visitor()
    fields = {"invitation": link[1], "password": PASSWORD, "again": PASSWORD, "secret": SECRET, "code": CODE}
    await new.client.post("/welcome", data=fields)
    assert (await new.gets("/cases")).status_code == 200
    assert (await admin.posts("/accounts/invite", role="emperor")).status_code == 422


async def test_an_administrator_says_what_somebody_takes(console: Served, app: App) -> None:
    admin, lea = await console.signed_in(DeskRole.ADMINISTRATOR), await console.signed_in(DeskRole.CASEWORKER)
    assert lea.member is not None
    await admin.posts(
        "/accounts/change", member=str(lea.member.id), what="takes", languages="ar, fr", capacity="5", clearance="2", on_call="1",
        queue_legal="yes",
    )  # fmt: skip
    changed = await app.storage.read(lambda uow: uow.staff.get(lea.member.id))  # type: ignore[union-attr]
    assert (set(changed.languages), set(changed.queues)) == ({"ar", "fr"}, {"legal"})
    assert (changed.capacity, changed.clearance, changed.on_call, changed.away) == (5, 2, 1, False)
    await admin.posts(
        "/accounts/change", member=str(lea.member.id), what="takes", capacity="-1", clearance="9", languages="<b>", on_call="0"
    )
    changed = await app.storage.read(lambda uow: uow.staff.get(lea.member.id))  # type: ignore[union-attr]
    assert (changed.capacity, changed.clearance, changed.on_call, changed.languages) == (5, 2, None, frozenset())


async def test_an_administrator_changes_a_role_and_removes_but_not_their_own(console: Served, app: App, amina: Someone) -> None:
    admin, ruth = await console.signed_in(DeskRole.ADMINISTRATOR), await console.signed_in(DeskRole.SUPERVISOR)
    await amina.says(BOAT)
    case = await the_case(app)
    await ruth.does(case.number, "claim")
    assert ruth.member is not None
    assert admin.member is not None
    await admin.posts("/accounts/change", member=str(ruth.member.id), what="role", role="editor")
    assert (await the_case(app)).owner_id is None, "an editor works no cases: it waits again"
    assert (await ruth.gets("/account")).status_code == 303
    await admin.posts("/accounts/change", member=str(ruth.member.id), what="revoke")
    assert len(await app.storage.read(lambda uow: uow.staff.all())) == 1
    for what in ("revoke", "role"):
        refused = await admin.posts("/accounts/change", member=str(admin.member.id), what=what, role="staff")
        assert (refused.status_code, say("refused_self") in refused.text) == (409, True)
    assert (await admin.posts("/accounts/change", member="99", what="revoke")).status_code == 404


async def test_an_administrator_sees_no_word_of_a_case(console: Served, amina: Someone) -> None:
    await amina.says(BOAT)
    admin = await console.signed_in(DeskRole.ADMINISTRATOR)
    assert (await admin.gets("/sealed")).status_code == 403
    for path in ("/accounts", "/ask", "/library", "/account"):
        assert "boat" not in (await admin.gets(path)).text


async def test_somebody_ends_their_shift(console: Served, app: App) -> None:
    lea = await console.signed_in(DeskRole.CASEWORKER)
    await lea.posts("/account/away", away="yes")
    assert (await app.storage.read(lambda uow: uow.staff.all()))[0].away
    assert say("shift_away") in (await lea.gets("/account")).text
    await lea.posts("/account/away", away="")
    assert not (await app.storage.read(lambda uow: uow.staff.all()))[0].away


# ---------------------------------------------------------------- audit log
async def test_the_auditor_reads_the_log_and_no_case(console: Served, place: Database, amina: Someone) -> None:
    lea, auditor = await console.signed_in(DeskRole.CASEWORKER), await console.signed_in(DeskRole.AUDITOR)
    await amina.says(BOAT)
    number = (await the_case(console.app)).number
    await lea.gets(f"/cases/{number}")
    page = (await auditor.gets(f"/log?subject={number}&check=1")).text
    assert "case.viewed" in page
    assert say("log_whole") in page
    assert "boat" not in page
    with place.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET subject = 'nothing' WHERE action = 'case.viewed'")
    assert say("log_broken") in (await auditor.gets("/log?check=1")).text


# ---------------------------------------------------------------- words
@pytest.mark.parametrize("language", sorted(TEXTS.languages()))
async def test_every_page_speaks_every_language(console: Served, app: App, amina: Someone, language: str) -> None:
    await amina.says(BOAT)
    number = (await the_case(app)).number
    supervisor = await console.signed_in(DeskRole.SUPERVISOR)
    supervisor.client.cookies.set("waypost_language", language)
    for path in ("/cases", f"/cases/{number}", "/ask", "/gaps", "/library", "/figures", "/sealed", "/account"):
        answer = await supervisor.gets(path)
        page = answer.text
        assert answer.status_code == 200
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
        assert TEXTS.text("sign_out", language) in page


def test_the_console_speaks_four_languages_with_the_same_words_to_fill_in() -> None:
    assert list(TEXTS.languages()) == ["en", "fr", "es", "ar"]  # their forms are compared when they are read


def test_every_name_that_can_be_shown_has_words() -> None:
    """Names of states, events, reasons … are put together with what they are: none may be without words."""
    words = TEXTS._texts["en"]
    kinds = [kind for kind in Kind if kind not in {Kind.TEXT, Kind.COMMAND, Kind.BUTTON}]
    put_together: dict[str, Iterable[str]] = {
        "state_": WorkState, "event_": EventKind, "resolution_": Resolution, "role_": DeskRole, "kind_": kinds, "why_": Why,
        "outcome_": Outcome, "routing_": Mode, "gap_": GapKind, "audience_": Audience,
    }  # fmt: skip
    missing = [f"{start}{name}" for start, names in put_together.items() for name in names if f"{start}{name}" not in words]
    assert missing == []


def test_every_reason_not_to_do_something_is_said_in_every_language() -> None:
    """A refusal names its reason, and each reason the code gives has its words."""
    given = set()
    for path in (HERE.parent).rglob("*.py"):
        given |= set(re.findall(r'why="([a-z_]+)"', path.read_text(encoding="utf-8")))
    assert len(given) > 15
    assert {f"not_{why}" for why in given} - set(TEXTS._texts["en"]) == set()


def test_every_category_fact_and_queue_has_words(app: App) -> None:
    words, policies = TEXTS._texts["en"], app.policies
    missing = [f"queue_{name}" for name in policies.queues if f"queue_{name}" not in words]
    missing += [f"category_{name}" for name in policies.categories if f"category_{name}" not in words]
    facts = {*policies.question_order, *policies.choices, "nationality"}
    missing += [f"fact_{name}" for name in facts if f"fact_{name}" not in words]
    assert missing == []


def test_every_text_a_template_asks_for_exists_and_every_text_is_asked_for() -> None:
    words = TEXTS._texts["en"]
    asked: set[str] = set()
    beginnings: set[str] = set()
    for path in [*(HERE / "templates").glob("*.html"), *HERE.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        for key, joined in re.findall(r"""\bt\(["']([a-z0-9_]+)["'](\s*~)?""", text):
            (beginnings if joined else asked).add(key)
        asked |= set(re.findall(r'"((?:[a-z0-9]+_)*[a-z0-9]+)"', text))
        beginnings |= set(re.findall(r'f"([a-z]+_)\{', text))
    assert {
        key for key in words if not key.startswith("_") and key not in asked and not key.startswith(tuple(beginnings))
    } == set()
    called = {
        key
        for path in (HERE / "templates").glob("*.html")
        for key in re.findall(r"""\bt\(["']([a-z0-9_]+)["'][,)]""", path.read_text(encoding="utf-8"))
    }
    assert called - set(words) == set()


async def test_what_a_colleague_has_no_telegram_for_is_not_sent_into_the_void(console: Served, app: App, amina: Someone) -> None:
    """Somebody who works in the console alone has no chat: what would be told them there waits in the console."""
    await console.member(DeskRole.SUPERVISOR, on_call=1)
    await amina.says(BOAT)
    await due.ring(app)
    await amina.receives()
    assert isinstance(app.messenger, QuietMessenger)
    assert {chat for chat, _, content in app.messenger.sent if isinstance(content, Text)} == {amina.chat}
