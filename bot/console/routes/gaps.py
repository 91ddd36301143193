"""Gaps: what nobody could answer and what somebody calls wrong, until a version of a document closes it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.frame import missing, number_of
from bot.console.paper import page
from bot.console.visit import Visit
from bot.domain.gaps import Asking, Gap
from bot.domain.ids import GapId
from bot.domain.people import DeskRole, StaffMember
from bot.service.ports import UnitOfWork
from knowledge import history
from knowledge.errors import UnknownDocument
from knowledge.history import Version


async def show(request: Request, visit: Visit) -> Response:
    """List gaps: open ones, those asked for most first; or closed ones."""
    is_closed = request.query_params.get("closed") == "1"
    gaps, aliases = await visit.app.storage.read(lambda uow: (uow.gaps.all(closed=is_closed), uow.staff.aliases()))
    return page(request, visit, "gaps.html", {"gaps": gaps, "aliases": aliases, "is_closed": is_closed})


async def gap(request: Request, visit: Visit) -> Response:
    """Show one gap; whoever reads the words of people is kept in the audit log."""
    return await _gap(request, visit)


async def _gap(request: Request, visit: Visit, *, refused: str = "", status: int = 200) -> Response:
    number, now = GapId(number_of(request.path_params["number"]) or 0), visit.app.clock.now()

    def look(uow: UnitOfWork) -> tuple[Gap | None, list[Asking], list[StaffMember]]:
        found = uow.gaps.get(number)
        asked = uow.gaps.askings(number) if found is not None else []
        if any(one.text for one in asked) or (found is not None and found.note):
            uow.audit.record(actor=visit.member.actor, action="gap.words_viewed", subject=str(number), now=now)
        return found, asked, [one for one in uow.staff.all() if one.desk_role is DeskRole.EDITOR]

    found, asked, editors = await visit.app.storage.run(look)
    if found is None:
        return missing(visit, request)
    values = {
        "gap": found, "asked": asked, "editors": editors, "refused": refused,
        "may_edit": visit.role is DeskRole.EDITOR,
    }  # fmt: skip
    return page(request, visit, "gap.html", values, status=status)


async def assign(request: Request, visit: Visit) -> Response:
    """Give a gap to an editor, or to nobody."""
    number, now = GapId(number_of(request.path_params["number"]) or 0), visit.app.clock.now()

    def work(uow: UnitOfWork) -> bool:
        editors = {str(one.id): one.id for one in uow.staff.all() if one.desk_role is DeskRole.EDITOR}
        to = editors.get(visit.field("to"))
        if uow.gaps.get(number) is None:
            return False
        uow.gaps.assign(number, to)
        uow.audit.record(actor=visit.member.actor, action="gap.assigned", subject=str(number), now=now)
        return True

    if not await visit.app.storage.run(work):
        return missing(visit, request)
    return RedirectResponse(f"/gaps/{number}", status_code=303)


async def close(request: Request, visit: Visit) -> Response:
    """Close a gap by a version that was published after it was found."""
    number, now = GapId(number_of(request.path_params["number"]) or 0), visit.app.clock.now()
    found = await visit.app.storage.read(lambda uow: uow.gaps.get(number))
    if found is None:
        return missing(visit, request)
    version = await _published_since(visit, found.opened_at)
    if version is None:
        return await _gap(request, visit, refused=visit.say("refused_no_version"), status=422)

    def work(uow: UnitOfWork) -> None:
        uow.gaps.close(number, by=version, now=now)
        uow.audit.record(actor=visit.member.actor, action="gap.closed", subject=str(number), now=now)

    await visit.app.storage.run(work)
    return RedirectResponse("/gaps", status_code=303)


async def _published_since(visit: Visit, since: datetime) -> str | None:
    """Return the name of the newest version of the document in the form that was published since; None when there is none."""
    collection, _, path = visit.field("document").partition("/")

    def read(connection: Connection) -> Sequence[Version]:
        try:
            return history.versions_of(connection, collection, path, now=visit.app.clock.now())
        except UnknownDocument:
            return ()

    known = await visit.read_library(read)
    newer = [one for one in known if one.status == "published" and one.published_at and one.published_at > since]
    return f"{collection}/{path} {newer[-1].number}"[:200] if newer else None
