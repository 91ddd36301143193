"""People and a group around a Bot API emulator, for the tests of its methods."""

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from emulators.ptb import connected_bot
from emulators.telegram import Emulator, Group, User


@pytest.fixture
async def tg() -> AsyncIterator[Emulator]:
    async with Emulator() as emulator:
        yield emulator
        assert emulator.schema_errors == []


@pytest.fixture
async def bot(tg: Emulator) -> AsyncIterator[Bot]:
    async with connected_bot(tg) as client:
        yield client


@pytest.fixture
def amina(tg: Emulator) -> User:
    user = tg.add_user("أمينة", language_code="ar")
    user.start()
    return user


@pytest.fixture
def lea(tg: Emulator) -> User:
    return tg.add_user("Lea", username="lea_desk")


@pytest.fixture
def group(tg: Emulator, lea: User) -> Group:
    return tg.add_group("Caseworkers", members=[lea])
