"""Synchronous control of an emulator in another process, for tests that kill the bot.

    with EmulatorProcess() as tg:
        bot = subprocess.Popen(..., env={..., "API": tg.base_url})
        amina = tg.add_user("Amina", language_code="ar")
        amina.send("hello")
        tg.wait_for(lambda: amina.inbox)

What people and the bot wrote comes back as dictionaries (see ``control.describe``): a snapshot, not a live object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
Json = dict[str, Any]
_TESTS = Path(__file__).parents[1]
_START_TIMEOUT_S = 15.0


class RemoteError(AssertionError):
    """The emulator refused: the person could not do that, or the address is wrong."""


class EmulatorClient:
    """Speaks to ``/control`` of a running emulator."""

    def __init__(self, *, port: int, token: str) -> None:
        self.port = port
        self.token = token
        self.base_url = f"http://127.0.0.1:{port}/bot"
        self.base_file_url = f"http://127.0.0.1:{port}/file/bot"

    def add_user(self, first_name: str = "Amina", **profile: Any) -> RemoteUser:
        return RemoteUser(self, self.post("users", first_name=first_name, **profile)["user_id"])

    def add_group(self, title: str = "Caseworkers", *, members: list[RemoteUser] | None = None, **more: Any) -> RemoteGroup:
        numbers = [user.user_id for user in members or []]
        return RemoteGroup(self, self.post("groups", title=title, members=numbers, **more)["chat_id"])

    def fault(self, action: str, **arguments: Any) -> None:
        """Plan a fault by the name of a method of ``FaultPlan``: ``fault("bad_gateway", method="sendMessage")``."""
        self.post(f"faults/{action}", **arguments)

    def calls(self, method: str | None = None, *, since: int = 0) -> list[Json]:
        """The bot's requests, oldest first, without getUpdates unless asked for by name."""
        query = f"?since={since}" + (f"&method={method}" if method else "")
        calls: list[Json] = self.get(f"calls{query}")
        return calls

    @property
    def schema_errors(self) -> list[str]:
        errors: list[str] = self.get("schema_errors")
        return errors

    @property
    def pending_updates(self) -> int:
        """Updates that the bot has not confirmed yet."""
        return int(self.get("state")["pending_updates"])

    def state(self) -> Json:
        state: Json = self.get("state")
        return state

    def advance(self, seconds: float) -> None:
        self.post("advance", seconds=seconds)

    def wait_for(self, predicate: Callable[[], T], timeout_s: float = 10.0) -> T:
        """Wait until ``predicate()`` is true and return its value.

        Raises:
            TimeoutError: it was not within ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        while not (value := predicate()):
            if time.monotonic() > deadline:
                recent = [f"{call['method']} -> {call['outcome']}" for call in self.calls()[-5:]]
                raise TimeoutError(f"not within {timeout_s} s; last calls: {recent}")
            time.sleep(0.02)
        return value

    def get(self, path: str) -> Any:
        return self._request(path, None)

    def post(self, path: str, **arguments: Any) -> Any:
        return self._request(path, json.dumps(arguments).encode())

    def _request(self, path: str, body: bytes | None) -> Any:
        url = f"http://127.0.0.1:{self.port}/control/{path}"
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return json.load(response)["result"]
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode()
            raise RemoteError(f"{path}: {error.code} {text}") from None


class RemoteUser:
    """A person; every method of ``people.User`` can be called through ``do``."""

    def __init__(self, client: EmulatorClient, user_id: int) -> None:
        self._client = client
        self.user_id = user_id

    def do(self, action: str, **arguments: Any) -> Any:
        return self._client.post(f"users/{self.user_id}/{action}", **arguments)

    def start(self, payload: str = "") -> Json:
        return self._message("start", payload=payload)

    def send(self, text: str, *, reply_to: int | None = None) -> Json:
        return self._message("send", text=text, reply_to=reply_to)

    def post(self, group: RemoteGroup, topic: int | None, text: str, *, reply_to: int | None = None) -> Json:
        return self._message("post", group=group.chat_id, topic=topic, text=text, reply_to=reply_to)

    def press(self, button: str, *, message: int | None = None, group: RemoteGroup | None = None) -> Json:
        """Press a button; ``query_id`` of the answer can be given to ``EmulatorClient.get("presses/...")``."""
        where = {"group": group.chat_id} if group else {}
        return self._message("press", button=button, message=message, **where)

    def edit(self, message: int, text: str, *, chat: int | None = None) -> Json:
        where = {"chat": chat} if chat else {}
        return self._message("edit", message=message, text=text, **where)

    def block(self) -> None:
        self.do("block")

    def unblock(self) -> None:
        self.do("unblock")

    @property
    def inbox(self) -> list[Json]:
        inbox: list[Json] = self._client.get(f"users/{self.user_id}")["inbox"]
        return inbox

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.inbox]

    def _message(self, action: str, **arguments: Any) -> Json:
        answer: Json = self.do(action, **arguments)
        return answer


class RemoteGroup:
    """A group; every method of ``groups.Group`` can be called through ``do``."""

    def __init__(self, client: EmulatorClient, chat_id: int) -> None:
        self._client = client
        self.chat_id = chat_id

    def do(self, action: str, **arguments: Any) -> Any:
        return self._client.post(f"groups/{self.chat_id}/{action}", **arguments)

    def delete_topic(self, topic: int) -> None:
        self.do("delete_topic", topic=topic)

    def close_topic(self, topic: int) -> None:
        self.do("close_topic", topic=topic)

    def migrate(self) -> int:
        """Move the group; this handle follows."""
        self.chat_id = int(self.do("migrate"))
        return self.chat_id

    @property
    def topics(self) -> list[Json]:
        topics: list[Json] = self._client.get(f"groups/{self.chat_id}")["topics"]
        return topics

    @property
    def general(self) -> list[Json]:
        general: list[Json] = self._client.get(f"groups/{self.chat_id}")["general"]
        return general


class EmulatorProcess:
    """Starts ``python -m emulators`` and ends it with the block; entering gives an ``EmulatorClient``."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> EmulatorClient:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emulators", *self._arguments],
            cwd=_TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start (exit status {self._process.wait(_START_TIMEOUT_S)})")
        facts = json.loads(line)
        return EmulatorClient(port=facts["port"], token=facts["token"])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is None:
            return
        self._process.terminate()
        self._process.communicate(timeout=_START_TIMEOUT_S)

    @property
    def exit_status(self) -> int | None:
        return None if self._process is None else self._process.poll()
