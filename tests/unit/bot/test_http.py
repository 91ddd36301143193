"""The webhook acknowledges only what is kept; health says what is missing."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.testclient import TestClient

from bot.handlers.http import MAX_BODY_BYTES, health, webhook

SECRET = "a-secret-of-this-test-only"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


class Inbox:
    """Keeps updates, or fails to."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.kept: list[Mapping[str, object]] = []

    async def receive(self, payload: Mapping[str, object]) -> bool:
        if self.works:
            self.kept.append(payload)
        return self.works


def client(inbox: Inbox) -> TestClient:
    return TestClient(webhook(inbox.receive, SECRET))


def test_an_update_that_is_kept_is_acknowledged() -> None:
    inbox = Inbox()
    answer = client(inbox).post("/telegram", json={"update_id": 5, "message": {}}, headers={HEADER: SECRET})
    assert answer.status_code == 200
    assert inbox.kept == [{"update_id": 5, "message": {}}]


def test_an_update_that_could_not_be_kept_is_not_acknowledged() -> None:
    answer = client(Inbox(works=False)).post("/telegram", json={"update_id": 5}, headers={HEADER: SECRET})
    assert answer.status_code == 503


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {HEADER: SECRET[:-1]}, {HEADER: SECRET.upper()}, {HEADER: "é".encode()}])
def test_without_the_secret_nothing_is_kept(headers: dict[str, str | bytes]) -> None:
    inbox = Inbox()
    given: Any = headers  # the client's types know no bytes
    answer = client(inbox).post("/telegram", json={"update_id": 5}, headers=given)
    assert answer.status_code == 403
    assert inbox.kept == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[1]",
        b'"text"',
        b"5",
        b"null",
        b"{}",
        b'{"update_id": null}',
        b'{"update_id": "x"}',
        b'{"update_id": 1e400}',
        b'{"update_id": 1.5}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_update_is_refused(body: bytes) -> None:
    inbox = Inbox()
    answer = client(inbox).post("/telegram", content=body, headers={HEADER: SECRET})
    assert answer.status_code == 400
    assert inbox.kept == []


def test_a_body_too_large_is_refused() -> None:
    answer = client(Inbox()).post("/telegram", content=b" " * (MAX_BODY_BYTES + 1), headers={HEADER: SECRET})
    assert answer.status_code == 413


def test_only_posting_to_the_one_address_is_answered() -> None:
    assert client(Inbox()).get("/telegram").status_code == 405
    assert client(Inbox()).post("/", json={"update_id": 5}, headers={HEADER: SECRET}).status_code == 404
    assert client(Inbox()).get("/health/live").status_code == 404, "health is never on the public listener"


@pytest.mark.parametrize(
    ("parts", "code", "status"),
    [
        ({"nlu": "ok", "index": "ok"}, 200, "ready"),
        ({"nlu": "nlu_starting", "index": "ok"}, 503, "not_ready"),
        ({"nlu": "ok", "database": "storage_unavailable"}, 503, "not_ready"),
    ],
)
def test_readiness_names_every_part(parts: dict[str, str], code: int, status: str) -> None:
    async def states() -> Mapping[str, str]:
        return parts

    pages = TestClient(health(states))
    answer = pages.get("/health/ready")
    assert (answer.status_code, answer.json()) == (code, {"status": status, "parts": parts})
    assert (pages.get("/health/live").status_code, pages.get("/health/live").json()) == (200, {"status": "live"})
