"""The desk: the queue, one case, and what is done with it. Every command is the one of the staff group, on the same service."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import queue, sheet
from bot.console.frame import is_piece, missing, said
from bot.console.live import Look, Watcher
from bot.console.paper import page, part, piece
from bot.console.queue import Filters
from bot.console.visit import Row, Visit
from bot.domain.cases import Case
from bot.domain.errors import CaseAlreadyClaimed, InvalidTransition, StorageUnavailable, VersionConflict
from bot.domain.people import StaffMember
from bot.service import desk, handover, relay, routing, sealed
from bot.service.conflicts import ATTEMPTS, until_settled
from bot.service.ports import UnitOfWork

PING_S = 15
SAID = {*desk.COMMANDS, "reply", "note", "none_waits"}
"""What a page may say was done a moment ago."""
FIRST_WINS = {"claim", "undo", "note"}
"""What is done whatever happened meanwhile; everything else is done to the case as it was shown."""
WAIT_FOR_DATABASE_S = 5


async def show_queue(request: Request, visit: Visit) -> Response:
    """Show the open cases a member sees, gravest first."""
    filters = Filters.of(request.query_params)
    look, member = await _one_look(visit)
    rows = queue.rows_of(look, member, filters, visit.console, visit.language)
    counts = _counts(look, member, visit)
    open_cases = [case for case in look.cases.values() if sealed.sees(case, member)]
    values = {
        "rows": rows, "total": len(queue.ranked(look, member, filters)), "filters": filters,
        "counts": counts, "seen": queue.digest(look, rows, counts),
        "case_languages": sorted({case.language for case in open_cases}), "queues": list(visit.app.policies.queues),
        "query": request.url.query, "said": said(request, SAID),
    }  # fmt: skip
    return page(request, visit, "queue.html", values)


async def queue_stream(request: Request, visit: Visit) -> Response:
    """Send what changes in the queue, from what the page shows on."""
    filters = Filters.of(request.query_params)
    seen = request.headers.get("last-event-id") or request.query_params.get("seen", "")

    async def events() -> AsyncIterator[ServerSentEvent]:
        shown: Sequence[Row] | None = None
        counted = ""
        async with aclosing(visit.console.hub.looks(Watcher(token=visit.who.token))) as looks:
            async for look, member in looks:
                rows, counts = queue.rows_of(look, member, filters, visit.console, visit.language), _counts(look, member, visit)
                mark = queue.digest(look, rows, counts)
                if shown is None:
                    data = "" if mark == seen else queue.whole(rows) + queue.replaced("counts", counts)
                else:
                    data = queue.change(look, shown, rows) + (queue.replaced("counts", counts) if counts != counted else "")
                shown, counted = rows, counts
                if data:
                    yield ServerSentEvent(data=data, id=mark)
        yield ServerSentEvent(event="session-over", data="")

    return _stream(events())


async def take_next(request: Request, visit: Visit) -> Response:
    """Claim the case that most needs somebody and that this member can take."""

    def work(uow: UnitOfWork) -> str | None:
        case = routing.next_for(uow, visit.app, visit.member, now=visit.app.clock.now())
        if case is None:
            return None
        desk.perform(uow, visit.app, case, visit.member, "claim", "")
        return case.number

    number = await until_settled(lambda: visit.app.storage.run(work))
    visit.app.outbox_bell.ring()
    return RedirectResponse(f"/cases/{number}?said=claim" if number else "/cases?said=none_waits", status_code=303)


async def show_case(request: Request, visit: Visit) -> Response:
    """Show one case; the look is kept in the audit log."""
    return await _case_page(request, visit, done=said(request, SAID))


async def _case_page(
    request: Request, visit: Visit, *, done: str = "", refused: str = "", status: int = 200,
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    case, found = await _look_at(request, visit, "case.viewed")
    if case is None:
        return missing(visit, request)
    if found is None:
        return page(request, visit, "case_sealed.html", {"case": case, "refused": refused}, status=status)
    shown = await run_in_threadpool(sheet.parts, visit.console, found, visit.language, visit.csrf)
    values = {
        "sheet": found, "case": case, "parts": shown, "seen": sheet.as_text(sheet.marks(shown)),
        "said": done, "refused": refused, "typed": typed or {}, "key": secrets.token_hex(8),
        "templates": [
            (visit.app.catalogue.text(key, case.language), visit.app.catalogue.text(key, visit.language))
            for key in sheet.TEMPLATES
        ],
        "prefix": visit.app.catalogue.text("human_prefix", case.language),
        "undo_s": round(visit.app.office.undo.total_seconds()),
    }  # fmt: skip
    return page(request, visit, "case.html", values, status=status)


async def case_stream(request: Request, visit: Visit) -> Response:
    """Send what changes in one case, from what the page shows on."""
    case, found = await _look_at(request, visit, "case.watched")
    if case is None or found is None:
        return missing(visit, request)
    seen = sheet.of_text(request.headers.get("last-event-id") or request.query_params.get("seen", ""))

    async def events() -> AsyncIterator[ServerSentEvent]:
        watcher = Watcher(token=visit.who.token, case_id=case.id)
        known: tuple[object, ...] = ()
        async with aclosing(visit.console.hub.looks(watcher)) as looks:
            async for look, member in looks:
                if (current_is := (member, *look.of_case(case.id))) == known:
                    continue
                known, current, now = current_is, look.cases.get(case.id), visit.app.clock.now()
                if current is None or sealed.as_reader(current, member, look.glass, now=now) is None:
                    yield ServerSentEvent(event="look-again", data="")
                    return
                read = await visit.app.storage.read(partial(_sheet, case=case, member=member, now=now))
                if read is None:
                    known = ()  # it has changed since the look; the next one says how
                    continue
                shown = await run_in_threadpool(sheet.parts, visit.console, read, visit.language, visit.csrf)
                marks = sheet.marks(shown)
                pieces = [queue.replaced(f"case-{name}", shown[name]) for name in sheet.PARTS if marks[name] != seen.get(name)]
                if pieces:
                    seen.update(marks)
                    yield ServerSentEvent(data="".join(pieces), id=sheet.as_text(marks))
        yield ServerSentEvent(event="session-over", data="")

    return _stream(events())


async def show_aid(request: Request, visit: Visit) -> Response:
    """Show what helps to answer: what the person was shown, what the library holds, a draft."""
    case, found = await _look_at(request, visit, "case.aid_viewed")
    if case is None or found is None:
        return missing(visit, request)
    aid = await handover.find_aid(visit.app, case.id, even_sealed=True)
    if not is_piece(request):
        return page(request, visit, "aid.html", {"aid": aid, "case": case})
    return part(visit, "case_aid.html", {"aid": aid, "case": case})


async def do(request: Request, visit: Visit) -> Response:
    """Do with a case what a button says."""
    verb = visit.field("verb")

    def work(uow: UnitOfWork, case: Case, reader: StaffMember) -> None:
        desk.perform(uow, visit.app, case, reader, verb, _value_of(visit, verb))

    return await _change(request, visit, verb, work)


async def reply(request: Request, visit: Visit) -> Response:
    """Send words to the person."""

    def work(uow: UnitOfWork, case: Case, reader: StaffMember) -> None:
        key, now = _key_of_reply(case, visit), visit.app.clock.now()
        relay.reply(uow, visit.app, case, reader, text=_words_of(visit), key=key, now=now)

    return await _change(request, visit, "reply", work)


async def note(request: Request, visit: Visit) -> Response:
    """Keep words for colleagues."""

    def work(uow: UnitOfWork, case: Case, reader: StaffMember) -> None:
        relay.add_note(uow, visit.app, case, reader, _words_of(visit), now=visit.app.clock.now())

    return await _change(request, visit, "note", work)


async def ask_to_open(request: Request, visit: Visit) -> Response:
    """Ask to open a sealed case."""

    def work(uow: UnitOfWork) -> Case | None:
        case = _by_number(uow, request, visit)
        if case is not None:
            sealed.ask(uow, visit.app, case, visit.member, reason=visit.field("reason"), now=visit.app.clock.now())
        return case

    try:
        if await visit.app.storage.run(work) is None:
            return missing(visit, request)
    except InvalidTransition as exc:
        return await _case_page(request, visit, refused=visit.refusal(exc), status=409)
    visit.app.outbox_bell.ring()
    return RedirectResponse("/sealed", status_code=303)


async def _change(
    request: Request, visit: Visit, what: str, work: Callable[[UnitOfWork, Case, StaffMember], None]
) -> Response:  # fmt: skip
    """Do something with the case as it was shown, and say what came of it."""

    def change(uow: UnitOfWork) -> Case | None:
        case = _by_number(uow, request, visit)
        if case is None:
            return None
        now = visit.app.clock.now()
        reader = sealed.as_reader(case, visit.member, uow.accounts.requests(since=now), now=now)
        if reader is None:
            return None
        if what == "reply" and relay.is_written(uow, _key_of_reply(case, visit)):
            return case  # sent already; only its answer was lost on the way back
        if what not in FIRST_WINS and visit.field("version") != str(case.version):
            raise VersionConflict
        sealed.require_by_glass(visit.app, case, reader, visit.member, what)
        work(uow, case, reader)
        return case

    refused = ""
    try:
        if await until_settled(lambda: visit.app.storage.run(change)) is None:
            return missing(visit, request)
    except CaseAlreadyClaimed as exc:
        refused = visit.say("refused_claimed", who=exc.by)
    except VersionConflict:
        refused = visit.say("refused_changed")
    except InvalidTransition as exc:
        refused = visit.refusal(exc)
    visit.app.outbox_bell.ring()
    if is_piece(request):
        answer = part(visit, "_said.html", {"said": "" if refused else what, "refused": refused})
        if not refused:
            answer.headers["HX-Trigger"] = f"done-{what}"
        return answer
    if refused:
        return await _case_page(request, visit, refused=refused, status=409, typed={what: visit.field("text")})
    return RedirectResponse(f"/cases/{request.path_params['number']}?said={what}", status_code=303)


def _words_of(visit: Visit) -> str:
    if not visit.field("text"):
        raise InvalidTransition(why="empty")
    return visit.field("text")


def _value_of(visit: Visit, verb: str) -> str:
    """Return the value of a command from the fields of its form."""
    if verb == "resolve":
        return f"{visit.field('value')} {visit.field('summary')}".strip()
    if verb == "partner" and not visit.field("agreed"):
        raise InvalidTransition(why="consent")
    return visit.field("value")


def _key_of_reply(case: Case, visit: Visit) -> str:
    """Return what tells one reply from another, however often its form is sent; other words are another reply."""
    words = hashlib.sha256(visit.field("text").encode()).hexdigest()[:12]
    return f"console:{case.id}:{visit.member.id}:{visit.field('key')[:32] or case.version}:{words}"


async def _look_at(request: Request, visit: Visit, action: str) -> tuple[Case | None, sheet.Sheet | None]:
    """Find a case for a member and keep that they looked."""
    for _ in range(ATTEMPTS):
        case, found = await visit.app.storage.read(partial(_find, request=request, visit=visit))
        if case is None or found is not None:
            break  # else it is not for them, or has just changed
    if case is not None and found is not None:
        actor, number, now = visit.member.actor, case.number, found.now
        await visit.app.storage.run(lambda uow: uow.audit.record(actor=actor, action=action, subject=number, now=now))
    return case, found


def _find(uow: UnitOfWork, *, request: Request, visit: Visit) -> tuple[Case | None, sheet.Sheet | None]:
    case = _by_number(uow, request, visit)
    return case, None if case is None else sheet.read(uow, case, visit.member, now=visit.app.clock.now())


def _sheet(uow: UnitOfWork, *, case: Case, member: StaffMember, now: datetime) -> sheet.Sheet | None:
    return sheet.read(uow, uow.cases.get(case.id), member, now=now)


def _by_number(uow: UnitOfWork, request: Request, visit: Visit) -> Case | None:
    """Return a case whose existence a member may know of."""
    case = uow.cases.by_number(request.path_params["number"])
    return case if case is not None and sealed.sees(case, visit.member) else None


def _counts(look: Look, member: StaffMember, visit: Visit) -> str:
    """Return how many cases wait, are urgent, are the member's: of all they see, whatever the filters."""
    seen = [case for case in look.cases.values() if case.is_open and not case.drill and sealed.sees(case, member)]
    waiting = [case for case in seen if case.owner_id is None]
    values = {
        "waiting": len(waiting), "urgent": sum(case.is_urgent for case in waiting),
        "mine": sum(case.owner_id == member.id for case in seen),
        "to_answer": sum(case.owner_id == member.id and case.waiting_since is not None for case in seen),
        "asked_to_open": sum(one.granted_by is None and one.asked_by != member.id for one in look.glass)
                         if member.desk_role in sealed.AGREES else 0,
    }  # fmt: skip
    return piece(visit.console, "_counts.html", visit.language, values)


async def _one_look(visit: Visit) -> tuple[Look, StaffMember]:
    async with aclosing(visit.console.hub.looks(Watcher(token=visit.who.token))) as looks:
        async for found in looks:
            return found
    raise StorageUnavailable("The session has ended")


def _stream(events: AsyncIterator[ServerSentEvent]) -> Response:
    return EventSourceResponse(_patient(events), ping=PING_S, headers={"Cache-Control": "no-store"})


async def _patient(events: AsyncIterator[ServerSentEvent]) -> AsyncIterator[ServerSentEvent]:
    """End a stream when the database cannot be read: the browser comes back and names what it has."""
    try:
        async for event in events:
            yield event
    except StorageUnavailable:
        await asyncio.sleep(WAIT_FOR_DATABASE_S)
