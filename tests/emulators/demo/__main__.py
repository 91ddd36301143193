"""``python -m emulators.demo``: everything, without Telegram, for a stranger to see in a minute.

A question, a cry for help, an answer, a hand-over: the page plays a person's phone on one side and the staff group on the other,
and leads to the console. The database is made anew at each start from one prepared beside it; nothing of an office's own is
touched.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from bot.adapters.credentials import ArgonCredentials
from bot.adapters.keys import KeyRing
from bot.adapters.storage import migrate
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.domain.accounts import Account
from bot.domain.ids import ChatId, StaffId
from bot.domain.people import DeskRole, Role
from bot.service.ports import UnitOfWork
from emulators.control import ControlApi
from emulators.telegram import Emulator

ROOT, HERE = Path.cwd(), Path(__file__).parent
PORT, CONSOLE_PORT, HEALTH_PORT = 8090, 8080, 8091
PASSWORD = "four unrelated words here"
FOLDER = ROOT / "var" / "demo"
KNOWN = ROOT / "var" / "data" / "waypost.db"
WAYPOST = (sys.executable, "-c", "from bot.cli import main; main()")


def environment(database: Path, **more: str) -> dict[str, str]:
    """Return the settings of the demo's own installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST_")}
    return kept | {
        "WAYPOST_DATABASE__URL": f"sqlite:///{database}",
        "WAYPOST_KEYS__FILE": str(FOLDER / "keys" / "master.json"),
        "WAYPOST_INDEX_DIR": str(FOLDER / "index"),
        "WAYPOST_RUN_DIR": str(FOLDER / "run"),
        "WAYPOST_OPERATOR__NAME": "the demonstration office",
        **more,
    }


def prepare() -> Path:
    """Bring the demo's installation up to date, with the vectors the ordinary one has; return a database for this run."""
    prepared, used = FOLDER / "prepared" / "waypost.db", FOLDER / "data" / "waypost.db"
    for path in (prepared, used):
        path.parent.mkdir(parents=True, exist_ok=True)
    if KNOWN.exists():
        engine = open_engine(f"sqlite:///{prepared}")
        migrate.upgrade(engine)
        engine.dispose()
        with sqlite3.connect(prepared) as connection:
            connection.execute("ATTACH ? AS known", (str(KNOWN),))
            connection.execute("INSERT OR IGNORE INTO embedding SELECT * FROM known.embedding")
        connection.close()
    # An `.env` of the office must not leak into the demo: an empty file stands in its place.
    (FOLDER / "empty.env").touch()
    subprocess.run([*WAYPOST, "-c", str(FOLDER / "empty.env"), "setup"], env=environment(prepared), check=True)
    for old in used.parent.glob("waypost.db*"):
        old.unlink()
    shutil.copy(prepared, used)
    return used


async def appoint(database: Path, token: str, chats: dict[DeskRole, int]) -> dict[DeskRole, tuple[str, str]]:
    """Give the demo its staff, each with Telegram and the console; return role → (alias, secret of the one-time codes)."""
    engine = open_engine(f"sqlite:///{database}")
    keys = KeyRing.load(FOLDER / "keys" / "master.json")
    storage = SqlStorage(engine, keys, bot_id=int(token.partition(":")[0]))
    hashed = await ArgonCredentials().hash(PASSWORD)
    now = datetime.now(UTC)
    found = {}
    for role, chat in chats.items():
        secret = pyotp.random_base32()

        def work(uow: UnitOfWork, role: DeskRole = role, chat: int = chat, secret: str = secret) -> tuple[StaffId, str]:
            uow.staff.invite(secret, desk_role=role, expires_at=now + timedelta(hours=1), now=now)
            member = uow.staff.redeem(secret, chat_id=ChatId(chat), now=now)
            person = uow.people.for_chat(ChatId(chat), now=now)
            uow.people.save(replace(person, role=Role.STAFF))
            settled = now - timedelta(days=2)
            uow.accounts.save(
                Account(staff_id=member.id, password_hash=hashed, totp_secret=secret, last_step=0, changed_at=settled)
            )
            return member.id, member.alias

        _, alias = await storage.run(work)
        found[role] = (alias, secret)
    engine.dispose()
    return found


async def _is_ready() -> bool:
    """Whether NLU, encoder, index and database are up."""
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=2)) as session,
            session.get(f"http://127.0.0.1:{HEALTH_PORT}/health/ready") as answer,
        ):
            return answer.status == 200
    except (ClientError, TimeoutError):
        return False


async def main() -> int:
    """Prepare, start, and run until stopped."""
    print("The demonstration is being prepared; the first time takes a minute or two.", flush=True)
    database = prepare()
    emulator = Emulator(port=PORT)
    control = ControlApi(emulator)
    facts: dict[str, object] = {}
    secrets: dict[str, str] = {}

    async def page(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(HERE / "index.html")

    async def tell(_request: web.Request) -> web.Response:
        accounts = [
            {"name": name, "password": PASSWORD, "code": pyotp.TOTP(secret).now()} for name, secret in secrets.items()
        ]  # fmt: skip
        return web.json_response({**facts, "accounts": accounts, "ready": await _is_ready()})

    routes = [web.get("/", page), web.get("/demo/facts", tell), web.static("/demo/files", HERE)]
    await emulator.start(extra_routes=[*control.routes(), *routes])  # type: ignore[list-item]
    amina, lea = emulator.add_user("Amina", language_code="en"), emulator.add_user("Lea")
    ruth, zoe = emulator.add_user("Ruth"), emulator.add_user("Zoe")
    for colleague in (lea, ruth, zoe):
        colleague.start()
    group = emulator.add_group("Caseworkers", members=[lea, ruth, zoe])
    roles = {DeskRole.CASEWORKER: lea.user_id, DeskRole.SUPERVISOR: ruth.user_id, DeskRole.FOCAL_POINT: zoe.user_id}
    secrets.update((await appoint(database, emulator.token, roles)).values())
    facts.update(
        amina=amina.user_id, lea=lea.user_id, group=group.chat_id, console=f"http://127.0.0.1:{CONSOLE_PORT}/",
    )  # fmt: skip
    settings = environment(
        database, WAYPOST_TELEGRAM__TOKEN=emulator.token, WAYPOST_TELEGRAM__BASE_URL=emulator.base_url,
        WAYPOST_TELEGRAM__GROUP_ID=str(group.chat_id), WAYPOST_TELEGRAM__POLL_WAIT_S="1", WAYPOST_HEALTH__PORT=str(HEALTH_PORT),
        WAYPOST_CONSOLE__PORT=str(CONSOLE_PORT),
    )  # fmt: skip
    product = await asyncio.create_subprocess_exec(*WAYPOST, "-c", str(FOLDER / "empty.env"), "up", env=settings)
    print(f"\nOpen http://127.0.0.1:{PORT}/ in a browser. Stop: Ctrl+C\n", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    ended = asyncio.create_task(product.wait())
    await asyncio.wait({ended, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():
        product.terminate()
    status = await ended
    await emulator.stop()
    return 0 if stop.is_set() else status


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
