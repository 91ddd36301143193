"""The library: entries, their versions, what is due for review, withdrawing. New words come in with ``waypost knowledge add``."""

from collections.abc import Sequence

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.frame import missing, number_of
from bot.console.paper import page
from bot.console.visit import Visit
from bot.domain.people import DeskRole
from bot.service.handover import FOR_STAFF
from bot.service.ports import UnitOfWork
from knowledge import history
from knowledge.differences import difference
from knowledge.errors import KnowledgeError, UnknownDocument
from knowledge.history import Filter, Version
from knowledge.passages import Audience

SHOWN = 300
STATUSES = ("published", "draft", "quarantined", "withdrawn", "expired")
"""Of versions, as somebody looks for them."""


async def show(request: Request, visit: Visit) -> Response:
    """List documents: the newest version of each, or what the filters ask for."""
    query = request.query_params
    now = visit.app.clock.now()
    is_due = query.get("due") == "1"
    wanted = Filter(language=query.get("language") or None, status=query.get("status") or None, review_due=is_due)
    found = await visit.read_library(lambda connection: history.listed(connection, wanted, now=now))
    words = query.get("words", "").strip().lower()
    shown = [one for one in _readable(found) if not words or words in f"{one.title} {one.path} {one.topic}".lower()]
    values = {
        "versions": shown[:SHOWN], "total": len(shown), "query": query, "today": now.date(),
        "document_languages": sorted({one.language for one in found}), "statuses": STATUSES,
    }  # fmt: skip
    return page(request, visit, "library.html", values)


async def document(request: Request, visit: Visit) -> Response:
    """Show a document: the words of one version, what it changed, every other version, its other languages."""
    return await _document(request, visit)


async def _document(request: Request, visit: Visit, *, refused: str = "", status: int = 200) -> Response:
    collection, path = request.path_params["collection"], request.path_params["path"]
    now = visit.app.clock.now()
    number = number_of(request.query_params.get("version", ""))

    def read(connection: Connection) -> dict[str, object] | None:
        try:
            known = history.versions_of(connection, collection, path, now=now)
            chosen = history.numbered(known, number) if number is not None else _standing(known)
        except UnknownDocument:
            return None
        if not _readable([chosen]):
            return None
        body = history.body_of(connection, chosen.id)
        before = next((one for one in reversed(known) if one.number < chosen.number), None)
        changed = (
            list(difference(before, chosen, old_body=history.body_of(connection, before.id), new_body=body)) if before else []
        )
        return {
            "chosen": chosen, "known": known, "body": body, "before": before, "changed": changed,
            "variants": _readable(history.variants(connection, chosen, now=now)),
        }  # fmt: skip

    found = await visit.read_library(read)
    if found is None:
        return missing(visit, request)
    may_withdraw = visit.role is DeskRole.EDITOR and any(one.status == "published" for one in found["known"])  # type: ignore[attr-defined]
    values = {**found, "may_withdraw": may_withdraw, "today": now.date(), "refused": refused}
    return page(request, visit, "document.html", values, status=status)


async def withdraw(request: Request, visit: Visit) -> Response:
    """Withdraw a document: from the next question on nobody is shown it."""
    collection, path = request.path_params["collection"], request.path_params["path"]
    now = visit.app.clock.now()
    if visit.field("sure") != "yes":
        return await _document(request, visit, refused=visit.say("refused_sure"), status=422)
    try:
        await run_in_threadpool(visit.console.library.withdraw, collection, path, now=now)
    except UnknownDocument:
        return missing(visit, request)
    except KnowledgeError as exc:
        return await _document(request, visit, refused=visit.say("refused", why=str(exc)), status=409)

    def work(uow: UnitOfWork) -> None:
        uow.audit.record(actor=visit.member.actor, action="document.withdrawn", subject=f"{collection}/{path}"[-64:], now=now)

    await visit.app.storage.run(work)
    return RedirectResponse(f"/library/{collection}/{path}", status_code=303)


def _standing(known: Sequence[Version]) -> Version:
    """Return the version that is published, else the newest."""
    return next((one for one in reversed(known) if one.status == "published"), known[-1])


def _readable(found: Sequence[Version]) -> list[Version]:
    """Leave out what is for nobody who signs in here: security."""
    return [one for one in found if Audience(one.audience) in FOR_STAFF]
