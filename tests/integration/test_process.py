"""The command as an operator meets it: what it refuses, what it says, and what it leaves behind."""

import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from emulators.client import EmulatorProcess
from support.process import READY_WITHIN_S, Installation, stopped_at_the_end, wait_for_page

NLU = Path(__file__).parents[2] / "nlu"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation that is set up."""
    installation = Installation(tmp_path_factory.mktemp("place"))
    done = installation.run("setup")
    assert done.returncode == 0, done.stderr
    return installation


def test_setting_up_twice_changes_nothing(place: Installation) -> None:
    again = place.run("setup")
    assert again.returncode == 0
    assert "0 new or changed" in again.stderr
    assert "up to date" in again.stderr


def test_a_question_is_answered_with_a_citation(place: Installation) -> None:
    done = place.run("ask", "--json", "recruitment fees: should workers pay for a job?")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert set(answer) >= {"id", "outcome", "severity", "rule", "reason", "text", "language", "retrieved", "citations", "ms"}
    assert answer["degraded"] == ["nlu_starting"]


def test_a_missing_key_file_stops_everything_and_says_what_to_do(place: Installation, tmp_path: Path) -> None:
    other = Installation(place.folder, {"WAYPOST_KEYS__FILE": str(tmp_path / "gone.json")})
    done = other.run("serve")
    assert done.returncode == 3
    assert "gone.json" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_another_key_file_is_refused_once_there_are_rows(place: Installation, tmp_path: Path) -> None:
    assert place.run("staff", "invite", "--role", "caseworker").stdout.startswith("/link ")
    other = Installation(place.folder, {"WAYPOST_KEYS__FILE": str(tmp_path / "new" / "master.json")})
    assert other.run("keys", "create").returncode == 0
    with sqlite3.connect(place.folder / "data" / "waypost.db") as connection:
        connection.execute(
            "INSERT INTO person (role, state, language_chosen, created_at, seen_at)"
            " VALUES ('public', 'active', 0, '2026-01-01', '2026-01-01')"
        )
    done = other.run("serve")
    assert done.returncode == 3
    assert "restore that key file" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WAYPOST_TELEGRAM__GROUP_ID", "abc", "WAYPOST_TELEGRAM__GROUP_ID"),
        ("WAYPOST_TELEGRM__TOKEN", "x", "did you mean WAYPOST_TELEGRAM__TOKEN"),
        ("WAYPOST_DATABASE__URL", "mysql://x", "WAYPOST_DATABASE__URL"),
        ("WAYPOST_TELEGRAM__TOKEN", "changeme", "placeholder"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(place: Installation, name: str, value: str, said: str) -> None:
    done = Installation(place.folder, {name: value}).run("check")
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_index_is_named_and_people_are_still_answered(place: Installation, tmp_path: Path) -> None:
    other = Installation(place.folder, {"WAYPOST_INDEX_DIR": str(tmp_path / "nothing")})
    answer = json.loads(other.run("ask", "--json", "my son stopped breathing").stdout)
    assert answer["outcome"] == "emergency"
    answer = json.loads(other.run("ask", "--json", "how does family reunification work").stdout)
    assert "index_missing" in answer["degraded"]
    assert answer["text"]


def test_an_unknown_command_suggests_the_nearest(place: Installation) -> None:
    done = place.run("evalute")
    assert done.returncode == 2
    assert "evaluate" in done.stderr


def test_a_second_server_on_the_same_file_is_refused(place: Installation) -> None:
    with stopped_at_the_end(place.start("serve")):
        deadline = time.monotonic() + 30
        while "No Telegram token" not in place.log and time.monotonic() < deadline:
            time.sleep(0.1)
        second = place.run("serve")
    assert second.returncode == 3
    assert "PostgreSQL" in second.stderr


def test_evaluation_reports_bad_lines_and_goes_on(place: Installation, tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    good = {
        "id": "a",
        "lang": "en",
        "audience": "public",
        "text": "hello",
        "expected": "small_talk",
        "gold_topics": [],
        "notes": "",
    }
    cases.write_text("\n".join([json.dumps(good), "{not json", json.dumps(good | {"id": "b", "expected": "nonsense"})]))
    done = place.run("evaluate", str(cases), "--json", "--no-nlu")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert "cases.jsonl:2" in done.stderr
    assert "cases.jsonl:3" in done.stderr
    assert [row.get("id") for row in rows] == ["a", None]
    assert rows[-1]["summary"]["n"] == 1


@pytest.mark.nlu
def test_everything_comes_up_and_ends_with_sigterm_leaving_no_process(place: Installation) -> None:
    if not list((NLU / "models").glob("waypost-*.tar.gz")):
        pytest.fail("no trained NLU model: run `make setup`")
    installation = Installation(
        place.folder,
        {
            "WAYPOST_NLU__FOLDER": str(NLU),
            "WAYPOST_NLU__ENCODER": str(NLU.parent / "var" / "encoder"),
            "WAYPOST_HEALTH__PORT": "18431",
        },
    )
    process = installation.start("up")
    with stopped_at_the_end(process):
        page = json.loads(wait_for_page("http://127.0.0.1:18431/health/ready", timeout_s=90))
        assert page["parts"] == {"nlu": "ok", "encoder": "ok", "index": "ok", "database": "ok"}
        assert children(process.pid), "the NLU server is a child"
        answer = json.loads(installation.run("ask", "--json", "who decides about my visa").stdout)
        assert answer["degraded"] == []
        nlu = children(process.pid)
    assert process.returncode == 0
    deadline = time.monotonic() + 15
    while any(is_alive(pid) for pid in nlu) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(is_alive(pid) for pid in nlu)


def test_no_log_holds_the_token_or_a_persons_words(place: Installation) -> None:
    with EmulatorProcess() as telegram:
        amina = telegram.add_user("Zzyzx", language_code="en")
        installation = Installation(
            place.folder,
            {
                "WAYPOST_TELEGRAM__TOKEN": telegram.token,
                "WAYPOST_TELEGRAM__BASE_URL": telegram.base_url,
                "WAYPOST_LOG__LEVEL": "DEBUG",
            },
        )
        with stopped_at_the_end(installation.start("-v", "serve")):
            telegram.fault("bad_gateway", method="sendMessage")
            amina.send("my secretword question about family reunification")
            telegram.wait_for(lambda: amina.texts, READY_WITHIN_S)
    assert "turn decided" in installation.log
    for secret in (telegram.token, telegram.token.partition(":")[2], "secretword", "Zzyzx", str(amina.user_id)):
        assert secret not in installation.log


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in found.split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_cases_pause_and_explain_work_from_the_command_line(place: Installation) -> None:
    # A bot of its own: the emulator numbers its updates anew, and this database has seen those numbers from the other.
    with EmulatorProcess("--token", f"7770001:{'x' * 35}") as telegram:
        amina, lea = telegram.add_user("Amina", language_code="en"), telegram.add_user("Lea", language_code="en")
        installation = Installation(
            place.folder, {"WAYPOST_TELEGRAM__TOKEN": telegram.token, "WAYPOST_TELEGRAM__BASE_URL": telegram.base_url}
        )
        with stopped_at_the_end(installation.start("serve")):
            lea.send(installation.run("staff", "invite", "--role", "caseworker").stdout.splitlines()[0])
            telegram.wait_for(lambda: any("linked" in text for text in lea.texts), READY_WITHIN_S)
            alias = installation.run("staff", "list").stdout.split()[0]
            amina.send("I want to talk to a person")
            telegram.wait_for(lambda: amina.texts, 30)
            amina.send("yes")
            telegram.wait_for(lambda: any("case number" in text for text in amina.texts), 30)

            number = installation.run("cases", "list").stdout.split()[0]
            assert installation.run("cases", "claim", number, "--as", alias).returncode == 0
            assert installation.run("cases", "reply", number, "Good morning", "--as", alias).returncode == 0
            telegram.wait_for(lambda: "Caseworker: Good morning" in amina.texts, 30)
            shown = installation.run("cases", "show", number).stdout
            assert "I want to talk to a person" in shown
            assert installation.run("cases", "resolve", number, "--as", alias).returncode == 0
            telegram.wait_for(lambda: any("is closed" in text for text in amina.texts), 30)

            assert installation.run("pause").returncode == 0
            amina.send("how does family reunification work")
            telegram.wait_for(lambda: any("switched off" in text for text in amina.texts), 30)
            assert installation.run("resume").returncode == 0

            newest = str(newest_turn(installation))
            explained = installation.run("explain", newest)
            assert "answers-paused" in explained.stdout
            assert "family reunification" not in explained.stdout
            worded = installation.run("explain", newest, "--show-text")
            assert "family reunification" in worded.stdout
        assert telegram.schema_errors == []


def newest_turn(installation: Installation) -> int:
    with sqlite3.connect(installation.folder / "data" / "waypost.db") as connection:
        return int(connection.execute("SELECT max(update_id) FROM turn").fetchone()[0])


def test_canaries_in_staff_and_security_entries_never_reach_the_public(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    assert installation.run("setup").returncode == 0
    question = "where does the convoy of the northern office sleep tonight"
    for audience in ("staff", "security"):
        folder = tmp_path / audience
        folder.mkdir()
        (folder / "entry.md").write_text(f"# {question}\n\nCANARY-{audience.upper()} {question}.\n")
        added = installation.run("knowledge", "add", str(folder), "--collection", audience, "--audience", audience)
        assert added.returncode == 0, added.stderr
        assert "1 documents, 1 new or changed" in added.stdout
    for_public = json.loads(installation.run("ask", "--json", question).stdout)
    assert "CANARY" not in json.dumps(for_public)
    assert {item["audience"] for item in for_public["retrieved"]} <= {"public"}
    for_staff = json.loads(installation.run("ask", "--role", "staff", "--json", question).stdout)
    assert for_staff["retrieved"][0]["audience"] == "staff"
    assert "CANARY-SECURITY" not in json.dumps(for_staff)

    assert installation.run("knowledge", "withdraw", "staff", "entry.md").returncode == 0
    after = json.loads(installation.run("ask", "--role", "staff", "--json", question).stdout)
    assert all(item["audience"] != "security" for item in after["retrieved"])
    assert "CANARY" not in json.dumps(after)
