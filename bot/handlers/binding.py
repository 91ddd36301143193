"""Bind a handler to the application, without globals or ``context.bot_data``."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from telegram import Update

from bot.service.app import App

Handler = Callable[[Update, App], Awaitable[None]]


def bind(handler: Handler, app: App) -> Callable[[Update, Any], Coroutine[Any, Any, None]]:
    """Return a callback as python-telegram-bot calls it."""

    async def callback(update: Update, _context: object) -> None:
        await handler(update, app)

    return callback
