"""The Bot API emulator in process: start it, play the people, look at what the bot did.

    async with Emulator(token="42:abc") as tg:
        application = Application.builder().token(tg.token).base_url(tg.base_url).build()
        amina = tg.add_user("Amina", language_code="ar")
        amina.send("hello")
        await tg.wait_for(lambda: amina.inbox)

Everything of the person's side is synchronous and belongs to the loop the emulator was started in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from emulators.clock import Clock
from emulators.errors import ApiError
from emulators.faults import FaultPlan
from emulators.groups import Group
from emulators.model import Account, Chat, Message, Press, Topic
from emulators.people import NotPossible, User
from emulators.schema import bot_api
from emulators.server import MAX_UPLOAD, BotApi, Call
from emulators.webhook import WebhookDelivery
from emulators.world import World

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

__all__ = [
    "ApiError",
    "Call",
    "Chat",
    "Clock",
    "Emulator",
    "Group",
    "Message",
    "NotPossible",
    "Press",
    "Topic",
    "User",
]

T = TypeVar("T")
DEFAULT_TOKEN = "4200000001:emulated-token-for-tests-only-00000"
_POLL_INTERVAL_S = 0.005


class Emulator:
    """A Telegram of one bot on a port of the loopback interface."""

    def __init__(
        self,
        token: str = DEFAULT_TOKEN,
        *,
        bot_id: int | None = None,
        username: str = "waypost_test_bot",
        port: int = 0,
        clock: Clock | None = None,
        webhook_retry_s: float = 0.05,
    ) -> None:
        """``bot_id`` defaults to the number in the token; ``webhook_retry_s`` is 1.0 at Telegram."""
        bot = Account(bot_id or int(token.partition(":")[0]), "Waypost", is_bot=True, username=username)
        self.token = token
        self.clock = clock or Clock()
        self.world = World(bot=bot, clock=self.clock, schema=bot_api())
        self.faults = FaultPlan(self.clock, self.world.updates)
        self.users: dict[int, User] = {}
        self.groups: dict[int, Group] = {}
        self._api = BotApi(self.world, self.faults, token)
        self._webhook = WebhookDelivery(
            self.world.updates,
            self.clock,
            first_retry_s=webhook_retry_s,
            on_schema_error=self.world.schema_errors.append,
        )
        self._port = port
        self._runner: web.AppRunner | None = None
        self._delivery: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def start(self, *, extra_routes: list[RouteDef] | None = None) -> None:
        """Listen; ``extra_routes`` is how the command adds its control API."""
        app = web.Application(client_max_size=MAX_UPLOAD)
        app.add_routes([*self._api.routes(), *(extra_routes or [])])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._delivery = asyncio.create_task(self._webhook.run())

    async def stop(self) -> None:
        if self._delivery is not None:
            self._delivery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._delivery
        self.world.updates.end_poll()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def port(self) -> int:
        return self._port

    @property
    def base_url(self) -> str:
        """For python-telegram-bot's ``base_url``: the token is appended to it."""
        return f"http://127.0.0.1:{self._port}/bot"

    @property
    def base_file_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/file/bot"

    @property
    def schema_errors(self) -> list[str]:
        """What violated the Bot API documentation; a test should end with none."""
        return self.world.schema_errors

    @property
    def calls(self) -> list[Call]:
        """Every request of the bot, oldest first."""
        return self._api.calls

    def calls_of(self, *methods: str) -> list[Call]:
        return [call for call in self.calls if call.method in methods]

    @property
    def updates(self) -> list[dict[str, Any]]:
        """Every update ever queued for the bot, oldest first."""
        return self.world.updates.log

    @property
    def pending_updates(self) -> int:
        """Updates the bot has not confirmed."""
        return len(self.world.updates.pending)

    def add_user(
        self,
        first_name: str = "Amina",
        *,
        language_code: str | None = None,
        username: str | None = None,
        last_name: str | None = None,
        user_id: int | None = None,
    ) -> User:
        """A person who has not written to the bot yet."""
        profile = {"language_code": language_code, "username": username, "last_name": last_name}
        user = User(self.world, self.world.add_account(first_name=first_name, user_id=user_id, **profile))
        self.users[user.user_id] = user
        return user

    def add_group(
        self,
        title: str = "Caseworkers",
        *,
        members: list[User] | None = None,
        forum: bool = True,
        kind: str = "supergroup",
        chat_id: int | None = None,
    ) -> Group:
        """A group in which the bot is an administrator with all rights; the first member created it."""
        group = Group(self.world, self.world.add_group(title=title, kind=kind, is_forum=forum, chat_id=chat_id))
        for index, user in enumerate(members or []):
            group.add_member(user, is_admin=index == 0)
        group.chat.creator_id = members[0].user_id if members else None
        self.groups[group.chat_id] = group
        return group

    def after(self, method: str, action: Callable[[Call], object]) -> None:
        """Once, between the effect of the next successful ``method`` and its answer, run ``action``.

        This is how a test gets a person to act in the middle of something: ``tg.after("createForumTopic",
        lambda call: group.delete_topic(group.topics[-1]))``.
        """
        self._api.afterwards.setdefault(method, []).append(action)

    def press_of(self, query_id: str) -> Press:
        return self.world.presses[query_id]

    def commands(self, *, language_code: str = "", scope: str = "default") -> list[str]:
        """Names of the commands set for a language (exactly) and a scope without a chat."""
        stored = self.world.settings.commands.get((json.dumps({"type": scope}), language_code), [])
        return [command["command"] for command in stored]

    def advance(self, seconds: float) -> None:
        """Let emulated time pass."""
        self.clock.advance(seconds)
        self.world.updates.wake()

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float = 5.0) -> T:
        """Wait until ``predicate()`` is true and return its value.

        Raises:
            TimeoutError: it was not within ``timeout_s``; the text shows the last calls of the bot.
        """
        deadline = time.monotonic() + timeout_s
        while not (value := predicate()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {timeout_s} s; last calls: {self._last_calls()}")
            await asyncio.sleep(_POLL_INTERVAL_S)
        return value

    def _last_calls(self) -> str:
        recent = [call for call in self.calls if call.method != "getUpdates"][-5:]
        return ", ".join(f"{call.method}({call.chat_id}) -> {call.outcome}" for call in recent) or "none"
