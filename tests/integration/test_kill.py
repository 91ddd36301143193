"""Three SIGKILLs while 300 messages are under way: none lost, none out of order, duplicates reported."""

import re
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bot.adapters.keys import KeyRing
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.service.ports import UnitOfWork
from emulators.client import EmulatorClient, EmulatorProcess, RemoteUser
from support.process import Installation, stopped_at_the_end

PEOPLE, EACH, KILLS = 30, 10, 3
SENT = re.compile(r"^message (\d+)$", re.MULTILINE)
"""What a person writes while the group is behind becomes one post."""


@pytest.mark.slow
def test_three_kills_lose_nothing_and_keep_the_order(tmp_path: Path, record_property) -> None:  # type: ignore[no-untyped-def]
    with EmulatorProcess() as telegram:
        people = [telegram.add_user(f"P{n}", language_code="en") for n in range(PEOPLE)]
        group = telegram.add_group("Desk", members=[people[0]])
        place = Installation(
            tmp_path,
            {
                "WAYPOST_TELEGRAM__TOKEN": telegram.token, "WAYPOST_TELEGRAM__BASE_URL": telegram.base_url,
                "WAYPOST_TELEGRAM__GROUP_ID": str(group.chat_id), "WAYPOST_TELEGRAM__GROUP_PER_MIN": "100000",
                "WAYPOST_TELEGRAM__PRIVATE_PER_S": "1000", "WAYPOST_TELEGRAM__OVERALL_PER_S": "1000",
                "WAYPOST_TELEGRAM__POLL_WAIT_S": "1",
            },
        )  # fmt: skip
        assert place.run("setup").returncode == 0
        process = place.start("serve")
        try:
            open_cases(telegram, people)
            for n in range(EACH):
                for person in people:
                    person.send(f"message {n}")
                if n in {1, 4, 7}:
                    time.sleep(0.4)
                    process.kill()
                    process.wait()
                    process = place.start("serve")
            with stopped_at_the_end(process):
                wait_until_settled(telegram, place, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
        seen = {topic["name"]: relayed(topic) for topic in group.topics}
        assert telegram.schema_errors == []

    with_messages = [numbers for numbers in seen.values() if numbers]
    lost = sum(EACH - len(set(numbers)) for numbers in with_messages) + (PEOPLE - len(with_messages)) * EACH
    duplicates = sum(len(numbers) - len(set(numbers)) for numbers in with_messages)
    inversions = sum(later < earlier for numbers in with_messages for earlier, later in pairwise(numbers))
    record_property("duplicates", duplicates)
    print(f"\n{PEOPLE * EACH} messages, {KILLS} kills: {lost} lost, {inversions} inversions, {duplicates} duplicates")
    assert lost == 0
    assert inversions == 0
    assert set(states(place, telegram)) <= {"answered", "stored_for_human", "service_event"}


def open_cases(telegram: EmulatorClient, people: list[RemoteUser]) -> None:
    for person in people:
        person.send("/human")
    for person in people:
        telegram.wait_for(lambda person=person: any("Yes" in str(message) for message in person.inbox), 60)  # type: ignore[misc]
        person.press(next(label for message in person.inbox for label in labels(message) if "Yes" in label))
    for person in people:
        telegram.wait_for(lambda person=person: any("case number" in text for text in person.texts), 60)  # type: ignore[misc]


def labels(message: dict[str, object]) -> list[str]:
    buttons = message.get("buttons") or []
    assert isinstance(buttons, list)
    return [str(button["text"] if isinstance(button, dict) else button) for button in buttons]


def relayed(topic: dict[str, object]) -> list[int]:
    messages = topic["messages"]
    assert isinstance(messages, list)
    return [int(number) for message in messages for number in SENT.findall(str(message["text"] or ""))]


def wait_until_settled(telegram: EmulatorClient, place: Installation, process: "subprocess.Popen[bytes]") -> None:
    storage = storage_of(place, telegram)
    deadline = time.monotonic() + 120
    while True:
        assert process.poll() is None, place.log[-2000:]
        open_rows = storage.run_now(lambda uow: uow.inbox.pending() + uow.outbox.pending())
        if telegram.pending_updates == 0 and open_rows == 0:
            return
        assert time.monotonic() < deadline, f"{open_rows} rows still open\n{place.log[-2000:]}"
        time.sleep(0.3)


def storage_of(place: Installation, telegram: EmulatorClient) -> SqlStorage:
    environment = place.environment
    engine = open_engine(environment["WAYPOST_DATABASE__URL"])
    keys = KeyRing.load(Path(environment["WAYPOST_KEYS__FILE"]))
    return SqlStorage(engine, keys, bot_id=int(telegram.token.partition(":")[0]))


def states(place: Installation, telegram: EmulatorClient) -> list[str]:
    def read(uow: UnitOfWork) -> list[str]:
        return [disposition or "open" for disposition in uow.inbox.dispositions().values()]

    return storage_of(place, telegram).run_now(read)
