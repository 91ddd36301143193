"""No token reaches a log, whatever way it takes."""

import json
import logging
from collections.abc import Iterator

import pytest

from bot.logs import NOISY, Redact, set_up

TOKEN = "123456789:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ADDRESS = f"https://api.telegram.org/bot{TOKEN}/sendMessage"
ours = logging.getLogger("bot.tests")


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level, levels = root.level, {name: logging.getLogger(name).level for name in NOISY}
    yield
    for handler in [handler for handler in root.handlers if any(isinstance(one, Redact) for one in handler.filters)]:
        root.removeHandler(handler)
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture(params=["text", "json"])
def style(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fail() -> None:
    raise ConnectionError(f"no answer from {ADDRESS}")


def by_message() -> None:
    ours.warning(f"asked {ADDRESS}")


def by_argument() -> None:
    ours.warning("asked %s", ADDRESS)


def by_object() -> None:
    ours.warning("asked %s", {"url": ADDRESS})


def by_field() -> None:
    ours.warning("asked", extra={"event": "x", "address": ADDRESS})


def by_deep_field() -> None:
    ours.warning("asked", extra={"facts": {"addresses": [ADDRESS]}})


def by_traceback() -> None:
    try:
        fail()
    except ConnectionError:
        ours.exception("failed")


def by_cause() -> None:
    try:
        try:
            fail()
        except ConnectionError as exc:
            raise RuntimeError("later") from exc
    except RuntimeError as exc:
        ours.error("failed", exc_info=exc)


def by_stack() -> None:
    ours.warning("where", stack_info=True, extra={"address": ADDRESS})


def by_library() -> None:
    logging.getLogger("httpx").warning("HTTP Request: POST %s", ADDRESS)


@pytest.mark.parametrize(
    "way", [by_message, by_argument, by_object, by_field, by_deep_field, by_traceback, by_cause, by_stack, by_library]
)
def test_no_way_brings_a_token_into_the_log(way: object, style: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(way)
    set_up("DEBUG", style)
    way()
    written = capsys.readouterr().err
    assert TOKEN.partition(":")[2] not in written
    assert "<token>" in written
    assert "/sendMessage" in written, "the rest of the record is kept"


def test_what_libraries_say_below_a_warning_is_not_written(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up("DEBUG", style)
    for name in NOISY:
        logging.getLogger(name).info("HTTP Request: POST %s", ADDRESS)
    assert capsys.readouterr().err == ""
    assert logging.getLogger("httpx").level == logging.WARNING


def test_a_line_carries_level_text_and_fields(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO", style)
    ours.info("update failed", extra={"event": "update.failed", "update_id": 5})
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    if style == "json":
        row = json.loads(written)
        assert (row["levelname"], row["message"], row["event"], row["update_id"]) == ("INFO", "update failed", "update.failed", 5)
    else:
        assert "INFO    update failed event=update.failed update_id=5" in written


def test_a_traceback_in_json_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO", "json")
    by_traceback()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "ConnectionError" in json.loads(lines[0])["exc_info"]


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("WARNING", "text")
    ours.info("not written")
    assert capsys.readouterr().err == ""


def test_a_record_whose_arguments_do_not_fit_never_reaches_the_caller(
    style: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("INFO", style)
    monkeypatch.setattr(logging, "raiseExceptions", True)
    ours.warning("%d updates", TOKEN)
    written = capsys.readouterr().err
    assert "arguments do not fit" in written
    assert TOKEN not in written
