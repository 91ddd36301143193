"""Pushes updates to the bot's webhook: in order within a chat, chats in parallel, again until accepted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import aiohttp

from emulators.clock import Clock
from emulators.updates import Pending, UpdateQueue, Webhook

MAX_RETRY_S = 60.0
MAX_RETRY_AFTER_S = 3600.0


class WebhookDelivery:
    """One task that hands out updates; a failed one is retried after 1 s, 2 s, ... (scaled in tests)."""

    def __init__(
        self,
        updates: UpdateQueue,
        clock: Clock,
        *,
        first_retry_s: float,
        on_schema_error: Callable[[str], None],
    ) -> None:
        self._updates = updates
        self._clock = clock
        self._first_retry_s = first_retry_s
        self._on_schema_error = on_schema_error
        self._busy_chats: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        try:
            while True:
                self._start_what_can_be_sent()
                await self._updates.changed(timeout_s=0.2)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._session.close()

    def _start_what_can_be_sent(self) -> None:
        hook = self._updates.webhook
        if hook is None:
            return
        for update in self._updates.pending:
            if len(self._busy_chats) >= hook.max_connections:
                return
            if update.chat_id in self._busy_chats:
                continue
            self._busy_chats.add(update.chat_id)
            task = asyncio.create_task(self._deliver(update))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, update: Pending) -> None:
        delay_s = self._first_retry_s
        try:
            while (hook := self._updates.webhook) is not None and update in self._updates.pending:
                asked_to_wait_s = await self._post(hook, update)
                if asked_to_wait_s is None:
                    if self._updates.confirm(update):
                        return
                    continue
                await asyncio.sleep(asked_to_wait_s or delay_s)
                delay_s = min(delay_s * 2, MAX_RETRY_S)
        finally:
            self._busy_chats.discard(update.chat_id)
            self._updates.wake()

    async def _post(self, hook: Webhook, update: Pending) -> float | None:
        """None when the bot accepted, otherwise the seconds it asked to wait (0: it did not say)."""
        assert self._session is not None
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret_token} if hook.secret_token else {}
        try:
            # Before a bot on this machine stands a proxy that ends TLS.
            url = hook.url.replace("https://127.0.0.1", "http://127.0.0.1")
            async with self._session.post(url, json=update.body, headers=headers) as response:
                body = await response.read()
                if 200 <= response.status < 300:
                    if body.lstrip().startswith(b'{"method"'):
                        self._on_schema_error("webhook: methods in the answer are not emulated")
                    return None
                self._failed(hook, f"Wrong response from the webhook: {response.status} {response.reason}")
                with contextlib.suppress(ValueError):
                    return min(float(response.headers.get("Retry-After", 0)), MAX_RETRY_AFTER_S)
                return 0.0
        except (TimeoutError, aiohttp.ClientError) as error:
            self._failed(hook, f"Connection failed: {type(error).__name__}")
            return 0.0

    def _failed(self, hook: Webhook, text: str) -> None:
        hook.last_error, hook.last_error_at = text, self._clock.now()
