"""A real browser at the console: Debian's Chromium. Where there is none these tests are skipped; on CI they fail instead."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, async_playwright

from bot.adapters.clock import SystemClock
from bot.domain.ids import ChatId
from bot.service.app import App
from support.assistant import Intents, Shelf, Someone, a_hit, an_app
from support.console import Served, served
from support.databases import Database, sqlite_file
from support.windows import Window, Windows

CHROMIUM = next((path for name in ("chromium", "chromium-browser") if (path := shutil.which(name))), None)


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from sqlite_file(tmp_path_factory.mktemp("place"))


@pytest.fixture
def app(place: Database) -> App:
    visa = a_hit(
        1, "P01", "A visa is a paper that lets you enter a country. You ask for it at the embassy of that country.", title="Visas"
    )
    latrine = a_hit(7, "3.1", "Plan one latrine for twenty people.", title="Latrines in camps")
    shelf = Shelf(by_word={"visa": visa, "latrine": latrine})
    return an_app(place.storage(), SystemClock(), shelf=shelf, intents=Intents(), undo=timedelta(seconds=1))


@pytest.fixture
async def console(app: App, place: Database) -> AsyncIterator[Served]:
    async with served(app, place) as found:
        yield found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing: apt-get install chromium")
        pytest.skip("Chromium is missing: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def windows(browser: Browser, console: Served) -> AsyncIterator[Windows]:
    found = Windows(browser, console)
    yield found
    assert [fault for window in found.opened for fault in window.faults] == []


@pytest.fixture
async def window(windows: Windows) -> Window:
    return await windows.new()


@pytest.fixture
def amina(app: App) -> Someone:
    return Someone(app, ChatId(71), hint="en")
