"""Work that time asks for, again and again until the process stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.domain.errors import StorageUnavailable

logger = logging.getLogger(__name__)


async def repeat(work: Callable[[], Awaitable[object]], every_s: float, stop: asyncio.Event, *, name: str) -> None:
    """Do ``work`` every ``every_s`` seconds until ``stop`` is set; a database that is away postpones it."""
    while not stop.is_set():
        try:
            await work()
        except StorageUnavailable:
            logger.warning("postponed", extra={"event": f"{name}.unavailable"})
        try:
            await asyncio.wait_for(stop.wait(), every_s)
        except TimeoutError:
            continue
