"""Windows of a real browser at the console, and what went wrong in them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from bot.domain.people import DeskRole, StaffMember
from support.console import CODE, PASSWORD, Served

PICTURES = os.environ.get("WAYPOST_TEST_PICTURES")
"""Folder for the pictures of the docs: make pictures."""


@dataclass(slots=True)
class Window:
    """One browser window, and what went wrong in it."""

    page: Page
    served: Served
    member: StaffMember | None = None
    faults: list[str] = field(default_factory=list)

    async def signs_in(self, role: DeskRole, **takes: object) -> StaffMember:
        self.member = await self.served.member(role, **takes)
        await self.goes("/")
        await self.page.get_by_label("Name", exact=True).fill(self.member.alias)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.locator("#code").fill(CODE)
        await self.page.locator("article button").click()
        await self.page.get_by_role("link", name=self.member.alias).wait_for()
        return self.member

    async def goes(self, path: str) -> None:
        await self.page.goto(self.served.url + path)

    async def picture(self, name: str, *, full: bool = False) -> None:
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=full)


@dataclass(slots=True)
class Windows:
    """Windows of one browser; at the end nothing may have gone wrong in any."""

    browser: Browser
    served: Served
    opened: list[Window] = field(default_factory=list)

    async def new(self, **options: object) -> Window:
        given = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"} | options
        context: BrowserContext = await self.browser.new_context(**given)  # type: ignore[arg-type]
        window = Window(await context.new_page(), self.served)
        self.opened.append(window)

        def look_at(request: Request) -> None:
            if not request.url.startswith((self.served.url, "data:")):
                window.faults.append(f"asked another host: {request.url}")

        def hear(message: ConsoleMessage) -> None:
            if message.type in {"error", "warning"} and "ERR_INTERNET_DISCONNECTED" not in message.text:
                window.faults.append(f"{message.type}: {message.text}")

        window.page.on("request", look_at)
        window.page.on("console", hear)
        window.page.on("pageerror", lambda error: window.faults.append(f"script: {error}"))
        return window
