"""Deliver what stands in the outbox: one lane in order, lanes side by side, within Telegram's budgets.

A case's forum topic is made when the first delivery needs it, and made anew when it has disappeared: the delivery that met
the missing topic is the one that is sent there. The error table is the one of docs/adr/0004.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

from bot.domain.cases import Case, CaseTopic, DeliveryState
from bot.domain.deliveries import (
    TELEGRAM_LIMIT,
    Aid,
    Board,
    CloseTopic,
    Content,
    Copy,
    Delivery,
    Edit,
    Header,
    Pin,
    Pool,
    Priority,
    Reaction,
    ReopenTopic,
    Text,
    ToCase,
    ToChat,
    ToPerson,
    WireButton,
    utf16_length,
)
from bot.domain.errors import (
    DeskUnavailable,
    GroupMigrated,
    LeaseLost,
    MessageGone,
    PersonUnreachable,
    StorageUnavailable,
    TelegramUnavailable,
    TopicClosed,
    TopicMissing,
    Undeliverable,
)
from bot.domain.ids import CaseId, ChatId
from bot.domain.people import PersonState
from bot.service import board, casework, groups, handover, notices, relay
from bot.service.app import App
from bot.service.budget import Budget
from bot.service.conflicts import until_settled
from bot.service.ports import OutboxItem, Sent, UnitOfWork

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEASE_S = 120.0
LANES = {Pool.PEOPLE: 16, Pool.DESK: 3, Pool.URGENT_DESK: 8}
"""Lanes served side by side: those that wait for a group's budget never fill the places of people, nor of urgent cases."""
IDLE_S = 0.5
"""How often the outbox is looked at when nobody rang; another process may have written to it."""
LONGEST_WAIT_S = 60.0
DESK_RETRY_S = 30.0
REPEAT = "↻ "
UNKNOWN_PERSON = "person_erased"
NOBODY = ChatId(0)
"""Where something was left out because there was nothing to say."""


class Sender:
    """Empties the outbox until told to stop."""

    def __init__(self, app: App, budget: Budget) -> None:
        self._app = app
        self._budget = budget
        self._busy: dict[Pool, set[asyncio.Task[None]]] = {pool: set() for pool in Pool}
        self._under_way: set[int] = set()
        """Rows this process is sending: one whose lease ran out while it waited for a budget is not sent twice."""

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until ``stop`` is set, then finish what is under way."""
        while not stop.is_set():
            found = await self._claim()
            for pool, item in found:
                task = asyncio.create_task(self._deliver(item))
                self._busy[pool].add(task)
                task.add_done_callback(partial(self._done, pool))
            if not found:
                await self._app.outbox_bell.wait(IDLE_S)
        if under_way := [task for tasks in self._busy.values() for task in tasks]:
            await asyncio.wait(under_way, timeout=LONGEST_WAIT_S)

    async def drain(self) -> None:
        """Deliver all that is due now; for tests and one-shot commands."""
        while found := await self._claim():
            await asyncio.gather(*(self._deliver(item) for _, item in found))

    async def _claim(self) -> list[tuple[Pool, OutboxItem]]:
        free = {pool: lanes - len(self._busy[pool]) for pool, lanes in LANES.items()}
        app, now = self._app, self._app.clock.now()
        try:
            claimed = await app.storage.run(lambda uow: uow.outbox.claim(free, worker=app.worker, now=now, lease_s=LEASE_S))
        except StorageUnavailable:
            logger.warning("outbox not readable", extra={"event": "outbox.unavailable"})
            return []
        return [(pool, _hurried(item, pool)) for pool, item in claimed if item.id not in self._under_way]

    def _done(self, pool: Pool, task: asyncio.Task[None]) -> None:
        self._busy[pool].discard(task)
        self._app.outbox_bell.ring()

    async def _deliver(self, item: OutboxItem) -> None:
        self._under_way.add(item.id)
        try:
            await self._attempt(item)
        except LeaseLost:
            logger.warning("outbox lease lost", extra={"event": "outbox.lease_lost", "outbox_id": item.id})
        except StorageUnavailable:
            # The lease runs out and the row is sent again: a possible duplicate, which is better than a loss.
            logger.warning("sent but not recorded", extra={"event": "outbox.unrecorded", "outbox_id": item.id})
        except Exception:
            # The outermost loop: what nobody foresaw holds up its own lane until the lease runs out, and no other.
            logger.exception("delivery failed", extra={"event": "outbox.failed", "outbox_id": item.id})
        finally:
            self._under_way.discard(item.id)

    async def _attempt(self, item: OutboxItem) -> None:
        try:
            sent, chat_id = await self._send(_marked(item))
            await self._app.storage.run(lambda uow: self._record_sent(uow, item, sent, chat_id))
        except TelegramUnavailable as exc:
            await self._try_later(item, exc)
        except Undeliverable as exc:
            await self._handle_refusal(item, exc)

    async def _send(self, delivery: Delivery) -> tuple[Sent, ChatId]:
        match delivery.address, delivery.content:
            case ToCase(case_id=case_id), Header():
                return await self._show_header(case_id, delivery.priority)
            case ToCase(case_id=case_id), Aid():
                text = await self._aid(case_id)
                return await self._send(replace(delivery, content=Text(text=text))) if text else (Sent(), NOBODY)
            case ToChat(chat_id=chat_id), Board():
                return await self._show_board(chat_id, delivery.priority), chat_id
        if (place := await self._resolve(delivery)) is None:
            return Sent(), NOBODY  # the case is shown elsewhere now: what was to be marked or changed stayed behind
        chat_id, thread_id = place
        try:
            sent = await self._perform(chat_id, thread_id, delivery)
        except TopicClosed:
            # Closed by hand: a case that is written to is open.
            await self._perform(chat_id, thread_id, replace(delivery, content=ReopenTopic(), answers=None))
            sent = await self._perform(chat_id, thread_id, delivery)
        return sent, chat_id

    async def _perform(self, chat_id: ChatId, thread_id: int | None, delivery: Delivery) -> Sent:
        if not (delivery.case_message_ids or delivery.answers) and delivery.version is None:
            return await self._call(chat_id, thread_id, delivery.content, delivery.priority)

        async def call() -> Sent:
            content, reply_to = await self._app.storage.run(lambda uow: _as_it_stands(uow, delivery, chat_id))
            return Sent() if content is None else await self._app.messenger.send(chat_id, thread_id, content, reply_to=reply_to)

        return await self._within_budget(chat_id, call, delivery.priority)

    async def _call(self, chat_id: ChatId, thread_id: int | None, content: Content, priority: Priority) -> Sent:
        send = partial(self._app.messenger.send, chat_id, thread_id, content)
        return await self._within_budget(chat_id, send, priority)

    async def _aid(self, case_id: CaseId) -> str:
        try:
            return await handover.aid(self._app, case_id)
        except Exception:
            # Whatever ails the library, the case goes on without its help.
            logger.exception("no aid for a case", extra={"event": "handover.failed", "case_id": case_id})
            return ""

    async def _show_board(self, group_id: ChatId, priority: Priority) -> Sent:
        """Bring the board in General up to date; posted and pinned where there is none."""
        app, now = self._app, self._app.clock.now()
        shown = await app.storage.run(lambda uow: board.as_it_stands(uow, app, group_id, now=now))
        if shown is None:
            return Sent()
        if shown.message_id is not None:
            try:
                await self._call(group_id, None, Edit(message_id=shown.message_id, text=shown.text), priority)
                await app.storage.run(lambda uow: board.keep(uow, shown, group_id=group_id, now=now))
                return Sent()
            except MessageGone:
                logger.info("the board is gone and posted anew", extra={"event": "board.gone"})
        sent = await self._call(group_id, None, Text(text=shown.text), priority)
        posted = replace(shown, message_id=sent.message_ids[0])
        await app.storage.run(lambda uow: board.keep(uow, posted, group_id=group_id, now=now))
        await self._call(group_id, None, Pin(message_id=sent.message_ids[0]), priority)
        return sent

    async def _show_header(self, case_id: CaseId, priority: Priority) -> tuple[Sent, ChatId]:
        """Bring the header up to date; a topic that was just made has a fresh one."""
        case, topic, group = await self._case(case_id)
        group_id, thread_id = await self._open_topic(case, topic, group, priority)
        if topic.header_message_id is None or topic.thread_id != thread_id:
            return Sent(), group_id
        text, buttons = await self._app.storage.run(lambda uow: self._header(uow, case))
        edit = Edit(message_id=topic.header_message_id, text=text, buttons=buttons)
        try:
            await self._call(group_id, thread_id, edit, priority)
        except MessageGone:
            await self._post_header(case, replace(topic, header_message_id=None), group_id, priority)
        return Sent(), group_id

    async def _within_budget(self, chat_id: ChatId, call: Callable[[], Awaitable[T]], priority: Priority) -> T:
        """Call Telegram when this chat's budget allows it; a 429 slows this chat down and no other."""
        await self._budget.spend(chat_id, priority)
        try:
            return await call()
        except TelegramUnavailable as exc:
            if exc.retry_after_s is not None:
                self._budget.slow_down(chat_id, exc.retry_after_s)
            raise

    async def _resolve(self, delivery: Delivery) -> tuple[ChatId, int | None] | None:
        """Return chat and thread; a case's topic is made here when it does not exist. None: not where it was meant for."""
        match delivery.address:
            case ToChat(chat_id=chat_id, thread_id=thread_id):
                return chat_id, thread_id
            case ToPerson(person_id=person_id):
                person = await self._app.storage.run(lambda uow: uow.people.get(person_id))
                if person.state is PersonState.ERASED:
                    raise PersonUnreachable(UNKNOWN_PERSON)
                return person.chat_id, None
            case ToCase(case_id=case_id, group_id=only_in):
                case, topic, group_id = await self._case(case_id)
                if only_in not in {None, group_id}:
                    return None
                return await self._open_topic(case, topic, group_id, delivery.priority)

    async def _case(self, case_id: CaseId) -> tuple[Case, CaseTopic, ChatId]:
        """Return a case, its topic, and the group it is shown in now."""

        def look(uow: UnitOfWork) -> tuple[Case, CaseTopic, ChatId | None]:
            case = uow.cases.get(case_id)
            return case, uow.cases.topic(case_id), groups.group_of(uow, self._app, case)

        case, topic, group_id = await self._app.storage.run(look)
        if group_id is None:
            raise DeskUnavailable("No staff group is set: WAYPOST_TELEGRAM__GROUP_ID")
        return case, topic, group_id

    async def _open_topic(self, case: Case, topic: CaseTopic, group_id: ChatId, priority: Priority) -> tuple[ChatId, int]:
        if topic.thread_id is None or topic.group_id != group_id:
            name = topic_name(case)
            thread_id = await self._within_budget(group_id, lambda: self._app.messenger.create_topic(group_id, name), priority)
            topic = CaseTopic(case_id=case.id, group_id=group_id, thread_id=thread_id, generation=topic.generation + 1)
            await self._app.storage.run(lambda uow: uow.cases.save_topic(topic))
        if topic.header_message_id is None:
            topic = await self._post_header(case, topic, group_id, priority)
        assert topic.thread_id is not None
        return group_id, topic.thread_id

    async def _post_header(self, case: Case, topic: CaseTopic, group_id: ChatId, priority: Priority) -> CaseTopic:
        """Post the header and let it be pinned: first in its topic, whatever is written below."""
        app, now = self._app, self._app.clock.now()
        text, buttons = await app.storage.run(lambda uow: self._header(uow, case))
        sent = await self._call(group_id, topic.thread_id, Text(text=text, buttons=buttons), priority)
        header_id = sent.message_ids[0]
        with_header = replace(topic, case_id=case.id, group_id=group_id, header_message_id=header_id)
        pin = Pin(message_id=header_id)

        def keep(uow: UnitOfWork) -> None:
            uow.cases.save_topic(with_header)
            key = f"case:{case.id}:pin:{group_id}:{header_id}"
            here = ToCase(case_id=case.id, group_id=group_id)
            notices.enqueue(uow, here, pin, key=key, now=now, priority=Priority.COSMETIC)

        await app.storage.run(keep)
        return with_header

    def _header(self, uow: UnitOfWork, case: Case) -> tuple[str, tuple[tuple[WireButton, ...], ...]]:
        now = self._app.clock.now()
        case = uow.cases.get(case.id)
        return notices.header(uow, self._app, case), notices.header_buttons(uow, self._app, case, now=now)

    def _record_sent(self, uow: UnitOfWork, item: OutboxItem, sent: Sent, chat_id: ChatId) -> None:
        now, delivery = self._app.clock.now(), item.delivery
        uow.outbox.sent(item, worker=self._app.worker, now=now)
        carried, places = delivery.case_message_ids, sent.message_ids
        if isinstance(delivery.content, Copy) and len(places) < len(carried):
            # Telegram leaves out what it cannot copy, and does not say which.
            self._tell_of_loss(uow, item, f"{len(places)}/{len(carried)}")
        if isinstance(delivery.address, ToPerson):
            self._note_arrival(uow, item, has_arrived=bool(places))
            if carried and places:
                notices.mark_delivery(uow, carried[0], notices.DELIVERED, key=f"sent:{item.id}", now=now)
        if places:
            # What was joined into one post is found in it.
            for n, message_id in enumerate(carried):
                notices.link_sent(uow, message_id, chat_id, places[min(n, len(places) - 1)])

    def _note_arrival(self, uow: UnitOfWork, item: OutboxItem, *, has_arrived: bool) -> None:
        """A reply is with the person. One that was taken back and left in the same moment is with them too, and that is said."""
        for message_id in item.delivery.case_message_ids if has_arrived else ():
            message = uow.cases.message(message_id)
            uow.cases.set_message_state(message_id, DeliveryState.SENT)
            if message.state is DeliveryState.WITHDRAWN:
                case, key = uow.cases.get(message.case_id), f"left:{message_id}"
                notices.tell_topic(
                    uow, self._app, case, "left_all_the_same", key=key, now=self._app.clock.now(), answers=message_id
                )

    def _tell_of_loss(self, uow: UnitOfWork, item: OutboxItem, reason: str) -> None:
        """Tell the desk that what was written did not arrive, on whichever side; nothing vanishes in silence."""
        delivery, now = item.delivery, self._app.clock.now()
        if not delivery.case_message_ids:
            return
        about = delivery.case_message_ids[0]
        case = uow.cases.get(uow.cases.message(about).case_id)
        text_key = "not_delivered" if isinstance(delivery.address, ToPerson) else "not_shown"
        notices.tell_topic(uow, self._app, case, text_key, key=f"lost:{item.id}", now=now, answers=about, reason=reason)

    async def _try_later(self, item: OutboxItem, exc: TelegramUnavailable) -> None:
        app = self._app
        wait_s = exc.retry_after_s if exc.retry_after_s is not None else min(LONGEST_WAIT_S, 0.5 * 2**item.attempts)
        wait_s += random.uniform(0, 0.2 * wait_s)
        not_before = app.clock.now() + timedelta(seconds=wait_s)
        await app.storage.run(
            lambda uow: uow.outbox.retry(item, worker=app.worker, error=exc.code, not_before=not_before, ambiguous=exc.ambiguous)
        )

    async def _handle_refusal(self, item: OutboxItem, exc: Undeliverable) -> None:
        app = self._app
        logger.warning("delivery refused", extra={"event": "outbox.refused", "outbox_id": item.id, "error": exc.code})
        await until_settled(lambda: app.storage.run(lambda uow: self._record_refusal(uow, item, exc)))

    def _record_refusal(self, uow: UnitOfWork, item: OutboxItem, exc: Undeliverable) -> None:
        now, worker, address = self._app.clock.now(), self._app.worker, item.delivery.address
        if item.delivery.case_message_ids:
            # Conversation and case before the outbox, as everywhere.
            uow.cases.locked(uow.cases.message(item.delivery.case_message_ids[0]).case_id)
        is_mark = isinstance(item.delivery.content, Reaction | CloseTopic | ReopenTopic | Pin)
        if isinstance(exc, GroupMigrated) and not isinstance(address, ToPerson):
            groups.follow(uow, self._app, self._chat_of(uow, address), ChatId(exc.new_chat_id))
        if isinstance(address, ToCase) and not is_mark:
            if isinstance(exc, TopicMissing | TopicClosed):
                topic = uow.cases.topic(address.case_id)
                uow.cases.save_topic(CaseTopic(case_id=address.case_id, generation=topic.generation))
                uow.outbox.retry(item, worker=worker, error=exc.code, not_before=now, ambiguous=False)
                return
            if isinstance(exc, GroupMigrated):
                uow.outbox.retry(item, worker=worker, error=exc.code, not_before=now, ambiguous=False)
                return
            if isinstance(exc, DeskUnavailable):
                uow.incidents.open("desk_unavailable", str(exc), now=now)
                later = now + timedelta(seconds=DESK_RETRY_S)
                uow.outbox.retry(item, worker=worker, error=exc.code, not_before=later, ambiguous=False)
                return
        uow.outbox.give_up(item, worker=worker, error=exc.code, now=now)
        if isinstance(address, ToPerson):
            self._note_unreachable(uow, item, address, exc)
        else:
            self._tell_of_loss(uow, item, exc.code)

    def _chat_of(self, uow: UnitOfWork, address: ToCase | ToChat) -> ChatId:
        if isinstance(address, ToChat):
            return address.chat_id
        topic = uow.cases.topic(address.case_id)
        group = topic.group_id or groups.group_of(uow, self._app, uow.cases.get(address.case_id))
        assert group is not None
        return group

    def _note_unreachable(self, uow: UnitOfWork, item: OutboxItem, address: ToPerson, exc: Undeliverable) -> None:
        """Tell the caseworker plainly that the person did not get it, and stop sending to someone who blocked us."""
        now = self._app.clock.now()
        relay.lose_replies(uow, self._app, item.delivery.case_message_ids, DeliveryState.NOT_DELIVERED, now=now)
        if isinstance(exc, PersonUnreachable) and str(exc) != UNKNOWN_PERSON:
            casework.person_unreachable(uow, self._app, address.person_id, key=f"unreachable:{item.id}", now=now)
        else:
            self._tell_of_loss(uow, item, exc.code)


def _as_it_stands(uow: UnitOfWork, delivery: Delivery, chat_id: ChatId) -> tuple[Content | None, int | None]:
    """Return what may leave now, and what it replies to.

    While it waited for its budget somebody may have taken the conversation over, its case been sealed, or it been taken back.
    """
    if isinstance(delivery.address, ToPerson) and delivery.version is not None:
        conversation = uow.people.conversation(delivery.address.person_id)
        return (None if conversation.version > delivery.version else delivery.content), None
    answers = delivery.answers
    reply_to = uow.cases.place_of(answers, chat_id) if answers is not None else None
    if not delivery.case_message_ids:
        return delivery.content, reply_to
    messages = [uow.cases.message(message_id) for message_id in delivery.case_message_ids]
    case = uow.cases.get(messages[0].case_id)
    if isinstance(delivery.address, ToCase):
        is_secret = case.sealed or uow.people.get(case.person_id).state is PersonState.ERASED
        return (None if is_secret else delivery.content), reply_to
    kept = [message.state is not DeliveryState.WITHDRAWN for message in messages]
    if all(kept):
        return delivery.content, reply_to
    if isinstance(delivery.content, Copy) and any(kept):
        ids = tuple(number for number, is_kept in zip(delivery.content.message_ids, kept, strict=True) if is_kept)
        return replace(delivery.content, message_ids=ids), reply_to
    return None, reply_to


def _marked(item: OutboxItem) -> Delivery:
    """Show on words that may have arrived before that they may be a repeat; Telegram has no way to send a thing only once."""
    content = item.delivery.content
    if not (item.may_be_repeat and isinstance(content, Text)) or utf16_length(REPEAT + content.text) > TELEGRAM_LIMIT:
        return item.delivery
    return replace(item.delivery, content=replace(content, text=REPEAT + content.text))


def _hurried(item: OutboxItem, pool: Pool) -> OutboxItem:
    """A lane is as urgent as the most urgent in it: nothing before that may wait longer than it."""
    if pool is not Pool.URGENT_DESK:
        return item
    return replace(item, delivery=replace(item.delivery, priority=Priority.EMERGENCY))


def topic_name(case: Case) -> str:
    """Return ``#K7M-4QX · ar · gbv · sev3``; no personal data, and no category of a sealed case."""
    middle = "sealed" if case.sealed else (case.category or "general")
    drill = "DRILL " if case.drill else ""
    return f"{drill}#{case.number} · {case.language} · {middle} · sev{case.severity}"
