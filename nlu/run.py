"""Start the NLU server without showing its token to every other account on the machine.

``rasa run --auth-token SECRET`` works, but everybody can read the command line of a process (``ps``, /proc/PID/cmdline),
and Rasa reads a token from nowhere else: not from endpoints.yml, not from the environment. So this file takes the settings
from the environment, which only the same account can read, puts the arguments together inside the process, and calls Rasa.

    WAYPOST_NLU_TOKEN       required; the client sends it as ``?token=…``
    WAYPOST_NLU_MODEL       path of a model archive; default: the one train.py makes from this folder
    WAYPOST_NLU_PORT        default 5005
    WAYPOST_NLU_INTERFACE   default 127.0.0.1 (Rasa's own default is every interface)
    WAYPOST_NLU_PARENT_PID  optional; leave at once when this is no longer the parent (closes the race at start)

Three more things happen here because a wrong value would be a leak or a leftover process:

* It dies with its parent (Linux PR_SET_PDEATHSIG, elsewhere a thread that looks every second). The kernel means the parent
  *thread*: start this from a thread that lives as long as the program, such as the one that runs the event loop.
* LOG_LEVEL below INFO is raised to INFO: at DEBUG Rasa writes every message a person sends into the log.
* The working directory becomes this folder, because Rasa finds ``components`` and credentials.yml there.

Stop it with SIGTERM. Exit status 2: a setting is missing or wrong.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
_PR_SET_PDEATHSIG = 1
_MIN_TOKEN_CHARS = 16
_LOG_LEVELS = ("INFO", "WARNING", "ERROR", "CRITICAL")


class SettingError(Exception):
    """A setting is missing or wrong; the text says which one and what to do."""


def rasa_arguments(environ: MutableMapping[str, str]) -> list[str]:
    """Return the argument vector for ``rasa``, token included; it never leaves this process.

    Raises:
        SettingError: naming the variable, never the token's value.
    """
    token = environ.get("WAYPOST_NLU_TOKEN", "")
    if len(token) < _MIN_TOKEN_CHARS:
        raise SettingError(f"WAYPOST_NLU_TOKEN must have at least {_MIN_TOKEN_CHARS} characters; it has {len(token)}.")
    if token.startswith("-"):
        raise SettingError("WAYPOST_NLU_TOKEN must not begin with '-': Rasa would take it for an option.")
    model = environ.get("WAYPOST_NLU_MODEL") or _own_model()
    if not Path(model).is_file():
        raise SettingError(f"WAYPOST_NLU_MODEL is not a file: {model!r}; train one with train.py.")
    port = environ.get("WAYPOST_NLU_PORT", "5005")
    if not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise SettingError(f"WAYPOST_NLU_PORT must be a port from 1 to 65535; got {port!r}.")
    interface = environ.get("WAYPOST_NLU_INTERFACE", "127.0.0.1")
    # Absolute, because the working directory is about to change; "--x=y" so that no value can be read as an option.
    return [
        "rasa",
        "run",
        "--enable-api",
        f"--interface={interface}",
        f"--port={port}",
        f"--auth-token={token}",
        f"--model={Path(model).resolve()}",
        "--endpoints=endpoints.yml",
        "--credentials=credentials.yml",
    ]


def _own_model() -> str:
    sys.path.insert(0, str(HERE))
    import train

    return str(train.model_path())


def die_with_parent(parent_pid: int) -> None:
    """Arrange for SIGKILL when the parent goes; leave now if it has gone already.

    SIGKILL because nothing here is worth saving, and because Sanic replaces the handlers of the milder signals.
    """
    if os.getpid() == 1:  # a container's first process: its parent is outside and changes when the runtime detaches
        return
    if not _ask_kernel():
        threading.Thread(target=_watch, args=(parent_pid,), daemon=True).start()
    if os.getppid() != parent_pid:
        print("nlu: the parent process has gone; leaving.", file=sys.stderr)
        sys.exit(0)


def _ask_kernel() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    return ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def quiet_environment(environ: MutableMapping[str, str]) -> None:
    """Set what Rasa, TensorFlow and OpenMP read from the environment; must run before any of them is imported."""
    environ["RASA_TELEMETRY_ENABLED"] = "false"
    environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    environ.setdefault("OMP_NUM_THREADS", "1")
    environ.setdefault("PYTHONWARNINGS", "ignore")
    environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    if environ.get("LOG_LEVEL", "INFO").upper() not in _LOG_LEVELS:
        environ["LOG_LEVEL"] = "INFO"
    # Sanic's access log would print the query string, and the token is in it. ERROR is Rasa's default too.
    environ["LOG_LEVEL_LIBRARIES"] = "ERROR"


def main() -> int:
    """Check the settings, then become the Rasa server; returns only on a wrong setting or a normal stop."""
    try:
        arguments = rasa_arguments(os.environ)
        parent_pid = int(os.environ.get("WAYPOST_NLU_PARENT_PID") or os.getppid())
    except (SettingError, ValueError) as error:
        print(f"nlu: {error}", file=sys.stderr)
        return 2
    die_with_parent(parent_pid)
    os.environ.pop("WAYPOST_NLU_TOKEN", None)  # not for anything Rasa may start or dump
    quiet_environment(os.environ)
    os.chdir(HERE)

    import warnings

    warnings.simplefilter("ignore")
    sys.argv = arguments
    from rasa.__main__ import main as rasa_main

    rasa_main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
