"""One running process: what is started, watched and stopped together.

Telegram's updates are kept, handled and answered by three loops that know each other only through the database, so that
any of them can be ended at any moment and nothing is lost.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from filelock import FileLock, Timeout
from starlette.applications import Starlette
from telegram import Bot, Update
from telegram.ext import Application, ApplicationBuilder

from bot import bootstrap, handlers
from bot.adapters.nlu import RasaUnderstander
from bot.adapters.nlu_process import NluProcess
from bot.adapters.retrieval import LibraryRetriever
from bot.adapters.telegram import TelegramMessenger, TelegramUpdates, describe_desk, open_bot, set_up
from bot.console import pages
from bot.domain.errors import Conflict, StorageUnavailable, TelegramUnavailable
from bot.domain.ids import ChatId
from bot.handlers import http
from bot.service import board, commands, due, groups, housekeeping, reconcile
from bot.service.app import App
from bot.service.budget import Budget
from bot.service.deliver import Sender
from bot.service.intake import Lanes, receive
from bot.service.last_resort import LastResort
from bot.settings import Settings

logger = logging.getLogger(__name__)

GRACE_S = 2
"""How long open pages of the console are waited for at the end: their streams never end by themselves."""
BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """The Telegram side of a process."""

    bot: Bot
    application: Application[Any, Any, Any, Any, Any, Any]


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one way to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, *, supervise_nlu: bool, announce: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; ``announce`` tells the operator in plain words what is up and what is missing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    with single_process(settings):
        await _run(settings, stop, supervise_nlu=supervise_nlu, announce=announce)


async def _run(settings: Settings, stop: asyncio.Event, *, supervise_nlu: bool, announce: Callable[[str], None]) -> None:
    nlu = NluProcess(settings.nlu.folder, bootstrap.nlu_state_file(settings), settings.nlu.encoder) if supervise_nlu else None
    understander = RasaUnderstander(nlu.server if nlu else bootstrap.server_finder(settings))
    token = settings.telegram.token
    bot = open_bot(token.get_secret_value(), settings.telegram.base_url) if token else None
    parts = bootstrap.build(settings, understander=understander, messenger=TelegramMessenger(bot) if bot else None)
    app = parts.app
    if settings.database.url.startswith("sqlite"):
        await app.storage.run(lambda uow: (uow.inbox.release_leases(), uow.outbox.release_leases()))
    assert isinstance(parts.retriever, LibraryRetriever)
    states = _states(app, understander, parts.retriever)
    async with asyncio.TaskGroup() as tasks:
        if nlu is not None:
            tasks.create_task(nlu.run(stop))
        tasks.create_task(housekeeping.run(app, stop))
        for keep_time in (due.run, reconcile.run, *([board.run] if bot is not None else [])):
            tasks.create_task(keep_time(app, stop))
        # Lexicons compile at first use: the first cry for help must not wait for that.
        tasks.create_task(asyncio.to_thread(app.policies.screener.warm_up, stop.is_set))
        tasks.create_task(asyncio.to_thread(app.detector.detect, "its libraries load with the first text"))
        tasks.create_task(_listen(http.health(states), settings.health.host, settings.health.port, stop))
        tasks.create_task(_announce_ready(states, settings, announce, stop))
        if settings.console.enabled:
            tasks.create_task(_serve_console(settings, parts, stop, announce))
        if bot is None:
            announce("No Telegram token (WAYPOST_TELEGRAM__TOKEN): everything else runs. Try it with `make chat`.")
        else:
            tasks.create_task(run_telegram(settings, app, bot, stop, announce))
    await understander.close()


@contextlib.contextmanager
def single_process(settings: Settings) -> Iterator[None]:
    """Hold the lock of a SQLite file while serving.

    Raises:
        Conflict: another process serves from this file.
    """
    if not settings.database.url.startswith("sqlite:///"):
        yield
        return
    path = Path(settings.database.url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as exc:
        raise Conflict(f"Another `waypost up` or `serve` uses {path}: stop it, or use PostgreSQL for several processes") from exc
    try:
        yield
    finally:
        lock.release()


async def run_telegram(settings: Settings, app: App, bot: Bot, stop: asyncio.Event, announce: Callable[[str], None]) -> None:
    """Connect, as often as it takes, then receive, handle and deliver until told to stop."""
    application = ApplicationBuilder().bot(bot).updater(None).build()
    handlers.register(application, app)
    if not await _connect(settings, app, bot, application, stop, announce):
        return
    last_resort = LastResort(app)
    raised: dict[int, Exception] = {}

    async def dispatch(payload: Mapping[str, object]) -> None:
        update = Update.de_json(dict(payload), bot)
        await application.process_update(update)
        if (error := raised.pop(update.update_id, None)) is not None:
            raise error

    async def remember_error(update: object, context: object) -> None:
        error = getattr(context, "error", None)
        if isinstance(update, Update) and isinstance(error, Exception):
            raised[update.update_id] = error

    application.add_error_handler(remember_error)
    limits = settings.telegram
    budget = Budget(overall_per_s=limits.overall_per_s, private_per_s=limits.private_per_s, group_per_min=limits.group_per_min)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Lanes(app, dispatch, last_resort).run(stop))
            tasks.create_task(Sender(app, budget).run(stop))
            if limits.webhook_url:
                assert limits.webhook_secret is not None
                site = http.webhook(
                    lambda payload: receive([payload], app, last_resort), limits.webhook_secret.get_secret_value()
                )
                tasks.create_task(_listen(site, "127.0.0.1", limits.webhook_port, stop))
            else:
                tasks.create_task(_poll(TelegramUpdates(bot, wait_s=limits.poll_wait_s), app, last_resort, stop))
    finally:
        await application.shutdown()


async def _connect(
    settings: Settings,
    app: App,
    bot: Bot,
    application: Application[Any, Any, Any, Any, Any, Any],
    stop: asyncio.Event,
    announce: Callable[[str], None],
) -> bool:
    """Return True once Telegram has accepted us; False when told to stop before."""
    webhook = None
    if settings.telegram.webhook_url and settings.telegram.webhook_secret:
        webhook = (settings.telegram.webhook_url, settings.telegram.webhook_secret.get_secret_value())
    for wait_s in _waits():
        try:
            await _initialize(application)
            await set_up(bot, _menu(app), webhook)
            break
        except TelegramUnavailable as exc:
            announce(f"Telegram does not accept us yet: {exc}")
            if await _stopped(stop, wait_s):
                return False
    announce(f"Telegram: connected as @{bot.username}, {'webhook' if webhook else 'polling'}.")
    desks = await app.storage.run(lambda uow: groups.all_groups(uow, app))
    if not desks:
        announce("No staff group (WAYPOST_TELEGRAM__GROUP_ID): cases are worked with `waypost cases`.")
    for group_id in desks.values():
        await _try_desk(app, bot, group_id, announce)
    return True


async def _try_desk(app: App, bot: Bot, group_id: ChatId, announce: Callable[[str], None]) -> None:
    if problem := await describe_desk(bot, group_id):
        announce(f"The staff group cannot be used: {problem}")
        await app.storage.run(lambda uow: uow.incidents.open("desk_unavailable", problem, now=app.clock.now()))


async def _initialize(application: Application[Any, Any, Any, Any, Any, Any]) -> None:
    try:
        await application.initialize()
    except Exception as exc:
        raise TelegramUnavailable(f"{type(exc).__name__}: {exc}") from exc


async def _poll(updates: TelegramUpdates, app: App, last_resort: LastResort, stop: asyncio.Event) -> None:
    """Fetch and keep updates; the offset moves only past what is kept."""
    offset: int | None = None
    waits = _waits()
    while not stop.is_set():
        fetching = asyncio.create_task(updates.fetch(offset))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({fetching, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not fetching.done():
            fetching.cancel()
            break
        try:
            batch = fetching.result()
            if batch and await receive(batch, app, last_resort):
                offset = max(int(str(payload["update_id"])) for payload in batch) + 1
            elif batch:
                await _stopped(stop, next(waits))
                continue
            waits = _waits()
        except TelegramUnavailable as exc:
            logger.warning("updates not fetched", extra={"event": "poll.failed", "error": str(exc)})
            await _stopped(stop, exc.retry_after_s or next(waits))
    await updates.close()


def _waits() -> Iterator[float]:
    yield from BACK_OFF_S
    while True:
        yield BACK_OFF_S[-1]


async def _stopped(stop: asyncio.Event, within_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), within_s)
    return stop.is_set()


async def _listen(site: Starlette, host: str, port: int, stop: asyncio.Event) -> None:
    server = _Server(uvicorn.Config(site, host=host, port=port, log_config=None, lifespan="off", access_log=False))
    serving = asyncio.create_task(server.serve())
    await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving


async def _serve_console(
    settings: Settings, parts: bootstrap.Parts, stop: asyncio.Event, announce: Callable[[str], None]
) -> None:  # fmt: skip
    """Serve the web console; a port that is taken stops nothing else."""
    try:
        listener = socket.create_server((settings.console.host, settings.console.port), reuse_port=False)
    except OSError as exc:
        where = f"{settings.console.host}:{settings.console.port}"
        announce(f"The console cannot listen on {where} ({exc.strerror}): set WAYPOST_CONSOLE__PORT. Everything else runs.")
        return
    port = listener.getsockname()[1]
    console = bootstrap.console(settings, parts, port)
    having = await parts.app.storage.read(lambda uow: uow.accounts.having())
    announce(
        f"Console: {settings.console.address(port)}"
        + ("" if having else "  Nobody has an account yet: `waypost staff first-administrator`")
    )
    # A proxy is believed about where somebody comes from only where one is said to stand before us, on this machine.
    config = uvicorn.Config(
        pages.build(console), log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=GRACE_S,
        proxy_headers=settings.console.public_url is not None, forwarded_allow_ips="127.0.0.1",
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    looking = asyncio.create_task(console.hub.run(stop))
    await asyncio.wait({serving, looking}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for ended in await asyncio.gather(serving, looking, return_exceptions=True):
        if isinstance(ended, Exception):
            logger.error("the console has stopped", extra={"event": "console.stopped", "error": str(ended)})
            announce(f"The console has stopped ({ended}). Everything else runs.")


def _menu(app: App) -> Mapping[str, Mapping[str, str]]:
    """Commands by language; the empty language is the default."""
    languages = {"": app.office.default_language} | {code: code for code in app.catalogue.native_names()}
    return {
        place: {name: app.catalogue.text(f"command_{name}", language) for name in commands.MENU}
        for place, language in languages.items()
        if not place or app.catalogue.shown_in(language) == language
    }


def _states(app: App, understander: RasaUnderstander, retriever: LibraryRetriever) -> Callable[[], Awaitable[Mapping[str, str]]]:
    async def states() -> Mapping[str, str]:
        found = await retriever.warm_up()
        try:
            await app.storage.run(lambda uow: uow.notebook.get("paused"))
            database = "ok"
        except StorageUnavailable:
            database = "unavailable"
        return {
            "nlu": "ok" if await understander.is_ready() else "starting or down",
            "encoder": found if found == "encoder_unavailable" else "ok",
            "index": "ok" if found in {"ok", "encoder_unavailable"} else found,
            "database": database,
        }

    return states


async def _announce_ready(
    states: Callable[[], Awaitable[Mapping[str, str]]], settings: Settings, announce: Callable[[str], None], stop: asyncio.Event
) -> None:
    told: Mapping[str, str] = {}
    while not stop.is_set():
        found = await states()
        if found != told:
            waiting = [f"{part} {state}" for part, state in found.items() if state != "ok"]
            where = f"http://{settings.health.host}:{settings.health.port}/health/ready"
            announce(f"Not ready yet: {', '.join(waiting)}." if waiting else f"Ready. Health: {where}  Stop: Ctrl+C")
            told = found
        await _stopped(stop, 0.5 if any(state != "ok" for state in found.values()) else 10.0)
