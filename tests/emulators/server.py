"""The HTTP side: ``/bot<token>/<method>``, ``/file/bot<token>/<path>``, and the log of every call."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from emulators import errors
from emulators.errors import ApiError
from emulators.faults import Fault, FaultPlan
from emulators.methods import HANDLERS, Request
from emulators.schema import Upload
from emulators.world import World

logger = logging.getLogger(__name__)

MAX_UPLOAD = 60 * 1024 * 1024
MAX_POLL_S = 50


@dataclass(slots=True)
class Call:
    """One request of the bot. ``at`` is emulated time, ``outcome`` "ok" or code and description."""

    method: str
    params: dict[str, Any]
    at: float
    outcome: str = "pending"
    result: Any = None
    fault: str | None = None
    took_s: float = 0.0
    uploads: dict[str, Upload] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        return self.outcome == "ok"

    @property
    def chat_id(self) -> Any:
        return self.params.get("chat_id")


class BotApi:
    """Decodes, checks, spoils and answers calls."""

    def __init__(self, world: World, faults: FaultPlan, token: str) -> None:
        self._world = world
        self._faults = faults
        self._token = token
        self.calls: list[Call] = []
        self.afterwards: dict[str, list[Callable[[Call], object]]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/file/bot{token}/{path:.+}", self._download),
            web.route("*", "/bot{token}/{method}", self._answer),
        ]

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        if http.match_info["token"] != self._token:
            return _refusal(ApiError(*errors.UNAUTHORIZED))
        method = self._world.schema.method_name(http.match_info["method"])
        if method is None:
            self._world.schema_errors.append(f"unknown method {http.match_info['method']!r}")
            return _refusal(ApiError(*errors.METHOD_NOT_FOUND))
        try:
            raw = await _parameters(http)
        except ValueError:
            return _refusal(errors.bad_request("can't parse the request body"))
        params, violations = self._world.schema.decode_request(method, raw)
        uploads = {name: value for name, value in raw.items() if isinstance(value, Upload)}
        call = Call(method, params, self._world.clock.now(), uploads=uploads)
        self.calls.append(call)
        started = time.monotonic()
        try:
            return await self._carry_out(http, call, violations)
        finally:
            call.took_s = time.monotonic() - started

    async def _carry_out(self, http: web.Request, call: Call, violations: list[str]) -> web.StreamResponse:
        if violations:
            self._world.schema_errors += violations
            return _refuse(call, errors.bad_request("; ".join(violations)))
        fault = self._faults.next_for(call.method, call.chat_id)
        if fault is None:
            return await self._perform(call)
        call.fault = fault.name
        if fault.code is not None:
            return _replaced(call, fault)
        response = None if fault.drop == "before" else await self._perform(call)
        await asyncio.sleep(fault.delay_s)
        return _drop(http, call) if fault.drop or response is None else response

    async def _perform(self, call: Call) -> web.Response:
        try:
            call.result = await self._result(call)
        except ApiError as refusal:
            return _refuse(call, refusal)
        except Exception as error:
            logger.exception("emulator.failed")
            self._world.schema_errors.append(f"the emulator failed in {call.method}: {error!r}")
            return _refuse(call, ApiError(500, "Internal Server Error"))
        if violations := self._world.schema.check_result(call.method, call.result):
            self._world.schema_errors += violations
            return _refuse(call, ApiError(500, "Internal Server Error: " + "; ".join(violations)))
        call.outcome = "ok"
        response = web.json_response({"ok": True, "result": call.result})
        if waiting := self.afterwards.get(call.method):
            waiting.pop(0)(call)
        return response

    async def _result(self, call: Call) -> Any:
        if call.method == "getUpdates":
            return await self._poll(call.params)
        handler = HANDLERS.get(call.method)
        if handler is None:
            self._world.schema_errors.append(f"method {call.method} is documented but not emulated")
            raise ApiError(501, f"Not Implemented: the emulator has no {call.method}")
        return handler(Request(self._world, call.method, call.params, call.uploads))

    async def _poll(self, params: dict[str, Any]) -> Any:
        queue = self._world.updates
        queue.allow(params.get("allowed_updates"))
        limit = min(max(params.get("limit", 100), 1), 100)
        timeout_s = min(max(params.get("timeout", 0), 0), MAX_POLL_S)
        return await queue.poll(offset=params.get("offset", 0), limit=limit, timeout_s=timeout_s)

    async def _download(self, http: web.Request) -> web.StreamResponse:
        path = http.match_info["path"]
        if http.match_info["token"] != self._token:
            return _refusal(ApiError(*errors.UNAUTHORIZED))
        stored = next((f for f in self._world.files.values() if f.path == path), None)
        if stored is None:
            return _refusal(ApiError(404, "Not Found"))
        return web.Response(body=stored.data, content_type=stored.mime_type)


async def _parameters(http: web.Request) -> dict[str, Any]:
    """Parameters of the address and of the body, whichever of the four encodings it has."""
    found: dict[str, Any] = dict(http.query)
    if http.content_type == "application/json":
        if text := await http.text():
            found |= {name: value for name, value in json.loads(text).items() if value is not None}
    elif http.content_type in ("multipart/form-data", "application/x-www-form-urlencoded"):
        found |= _form(await http.post())
    return found


def _form(posted: MultiDictProxy[Any]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for name, value in MultiDict(posted).items():
        if isinstance(value, web.FileField):
            form[name] = Upload(value.filename, value.file.read(), value.content_type)
        else:
            form[name] = value
    return form


def _refuse(call: Call, refusal: ApiError) -> web.Response:
    call.outcome = str(refusal)
    return _refusal(refusal)


def _refusal(refusal: ApiError) -> web.Response:
    return web.json_response(refusal.body(), status=refusal.code)


def _replaced(call: Call, fault: Fault) -> web.Response:
    assert fault.code is not None
    call.outcome = fault.name
    if fault.body is not None:
        return web.Response(status=fault.code, text=fault.body, content_type="text/html")
    parameters = dict(fault.parameters) if fault.parameters else None
    return _refusal(ApiError(fault.code, fault.description, parameters))


def _drop(http: web.Request, call: Call) -> web.Response:
    """Close the connection under the client; the response returned goes nowhere."""
    call.outcome = f"dropped after {call.outcome}" if call.outcome != "pending" else "dropped"
    if http.transport is not None:
        http.transport.abort()
    return web.Response()
