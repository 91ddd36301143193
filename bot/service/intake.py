"""What Telegram brings: kept before it is acknowledged, then handled chat by chat, in order.

:func:`receive` commits updates before the offset moves or a webhook is answered. :class:`Lanes` hands each update to the
handlers; every update ends in one recorded disposition, also those nobody can handle.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from bot.domain.deliveries import Delivery, Text, ToPerson
from bot.domain.errors import LeaseLost, StorageUnavailable, WaypostError
from bot.domain.ids import ChatId, UpdateId
from bot.domain.turns import Disposition
from bot.service import groups
from bot.service.app import App
from bot.service.last_resort import LastResort
from bot.service.ports import InboxItem, RawUpdate, UnitOfWork

logger = logging.getLogger(__name__)

Payload = Mapping[str, object]
Dispatch = Callable[[Payload], Awaitable[None]]

LEASE_S = 120.0
BATCH = 16
IDLE_S = 0.5
MAX_ATTEMPTS = 4
RETRY_S = (1.0, 5.0, 20.0)
PROFILE_FIELDS = {
    "first_name", "last_name", "username", "phone_number", "photo_url", "vcard", "sender_user_name", "author_signature",
    "active_usernames", "bio", "emoji_status_custom_emoji_id", "birthdate", "sender_tag", "tag", "custom_title", "personal_chat",
    "business_intro", "business_location",
}  # fmt: skip
REQUIRED_FIELDS = {"first_name", "phone_number", "sender_user_name"}
"""Telegram's schema demands these: they are blanked, the others are removed."""


async def receive(payloads: Sequence[Payload], app: App, last_resort: LastResort) -> bool:
    """Keep updates as received; return False when they could not be kept, and must not be acknowledged.

    When the database cannot be written to, people are screened and told directly: a card in danger, a notice otherwise.
    """
    try:
        await app.storage.run(lambda uow: _keep(uow, app, payloads))
    except StorageUnavailable:
        logger.exception("updates could not be kept", extra={"event": "inbox.unavailable", "count": len(payloads)})
        await last_resort.notify(payloads)
        return False
    app.inbox_bell.ring()
    return True


def _keep(uow: UnitOfWork, app: App, payloads: Sequence[Payload]) -> None:
    now, updates = app.clock.now(), []
    for payload in payloads:
        if (move := _migration(payload)) is not None:
            groups.follow(uow, app, *move)
        updates.append(
            RawUpdate(
                update_id=UpdateId(int(str(payload["update_id"]))),
                chat_id=groups.lane_of(uow, app, chat_of(payload)),
                payload=without_profile(payload),
                received_at=now,
            )
        )
    uow.inbox.add(updates)


def _migration(payload: Payload) -> tuple[ChatId, ChatId] | None:
    """Return the old and the new id of a group that Telegram has just given a new one."""
    message, chat_id = payload.get("message"), chat_of(payload)
    if not isinstance(message, Mapping) or chat_id is None:
        return None
    to, since = message.get("migrate_to_chat_id"), message.get("migrate_from_chat_id")
    if isinstance(to, int):
        return chat_id, ChatId(to)
    return (ChatId(since), chat_id) if isinstance(since, int) else None


def without_profile(value: Payload) -> dict[str, object]:
    """Return a copy in which no field of a Telegram profile is left."""
    clean: dict[str, object] = {}
    for key, item in value.items():
        if key in REQUIRED_FIELDS:
            clean[key] = ""
        elif key not in PROFILE_FIELDS:
            clean[key] = _clean(item)
    return clean


def _clean(item: object) -> object:
    if isinstance(item, Mapping):
        return without_profile(item)
    return [_clean(part) for part in item] if isinstance(item, list) else item


def chat_of(payload: Payload) -> ChatId | None:
    """Return the chat an update belongs to, wherever its type keeps it."""
    for part in payload.values():
        if not isinstance(part, Mapping):
            continue
        message = part.get("message", part)
        chat = message.get("chat") if isinstance(message, Mapping) else None
        sender = part.get("from")
        found = chat if isinstance(chat, Mapping) else sender
        if isinstance(found, Mapping) and isinstance(found.get("id"), int):
            return ChatId(int(str(found["id"])))
    return None


class Lanes:
    """Handles the inbox: one update of a chat at a time, chats side by side."""

    def __init__(self, app: App, dispatch: Dispatch, last_resort: LastResort) -> None:
        self._app = app
        self._dispatch = dispatch
        self._last_resort = last_resort
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Handle updates until ``stop`` is set, then finish those under way."""
        while not stop.is_set():
            items = await self._claim()
            for item in items:
                task = asyncio.create_task(self._handle(item))
                self._busy.add(task)
                task.add_done_callback(self._done)
            if not items:
                await self._app.inbox_bell.wait(IDLE_S)
        if self._busy:
            await asyncio.wait(self._busy, timeout=LEASE_S)

    async def drain(self) -> None:
        """Handle all that is there now; for tests and one-shot commands."""
        while items := await self._claim():
            await asyncio.gather(*(self._handle(item) for item in items))

    async def _claim(self) -> list[InboxItem]:
        free = BATCH - len(self._busy)
        if free <= 0:
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
            return []
        app, now = self._app, self._app.clock.now()
        try:
            return await app.storage.run(lambda uow: uow.inbox.claim(worker=app.worker, now=now, lease_s=LEASE_S, limit=free))
        except StorageUnavailable:
            logger.warning("inbox not readable", extra={"event": "inbox.unavailable"})
            await asyncio.sleep(IDLE_S)
            return []

    def _done(self, task: asyncio.Task[None]) -> None:
        self._busy.discard(task)
        self._app.inbox_bell.ring()

    async def _handle(self, item: InboxItem) -> None:
        try:
            await self._dispatch(item.payload)
        except LeaseLost:
            logger.warning("inbox lease lost", extra={"event": "inbox.lease_lost", "update_id": item.update_id})
        except Exception as exc:  # noqa: BLE001 - the outermost loop: whatever happened, the update must get an end
            await self._failed(item, exc)

    async def _failed(self, item: InboxItem, exc: Exception) -> None:
        code = exc.code if isinstance(exc, WaypostError) else type(exc).__name__
        logger.error(
            "update failed",
            exc_info=exc,
            extra={"event": "update.failed", "update_id": item.update_id, "attempt": item.attempts, "error": code},
        )
        if item.attempts <= 1:
            await self._last_resort.card_if_in_danger(item.payload)
        try:
            await self._app.storage.run(lambda uow: self._retry_or_give_up(uow, item, code))
        except StorageUnavailable:
            logger.warning("failure not recorded; the lease runs out", extra={"event": "inbox.unavailable"})
        except LeaseLost:
            logger.warning("inbox lease lost", extra={"event": "inbox.lease_lost", "update_id": item.update_id})

    def _retry_or_give_up(self, uow: UnitOfWork, item: InboxItem, code: str) -> None:
        app, now = self._app, self._app.clock.now()
        if item.attempts < MAX_ATTEMPTS:
            wait_s = RETRY_S[min(item.attempts, len(RETRY_S)) - 1]
            not_before = now + timedelta(seconds=wait_s)
            uow.inbox.retry(item.update_id, worker=app.worker, error=code, not_before=not_before)
            return
        chat_id = chat_of(item.payload)
        if chat_id is not None and chat_id > 0:
            person = uow.people.for_chat(chat_id, now=now)
            text = app.catalogue.text("failed", person.language or app.office.default_language)
            notice = Delivery(
                address=ToPerson(person_id=person.id), content=Text(text=text), dedupe_key=f"failed:{item.update_id}"
            )
            uow.outbox.add([notice], now=now)
        uow.incidents.open(f"update_failed:{item.update_id}", code, now=now)
        uow.inbox.finish(item.update_id, worker=app.worker, disposition=Disposition.FAILED_NOTIFIED, now=now)
        app.outbox_bell.ring()
