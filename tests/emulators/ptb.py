"""python-telegram-bot as a client of the emulator, set up for speed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram import Bot
from telegram.request import HTTPXRequest

from emulators.telegram import Emulator


@asynccontextmanager
async def connected_bot(tg: Emulator, *, read_timeout_s: float = 5.0) -> AsyncIterator[Bot]:
    """An initialised ``telegram.Bot`` that talks to ``tg``."""
    fast = {"verify": False}  # loading certificates takes longer than a whole test, and loopback has none
    request = HTTPXRequest(httpx_kwargs=fast, read_timeout=read_timeout_s)
    polling = HTTPXRequest(httpx_kwargs=fast)
    async with Bot(
        tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url, request=request, get_updates_request=polling
    ) as bot:
        yield bot
