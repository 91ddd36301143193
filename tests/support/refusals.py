"""Expect Telegram to refuse."""

from collections.abc import Awaitable
from typing import Any

import pytest
from telegram.error import TelegramError


async def refused(kind: type[TelegramError], text: str, call: Awaitable[Any]) -> TelegramError:
    with pytest.raises(kind) as caught:
        await call
    assert text.lower() in str(caught.value).lower()
    return caught.value
