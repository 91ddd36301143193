"""Understanding through Rasa's HTTP API.

Rasa parses one message at a time inside its event loop, so that more than a few in flight only wait: at most four are sent,
and a server that fails repeatedly is left alone for a while. Whatever happens, the caller gets an Understanding.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, JsonValue

from bot.domain.turns import Entity, Understanding

logger = logging.getLogger(__name__)

TIMEOUT_S = 1.5
IN_FLIGHT = 4
FAILURES_TO_OPEN = 3
OPEN_FOR_S = 10.0
MAX_CHARS = 400
"""Cost grows with length: 174 ms at 60 words, 1.3 s at 400 (docs/adr/0002)."""

FAILURES = (httpx.HTTPError, httpx.InvalidURL, ValueError)
"""What an exchange can end in; ValueError is an answer that breaks the contract, or an address no request can be made of."""

Probability = Annotated[float, Field(ge=0, le=1)]


class _Intent(BaseModel):
    name: str
    confidence: Probability


class _Entity(BaseModel):
    entity: str
    value: JsonValue


class _Parse(BaseModel):
    """The part of ``/model/parse`` we rely on: nlu/contract/parse.schema.json."""

    intent: _Intent
    intent_ranking: list[_Intent] = []
    entities: list[_Entity] = []


class NluServer(BaseModel, frozen=True):
    """Where the server listens now; a restart changes port and token."""

    url: str
    token: str


class RasaUnderstander:
    """Understander over Rasa; ``server`` returns the present address, or None while it starts."""

    def __init__(self, server: Callable[[], NluServer | None], *, client: httpx.AsyncClient | None = None) -> None:
        self._server = server
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_S)
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._failures = 0
        self._closed_until = 0.0

    async def parse(self, text: str) -> Understanding:
        """Return NLU's report, or which named state it is in."""
        server = self._server()
        if server is None:
            return Understanding.missing("nlu_starting")
        words = _encodable(text)
        if not words.strip():
            return Understanding()
        if time.monotonic() < self._closed_until:
            return Understanding.missing("nlu_unavailable")
        try:
            async with asyncio.timeout(TIMEOUT_S), self._in_flight:
                understanding = await self._ask(server, words[:MAX_CHARS])
        except (TimeoutError, httpx.TimeoutException):
            return self._failed("nlu_slow")
        except FAILURES as exc:
            logger.warning("nlu failed", extra={"event": "nlu.failed", "error": type(exc).__name__})
            return self._failed("nlu_unavailable")
        self._failures = 0
        return understanding

    async def is_ready(self) -> bool:
        """Whether a model is loaded."""
        server = self._server()
        if server is None:
            return False
        try:
            answer = await self._client.get(f"{server.url}/status", params={"token": server.token})
        except FAILURES:
            return False
        return answer.status_code == httpx.codes.OK

    async def close(self) -> None:
        await self._client.aclose()

    async def _ask(self, server: NluServer, text: str) -> Understanding:
        answer = await self._client.post(f"{server.url}/model/parse", params={"token": server.token}, json={"text": text})
        answer.raise_for_status()
        return to_understanding(_Parse.model_validate_json(answer.content))

    def _failed(self, state: str) -> Understanding:
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closed_until = time.monotonic() + OPEN_FOR_S
            self._failures = 0
        return Understanding.missing(state)


def to_understanding(parse: _Parse) -> Understanding:
    """Reduce Rasa's answer to what the policies use."""
    ranking = parse.intent_ranking or [parse.intent]
    return Understanding(
        intent=parse.intent.name,
        confidence=parse.intent.confidence,
        reports={intent.name: intent.confidence for intent in ranking if intent.name.startswith("report_")},
        entities=tuple(Entity(name=entity.entity, value=_as_text(entity.value)) for entity in parse.entities),
    )


def _as_text(value: JsonValue) -> str:
    """Return an entity's value as text: an extractor of numbers or dates reports them in their own type."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _encodable(text: str) -> str:
    """Leave out halves of surrogate pairs: no request can carry them."""
    return text.encode("utf-8", "ignore").decode()
