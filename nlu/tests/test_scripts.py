"""train.py and run.py: what decides the fingerprint, what is refused, what an interruption leaves."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import run
import train
from encoder import DEFAULT
from support import ROOT

TOKEN = "x" * 16


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of everything train.py reads, and train.py looking at it."""
    for name in ("config.yml", "domain.yml", "requirements.lock", "train.py", "encoder.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("data", "components"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(train, "HERE", tmp_path)
    monkeypatch.setattr(train, "MODELS", tmp_path / "models")
    return tmp_path


def test_a_copy_elsewhere_has_the_same_fingerprint(tree: Path) -> None:
    here = subprocess.run([sys.executable, "train.py", "--print-model"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert train.model_path().name == Path(here.stdout.strip()).name


@pytest.mark.parametrize(
    "changed", ["config.yml", "domain.yml", "requirements.lock", "data/fr/ask_visa.yml", "components/sentence_featurizer.py"]
)
def test_any_input_changes_the_fingerprint(tree: Path, changed: str) -> None:
    before = train.fingerprint()
    with (tree / changed).open("a") as file:
        file.write("# changed\n")
    assert train.fingerprint() != before


def test_a_renamed_file_changes_the_fingerprint_but_caches_and_line_ends_do_not(tree: Path) -> None:
    before = train.fingerprint()
    (tree / "components/__pycache__").mkdir()
    (tree / "components/__pycache__/x.py").write_text("")
    domain = tree / "domain.yml"
    domain.write_bytes(domain.read_bytes().replace(b"\n", b"\r\n"))
    assert train.fingerprint() == before
    (tree / "data/fr/ask_visa.yml").rename(tree / "data/fr/zz.yml")
    assert train.fingerprint() != before


def test_a_present_model_is_left_alone(tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    train.MODELS.mkdir()
    train.model_path().write_text("model")
    later = train.MODELS / "waypost-of-data-no-longer-here.tar.gz"
    later.write_text("later")
    os.utime(train.model_path(), (1, 1))
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert train.main() == 0
    assert capsys.readouterr().out == "nlu model up to date\n"
    assert train.model_path().read_text() == "model"
    assert train.model_path().stat().st_mtime >= later.stat().st_mtime, "the server takes the model written last"


def test_a_failed_training_leaves_no_model_and_no_rubbish(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "interpreter", lambda: "/bin/false")
    train.MODELS.mkdir()
    (train.MODELS / ".training-old").mkdir()
    assert train.train(train.model_path()) == 1
    assert list(train.MODELS.iterdir()) == []


@pytest.mark.slow
def test_an_interrupted_training_leaves_no_model_and_no_process(tree: Path) -> None:
    environ = {**os.environ, "WAYPOST_NLU_ENCODER": str(DEFAULT)}
    command = [sys.executable, "train.py"]
    with subprocess.Popen(command, cwd=tree, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        time.sleep(4)
        process.send_signal(signal.SIGTERM)
        output = process.communicate(timeout=30)[0].decode()
    assert process.returncode == 130, output
    assert [path.name for path in (tree / "models").iterdir()] == [".lock"]
    commands = (
        [p.read_bytes() for p in Path("/proc").glob("[0-9]*/cmdline") if os.access(p, os.R_OK)] if os.name == "posix" else []
    )
    assert not [c for c in commands if str(tree).encode() in c]


def _command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "WAYPOST_NLU_TOKEN"),
        ({"WAYPOST_NLU_TOKEN": "short"}, "WAYPOST_NLU_TOKEN"),
        ({"WAYPOST_NLU_TOKEN": "-" + TOKEN}, "WAYPOST_NLU_TOKEN"),
        ({"WAYPOST_NLU_TOKEN": TOKEN, "WAYPOST_NLU_MODEL": "/no/such/model"}, "WAYPOST_NLU_MODEL"),
        ({"WAYPOST_NLU_TOKEN": TOKEN, "WAYPOST_NLU_MODEL": __file__, "WAYPOST_NLU_PORT": "0"}, "WAYPOST_NLU_PORT"),
        ({"WAYPOST_NLU_TOKEN": TOKEN, "WAYPOST_NLU_MODEL": __file__, "WAYPOST_NLU_PORT": "http"}, "WAYPOST_NLU_PORT"),
    ],
)
def test_a_missing_or_wrong_setting_is_named_and_the_token_is_not_shown(environment: dict[str, str], named: str) -> None:
    with pytest.raises(run.SettingError, match=named) as error:
        run.rasa_arguments(environment)
    assert TOKEN not in str(error.value)


def test_the_arguments_bind_loopback_and_take_absolute_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parent)
    arguments = run.rasa_arguments({"WAYPOST_NLU_TOKEN": TOKEN, "WAYPOST_NLU_MODEL": Path(__file__).name})
    assert "--interface=127.0.0.1" in arguments
    assert f"--model={Path(__file__).resolve()}" in arguments
    assert "--cors" not in " ".join(arguments)


def test_debug_logging_is_raised_to_info_and_quieter_levels_are_kept() -> None:
    for given, used in (("DEBUG", "INFO"), ("debug", "INFO"), ("nonsense", "INFO"), ("WARNING", "WARNING")):
        environment = {"LOG_LEVEL": given, "LOG_LEVEL_LIBRARIES": "DEBUG"}
        run.quiet_environment(environment)
        assert environment["LOG_LEVEL"] == used
        assert environment["LOG_LEVEL_LIBRARIES"] == "ERROR"
        assert environment["RASA_TELEMETRY_ENABLED"] == "false"


def test_a_vanished_parent_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_ask_kernel", lambda: True)
    with pytest.raises(SystemExit):
        run.die_with_parent(os.getppid() + 1)
