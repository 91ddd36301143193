"""The web console as its users reach it: a real listener on loopback, in the loop of the test."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import httpx
import uvicorn

from bot.adapters.catalogue import YamlConsoleTexts
from bot.console import pages
from bot.console.live import Hub
from bot.console.visit import Console, Place
from bot.domain.accounts import Account
from bot.domain.people import DeskRole, StaffMember
from bot.service.app import App
from bot.service.ports import UnitOfWork
from knowledge.store import KnowledgeStore
from support.databases import Database

PASSWORD, CODE, SECRET = "four unrelated words here", "123456", "A" * 32
TEXTS = YamlConsoleTexts()
BOAT = "we are in a boat, the engine stopped and water is coming in"
ABUSE_BY_STAFF = "an IOM worker asked me for sex in exchange for food"


class PlainCredentials:
    """Credentials without their cost: the password itself, and one code for every moment."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, password_hash: str | None) -> bool:
        return password_hash == f"plain:{password}"

    def new_secret(self) -> str:
        return SECRET

    def step_of(self, secret: str, code: str, *, at: datetime) -> int | None:
        return int(at.timestamp()) // 30 if code == CODE and secret == SECRET else None

    def address(self, secret: str, *, name: str, issuer: str) -> str:
        return f"otpauth://totp/{issuer}:{name}?secret={secret}"


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        return


@dataclass(slots=True)
class Served:
    """A console that answers."""

    console: Console = field(repr=False)
    port: int
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def app(self) -> App:
        return self.console.app

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self) -> "Visitor":
        """Return somebody with a browser who has not signed in."""
        client = httpx.AsyncClient(base_url=self.url, headers={"Origin": self.url}, timeout=30)
        self._clients.append(client)
        return Visitor(self, client)

    async def member(self, role: DeskRole, **takes: object) -> StaffMember:
        """Return a new member of the staff who has an account."""

        def join(uow: UnitOfWork) -> StaffMember:
            now = self.app.clock.now()
            code = f"code-{role}-{now.timestamp()}-{len(uow.staff.all())}"
            uow.staff.invite(code, desk_role=role, expires_at=now + timedelta(hours=1), now=now)
            member = replace(uow.staff.redeem(code, chat_id=None, now=now), **takes)  # type: ignore[arg-type]
            uow.staff.save(member)
            settled_at = now - timedelta(days=2)
            account = Account(
                staff_id=member.id, password_hash=f"plain:{PASSWORD}", totp_secret=SECRET, last_step=0, changed_at=settled_at
            )  # fmt: skip
            uow.accounts.save(account)
            return member

        return await self.app.storage.run(join)

    async def signed_in(self, role: DeskRole, **takes: object) -> "Visitor":
        """Return a new member of the staff at their browser."""
        member = await self.member(role, **takes)
        visitor = self.visitor()
        visitor.member = member
        await visitor.signs_in(member.alias)
        return visitor

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser, without the browser."""

    served: Served
    client: httpx.AsyncClient
    member: StaffMember | None = None
    csrf: str = ""

    async def signs_in(self, name: str, *, password: str = PASSWORD, code: str = CODE) -> httpx.Response:
        answer = await self.client.post("/sign-in", data={"name": name, "password": password, "code": code})
        if answer.status_code == 303:
            page = await self.client.get("/account")
            self.csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)[1]  # type: ignore[index]
        return answer

    async def gets(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def posts(self, path: str, *, piece: bool = False, **fields: object) -> httpx.Response:
        headers = {"HX-Request": "true"} if piece else {}
        return await self.client.post(path, data={"csrf": self.csrf, **fields}, headers=headers)

    async def does(self, number: str, verb: str, value: str = "", **fields: object) -> httpx.Response:
        """Do something with a case as it stands now."""
        case = await self.served.app.storage.read(lambda uow: uow.cases.by_number(number))
        assert case is not None
        given = {"verb": verb, "value": value, "version": case.version, **fields}
        return await self.posts(f"/cases/{number}/do", piece=True, **given)

    @asynccontextmanager
    async def watches(self, path: str, *, last_event_id: str = "") -> AsyncIterator["Stream"]:
        """Open a stream as the page does."""
        headers = {"HX-Request": "true", "Accept": "text/event-stream"} | (
            {"Last-Event-ID": last_event_id} if last_event_id else {}
        )
        async with self.client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, answer.status_code
            yield Stream(answer.aiter_lines())


@dataclass(slots=True)
class Event:
    name: str = ""
    id: str = ""
    data: str = ""


@dataclass(slots=True)
class Stream:
    """Server-sent events as they come."""

    _lines: AsyncIterator[str]

    async def next(self, timeout_s: float = 5) -> Event:
        """Return the next event.

        Raises:
            TimeoutError: none came.
        """
        async with asyncio.timeout(timeout_s):
            event, data = Event(), list[str]()
            async for line in self._lines:
                if not line and (data or event.name):
                    event.data = "\n".join(data)
                    return event
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                match name:
                    case "data":
                        data.append(value)
                    case "id":
                        event.id = value
                    case "event":
                        event.name = value
        raise EOFError("the stream has ended")

    async def until(self, holds: Callable[[str], bool], timeout_s: float = 5) -> Event:
        """Return the first event whose content holds."""
        async with asyncio.timeout(timeout_s):
            while True:
                event = await self.next(timeout_s)
                if holds(event.data):
                    return event


@asynccontextmanager
async def served(app: App, place: Database) -> AsyncIterator[Served]:
    """Serve the console of an assistant until the test is over."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    console = Console(
        app=app, credentials=PlainCredentials(), texts=TEXTS, library=KnowledgeStore(place.engine), hub=Hub(app=app),
        place=Place.at(None, port),
    )  # fmt: skip
    server = _Server(uvicorn.Config(pages.build(console), log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    stop = asyncio.Event()
    found = Served(console, port)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=[listener]))
        tasks.create_task(console.hub.run(stop))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        try:
            yield found
        finally:
            await found.close()
            stop.set()
            server.should_exit = True
            await serving
