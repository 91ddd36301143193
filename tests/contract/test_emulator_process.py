"""The emulator as a process: it outlives the bot, obeys the control API, and ends when nobody needs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulators import client as client_module
from emulators.client import EmulatorClient, EmulatorProcess, RemoteError, RemoteGroup, RemoteUser

TESTS = Path(client_module.__file__).parents[1]
# A bot that answers everything and is killed in the middle of it.
BOT = """
import json, sys, urllib.request
def call(method, **params):
    body = json.dumps(params).encode()
    request = urllib.request.Request(sys.argv[1] + method, data=body, headers={"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))["result"]
offset = 0
while True:
    for update in call("getUpdates", offset=offset, timeout=5):
        message = update["message"]
        call("sendMessage", chat_id=message["chat"]["id"], text="echo " + message["text"])
        offset = update["update_id"] + 1
"""


@pytest.fixture(scope="module")
def process() -> Iterator[EmulatorClient]:
    with EmulatorProcess() as running:
        yield running


@pytest.fixture
def tg(process: EmulatorClient) -> Iterator[EmulatorClient]:
    yield process
    process.fault("clear")
    assert process.schema_errors == []


@pytest.fixture
def lea(tg: EmulatorClient) -> RemoteUser:
    return tg.add_user("Lea")


@pytest.fixture
def group(tg: EmulatorClient, lea: RemoteUser) -> RemoteGroup:
    return tg.add_group(members=[lea])


def call(tg: EmulatorClient, method: str, **params: Any) -> Any:
    """Be the bot."""
    body = json.dumps(params).encode()
    request = urllib.request.Request(f"{tg.base_url}{tg.token}/{method}", data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.load(response)["result"]
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.read().decode()}"


def test_a_killed_bot_misses_nothing_that_it_had_not_confirmed(tg: EmulatorClient) -> None:
    amina = tg.add_user("Amina", language_code="ar")
    command = [sys.executable, "-c", BOT, f"{tg.base_url}{tg.token}/"]
    first = subprocess.Popen(command)
    amina.send("one")
    tg.wait_for(lambda: amina.texts == ["echo one"])
    first.kill()
    first.wait()
    amina.send("two")
    second = subprocess.Popen(command)
    tg.wait_for(lambda: "echo two" in amina.texts)
    second.kill()
    second.wait()
    assert [sent["outcome"] for sent in tg.calls("sendMessage")][:2] == ["ok", "ok"]


def test_people_and_groups_are_played_over_http(tg: EmulatorClient, lea: RemoteUser, group: RemoteGroup) -> None:
    amina = tg.add_user("Amina")
    said = amina.send("سلام", reply_to=None)
    call(
        tg,
        "sendMessage",
        chat_id=amina.user_id,
        text="?",
        reply_markup={"inline_keyboard": [[{"text": "Yes", "callback_data": "t"}]]},
    )
    press = amina.press("Yes")
    call(tg, "answerCallbackQuery", callback_query_id=press["query_id"], text="ok")
    assert tg.get(f"presses/{press['query_id']}")["answer"] == "ok"
    amina.edit(said["message_id"], "سلام!")
    amina.do("send_photo", caption="see", data="MTIz")
    call(tg, "createForumTopic", chat_id=group.chat_id, name="WP-1")
    topic = group.topics[0]["thread_id"]
    posted = lea.post(group, topic, "hello")
    lea.edit(posted["message_id"], "hello!", chat=group.chat_id)
    assert group.topics[0]["messages"][0]["text"] == "hello!"
    group.close_topic(topic)
    assert "TOPIC_CLOSED" in call(tg, "sendMessage", chat_id=group.chat_id, text="x", message_thread_id=topic)
    group.delete_topic(topic)
    assert group.topics == []
    amina.block()
    assert call(tg, "sendMessage", chat_id=amina.user_id, text="x").startswith("403")
    amina.unblock()


def test_a_migrated_group_is_followed(tg: EmulatorClient, group: RemoteGroup) -> None:
    old = group.chat_id
    new = group.migrate()
    assert f'"migrate_to_chat_id": {new}' in call(tg, "sendMessage", chat_id=old, text="x")
    call(tg, "sendMessage", chat_id=new, text="moved")
    assert [message["text"] for message in group.general] == ["moved"]


def test_faults_are_planned_over_http(tg: EmulatorClient) -> None:
    amina = tg.add_user("Amina")
    amina.start()
    tg.fault("fail_next", method="sendMessage", code=400, description="Bad Request: nope", chat_id=amina.user_id)
    assert "nope" in call(tg, "sendMessage", chat_id=amina.user_id, text="x")
    tg.fault("bad_gateway", method="sendMessage")
    assert "<html>" in call(tg, "sendMessage", chat_id=amina.user_id, text="x")
    assert tg.calls("sendMessage")[-1]["fault"] == "502 Bad Gateway"


def test_what_cannot_be_done_is_explained(tg: EmulatorClient, lea: RemoteUser) -> None:
    with pytest.raises(RemoteError, match=r"NotPossible.*sees no button 'Yes'"):
        lea.press("Yes")
    with pytest.raises(RemoteError, match="no action 'fly'"):
        lea.do("fly")
    with pytest.raises(TimeoutError, match="not within"):
        tg.wait_for(lambda: False, timeout_s=0.05)


def test_time_can_be_moved_and_the_state_be_read(tg: EmulatorClient) -> None:
    amina = tg.add_user("Amina")
    amina.send("old")
    tg.advance(24 * 3600 + 1)
    assert tg.pending_updates == 0
    assert any(user["user_id"] == amina.user_id for user in tg.state()["users"])


def test_the_state_file_tells_the_address_and_at_the_end_what_happened(tmp_path: Path) -> None:
    state_file = tmp_path / "state.json"
    with EmulatorProcess("--state-file", str(state_file), "--token", "77:secret") as tg:
        assert json.loads(state_file.read_text())["port"] == tg.port
        assert call(tg, "getMe")["id"] == 77
        tg.add_user("Amina").send("kept")
    state = json.loads(state_file.read_text())
    assert state["users"][0]["messages"][0]["text"] == "kept"
    assert [made["method"] for made in state["calls"]] == ["getMe"]


@pytest.mark.parametrize("how", ["SIGTERM", "closed input"])
def test_the_process_ends_when_it_is_told_or_left_alone(how: str) -> None:
    command = [sys.executable, "-m", "emulators", "--port", "0"]
    process = subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["pid"] == process.pid
    if how == "SIGTERM":
        os.kill(process.pid, signal.SIGTERM)
    else:
        process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()
    process.stdin.close()
