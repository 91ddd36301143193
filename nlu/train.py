"""Train the NLU model when, and only when, something it is made from has changed.

The model's name carries a fingerprint of everything that decides its answers: configuration, domain, training data, our
components, the locked libraries and the encoders. If the file is there, nothing is done, so ``make setup`` may call this every
time.
A new model is trained in a folder of its own and moved into place in one step: an interrupted run leaves no half-written model
(what it leaves is swept by the next one), and two runs at once wait for each other.

    .venv/bin/python train.py                 train if needed
    .venv/bin/python train.py --print-model   print the path this tree's model has (trained or not), nothing else

Standard library only, any Python from 3.10; Rasa runs in nlu/.venv where that exists, else under the same interpreter.
Exit status: 0 done, 1 training failed, 2 usage, 3 Rasa or the encoder is missing, 130 interrupted.
"""

import argparse
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from encoder import EncoderMissing, encoder_names

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
_INPUT_FILES = ("config.yml", "domain.yml", "requirements.lock")
_INPUT_FOLDERS = ("data", "components")
_SUFFIXES = {".yml", ".yaml", ".txt", ".py"}
_ENVIRONMENT = {
    "RASA_TELEMETRY_ENABLED": "false",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OMP_NUM_THREADS": str(os.cpu_count() or 1),
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "MPLBACKEND": "Agg",
}


def inputs() -> list[Path]:
    """Return every file the model depends on, in a fixed order."""
    files = [HERE / name for name in _INPUT_FILES]
    for folder in _INPUT_FOLDERS:
        files += [p for p in (HERE / folder).rglob("*") if p.suffix in _SUFFIXES and "__pycache__" not in p.parts]
    return sorted(files, key=lambda p: p.relative_to(HERE).as_posix())


def fingerprint() -> str:
    """Return the sha256, in hexadecimal, over the encoders' names and the names and contents of ``inputs()``.

    Line ends do not count.

    Raises:
        EncoderMissing: there is no encoder to train with.
    """
    digest = hashlib.sha256("\0".join(encoder_names(os.environ)).encode())
    for path in inputs():
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(HERE).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def model_path() -> Path:
    """Return where this tree's model lies once it is trained."""
    return MODELS / f"waypost-{fingerprint()[:12]}.tar.gz"


def interpreter() -> str:
    """Return the Python that has Rasa: nlu/.venv, else the one running this."""
    own = HERE / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def train(target: Path) -> int:
    """Run ``rasa train nlu`` into a temporary folder and move the model to ``target``; return the exit status."""
    for leftover in MODELS.glob(".training-*"):  # we hold the lock: nobody is using them
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=".training-", dir=MODELS))
    try:
        command = [interpreter(), "-m", "rasa", "train", "nlu", "--nlu", "data", "--config", "config.yml"]
        command += ["--domain", "domain.yml", "--out", str(work), "--fixed-model-name", "model"]
        # Rasa's cache is kept out of the way: it never helps here, and its default folder would grow in the source tree.
        environment = {**os.environ, **_ENVIRONMENT, "RASA_CACHE_DIRECTORY": str(work / "cache")}
        status = _run(command, environment)
        built = work / "model.tar.gz"
        if status == 0 and built.is_file():
            built.replace(target)
            return 0
        print(f"nlu: training failed (rasa exit status {status})", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Run ``command`` here, showing its progress lines only, or everything when it fails."""
    lines = []
    with subprocess.Popen(
        command, cwd=HERE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        try:
            for line in child.stdout or ():
                lines.append(line)
                if "training component" in line:
                    print("nlu: " + line.split(" - ")[-1].strip(), flush=True)
        except BaseException:
            child.terminate()
            raise
    if child.returncode != 0:
        sys.stderr.writelines(lines[-60:])
    return child.returncode


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Parse the command line and train when needed."""
    parser = argparse.ArgumentParser(description="Train the NLU model if its inputs changed.")
    parser.add_argument("--print-model", action="store_true", help="print the path of this tree's model and stop")
    arguments = parser.parse_args()
    try:
        target = model_path()
    except EncoderMissing as error:
        print(f"nlu: {error}", file=sys.stderr)
        return 3
    if arguments.print_model:
        print(target)
        return 0
    if target.is_file():
        target.touch()  # the server takes the model written last: after a step back to older data that is this one
        print("nlu model up to date")
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    MODELS.mkdir(exist_ok=True)
    try:
        with (MODELS / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if target.is_file():  # another run made it while we waited
                print("nlu model up to date")
                return 0
            probe = "import importlib.util as u, sys; sys.exit(u.find_spec('rasa') is None)"
            if subprocess.run([interpreter(), "-c", probe], cwd=HERE, check=False).returncode != 0:
                print(f"nlu: {interpreter()} has no rasa; install requirements.lock (README.md)", file=sys.stderr)
                return 3
            print(f"nlu: training {target.name} from {len(inputs())} files (about 8 minutes)", flush=True)
            started = time.monotonic()
            status = train(target)
            if status == 0:
                print(f"nlu: trained in {time.monotonic() - started:.0f} s: {target.relative_to(HERE.parent)}", flush=True)
            return status
    except KeyboardInterrupt:
        print("nlu: interrupted; no model was written", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
