"""The composition root: the only place where adapters are chosen.

:func:`build` wires an :class:`App`. Tests and one-shot commands pass their own parts; nothing connects at import.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from bot.adapters.catalogue import YamlCatalogue, YamlConsoleTexts
from bot.adapters.clock import SystemClock
from bot.adapters.credentials import ArgonCredentials
from bot.adapters.keys import KeyRing
from bot.adapters.language import open_detector
from bot.adapters.nlu import NluServer, RasaUnderstander
from bot.adapters.nlu_process import read_state
from bot.adapters.places import CldrCountries
from bot.adapters.quiet import QuietMessenger
from bot.adapters.retrieval import LibraryRetriever
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.console.live import Hub
from bot.console.visit import Console, Place
from bot.domain.errors import InvalidSettings
from bot.domain.ids import ChatId
from bot.service.app import App, Office
from bot.service.ports import Clock, Messenger, Retriever, Storage, Understander
from bot.settings import Settings
from knowledge.cards import CardBox
from knowledge.index.encoder import Names, open_encoder
from knowledge.index.pgvectors import PgVectorPlace
from knowledge.index.search import Searcher
from knowledge.index.snapshot import FaissFiles, VectorPlace
from knowledge.store import KnowledgeStore
from policies import PolicySet, load

NO_BOT = 0
"""Bot id of an installation without a token: its chats are those of the terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an App was built from, for those who must close or check it."""

    app: App
    engine: Engine
    keys: KeyRing
    catalogue: YamlCatalogue
    retriever: Retriever


def build(
    settings: Settings,
    *,
    storage: Storage | None = None,
    messenger: Messenger | None = None,
    understander: Understander | None = None,
    retriever: Retriever | None = None,
    clock: Clock | None = None,
    policies: PolicySet | None = None,
    keys: KeyRing | None = None,
) -> Parts:
    """Wire the application from settings; every part given replaces the ordinary one."""
    keys = keys or KeyRing.load(settings.keys.file)
    engine = open_engine(settings.database.url, pool_size=settings.database.pool_size)
    catalogue = YamlCatalogue()
    clock = clock or SystemClock()
    retriever = retriever or LibraryRetriever(partial(open_searcher, settings, engine, clock, catalogue.fallbacks()))
    policies = policies or load()
    app = App(
        storage=storage or SqlStorage(engine, keys, bot_id=bot_id(settings), threads=settings.database.pool_size),
        understander=understander or RasaUnderstander(server_finder(settings)),
        retriever=retriever,
        detector=open_detector(language_model(settings)),
        countries=CldrCountries(),
        messenger=messenger or QuietMessenger(),
        clock=clock,
        policies=policies,
        catalogue=catalogue,
        cards=CardBox.load(),
        office=Office(
            operator=settings.operator.name,
            group_id=ChatId(settings.telegram.group_id) if settings.telegram.group_id is not None else None,
            default_language=settings.operator.language,
            groups=_groups(settings, policies),
            undo=timedelta(seconds=settings.desk.undo_s),
        ),
        worker=secrets.token_hex(6),
    )
    return Parts(app=app, engine=engine, keys=keys, catalogue=catalogue, retriever=retriever)


def console(settings: Settings, parts: Parts, port: int) -> Console:
    """Return what the web console is made of, as it is reached at ``port`` of this machine."""
    return Console(
        app=parts.app,
        credentials=ArgonCredentials(),
        texts=YamlConsoleTexts(),
        library=KnowledgeStore(parts.engine),
        hub=Hub(app=parts.app),
        place=Place.at(settings.console.public_url, port),
    )


def _groups(settings: Settings, policies: PolicySet) -> Mapping[str, ChatId]:
    unknown = sorted(set(settings.telegram.groups) - set(policies.queues))
    if unknown:
        raise InvalidSettings(
            f"WAYPOST_TELEGRAM__GROUPS: no queue is called {unknown[0]!r}; there are {', '.join(policies.queues)}"
        )
    return {queue: ChatId(group_id) for queue, group_id in settings.telegram.groups.items()}


def open_searcher(
    settings: Settings, engine: Engine, clock: Clock, fallbacks: Mapping[str, Sequence[str]] | None = None
) -> Searcher:
    """Load the encoder and open the index; takes seconds.

    Args:
        fallbacks: language → languages whose texts are shown where it has none.

    Raises:
        EncoderUnavailable, IndexMissing, IndexStale, IndexCorrupt
    """
    encoder = open_encoder(settings.encoder.model, settings.encoder.threads)
    # Searching only reads: on SQLite it must not wait for the writer.
    store = KnowledgeStore(engine.execution_options(reading=True))
    return Searcher(
        store, encoder, settings.index_dir, clock=clock.now, place=vector_place(settings, engine), fallbacks=fallbacks
    )  # fmt: skip


def vector_place(settings: Settings, engine: Engine, encoders: Names | None = None) -> VectorPlace:
    """Return where vectors are kept; who writes some names the encoders that make them."""
    return PgVectorPlace(engine, encoders) if settings.index.vectors == "pgvector" else FaissFiles()


def server_finder(settings: Settings) -> Callable[[], NluServer | None]:
    """Return how to find the NLU server: the one in the settings, else the one this user's `waypost up` supervises."""
    if settings.nlu.url is not None:
        token = settings.nlu.token.get_secret_value() if settings.nlu.token else ""
        fixed = NluServer(url=settings.nlu.url.rstrip("/"), token=token)
        return lambda: fixed
    state_file = nlu_state_file(settings)
    return lambda: read_state(state_file)


def nlu_state_file(settings: Settings) -> Path:
    """Return where the address of a supervised NLU server is kept."""
    return settings.run_dir / "nlu.json"


def language_model(settings: Settings) -> Path:
    """Return where set-up keeps what it learnt about languages: beside the index, for it can be made again."""
    return settings.index_dir.parent / "language.npz"


def bot_id(settings: Settings) -> int:
    """Return the bot's id: the number before the colon of its token."""
    token = settings.telegram.token
    head = token.get_secret_value().partition(":")[0] if token else ""
    return int(head) if head.isdecimal() else NO_BOT
