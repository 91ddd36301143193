"""Two small HTTP applications that never share a listener: Telegram's webhook, and health for the operator on loopback."""

import hmac
from collections.abc import Awaitable, Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Receive = Callable[[Mapping[str, object]], Awaitable[bool]]
States = Callable[[], Awaitable[Mapping[str, str]]]

MAX_BODY_BYTES = 1_000_000


def webhook(receive: Receive, secret: str) -> Starlette:
    """Return the application Telegram posts to; an update is answered 200 only once it is kept."""

    async def post(request: Request) -> Response:
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(given.encode(), secret.encode()):
            return Response(status_code=403)
        if len(await request.body()) > MAX_BODY_BYTES:
            return Response(status_code=413)
        try:
            payload = await request.json()
            is_update = isinstance(payload["update_id"], int)
        except (ValueError, KeyError, TypeError):
            is_update = False
        if not is_update:
            return Response(status_code=400)
        return Response(status_code=200 if await receive(payload) else 503)

    return Starlette(routes=[Route("/telegram", post, methods=["POST"])])


def health(states: States) -> Starlette:
    """Return ``/health/live`` and ``/health/ready``; ready means NLU, encoder, index and database are all up."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> Response:
        found = dict(await states())
        is_ready = all(state == "ok" for state in found.values())
        return JSONResponse(
            {"status": "ready" if is_ready else "not_ready", "parts": found}, status_code=200 if is_ready else 503
        )

    return Starlette(routes=[Route("/health/live", live), Route("/health/ready", ready)])
