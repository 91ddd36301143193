"""The product as an operator runs it: the command in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

WAYPOST = (sys.executable, "-c", "from bot.cli import main; main()")
READY_WITHIN_S = 90
"""A test's bound against hanging; how long a start takes is measured elsewhere."""


@dataclass(slots=True)
class Installation:
    """One installation in a folder of its own, with the test encoder named on purpose."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        defaults = {
            "WAYPOST_DATABASE__URL": f"sqlite:///{self.folder / 'data' / 'waypost.db'}",
            "WAYPOST_KEYS__FILE": str(self.folder / "keys" / "master.json"),
            "WAYPOST_INDEX_DIR": str(self.folder / "index"),
            "WAYPOST_RUN_DIR": str(self.folder / "run"),
            "WAYPOST_ENCODER__MODEL": "hash",
            "WAYPOST_HEALTH__PORT": "0",
        }
        return kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"} | defaults | self.settings

    def run(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*WAYPOST, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start a command that runs on; its output goes to ``log.txt``."""
        with (self.folder / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [*WAYPOST, *arguments], cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def log(self) -> str:
        path = self.folder / "log.txt"
        return path.read_text() if path.exists() else ""


@contextlib.contextmanager
def stopped_at_the_end(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """End the process, by force if it does not end by itself."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_page(url: str, *, timeout_s: float = READY_WITHIN_S) -> str:
    """Return a page's text once it answers 200."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
