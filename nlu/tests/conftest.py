"""One trained model and one running server for all tests that need them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import ROOT, Server, free_port, server_environment


@pytest.fixture(scope="session")
def model() -> Path:
    """Return this tree's model, trained now if it is not there."""
    subprocess.run([sys.executable, "train.py"], cwd=ROOT, check=True)
    printed = subprocess.run([sys.executable, "train.py", "--print-model"], cwd=ROOT, check=True, capture_output=True, text=True)
    return Path(printed.stdout.strip())


@pytest.fixture(scope="session")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory):
    """Start run.py from another folder, wait until it is ready, stop it at the end."""
    folder = tmp_path_factory.mktemp("server")
    port, log = free_port(), folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py")],
            cwd=folder,
            env=server_environment(model, port),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = Server(port, process, log)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, running.log()
            assert time.monotonic() < deadline, running.log()
            try:
                if running.request("/status")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.2)
        yield running
    finally:
        process.terminate()
        process.wait(timeout=30)
