"""Shared pieces: where things are, how the data files are read, what a running server looks like to a test."""

import json
import os
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a-test-token-of-enough-length"


def read_examples(path: Path) -> list[tuple[str, str]]:
    """Return [(intent, example), …] of one Rasa NLU file, in file order."""
    document = YAML(typ="safe").load(path)
    return [(entry["intent"], line.removeprefix("- ")) for entry in document["nlu"] for line in entry["examples"].splitlines()]


class Server:
    """A running NLU server: its address, its process and its log so far."""

    def __init__(self, port: int, process: subprocess.Popen, log: Path) -> None:
        self.base, self.process, self._log = f"http://127.0.0.1:{port}", process, log
        self.port = port

    def request(self, path: str, body: object = None, *, token: str | None = TOKEN) -> tuple[int, object]:
        """Send a GET (or a POST when there is a body) and return (status, decoded JSON or text)."""
        url = self.base + path + (f"?token={quote(token)}" if token else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        try:
            return status, json.loads(content)
        except ValueError:
            return status, content.decode()

    def log(self) -> str:
        """Return everything the server has printed."""
        return self._log.read_text(errors="replace")


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def server_environment(model: Path, port: int) -> dict[str, str]:
    """Return the environment run.py needs; LOG_LEVEL asks for DEBUG to prove that it is refused."""
    own = {"WAYPOST_NLU_TOKEN": TOKEN, "WAYPOST_NLU_PORT": str(port), "WAYPOST_NLU_MODEL": str(model), "LOG_LEVEL": "DEBUG"}
    return {**os.environ, **own}
