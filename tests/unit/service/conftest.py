"""What most tests of turns start from; a module's own `shelf`, `intents` or `app` goes before these."""

from collections.abc import Iterator

import pytest

from bot.domain.ids import ChatId
from bot.service.app import App
from support.assistant import Intents, Shelf, Someone, an_app
from support.clock import FakeClock
from support.databases import Database, memory


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from memory(tmp_path_factory.mktemp("place"))


@pytest.fixture
def app(place: Database, clock: FakeClock, shelf: Shelf, intents: Intents) -> App:
    return an_app(place.storage(), clock, shelf=shelf, intents=intents)


@pytest.fixture
def amina(app: App) -> Someone:
    return Someone(app, ChatId(71), hint="en")
