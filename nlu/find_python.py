"""Print the path of a Python 3.10 that runs, which Rasa needs; fetch one with uv if there is none.

``python3.10`` on the path is tried rather than believed: a pyenv shim is there even when the version is not chosen.
Standard library only. Exit status: 0 found, 1 none, with one line that says what to do.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PROBE = "import sys, venv, ensurepip; assert sys.version_info[:2] == (3, 10); print(sys.executable)"


def candidates() -> Iterator[str]:
    """Yield what may be a Python 3.10, the operator's own choice first."""
    if chosen := os.environ.get("NLU_PYTHON"):
        yield chosen
    yield "python3.10"
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from (str(path) for path in sorted(versions.glob("3.10.*/bin/python3.10"), reverse=True))
    if (uv := shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))) is not None:
        yield _output(uv, "python", "find", "3.10")
        print("Python 3.10 is not installed: fetching it with uv …", file=sys.stderr)
        subprocess.run([uv, "python", "install", "--quiet", "3.10"], check=False)
        yield _output(uv, "python", "find", "3.10")


def _output(*command: str) -> str:
    """Return what ``command`` prints, or nothing when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def main() -> int:
    """Print the first candidate that runs and can make a virtual environment."""
    for candidate in candidates():
        if candidate and (found := _output(candidate, "-c", _PROBE)):
            print(found)
            return 0
    print(
        "The NLU server needs Python 3.10: install it with `uv python install 3.10` or `pyenv install 3.10`, "
        "or name one with NLU_PYTHON=/path/to/python3.10",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
