"""Set-up: keys, database, encoder, starter library, index. Each step is skipped when it is done, and can be interrupted.

Nothing is half-written: every step ends in one rename or one commit.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from bot.adapters.keys import KeyRing
from bot.adapters.language import train_detector
from bot.adapters.storage import migrate
from bot.adapters.storage.checks import verify_key
from bot.adapters.storage.engine import open_engine
from bot.bootstrap import language_model, vector_place
from bot.domain.errors import InvalidSettings
from bot.settings import Settings
from knowledge.errors import IndexCorrupt, IndexMissing, IndexStale, InvalidDocument
from knowledge.index.build import build_index
from knowledge.index.encoder import names_of, open_encoder, prepared_names
from knowledge.index.manifest import Manifest, load_current
from knowledge.index.weights import prepare as prepare_encoder
from knowledge.starter import read_library
from knowledge.store import KnowledgeStore

Say = Callable[[str], None]


def prepare(settings: Settings, say: Say) -> None:
    """Do every step that is not done yet, telling what and how long.

    Raises:
        InvalidSettings, KeyFileMissing, KnowledgeError: says what to mend; steps done so far stay done.
    """
    _step("keys", say, lambda: _keys(settings))
    engine = open_engine(settings.database.url)
    _step("database", say, lambda: _database(settings, engine))
    _step("encoder", say, lambda: _encoder(settings, say))
    _step("nlu", say, lambda: _nlu_encoder(settings, say))
    _step("language", say, lambda: train_detector(settings.nlu.folder / "data", language_model(settings)))
    _step("library", say, lambda: publish_starter_library(engine))
    _step("index", say, lambda: refresh_index(settings, engine, say))
    engine.dispose()


def require_prepared(settings: Settings) -> None:
    """Refuse to start on a missing key file or an old database.

    Raises:
        KeyFileMissing, InvalidSettings: says which command to run.
    """
    keys = KeyRing.load(settings.keys.file)
    engine = open_engine(settings.database.url)
    try:
        current, head = migrate.current(engine), migrate.head()
        if current != head:
            raise InvalidSettings(
                f"The database is at migration {current or 'none'}, this version needs {head}: run `waypost db upgrade`"
            )
        verify_key(engine, keys)
    finally:
        engine.dispose()


def publish_starter_library(engine: Engine) -> str:
    """Publish the starter library; unchanged documents stay as they are."""
    library = read_library()
    if library.problems:
        raise InvalidDocument.of(library.problems)
    # An entry this office has withdrawn stays withdrawn.
    outcome = KnowledgeStore(engine).publish(library.entries, now=datetime.now(UTC), revive=False)
    return f"{len(library.entries)} documents, {outcome.changed} new or changed"


def refresh_index(settings: Settings, engine: Engine, say: Say, *, force: bool = False) -> str:
    """Build the index when it does not fit the database or the encoder any more."""
    store, now = KnowledgeStore(engine), datetime.now(UTC)
    if not force and (found := _current_index(settings, engine, store.corpus_hash(now))) is not None:
        return f"{found.passages} passages, up to date"
    encoder = open_encoder(settings.encoder.model, settings.encoder.threads)
    place = vector_place(settings, engine, names_of(encoder))
    built = build_index(store, encoder, settings.index_dir, now, progress=_progress(say), place=place, anew=force)
    return f"{built.passages} passages"


def _current_index(settings: Settings, engine: Engine, corpus_hash: str) -> Manifest | None:
    """Return the index in use if a build would make it again; encoders are told by their names, for models load slowly."""
    try:
        found = load_current(settings.index_dir)
    except (IndexMissing, IndexStale, IndexCorrupt):
        return None
    model = settings.encoder.model
    names = prepared_names(Path(model)) or names_of(open_encoder(model, settings.encoder.threads))
    return found if found.fits(names, vector_place(settings, engine).name, corpus_hash) else None


def _keys(settings: Settings) -> str:
    path = settings.keys.file
    if path.exists():
        KeyRing.load(path)
        return str(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    KeyRing.create(path)
    return f"{path} made: back it up apart from the database"


def _database(settings: Settings, engine: Engine) -> str:
    if settings.database.url.startswith("sqlite:///"):
        Path(settings.database.url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    migrate.upgrade(engine)
    verify_key(engine, KeyRing.load(settings.keys.file))
    return f"migration {migrate.head()}"


def _encoder(settings: Settings, say: Say) -> str:
    folder = Path(settings.encoder.model)
    if settings.encoder.model != type(settings.encoder)().model:
        return f"{folder}, as set"
    prepare_encoder(folder, _progress(say))
    return str(folder)


def _nlu_encoder(settings: Settings, say: Say) -> str:
    """Make the encoders NLU reads with: always ours, whatever search was set to."""
    if settings.nlu.url is not None:
        return "an NLU server elsewhere has its own"
    prepare_encoder(settings.nlu.encoder, _progress(say))
    return str(settings.nlu.encoder)


def _step(name: str, say: Say, work: Callable[[], str]) -> None:
    started = time.monotonic()
    say(f"{name:<9} …")
    outcome = work()
    say(f"{name:<9} ok  {outcome} ({time.monotonic() - started:.1f} s)")


def _progress(say: Say) -> Say:
    return lambda text: say(f"            {text}")
