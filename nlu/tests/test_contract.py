"""The HTTP answer the bot relies on: the recorded examples always, a live server when slow tests run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from support import ROOT, TOKEN, Server, free_port, server_environment

SCHEMA = json.loads((ROOT / "contract/parse.schema.json").read_text())
EXAMPLES = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "contract/examples").glob("*.json"))}
INTENTS = set(YAML(typ="safe").load(ROOT / "domain.yml")["intents"])


def check(answer: dict) -> None:
    """Assert what the schema says and the two things it cannot say."""
    jsonschema.validate(answer, SCHEMA)
    assert {entry["name"] for entry in answer["intent_ranking"]} == INTENTS
    confidences = [entry["confidence"] for entry in answer["intent_ranking"]]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) == pytest.approx(1)
    assert answer["intent"] == answer["intent_ranking"][0]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_there_are_recorded_answers_in_several_languages() -> None:
    assert len(EXAMPLES) >= 6
    assert len({name.split("-")[0] for name in EXAMPLES}) >= 4


@pytest.mark.parametrize("name", EXAMPLES)
def test_recorded_answers_keep_the_contract(name: str) -> None:
    check(EXAMPLES[name])


@pytest.mark.parametrize("missing", ["text", "intent", "intent_ranking", "entities"])
def test_the_schema_refuses_an_answer_without(missing: str) -> None:
    answer = {key: value for key, value in next(iter(EXAMPLES.values())).items() if key != missing}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(answer, SCHEMA)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_live_answer_keeps_the_contract_and_the_recorded_intent(server: Server, name: str) -> None:
    recorded = EXAMPLES[name]
    status, answer = server.request("/model/parse", {"text": recorded["text"]})
    assert status == 200
    check(answer)
    assert answer["text"] == recorded["text"]
    assert answer["intent"]["name"] == recorded["intent"]["name"], "record the examples again"


@pytest.mark.slow
def test_status_names_the_model_file(server: Server, model: Path) -> None:
    status, answer = server.request("/status")
    assert status == 200
    assert answer["model_file"] == model.name


@pytest.mark.slow
@pytest.mark.parametrize(("path", "body"), [("/model/parse", {"text": "hi"}), ("/status", None), ("/domain", None)])
def test_nothing_is_answered_without_the_token(server: Server, path: str, body: object) -> None:
    assert server.request(path, body, token=None)[0] == 401
    assert server.request(path, body, token="wrong-token-of-enough-length")[0] == 401


@pytest.mark.slow
def test_there_is_no_open_webhook(server: Server) -> None:
    assert server.request("/webhooks/rest/webhook", {"sender": "a", "message": "hi"}, token=None)[0] == 404


@pytest.mark.slow
def test_neither_text_nor_token_reaches_the_log(server: Server) -> None:
    server.request("/model/parse", {"text": "zanzibarquestion my husband beats me"})
    server.request("/model/parse", {"text": None})  # Rasa answers 500 and logs the error
    server.request("/model/parse", {"text": "zanzibarquestion"}, token="zanzibarwrong-token")
    log = server.log()
    assert "Rasa server is up" in log or "Loading model" in log
    assert "zanzibar" not in log
    assert TOKEN not in log


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_token_is_not_on_the_command_line_and_only_loopback_listens(server: Server) -> None:
    assert TOKEN not in Path(f"/proc/{server.process.pid}/cmdline").read_text()
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = [row[1] for row in listening if row[3] == "0A" and int(row[1].split(":")[1], 16) == server.port]
    assert addresses == [f"0100007F:{server.port:04X}"]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux")
def test_the_server_dies_with_its_parent(model: Path) -> None:
    """A parent starts run.py and sleeps; when the parent is killed, the server must go at once, ready or not."""
    starter = "import subprocess, sys, time; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); time.sleep(600)"
    command = [sys.executable, "-c", starter, sys.executable, str(ROOT / "run.py")]
    environment = server_environment(model, free_port())
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as parent:
        child = int(parent.stdout.readline())
        time.sleep(1.5)  # past prctl, in the middle of Rasa's imports
        assert _alive(child)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
