"""The client of the NLU server against recorded answers, and against a server that fails in every way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from bot.adapters.nlu import FAILURES_TO_OPEN, MAX_CHARS, NluServer, RasaUnderstander
from bot.domain.turns import Entity, Understanding

CONTRACT = Path(__file__).parents[2] / "nlu" / "contract"
EXAMPLES = sorted((CONTRACT / "examples").glob("*.json"))
SERVER = NluServer(url="http://127.0.0.1:5005", token="t0ken")
Answer = Callable[[httpx.Request], httpx.Response]
ANSWER = {
    "text": "hello", "entities": [], "intent": {"name": "greet", "confidence": 0.9},
    "intent_ranking": [{"name": "greet", "confidence": 0.9}, {"name": "report_danger", "confidence": 0.1}],
}  # fmt: skip


def an_understander(answer: Answer, server: NluServer | None = SERVER) -> RasaUnderstander:
    return RasaUnderstander(lambda: server, client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))


def answering(body: object, status: int = 200) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _: httpx.Response(status, content=content)


def raising(error: type[httpx.RequestError]) -> Answer:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error("no answer", request=request)

    return fail


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
class TestRecordedAnswers:
    def test_an_example_keeps_to_the_contract(self, path: Path) -> None:
        jsonschema.validate(json.loads(path.read_text()), json.loads((CONTRACT / "parse.schema.json").read_text()))

    async def test_an_example_is_understood(self, path: Path) -> None:
        recorded = json.loads(path.read_text())  # noqa: ASYNC240 - a small file, and nothing else runs
        understander = an_understander(answering(recorded))
        found = await understander.parse(recorded["text"])
        await understander.close()
        dangers = [row["confidence"] for row in recorded["intent_ranking"] if row["name"].startswith("report_")]
        assert (found.status, found.intent) == ("ok", recorded["intent"]["name"])
        assert found.confidence == recorded["intent"]["confidence"]
        assert sum(found.reports.values()) == pytest.approx(sum(dangers))
        assert all(0 <= share <= 1 for share in found.reports.values())


def test_examples_are_there() -> None:
    assert len(EXAMPLES) >= 10


async def test_the_request_names_token_and_text_and_long_texts_are_cut() -> None:
    asked: list[httpx.Request] = []

    def keep(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=ANSWER)

    await an_understander(keep).parse("é😀" * MAX_CHARS)
    assert (asked[0].method, asked[0].url.path, asked[0].url.params["token"]) == ("POST", "/model/parse", "t0ken")
    assert json.loads(asked[0].content) == {"text": ("é😀" * MAX_CHARS)[:MAX_CHARS]}


async def test_entities_are_kept_by_name_and_value() -> None:
    body = ANSWER | {"entities": [{"entity": "country", "value": "Libya", "start": 0, "end": 5, "extractor": "x"}]}
    assert (await an_understander(answering(body)).parse("Libya")).entities == (Entity(name="country", value="Libya"),)


@pytest.mark.parametrize("value", [5, {"to": 1}, None, True, [1, "é"]])
async def test_an_entity_of_any_type_the_contract_allows_costs_no_intent(value: object) -> None:
    body = ANSWER | {"entities": [{"entity": "number", "value": value, "start": 0, "end": 1}]}
    jsonschema.validate(body, json.loads((CONTRACT / "parse.schema.json").read_text()))
    assert (await an_understander(answering(body)).parse("5")).intent == "greet"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (answering({}, 500), "nlu_unavailable"),
        (answering(ANSWER, 401), "nlu_unavailable"),
        (answering(ANSWER, 409), "nlu_unavailable"),
        (answering(b"<html>", 200), "nlu_unavailable"),
        (answering({}, 200), "nlu_unavailable"),
        (answering(ANSWER | {"intent": {"name": "greet", "confidence": 1.5}}), "nlu_unavailable"),
        (answering(ANSWER | {"intent": {"name": None, "confidence": 0.0}}), "nlu_unavailable"),
        (raising(httpx.ReadTimeout), "nlu_slow"),
        (raising(httpx.ConnectTimeout), "nlu_slow"),
        (raising(httpx.ConnectError), "nlu_unavailable"),
        (raising(httpx.RemoteProtocolError), "nlu_unavailable"),
    ],
    ids=["500", "401", "409", "html", "empty", "confidence", "no intent", "slow", "slow to connect", "gone", "broken"],
)
async def test_whatever_fails_the_caller_gets_a_named_state(answer: Answer, status: str) -> None:
    assert await an_understander(answer).parse("hello") == Understanding.missing(status)


async def test_a_server_that_is_not_ready_is_not_asked() -> None:
    understander = an_understander(raising(httpx.ConnectError), server=None)
    for _ in range(FAILURES_TO_OPEN + 1):
        assert (await understander.parse("hello")).status == "nlu_starting"
    assert not await understander.is_ready()


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
async def test_a_text_of_nothing_is_understood_without_asking(text: str) -> None:
    assert await an_understander(raising(httpx.ConnectError)).parse(text) == Understanding()


class Server:
    """Fails or answers as told, and counts."""

    def __init__(self) -> None:
        self.fails, self.asked = True, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(500) if self.fails else httpx.Response(200, json=ANSWER)


async def test_a_server_that_fails_repeatedly_is_left_alone() -> None:
    server = Server()
    understander = an_understander(server)
    for _ in range(FAILURES_TO_OPEN):
        await understander.parse("hello")
    server.fails = False
    assert (await understander.parse("hello")).status == "nlu_unavailable"
    assert server.asked == FAILURES_TO_OPEN


async def test_failures_that_do_not_follow_each_other_open_nothing() -> None:
    server = Server()
    understander = an_understander(server)
    for fails in [True] * (FAILURES_TO_OPEN - 1) + [False] + [True] * (FAILURES_TO_OPEN - 1) + [False]:
        server.fails = fails
        found = await understander.parse("hello")
    assert found.status == "ok"


async def test_a_new_address_is_asked_at_the_next_message() -> None:
    hosts: list[str] = []

    def keep(request: httpx.Request) -> httpx.Response:
        hosts.append(f"{request.url.port} {request.url.params['token']}")
        return httpx.Response(200, json=ANSWER)

    servers = iter([SERVER, NluServer(url="http://127.0.0.1:6006", token="other")])
    understander = RasaUnderstander(lambda: next(servers), client=httpx.AsyncClient(transport=httpx.MockTransport(keep)))
    await understander.parse("one")
    await understander.parse("two")
    assert hosts == ["5005 t0ken", "6006 other"]


@pytest.mark.parametrize(
    ("answer", "is_ready"), [(answering({}), True), (answering({}, 409), False), (raising(httpx.ConnectError), False)]
)
async def test_readiness_is_what_the_status_page_says(answer: Answer, is_ready: bool) -> None:
    assert await an_understander(answer).is_ready() is is_ready


@pytest.mark.parametrize(
    ("url", "text"), [("http://127.0.0.1:x", "hello"), (SERVER.url, "half a sign \ud83d")], ids=["address", "text"]
)
async def test_nothing_at_all_is_raised(url: str, text: str) -> None:
    understander = an_understander(answering(ANSWER), NluServer(url=url, token="x"))
    found: Any = await understander.parse(text)
    assert isinstance(found, Understanding)
