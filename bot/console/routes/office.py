"""For those who run the office: figures, sealed cases to be opened, accounts, the audit log."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.frame import number_of
from bot.console.paper import page
from bot.console.visit import Visit
from bot.domain.accounts import BreakGlass
from bot.domain.cases import Case
from bot.domain.errors import InvalidInput, InvalidTransition
from bot.domain.ids import BreakGlassId
from bot.domain.people import DeskRole, StaffMember
from bot.service import accounts, casework, notices, sealed
from bot.service import figures as facts
from bot.service.ports import UnitOfWork

PERIODS = (7, 30, 90)
LOG_PAGE = 200
INVITATION = timedelta(hours=24)


async def figures(request: Request, visit: Visit) -> Response:
    """Show waiting, promises, load, languages, outcomes and crises of some days."""
    days = request.query_params.get("days", "")
    period = int(days) if days in {str(one) for one in PERIODS} else PERIODS[0]
    now, zone = visit.app.clock.now(), visit.app.policies.calendar.zone
    report = await visit.app.storage.read(lambda uow: facts.report(uow, now=now, days=period, zone=zone))
    return page(request, visit, "figures.html", {"report": report, "period": period, "periods": PERIODS})


async def show_sealed(request: Request, visit: Visit) -> Response:
    """Show who asks to open which sealed case, and to focal points what was opened lately."""
    return await _sealed(request, visit)


async def _sealed(request: Request, visit: Visit, *, refused: str = "", status: int = 200) -> Response:
    now = visit.app.clock.now()
    is_focal = visit.role is DeskRole.FOCAL_POINT
    since = now - sealed.LOOK_BACK if is_focal else now

    def look(uow: UnitOfWork) -> list[tuple[BreakGlass, Case, str, str]]:
        return [
            (one, uow.cases.get(one.case_id), notices.alias_of(uow, one.asked_by), notices.alias_of(uow, one.granted_by))
            for one in uow.accounts.requests(since=since)
        ]

    found = await visit.app.storage.read(look)
    values = {"found": found, "refused": refused, "now": now, "is_focal": is_focal}
    return page(request, visit, "sealed.html", values, status=status)


async def agree(request: Request, visit: Visit) -> Response:
    """Be the second person who lets a sealed case be opened."""
    return await _with_request(request, visit, sealed.agree)


async def end(request: Request, visit: Visit) -> Response:
    """Refuse a request, or close what was opened."""
    return await _with_request(request, visit, sealed.end)


async def _with_request(request: Request, visit: Visit, work: Callable[..., object]) -> Response:
    number, now = BreakGlassId(number_of(request.path_params["number"]) or 0), visit.app.clock.now()
    try:
        await visit.app.storage.run(lambda uow: work(uow, visit.app, number, visit.member, now=now))
    except InvalidTransition as exc:
        return await _sealed(request, visit, refused=visit.refusal(exc), status=409)
    visit.app.outbox_bell.ring()
    return RedirectResponse("/sealed", status_code=303)


async def show_accounts(request: Request, visit: Visit) -> Response:
    """List the staff."""
    return await _accounts(request, visit)


async def _accounts(
    request: Request, visit: Visit, *, code: str = "", for_whom: str = "", refused: str = "", status: int = 200
) -> Response:  # fmt: skip
    members, having, roles = await visit.app.storage.read(
        lambda uow: (
            uow.staff.all(), uow.accounts.having(),
            [role for role in DeskRole if accounts.may_invite(uow, visit.member, role)],
        )
    )  # fmt: skip
    is_administrator = visit.role is DeskRole.ADMINISTRATOR
    scheme = "https" if visit.console.place.is_secure else "http"
    values = {
        "members": [one for one in members if is_administrator or one.desk_role in roles], "having": having, "roles": roles,
        "is_administrator": is_administrator, "queues": list(visit.app.policies.queues), "code": code,
        "link": f"{scheme}://{request.headers['host']}/welcome?code={code}", "for_whom": for_whom, "refused": refused,
    }  # fmt: skip
    return page(request, visit, "accounts.html", values, status=status)


async def invite(request: Request, visit: Visit) -> Response:
    """Make a one-time code for a new colleague, or for a member's second way in, and show it once."""
    role, now = visit.field("role"), visit.app.clock.now()
    if visit.field("member"):
        member = await _member(visit)
        if member is None:
            return await _accounts(request, visit, refused=visit.say("error_missing"), status=404)
    elif role in set(DeskRole):
        member = None
    else:
        return await _accounts(request, visit, refused=visit.say("error_missing"), status=422)

    def work(uow: UnitOfWork) -> str:
        given = DeskRole(role) if member is None else member.desk_role
        return accounts.invite(uow, role=given, life=INVITATION, by=visit.member, now=now, member=member)

    try:
        code = await visit.app.storage.run(work)
    except InvalidInput:
        return await _accounts(request, visit, refused=visit.say("refused_focal"), status=403)
    return await _accounts(request, visit, code=code, for_whom=visit.say(f"role_{role}") if member is None else member.alias)


async def change(request: Request, visit: Visit) -> Response:
    """Say what a member takes, change their role, or revoke them."""
    member, now = await _member(visit), visit.app.clock.now()
    if member is None:
        return await _accounts(request, visit, refused=visit.say("error_missing"), status=404)
    what, role = visit.field("what"), visit.field("role")
    if member.id == visit.member.id and what in {"revoke", "role"}:
        # The last administrator would lock everybody out, and two-person rules would not hold for oneself.
        return await _accounts(request, visit, refused=visit.say("refused_self"), status=409)

    def work(uow: UnitOfWork) -> None:
        if what == "revoke":
            casework.revoke_staff(uow, visit.app, member.alias, actor=visit.member.actor, now=now)
        elif what == "role" and role in set(DeskRole):
            accounts.change_role(uow, visit.app, member, DeskRole(role), by=visit.member, now=now)
        elif what == "takes":
            uow.staff.save(_takes(visit, member))
            uow.audit.record(actor=visit.member.actor, action="staff.changed", subject=member.alias, now=now)

    try:
        await visit.app.storage.run(work)
    except InvalidInput:
        return await _accounts(request, visit, refused=visit.say("refused_focal"), status=403)
    visit.app.outbox_bell.ring()
    return RedirectResponse("/accounts", status_code=303)


async def away(request: Request, visit: Visit) -> Response:
    """Say that one is off shift, or back."""
    now = visit.app.clock.now()
    member = replace(visit.member, away=visit.field("away") == "yes")

    def work(uow: UnitOfWork) -> None:
        uow.staff.save(member)
        uow.audit.record(
            actor=visit.member.actor, action="staff.away" if member.away else "staff.back", subject=member.alias, now=now
        )

    await visit.app.storage.run(work)
    return RedirectResponse("/account", status_code=303)


async def log(request: Request, visit: Visit) -> Response:
    """Show the audit log, newest first, and whether its chain holds."""
    query = request.query_params
    before = number_of(query.get("before", ""))
    wanted = {"subject": query.get("subject", "").strip()[:64], "actor": query.get("actor", "").strip()[:64]}
    entries, is_whole, aliases = await visit.app.storage.read(
        lambda uow: (
            uow.audit.newest(limit=LOG_PAGE, before=before, **wanted),
            uow.audit.verify() if query.get("check") == "1" else None,
            {one.actor: one.alias for one in uow.staff.all()},
        )
    )
    values = {"entries": entries, "is_whole": is_whole, "aliases": aliases, "wanted": wanted, "is_full": len(entries) == LOG_PAGE}
    return page(request, visit, "log.html", values)


def _takes(visit: Visit, member: StaffMember) -> StaffMember:
    """Return the member with what the form says they take; what cannot be read stays as it is."""
    queues = {name for name in visit.app.policies.queues if visit.field(f"queue_{name}")}
    languages = {code for code in visit.field("languages").replace(",", " ").lower().split() if code.isalpha() and len(code) == 2}
    return replace(
        member, languages=frozenset(languages), queues=frozenset(queues), away=visit.field("away") == "yes",
        capacity=_number(visit, "capacity", 1, 100, member.capacity),
        clearance=_number(visit, "clearance", 0, 4, member.clearance),
        on_call=_number(visit, "on_call", 0, 20, member.on_call or 0) or None,
    )  # fmt: skip


def _number(visit: Visit, field: str, least: int, most: int, otherwise: int) -> int:
    given = number_of(visit.field(field))
    return given if given is not None and least <= given <= most else otherwise


async def _member(visit: Visit) -> StaffMember | None:
    wanted = visit.field("member")
    members = await visit.app.storage.read(lambda uow: uow.staff.all())
    return next((one for one in members if str(one.id) == wanted), None)
