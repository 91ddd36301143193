"""Fifty people write twenty messages each while everything goes wrong: nothing is lost and nothing reaches the wrong person.

Three SIGKILLs, refusals by rate (429), bad gateways, calls that took effect and were never answered, topics deleted, the group
moved to another id; by polling and by webhook. Half of the cases have an owner who answers and writes notes between.
What is counted is what people and colleagues would have seen, from the record of every call.
"""

import re
import signal
import socket
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.clock import SystemClock
from bot.adapters.keys import KeyRing
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.service.deliver import REPEAT
from bot.service.ports import UnitOfWork
from emulators.client import EmulatorClient, EmulatorProcess, RemoteError, RemoteGroup, RemoteUser
from support.process import Installation, stopped_at_the_end

PEOPLE, EACH = 50, 20
KILLED_AT, DELETED_AT, MOVED_AT = {4, 9, 15}, {6, 12}, 10
OWNED = PEOPLE // 2
SEED = 20261129
PAUSE_S = 0.7
"""Between rounds: else everything would be written before the first of it is sent, and nothing would go wrong in between."""
PERSON_SAYS = re.compile(r"^P(\d+) message (\d+)$", re.MULTILINE)
COLLEAGUE_SAYS = re.compile(r"reply (\d+) for P(\d+)$")
NOTE = "he is not to be told this"


@dataclass
class Told:
    """What was written, by person, and which of the owner's replies were posted where they could be."""

    replies: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["polling", "webhook"])
def test_nothing_is_lost_when_everything_goes_wrong(transport: str, tmp_path: Path) -> None:
    with EmulatorProcess() as telegram:
        people = [telegram.add_user(f"P{n}", language_code="en") for n in range(PEOPLE)]
        lea = telegram.add_user("Lea", language_code="en")
        group = telegram.add_group("Desk", members=[lea])
        place = Installation(tmp_path, settings_of(telegram, group, transport))
        assert place.run("setup").returncode == 0
        link = place.run("staff", "invite", "--role", "caseworker").stdout.splitlines()[0]
        process = place.start("serve")
        try:
            lea.send(link)
            open_cases(telegram, people)
            telegram.wait_for(lambda: len(group.topics) == PEOPLE, 60)
            numbers = claim_half(telegram, people, lea, group)
            told, process = storm(telegram, people, lea, group, numbers, place, process)
            with stopped_at_the_end(process):
                wait_until_settled(telegram, place, process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
        found = count(telegram, people, group, told)
        faults = Counter(str(call["fault"]).partition(" ")[0] for call in telegram.calls() if call["fault"])
        assert min(faults["429"], faults["502"], faults["dropped"]) >= 5, "everything did go wrong"
        assert telegram.schema_errors == []
    storage = storage_of(place, telegram)
    ambiguous = storage.run_now(lambda uow: uow.outbox.states())["ambiguous"]
    print(f"\n{transport}: {PEOPLE * EACH} messages, {len(KILLED_AT)} kills, {dict(faults)}: {found}, {ambiguous} ambiguous")
    assert {name: n for name, n in found.items() if name != "sent again"} == dict.fromkeys(found.keys() - {"sent again"}, 0)
    assert found["sent again"] <= ambiguous, "what may have been sent twice is marked"
    assert storage.run_now(books) == {"updates": 0, "replies": 0, "unseen": 0, "muted": 0}


def settings_of(telegram: EmulatorClient, group: RemoteGroup, transport: str) -> dict[str, str]:
    hook = {}
    if transport == "webhook":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        hook = {
            "WAYPOST_TELEGRAM__WEBHOOK_URL": f"https://127.0.0.1:{port}/telegram", "WAYPOST_TELEGRAM__WEBHOOK_PORT": str(port),
            "WAYPOST_TELEGRAM__WEBHOOK_SECRET": "s" * 32,
        }  # fmt: skip
    return hook | {
        "WAYPOST_TELEGRAM__TOKEN": telegram.token, "WAYPOST_TELEGRAM__BASE_URL": telegram.base_url,
        "WAYPOST_TELEGRAM__GROUP_ID": str(group.chat_id), "WAYPOST_TELEGRAM__GROUP_PER_MIN": "100000",
        "WAYPOST_TELEGRAM__PRIVATE_PER_S": "1000", "WAYPOST_TELEGRAM__OVERALL_PER_S": "1000",
        "WAYPOST_TELEGRAM__POLL_WAIT_S": "1", "WAYPOST_DESK__UNDO_S": "0.2",
    }  # fmt: skip


def open_cases(telegram: EmulatorClient, people: Sequence[RemoteUser]) -> None:
    for person in people:
        person.send("/human")
    for person in people:
        telegram.wait_for(lambda person=person: any("Yes" in str(message) for message in person.inbox), 60)  # type: ignore[misc]
        person.press(next(label for message in person.inbox for label in labels(message) if "Yes" in label))
    for person in people:
        telegram.wait_for(lambda person=person: any("case number" in text for text in person.texts), 60)  # type: ignore[misc]


def claim_half(
    telegram: EmulatorClient, people: Sequence[RemoteUser], lea: RemoteUser, group: RemoteGroup
) -> list[str]:  # fmt: skip
    """Let Lea take every second person's case; return the case number of each person."""
    numbers = [next(iter(re.findall(r"\b[A-Z2-9]{3}-[A-Z2-9]{3}\b", " ".join(person.texts)))) for person in people]
    topics = {topic["name"]: topic for topic in group.topics}
    for number in numbers[:OWNED]:
        topic = next(topic for name, topic in topics.items() if number in name)
        header = topic["messages"][0] if topic["messages"][0]["buttons"] else topic["messages"][1]
        lea.press("Claim", group=group, message=header["message_id"])
    for person in people[:OWNED]:
        telegram.wait_for(lambda person=person: any("From now on a person" in text for text in person.texts), 60)  # type: ignore[misc]
    return numbers


def storm(
    telegram: EmulatorClient, people: Sequence[RemoteUser], lea: RemoteUser, group: RemoteGroup, numbers: Sequence[str],
    place: Installation, process: "subprocess.Popen[bytes]",
) -> tuple[Told, "subprocess.Popen[bytes]"]:  # fmt: skip
    """Let everybody write while everything goes wrong; return what was written and the process that lives in the end."""
    told = Told()
    telegram.fault("chaos", seed=SEED, too_many=0.02, bad_gateway=0.02, drop_before=0.01, drop_after=0.02, retry_after_s=1)
    for n in range(EACH):
        for k, person in enumerate(people):
            person.send(f"P{k} message {n}")
        if n in DELETED_AT:
            delete_topics(group, n)
        if n == MOVED_AT:
            group.migrate()
        answer(lea, group, numbers, n, told)
        time.sleep(PAUSE_S)
        if n in KILLED_AT:
            time.sleep(0.4)
            process.kill()
            process.wait()
            process = place.start("serve")
    return told, process


def answer(lea: RemoteUser, group: RemoteGroup, numbers: Sequence[str], n: int, told: Told) -> None:
    """Lea writes a reply, a note and something in General; in a colleague-less topic what she writes is a note too."""
    topics = group.topics
    for k, number in enumerate(numbers):
        if k % 5 != n % 5:
            continue
        topic = next((topic for topic in reversed(topics) if number in topic["name"]), None)
        if topic is None:
            continue
        try:
            if k < OWNED:
                lea.post(group, topic["thread_id"], f"reply {n} for P{k}")
                told.replies[k].append(n)
                lea.post(group, topic["thread_id"], f"// {NOTE}")
            else:
                lea.post(group, topic["thread_id"], NOTE)
        except RemoteError:
            continue  # the topic has gone this moment: she sees it, too
    lea.post(group, None, f"{NOTE}, said in General")


def delete_topics(group: RemoteGroup, n: int) -> None:
    for topic in group.topics[n : n + 4]:
        group.delete_topic(topic["thread_id"])


def labels(message: Mapping[str, Any]) -> list[str]:
    return [str(button["text"] if isinstance(button, dict) else button) for button in message.get("buttons") or []]


# ---------------------------------------------------------------- counting
def took_effect(call: Mapping[str, Any]) -> bool:
    return call["fault"] == "dropped after effect" or (call["fault"] is None and str(call["outcome"]).startswith("ok"))


def count(telegram: EmulatorClient, people: Sequence[RemoteUser], group: RemoteGroup, told: Told) -> dict[str, int]:
    """Return how much was lost, misdirected, let out, posted in General, out of order and repeated.

    ``sent again`` counts deliveries, as the outbox counts those in doubt: one may carry several messages, and may come thrice.
    """
    posts = [call for call in telegram.calls("sendMessage") if took_effect(call)]
    in_topics = [
        call["params"] for call in posts if int(call["params"]["chat_id"]) < 0 and call["params"].get("message_thread_id")
    ]
    seen: dict[int, list[int]] = defaultdict(list)
    unmarked = 0
    again = set()
    where: dict[int, set[int]] = defaultdict(set)
    for post in in_topics:
        said = PERSON_SAYS.findall(post["text"])
        if any(int(n) in seen[int(k)] for k, n in said):
            again.add(tuple(said))
        for k, n in said:
            unmarked += int(n) in seen[int(k)] and not post["text"].startswith(REPEAT)
            seen[int(k)].append(int(n))
            where[int(post["message_thread_id"])].add(int(k))
    got = [[(int(n), int(k)) for text in person.texts for n, k in COLLEAGUE_SAYS.findall(text)] for person in people]
    mine = [[n for n, k in replies if k == number] for number, replies in enumerate(got)]
    replies_again = sum(times > 1 for stream in mine for times in Counter(stream).values())
    streams = [*seen.values(), *mine]
    return {
        "lost": sum(EACH - len(set(seen[k])) for k in range(PEOPLE)),
        "replies lost": sum(len(set(told.replies[k]) - set(mine[k])) for k in range(PEOPLE)),
        "to the wrong person": sum(k != number for number, replies in enumerate(got) for _, k in replies),
        "in a topic of another": sum(len(writers) - 1 for writers in where.values()),
        "notes outside": sum(NOTE in text for person in people for text in person.texts),
        "in General": sum(message["is_bot"] and not is_board(message) for message in group.general),
        "inversions": sum(later < earlier for stream in streams for earlier, later in pairwise(first_times(stream))),
        "repeated unmarked": unmarked,
        "sent again": len(again) + replies_again,
    }


def is_board(message: Mapping[str, Any]) -> bool:
    return message["kind"] != "text" or str(message["text"]).startswith("Cases of this group")


def first_times(stream: Sequence[int]) -> Iterator[int]:
    yield from dict.fromkeys(stream)


def books(uow: UnitOfWork) -> dict[str, int]:
    """Return what does not balance once everything has come to rest."""
    later = SystemClock().now() + timedelta(days=1)
    return {
        "updates": uow.ledger.updates_without_end(before=later),
        "replies": uow.ledger.replies_without_end(before=later),
        "unseen": uow.ledger.unseen_messages(after=later - timedelta(days=2), before=later),
        "muted": len(uow.ledger.muted_people()),
    }


def wait_until_settled(telegram: EmulatorClient, place: Installation, process: "subprocess.Popen[bytes]") -> None:
    storage = storage_of(place, telegram)
    deadline = time.monotonic() + 300
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
