"""A staff group, and a person whose case waits in it."""

import pytest

from bot.domain.ids import ChatId
from bot.service import due
from bot.service.app import App
from support.assistant import Intents, Shelf, Someone, an_app
from support.clock import FakeClock
from support.databases import Database
from support.desk import GROUP, Desk


@pytest.fixture
def app(place: Database, clock: FakeClock) -> App:
    return an_app(place.storage(), clock, shelf=Shelf(), intents=Intents(), group_id=int(GROUP))


@pytest.fixture
def group(app: App) -> Desk:
    return Desk(app)


@pytest.fixture
async def amina(app: App) -> Someone:
    """A person whose case of severity 1 waits in the queue; it is Tuesday, nine o'clock."""
    person = Someone(app, ChatId(71), hint="en")
    await person.commands("human")
    await person.presses("Yes")
    await due.ring(app)  # somebody has been looked for
    await person.receives()
    return person
