"""The supervised NLU server, played by a script of a few lines: it starts, is found, ends, and is started again."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.adapters.nlu_process import NluProcess, newest_model, read_state
from bot.domain.errors import NluUnavailable

SERVER = """
import http.server, json, os, pathlib, urllib.parse

token = os.environ["WAYPOST_NLU_TOKEN"]
here = pathlib.Path.cwd()
(here / "environment.json").write_text(json.dumps(dict(os.environ)))
(here / "command.txt").write_bytes(pathlib.Path("/proc/self/cmdline").read_bytes())

class Status(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.urlparse(self.path)
        given = urllib.parse.parse_qs(path.query).get("token", [""])[0]
        self.send_response(200 if path.path == "/status" and given == token else 401)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(os.environ["WAYPOST_NLU_PORT"])), Status).serve_forever()
"""


def a_project(folder: Path, script: str = SERVER) -> Path:
    """Make what looks like the trained Rasa project."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (folder / "models").mkdir()
    (folder / "models" / "waypost-abc.tar.gz").write_bytes(b"model")
    (folder / "run.py").write_text(script)
    return folder


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(folder: Path) -> int:
    """Return the process that wrote its environment last."""
    return next(iter(pids_of(folder)), 0)


def pids_of(folder: Path) -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _works_in(path, folder)]


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").resolve(strict=True) == folder.resolve()
    except OSError:
        return False


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - another process tells us nothing
            await asyncio.sleep(0.02)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_project(tmp_path / "nlu")


@pytest.fixture
async def process(project: Path, tmp_path: Path) -> AsyncIterator[NluProcess]:
    made = NluProcess(project, tmp_path / "run" / "nlu.json", tmp_path / "encoder")
    yield made
    await made.stop()


async def test_a_started_server_answers_to_its_token_alone_and_is_found_by_others(process: NluProcess, tmp_path: Path) -> None:
    assert process.server() is None
    server = await process.start()
    assert process.server() == server == read_state(tmp_path / "run" / "nlu.json")
    assert server.url.startswith("http://127.0.0.1:")
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{server.url}/status", params={"token": server.token})).status_code == 200
        assert (await client.get(f"{server.url}/status")).status_code == 401


async def test_only_the_user_may_read_where_the_server_is(process: NluProcess, tmp_path: Path) -> None:
    await process.start()
    assert stat.S_IMODE((tmp_path / "run" / "nlu.json").stat().st_mode) == 0o600
    assert not (tmp_path / "run" / "nlu.part").exists()


async def test_the_child_gets_its_own_token_and_nothing_else_of_ours(
    process: NluProcess, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAYPOST_TELEGRAM__TOKEN", "123456789:not-for-the-child")
    server = await process.start()
    given = json.loads((project / "environment.json").read_text())
    assert "WAYPOST_TELEGRAM__TOKEN" not in given
    assert given["WAYPOST_NLU_TOKEN"] == server.token
    assert given["WAYPOST_NLU_PARENT_PID"] == str(os.getpid())
    assert given["WAYPOST_NLU_MODEL"].endswith("waypost-abc.tar.gz")
    assert server.token.encode() not in (project / "command.txt").read_bytes(), "every user can read a command line"


async def test_every_start_has_another_token(process: NluProcess) -> None:
    first = await process.start()
    await process.stop()
    assert (await process.start()).token != first.token


async def test_stopping_leaves_neither_process_nor_state(process: NluProcess, project: Path, tmp_path: Path) -> None:
    await process.start()
    pid = pid_of(project)
    assert is_alive(pid)
    await process.stop()
    assert not is_alive(pid)
    assert process.server() is None
    assert read_state(tmp_path / "run" / "nlu.json") is None
    await process.stop()


FORKING = (
    """
import os, pathlib, time
if os.fork() == 0:
    pathlib.Path("worker.txt").write_text(str(os.getpid()))
    time.sleep(600)
"""
    + SERVER
)


async def test_workers_of_a_leader_that_crashed_are_ended_too(tmp_path: Path) -> None:
    project = a_project(tmp_path / "nlu", FORKING)
    process = NluProcess(project, tmp_path / "nlu.json", tmp_path / "encoder")
    await process.start()
    worker = int((project / "worker.txt").read_text())
    leader = next(pid for pid in pids_of(project) if pid != worker)
    os.kill(leader, signal.SIGKILL)
    await process.stop()
    await until(lambda: pids_of(project) == [])


async def test_an_interpreter_that_cannot_be_run_is_unavailable(project: Path, tmp_path: Path) -> None:
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.write_text("no program")
    with pytest.raises(NluUnavailable, match="cannot be started"):
        await NluProcess(project, tmp_path / "nlu.json", tmp_path / "encoder").start()


async def test_a_server_that_ends_is_started_again_and_stops_on_demand(process: NluProcess, project: Path) -> None:
    stop = asyncio.Event()
    supervision = asyncio.create_task(process.run(stop))
    try:
        await until(lambda: process.server() is not None)
        first, pid = process.server(), pid_of(project)
        os.kill(pid, signal.SIGKILL)
        await until(lambda: process.server() not in {None, first})
        assert pid_of(project) not in {0, pid}
    finally:
        stop.set()
        await supervision
    assert process.server() is None
    assert pid_of(project) == 0


async def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    project = a_project(tmp_path / "nlu", "import sys; sys.exit('no such model')")
    process = NluProcess(project, tmp_path / "nlu.json", tmp_path / "encoder")
    with pytest.raises(NluUnavailable, match=r"ended while starting; see .*nlu\.log"):
        await process.start()
    assert "no such model" in (tmp_path / "nlu.log").read_text()
    assert process.server() is None
    await process.stop()


async def test_a_server_that_never_starts_does_not_keep_us_from_stopping(tmp_path: Path) -> None:
    process = NluProcess(a_project(tmp_path / "nlu", "raise SystemExit(1)"), tmp_path / "nlu.json", tmp_path / "encoder")
    stop = asyncio.Event()
    supervision = asyncio.create_task(process.run(stop))
    await until((tmp_path / "nlu.log").exists)
    stop.set()
    await asyncio.wait_for(supervision, 20)
    assert process.server() is None


@pytest.mark.parametrize("missing", ["models/waypost-abc.tar.gz", ".venv/bin/python"])
async def test_without_model_or_interpreter_we_say_what_to_run(missing: str, project: Path, tmp_path: Path) -> None:
    (project / missing).unlink()
    with pytest.raises(NluUnavailable, match="make setup"):
        await NluProcess(project, tmp_path / "nlu.json", tmp_path / "encoder").start()


def test_the_model_written_last_is_taken(project: Path) -> None:
    newer = project / "models" / "waypost-aaa.tar.gz"
    newer.write_bytes(b"model")
    os.utime(project / "models" / "waypost-abc.tar.gz", (1, 1))
    (project / "models" / "other.tar.gz").write_bytes(b"not ours")
    assert newest_model(project) == newer
    assert newest_model(project / "nowhere") is None


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"url": "x"}'])
def test_a_state_that_cannot_be_read_is_no_server(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "nlu.json").write_text(content)
    assert read_state(tmp_path / "nlu.json") is None
