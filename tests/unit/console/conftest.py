"""A console on a SQLite file, with people who write and colleagues at their browsers."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.domain.ids import ChatId
from bot.service.app import App
from support.assistant import Intents, Shelf, Someone, a_hit, an_app
from support.clock import FakeClock
from support.console import Served, served
from support.databases import Database, sqlite_file


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from sqlite_file(tmp_path_factory.mktemp("place"))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(by_word={"visa": a_hit(1, "P01", "A visa lets you enter.")})


@pytest.fixture
def intents() -> Intents:
    return Intents()


@pytest.fixture
def app(place: Database, clock: FakeClock, shelf: Shelf, intents: Intents) -> App:
    return an_app(place.storage(), clock, shelf=shelf, intents=intents)


@pytest.fixture
async def console(app: App, place: Database) -> AsyncIterator[Served]:
    async with served(app, place) as found:
        yield found


@pytest.fixture
def amina(app: App) -> Someone:
    return Someone(app, ChatId(71), hint="en")
