"""How soon a desk sees what happens: open pages of the console beside 200 open cases, on SQLite and on PostgreSQL.

    make benchmark-desk

Fifty colleagues have a page open, half the queue, half a case. Ten times a second somebody writes or claims; it is measured
when each page that must show it is sent it. Server and readers share one process and its loop, so that what is measured is more
than a desk would see. Some pages are cut off again and again and come back with what they saw last: nothing may be missing.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from statistics import quantiles

from bot.adapters.clock import SystemClock
from bot.domain.cases import Case
from bot.domain.ids import ChatId, UpdateId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import DeskRole, StaffMember
from bot.service import casework, desk, relay
from bot.service.app import App
from bot.service.handover import Opening
from bot.service.ports import UnitOfWork
from support.assistant import an_app
from support.console import Served, Visitor, served
from support.databases import Database, postgres_server, sqlite_file

PAGES, CASES, CHANGES, EVERY_S = 50, 200, 150, 0.1
CUT_OFF_S, CUT_OFF_EVERY = 1.5, 10
"""Every so manieth page is cut off and comes back, again and again."""


class Reader:
    """A page somebody has open: what it shows, and when it was sent it."""

    def __init__(self, visitor: Visitor, path: str, *, is_shaky: bool) -> None:
        self.visitor, self.path, self.is_shaky = visitor, path, is_shaky
        self.sent: list[tuple[float, str]] = []
        self.last = ""

    async def read(self) -> None:
        """Read until cancelled, as the page would."""
        page = (await self.visitor.gets(self.path)).text
        self.sent.append((time.monotonic(), page))
        found = re.search(r'hx-sse:connect="([^"]+)"', page)
        assert found is not None
        address = found[1].replace("&amp;", "&")
        while True:
            with contextlib.suppress(TimeoutError):
                async with self.visitor.watches(address, last_event_id=self.last) as stream:
                    async with asyncio.timeout(CUT_OFF_S if self.is_shaky else None):
                        while True:
                            event = await stream.next(3600)
                            self.last = event.id or self.last
                            self.sent.append((time.monotonic(), event.data))
            await asyncio.sleep(CUT_OFF_S / 3)

    def saw(self, mark: str) -> float | None:
        return next((at for at, html in self.sent if mark in html), None)


def opened(uow: UnitOfWork, app: App, n: int) -> Case:
    now = app.clock.now()
    person = uow.people.for_chat(ChatId(10_000 + n), now=now, language_hint="en")
    opening = Opening(
        severity=1 + n % 4, category=None, queue="general", sealed=False, reason="wish", why="They asked for a person.",
        read_from=(), question=f"question {n}", language=("en", "ar", "fr")[n % 3], certainty=1.0, known=(), unknown=(),
        consent="yes",
    )  # fmt: skip
    case, conversation = casework.open_case(
        uow, app, person, uow.people.conversation(person.id), opening, key=f"open:{n}", now=now
    )
    uow.people.save_conversation(conversation)
    return case


def written(uow: UnitOfWork, app: App, case: Case, number: int, words: str) -> None:
    chat = ChatId(10_000)
    message = Incoming(
        update_id=UpdateId(number), chat_id=chat, sender_id=chat, message_id=number, kind=Kind.TEXT, sent_at=app.clock.now(),
        text=words,
    )  # fmt: skip
    relay.receive(uow, app, uow.cases.get(case.id), message, key=f"w:{number}", now=app.clock.now())


async def measure(app: App, place: Database) -> tuple[list[float], int, int]:
    """Return the seconds from the end of a change to its sight, how many were to be seen, and how many were not."""
    dice = Random(8)
    cases = [await app.storage.run(lambda uow, n=n: opened(uow, app, n)) for n in range(CASES)]  # type: ignore[misc]
    async with served(app, place) as console:
        workers = await _workers(console)
        watched = cases[: PAGES // 2]
        readers = [
            Reader(visitor, f"/cases/{watched[n // 2].number}" if n % 2 else "/cases", is_shaky=n % CUT_OFF_EVERY == 0)
            for n, (visitor, _) in enumerate(workers)
        ]
        async with _reading(readers):
            expected = [change async for change in _changes(app, dice, cases, watched, readers, [one for _, one in workers])]
            await asyncio.sleep(3)
    waits, missed = [], 0
    for done_at, mark, seers in expected:
        for reader in seers:
            at = reader.saw(mark)
            missed += at is None
            waits += [] if at is None or reader.is_shaky else [max(0.0, at - done_at)]
    return waits, sum(len(seers) for _, _, seers in expected), missed


async def _workers(console: Served) -> list[tuple[Visitor, StaffMember]]:
    found = []
    for _ in range(PAGES):
        visitor = await console.signed_in(DeskRole.CASEWORKER)
        assert visitor.member is not None
        found.append((visitor, visitor.member))
    return found


@asynccontextmanager
async def _reading(readers: list[Reader]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(reader.read()) for reader in readers]
    while not all(reader.sent for reader in readers):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _changes(
    app: App, dice: Random, cases: list[Case], watched: list[Case], readers: list[Reader], workers: list[StaffMember]
) -> AsyncIterator[tuple[float, str, list[Reader]]]:
    """Make changes; yield when each was done, words by which it is known, and the pages that must show it."""
    on_queue = [reader for reader in readers if reader.path == "/cases"]
    unclaimed = cases[PAGES:]
    for n in range(CHANGES):
        if n % 3:
            case, words = dice.choice(watched), f"these words are number {n}."
            await app.storage.run(lambda uow, case=case, n=n, words=words: written(uow, app, case, n + 1, words))  # type: ignore[misc]
            yield time.monotonic(), words, [reader for reader in readers if reader.path.endswith(case.number)]
        else:
            case, member = unclaimed.pop(), dice.choice(workers)
            await app.storage.run(
                lambda uow, case=case, member=member: desk.act(uow, app, uow.cases.get(case.id), member, "claim", "")  # type: ignore[misc]
            )
            mark = re.escape(case.number)
            yield time.monotonic(), f'id="row-{mark}" class="case sev-{case.severity}">'.replace("\\", ""), on_queue
        await asyncio.sleep(EVERY_S)


def places(folder: Path) -> Iterator[tuple[str, Iterator[Database]]]:
    for name in ("sqlite", "postgresql"):
        (folder / name).mkdir()
    yield "SQLite", sqlite_file(folder / "sqlite")
    yield "PostgreSQL", postgres_server().fresh(folder / "postgresql")


def main() -> int:
    """Print a line for each database; fail when a page missed something."""
    lost = 0
    print(f"{PAGES} open pages, {CASES} open cases, {CHANGES} changes, one every {EVERY_S:.1f} s")
    print(f"{'':12} {'seen':>12} {'p50':>8} {'p95':>8} {'longest':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, opening in places(Path(folder)):
            for place in opening:
                waits, wanted, missed = asyncio.run(measure(an_app(place.storage(), SystemClock()), place))
                cuts = quantiles(waits, n=100)
                print(f"{name:12} {wanted - missed:>5} of {wanted:<4} {cuts[49]:>6.2f} s {cuts[94]:>6.2f} s {max(waits):>6.2f} s")
                lost += missed
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
