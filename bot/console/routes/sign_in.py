"""Coming in and going out: sign-in, the one-time link, the language."""

from urllib.parse import urlsplit

import segno
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.frame import said
from bot.console.paper import page, render
from bot.console.visit import LANGUAGE_COOKIE, Console, Visit, address_of, typed
from bot.domain.accounts import MIN_PASSWORD, SESSION_LIFE
from bot.domain.errors import InvalidInput, UnknownCode, WrongCredentials
from bot.domain.people import DeskRole
from bot.service import accounts
from bot.service.accounts import SignedIn

YEAR_S = 365 * 24 * 3600
HOME = {DeskRole.STAFF: "/ask", DeskRole.EDITOR: "/gaps", DeskRole.AUDITOR: "/log", DeskRole.ADMINISTRATOR: "/accounts"}
"""Where a role begins; the others at the desk."""


async def form(request: Request, console: Console, language: str, _form: FormData) -> Response:
    """Show the sign-in form."""
    return render(console, request, "sign_in.html", language, {"to": _inside(request.query_params.get("to", "")), "wrong": ""})


async def sign_in(request: Request, console: Console, language: str, form: FormData) -> Response:
    """Sign somebody in; what is wrong is not told."""
    name, password, one_time = (typed(form, field) for field in ("name", "password", "code"))
    to = _inside(typed(form, "to"))
    try:
        who = await accounts.sign_in(
            console.app, console.credentials, name=name, password=password, one_time=one_time, address=address_of(request)
        )
    except WrongCredentials as exc:
        minutes = None if exc.wait is None else max(1, round(exc.wait.total_seconds() / 60))
        say = console.texts.text
        wrong = say("sign_in_wrong", language) if minutes is None else say("sign_in_wait", language, minutes=minutes)
        status = 403 if minutes is None else 429
        return render(console, request, "sign_in.html", language, {"to": to, "wrong": wrong}, status=status)
    return _enter(console, who, to)


async def welcome(request: Request, console: Console, language: str, _form: FormData) -> Response:
    """Show the form behind a one-time link; the link still works after it."""
    code = request.query_params.get("code", "")
    return await _welcome(request, console, language, code, console.credentials.new_secret())


async def accept(request: Request, console: Console, language: str, form: FormData) -> Response:
    """Make an account and sign in."""
    code, password, again, secret, one_time = (
        typed(form, field) for field in ("invitation", "password", "again", "secret", "code")
    )
    try:
        if password != again:
            raise InvalidInput("passwords_differ")
        who = await accounts.accept_invitation(
            console.app, console.credentials, code=code, password=password, secret=secret, one_time=one_time
        )
    except UnknownCode:
        return await _welcome(request, console, language, code, secret)
    except InvalidInput as exc:
        return await _welcome(request, console, language, code, secret, wrong=str(exc))
    return _enter(console, who, "")


async def sign_out(_request: Request, visit: Visit) -> Response:
    """End the session."""
    await accounts.sign_out(visit.app, visit.who)
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(visit.console.place.cookie, secure=visit.console.place.is_secure, httponly=True, samesite="strict")
    return answer


async def home(_request: Request, visit: Visit) -> Response:
    """Lead everybody to where their work begins."""
    return RedirectResponse(HOME.get(visit.role, "/cases"), status_code=303)


async def choose_language(request: Request, console: Console, language: str, form: FormData) -> Response:
    """Keep the language of the interface in this browser."""
    chosen = typed(form, "language")
    answer = RedirectResponse(_inside(typed(form, "to")) or "/", status_code=303)
    if chosen in console.texts.languages():
        answer.set_cookie(
            LANGUAGE_COOKIE, chosen, max_age=YEAR_S, secure=console.place.is_secure, httponly=True, samesite="strict"
        )
    return answer


async def account(request: Request, visit: Visit) -> Response:
    """Show the own account."""
    return page(request, visit, "account.html", {"wrong": "", "said": said(request, {"password"})})


async def change_password(request: Request, visit: Visit) -> Response:
    """Change the own password."""
    old, password, again = (typed(visit.form, field) for field in ("old", "password", "again"))
    try:
        if password != again:
            raise InvalidInput("passwords_differ")
        await accounts.change_password(
            visit.app, visit.console.credentials, visit.who, old=old, new=password, address=address_of(request)
        )
    except WrongCredentials:
        wrong = visit.say("sign_in_wrong")
    except InvalidInput as exc:
        wrong = visit.say(f"wrong_{exc}", least=MIN_PASSWORD)
    else:
        return RedirectResponse("/account?said=password", status_code=303)
    return page(request, visit, "account.html", {"wrong": wrong, "said": ""}, status=422)


async def still_here(_request: Request, _visit: Visit) -> Response:
    """Somebody is writing: the session goes on."""
    return Response(status_code=204)


async def _welcome(
    request: Request, console: Console, language: str, code: str, secret: str, *, wrong: str = ""
) -> Response:  # fmt: skip
    try:
        role, member = await accounts.invitation(console.app, code)
    except UnknownCode:
        return render(console, request, "error.html", language, {"key": "error_invitation"}, status=404)
    address = console.credentials.address(secret, name=member.alias if member else role, issuer="Waypost")
    drawn = Markup(segno.make(address, error="m").svg_inline(scale=4, svgclass="code", lineclass=None, omitsize=True))  # noqa: S704  # drawn by us
    values = {
        "code": code, "role": role, "member": member, "secret": secret, "drawn": drawn, "least": MIN_PASSWORD,
        "wrong": console.texts.text(f"wrong_{wrong}", language, least=MIN_PASSWORD) if wrong else "",
    }  # fmt: skip
    return render(console, request, "welcome.html", language, values, status=422 if wrong else 200)


def _enter(console: Console, who: SignedIn, to: str) -> Response:
    answer = RedirectResponse(to or "/", status_code=303)
    answer.set_cookie(
        console.place.cookie, who.token, max_age=round(SESSION_LIFE.total_seconds()), path="/", secure=console.place.is_secure,
        httponly=True, samesite="strict",
    )  # fmt: skip
    return answer


def _inside(to: str) -> str:
    """Return a path of ours, or nothing: nobody is led elsewhere."""
    parts = urlsplit(to)
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc else ""
