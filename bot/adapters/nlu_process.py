"""Runs the Rasa server as a child: own process group, loopback only, new port and token each start, dies with its parent.

The child gets a token and a port through its environment (a command line can be read by every user of the machine). It is
ready once ``/status`` answers with the model's fingerprint; one that ends is started again, later each time.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx

from bot.adapters.nlu import NluServer
from bot.domain.errors import NluUnavailable

logger = logging.getLogger(__name__)

READY_WITHIN_S = 120.0
POLL_S = 0.25
STOP_WITHIN_S = 10.0
LONGEST_PAUSE_S = 60.0


class NluProcess:
    """The supervised server. ``server()`` is None while none is ready."""

    def __init__(self, folder: Path, state_file: Path, encoder: Path) -> None:
        """Take the Rasa project, where to tell the address, and the encoder the server reads with."""
        self._folder, self._encoder = folder.absolute(), encoder.absolute()
        self._state_file = state_file.absolute()
        self._process: subprocess.Popen[bytes] | None = None
        self._server: NluServer | None = None

    def server(self) -> NluServer | None:
        """Return where the server listens, or None while it starts."""
        return self._server

    async def run(self, stop: asyncio.Event) -> None:
        """Keep a server running until ``stop`` is set."""
        failures = 0
        while not stop.is_set():
            try:
                await self.start()
                failures = 0
                await self._watch(stop)
            except NluUnavailable as exc:
                failures += 1
                logger.error("nlu did not start", extra={"event": "nlu.start_failed", "error": str(exc)})
            await self.stop()
            if not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), min(LONGEST_PAUSE_S, 2.0**failures))

    async def start(self) -> NluServer:
        """Start a server and return when it is ready.

        Raises:
            NluUnavailable: no model, no interpreter, or not ready in time; says what to run.
        """
        python, model = self._folder / ".venv" / "bin" / "python", newest_model(self._folder)
        if not python.exists() or model is None:
            raise NluUnavailable(f"No trained NLU model in {self._folder}: run `make setup`")
        server = NluServer(url=f"http://127.0.0.1:{_free_port()}", token=secrets.token_hex(24))
        try:
            self._process = self._spawn(python, _environment(server, model, self._encoder))
        except OSError as exc:
            raise NluUnavailable(f"The NLU server cannot be started: {exc}") from exc
        await self._until_ready(server)
        self._server = server
        self._write_state(server)
        logger.info("nlu ready", extra={"event": "nlu.ready", "model": model.name})
        return server

    async def stop(self) -> None:
        """End the server and its whole process group."""
        process, self._process, self._server = self._process, None, None
        self._state_file.unlink(missing_ok=True)
        if process is None:
            return
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(process.wait, STOP_WITHIN_S)
        # Workers may outlive a leader that crashed, or ignore the request: the group keeps its number as long as one is left.
        _signal_group(process, signal.SIGKILL)
        await asyncio.to_thread(process.wait)

    def _spawn(self, python: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        log = self._state_file.with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - the path is our own
                [str(python), "run.py"],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _until_ready(self, server: NluServer) -> None:
        deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
        async with httpx.AsyncClient(timeout=2) as client:
            while asyncio.get_running_loop().time() < deadline:
                if self._process is None or self._process.poll() is not None:
                    raise NluUnavailable(f"The NLU server ended while starting; see {self._state_file.with_suffix('.log')}")
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get(f"{server.url}/status", params={"token": server.token})
                    if answer.status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(POLL_S)
        raise NluUnavailable(f"The NLU server was not ready within {READY_WITHIN_S:.0f} s")

    async def _watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and self._process is not None and self._process.poll() is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)

    def _write_state(self, server: NluServer) -> None:
        """Let ``waypost ask`` and ``evaluate`` of the same user find the server."""
        part = self._state_file.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(server.model_dump_json())
        part.replace(self._state_file)


def read_state(state_file: Path) -> NluServer | None:
    """Return the server another process of this user supervises, if it says so."""
    try:
        return NluServer.model_validate(json.loads(state_file.read_text()))
    except (OSError, ValueError):
        return None


def newest_model(folder: Path) -> Path | None:
    """Return the trained model that was written last, or None."""
    models = sorted(_models(folder), key=lambda path: path.stat().st_mtime)
    return models[-1] if models else None


def _models(folder: Path) -> Iterator[Path]:
    return (folder / "models").glob("waypost-*.tar.gz")


def _environment(server: NluServer, model: Path, encoder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}}
    return kept | {
        "WAYPOST_NLU_TOKEN": server.token,
        "WAYPOST_NLU_PORT": server.url.rpartition(":")[2],
        "WAYPOST_NLU_MODEL": str(model.resolve()),
        "WAYPOST_NLU_ENCODER": str(encoder),
        "WAYPOST_NLU_PARENT_PID": str(os.getpid()),
        "RASA_TELEMETRY_ENABLED": "false",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONWARNINGS": "ignore",
        "LOG_LEVEL": "WARNING",
    }


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # PermissionError: nobody is left, and the number belongs to somebody else's group by now.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
