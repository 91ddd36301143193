"""What stands around every page: who asks and whether they may, forms that are ours, headers, and what is said when it fails.

Every page goes through :func:`serve`; there is no other way to add one.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console.access import OpenPage, Page
from bot.console.paper import render
from bot.console.visit import Console, Place, Visit, is_ours
from bot.domain.errors import StorageUnavailable
from bot.service import accounts

logger = logging.getLogger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
MAX_BODY_BYTES = 200_000
MAX_FIELDS = 100
MAX_DIGITS = 9

Endpoint = Callable[[Request], Awaitable[Response]]


def serve(console: Console, page: Page | OpenPage) -> Endpoint:
    """Return the endpoint of a page with all its checks before it."""

    async def endpoint(request: Request) -> Response:
        language = console.language_of(request)
        if page.method == "POST" and not _from_here(request, console.place):
            return _fail(console, request, language, 403, "error_foreign")
        try:
            token = request.cookies.get(console.place.cookie, "")
            is_used = isinstance(page, OpenPage) or not page.is_live
            who = await accounts.recognise(console.app, token, is_used=is_used) if token else None
            form = await request.form(max_files=0, max_fields=MAX_FIELDS) if page.method == "POST" else FormData()
            if who is None:
                if isinstance(page, Page):
                    return _sign_in_first(console, request, language)
                return await page.endpoint(request, console, language, form)
            visit = Visit(console=console, who=who, language=language, form=form)
            if isinstance(page, OpenPage):
                return await page.endpoint(request, console, language, form)
            if page.method == "POST" and not is_ours(visit.field("csrf"), who.token):
                return _fail(console, request, language, 403, "error_foreign")
            if who.member.desk_role not in page.roles:
                return _fail(console, request, language, 403, "error_role", visit)
            return await page.endpoint(request, visit)
        except HTTPException:
            raise
        except StorageUnavailable as exc:
            logger.warning("a page failed", extra={"event": "console.unavailable", "error": str(exc)})
            return _fail(console, request, language, 503, "error_unavailable")
        except Exception:
            # The outermost frame of a page: whatever nobody foresaw is written down and told in words.
            logger.exception("a page failed", extra={"event": "console.failed"})
            return _fail(console, request, language, 500, "error_broken")

    return endpoint


def not_found(console: Console) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers for a path that is no page."""

    async def handler(request: Request, _error: Exception) -> Response:
        return _fail(console, request, console.language_of(request), 404, "error_missing")

    return handler


def missing(visit: Visit, request: Request) -> Response:
    """Answer that there is no such thing, or none for this reader: nobody is told which."""
    return _fail(visit.console, request, visit.language, 404, "error_missing", visit)


def number_of(text: object) -> int | None:
    """Return a number from an address or a form; None when it is none, or larger than any of ours."""
    return int(str(text)) if str(text).isascii() and str(text).isdecimal() and len(str(text)) <= MAX_DIGITS else None


def said(request: Request, known: Collection[str]) -> str:
    """Return what was done a moment ago, as the address names it; empty when it names nothing of ours."""
    given = request.query_params.get("said", "")
    return given if given in known else ""


def is_piece(request: Request) -> bool:
    """Whether a piece of a page is asked for and not a page."""
    return request.headers.get("HX-Request") == "true"


def _from_here(request: Request, place: Place) -> bool:
    origin = request.headers.get("origin")
    if origin is not None:
        return origin in place.origins
    return request.headers.get("sec-fetch-site") == "same-origin"


def _sign_in_first(console: Console, request: Request, language: str) -> Response:
    if request.method != "GET" or is_piece(request):
        return PlainTextResponse(console.texts.text("session_over", language), status_code=401)
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/sign-in?to={quote(back)}", status_code=303)


def _fail(
    console: Console, request: Request, language: str, status: int, key: str, visit: Visit | None = None
) -> Response:  # fmt: skip
    if is_piece(request):
        return PlainTextResponse(console.texts.text(key, language), status_code=status)
    return render(console, request, "error.html", language, {"key": key}, visit=visit, status=status)


class Guard:
    """ASGI middleware: only our own host, small bodies, and the headers that keep a page to itself."""

    def __init__(self, app: ASGIApp, place: Place) -> None:
        self._app, self._place = app, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given: Mapping[bytes, bytes] = dict(scope["headers"])
        length = given.get(b"content-length", b"0")
        if given.get(b"host", b"").decode("latin-1") not in self._place.hosts:
            # Another name that leads here is somebody's attempt to read our pages with a name of theirs.
            await PlainTextResponse("Not the address of this console.", status_code=421)(scope, receive, send)
            return
        if b"transfer-encoding" in given or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            await PlainTextResponse("Too large.", status_code=413)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers(scope["path"]).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)

    def _headers(self, path: str) -> dict[str, Any]:
        return {
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            # Not no-referrer: a form would then be sent with the origin "null".
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "Cache-Control": "public, max-age=31536000, immutable" if path.startswith("/static/") else "no-store",
            **({"Strict-Transport-Security": "max-age=31536000"} if self._place.is_secure else {}),
        }
