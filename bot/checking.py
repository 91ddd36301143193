"""What ``waypost check`` and ``waypost explain`` find out."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import httpx

from bot import bootstrap
from bot.adapters.clock import SystemClock
from bot.adapters.keys import KeyRing
from bot.adapters.nlu import RasaUnderstander
from bot.adapters.retrieval import LibraryRetriever
from bot.adapters.storage import migrate
from bot.adapters.storage.checks import verify_key
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.adapters.telegram import describe_desk, open_bot
from bot.domain.errors import StorageUnavailable, WaypostError
from bot.domain.ids import ChatId, UpdateId
from bot.domain.turns import TurnRecord
from bot.service import reconcile
from bot.service.app import App
from bot.service.ports import UnitOfWork
from bot.settings import Settings, chosen
from knowledge.cards import CardBox
from knowledge.starter import read_library
from policies import load
from policies.examples import run_all

EXIT_OK, EXIT_FAILED, EXIT_SETTINGS, EXIT_UNREACHABLE = 0, 1, 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of ``waypost check``."""

    part: str
    state: str
    detail: str
    remedy: str = ""
    exit_status: int = EXIT_OK


async def check_all(settings: Settings) -> list[Finding]:
    """Test every part, in the order in which they depend on each other."""
    checks: tuple[Callable[[Settings], Awaitable[list[Finding]]], ...] = (
        _settings, _keys, _database, _policies, _index, _nlu, _texts, _telegram, _incidents,
    )  # fmt: skip
    findings: list[Finding] = []
    for one in checks:
        try:
            findings += await one(settings)
        except WaypostError as exc:
            findings.append(Finding(part=one.__name__.strip("_"), state="FAILED", detail=str(exc), exit_status=EXIT_SETTINGS))
    return findings


async def explain_turn(app: App, update_id: UpdateId, *, with_text: bool) -> TurnRecord | None:
    """Return the record of a turn; reading the words is an access, and audited."""

    def work(uow: UnitOfWork) -> TurnRecord | None:
        record = uow.turns.get(update_id)
        if record is not None and with_text:
            uow.audit.record(actor="operator", action="turn.text_viewed", subject=str(update_id), now=app.clock.now())
        return record

    return await app.storage.run(work)


async def _settings(settings: Settings) -> list[Finding]:
    sources = Counter(source for _, _, source in chosen(settings))
    counts = ", ".join(f"{count} {source}" for source, count in sorted(sources.items()))
    return [Finding(part="settings", state="ok", detail=f"{sources.total()} read ({counts}); --settings lists them")]


async def _keys(settings: Settings) -> list[Finding]:
    keys = KeyRing.load(settings.keys.file)
    return [Finding(part="keys", state="ok", detail=f"{settings.keys.file}, fingerprint {keys.fingerprint}")]


async def _database(settings: Settings) -> list[Finding]:
    engine = open_engine(settings.database.url)
    try:
        current, head = migrate.current(engine), migrate.head()
        if current != head:
            return [_wrong("database", "OLD", f"migration {current or 'none'}, needs {head}", "waypost db upgrade")]
        verify_key(engine, KeyRing.load(settings.keys.file))
    except StorageUnavailable as exc:
        return [Finding(part="database", state="DOWN", detail=str(exc), exit_status=EXIT_UNREACHABLE)]
    finally:
        engine.dispose()
    return [Finding(part="database", state="ok", detail=f"{engine.dialect.name}, migration {head}")]


async def _policies(settings: Settings) -> list[Finding]:
    policies = load()
    results = run_all(policies)
    failed = [result for result in results if not result.passed]
    if failed:
        return [_wrong("policies", "FAILED", f"{len(failed)} of {len(results)} examples fail", "waypost policies test")]
    return [
        Finding(
            part="policies",
            state="ok",
            detail=f"{len(policies.rule_ids)} rules, {len(results)} examples, version {policies.version}",
        )
    ]


async def _index(settings: Settings) -> list[Finding]:
    engine = open_engine(settings.database.url)
    state = await LibraryRetriever(partial(bootstrap.open_searcher, settings, engine, SystemClock())).warm_up()
    engine.dispose()
    if state == "ok":
        return [Finding(part="index", state="ok", detail=f"{settings.index_dir}, vectors: {settings.index.vectors}")]
    remedy = "make setup" if state == "encoder_unavailable" else "waypost knowledge build"
    return [_wrong("index", state.upper(), f"{settings.index_dir}, encoder {settings.encoder.model}", remedy, EXIT_FAILED)]


async def _nlu(settings: Settings) -> list[Finding]:
    understander = RasaUnderstander(bootstrap.server_finder(settings), client=httpx.AsyncClient(timeout=2))
    is_ready = await understander.is_ready()
    await understander.close()
    if is_ready:
        return [Finding(part="nlu", state="ok", detail="a model is loaded")]
    where = settings.nlu.url or "no `waypost up` of yours is running"
    return [
        Finding(
            part="nlu", state="DOWN", detail=f"{where}: until it is up, no intents and more questions go to people",
            remedy="waypost up", exit_status=EXIT_UNREACHABLE,
        )
    ]  # fmt: skip


async def _texts(settings: Settings) -> list[Finding]:
    """Safety texts nobody has signed: a warning, never a reason not to start."""
    cards = [f"{card.category}/{card.language}" for card in CardBox.load().unreviewed()]
    policies = load()
    parts = [f"cards {', '.join(cards)}"] if cards else []
    parts += [f"entries {', '.join(red)}"] if (red := read_library().unsigned()) else []
    parts += [f"lexicons {', '.join(policies.unreviewed)}"] if policies.unreviewed else []
    if not parts:
        return [Finding(part="texts", state="ok", detail="every safety text is reviewed")]
    return [
        Finding(
            part="texts",
            state="UNREAD",
            detail=f"not signed: {'; '.join(parts)}",
            remedy="knowledge/library/README.md says who signs what",
        )
    ]


async def _telegram(settings: Settings) -> list[Finding]:
    telegram = settings.telegram
    if telegram.token is None:
        return [Finding(part="telegram", state="off", detail="no token", remedy="set WAYPOST_TELEGRAM__TOKEN, from @BotFather")]
    bot = open_bot(telegram.token.get_secret_value(), telegram.base_url)
    try:
        async with bot:
            group_ids = [*([telegram.group_id] if telegram.group_id else []), *telegram.groups.values()]
            problems = [await describe_desk(bot, ChatId(group_id)) for group_id in group_ids]
            name = bot.username
    except Exception as exc:  # noqa: BLE001 - whatever the network does, it is one line here
        return [
            Finding(
                part="telegram", state="DOWN", detail=type(exc).__name__, remedy="check the token and the network",
                exit_status=EXIT_UNREACHABLE,
            )
        ]  # fmt: skip
    wrong = [problem for problem in problems if problem]
    if wrong:
        return [_wrong("telegram", "DESK", problem, "see docs/operations.md", EXIT_FAILED) for problem in wrong]
    desk = "" if group_ids else ", no staff group (WAYPOST_TELEGRAM__GROUP_ID)"
    return [Finding(part="telegram", state="ok", detail=f"@{name}{desk}")]


async def _incidents(settings: Settings) -> list[Finding]:
    engine = open_engine(settings.database.url)
    storage = SqlStorage(engine, KeyRing.load(settings.keys.file), bot_id=bootstrap.bot_id(settings))
    telegram, now = settings.telegram, SystemClock().now()
    wrong = await storage.run(lambda uow: reconcile.balance(uow, telegram.group_id, set(telegram.groups), now))
    incidents, inbox, outbox, intact = await storage.run(
        lambda uow: (uow.incidents.list_open(), uow.inbox.pending(), uow.outbox.pending(), uow.audit.verify())
    )
    engine.dispose()
    findings = [Finding(part="queues", state="ok", detail=f"{inbox} updates to handle, {outbox} deliveries to send")]
    findings += [_wrong("books", "OPEN", detail, "docs/operations.md, The desk", EXIT_FAILED) for detail in wrong.values()]
    findings += [
        _wrong("incident", "OPEN", f"{kind} since {at:%Y-%m-%d %H:%M}: {detail}", "docs/operations.md", EXIT_FAILED)
        for kind, detail, at in incidents
    ]
    if not intact:
        findings.append(
            _wrong("audit", "BROKEN", "the hash chain of the audit log does not hold", "docs/operations.md", EXIT_FAILED)
        )
    return findings


def _wrong(part: str, state: str, detail: str, remedy: str, exit_status: int = EXIT_SETTINGS) -> Finding:
    return Finding(part=part, state=state, detail=detail, remedy=remedy, exit_status=exit_status)
