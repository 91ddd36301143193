"""Telegram through python-telegram-bot's ``Bot``: the only importer of it beside the handlers.

Library errors become ours here. ``BadRequest`` and ``TimedOut`` are subclasses of ``NetworkError`` and are caught first; a
time-out or a dropped connection after sending is ambiguous, because the Bot API has no idempotency key; a connection never made
is not.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn, cast
from urllib.parse import urlencode

import httpx
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReactionTypeEmoji,
    ReplyParameters,
    Update,
)
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut
from telegram.request import HTTPXRequest

from bot.domain.deliveries import (
    Aid,
    Board,
    CloseTopic,
    Content,
    Copy,
    Edit,
    Header,
    Pin,
    Reaction,
    ReopenTopic,
    Text,
    WireButton,
)
from bot.domain.errors import (
    DeskUnavailable,
    GroupMigrated,
    MessageGone,
    MessageRefused,
    PersonUnreachable,
    TelegramUnavailable,
    TopicClosed,
    TopicMissing,
)
from bot.domain.ids import ChatId
from bot.service.ports import Sent

logger = logging.getLogger(__name__)

# Opts in to timedelta for RetryAfter.retry_after: reading it warns otherwise, and will change in a later version.
os.environ.setdefault("PTB_TIMEDELTA", "1")

ALLOWED_UPDATES = [
    Update.MESSAGE, Update.EDITED_MESSAGE, Update.CALLBACK_QUERY, Update.MY_CHAT_MEMBER,
]  # fmt: skip
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
MESSAGE_GONE = ("message to edit not found", "message can't be edited", "message to pin not found", "message_id_invalid")
TOPIC_MISSING = ("message thread not found", "topic_deleted", "topic_id_invalid")
NO_RIGHTS = ("not enough rights", "chat_admin_required", "have no rights", "need administrator rights", "not a forum")
UNREACHABLE = ("bot was blocked", "user is deactivated", "bot can't initiate conversation", "chat not found")
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Causes of a NetworkError or TimedOut that came before the first byte left: a retry repeats nothing."""
SOURCE_GONE = ("bot was kicked", "not a member", "chat not found")
NOTHING_TO_DO = ("message is not modified", "topic_not_modified")


def open_bot(token: str, base_url: str | None) -> Bot:
    """Return a client with a pool wide enough for all senders; ``base_url`` replaces Telegram's own in tests."""
    places = {} if base_url is None else {"base_url": base_url}
    return Bot(
        token,
        request=HTTPXRequest(connection_pool_size=32, read_timeout=15, pool_timeout=10),
        **cast(dict[str, Any], places),
    )


class TelegramMessenger:
    """Sends what the outbox holds."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content, *, reply_to: int | None = None) -> Sent:
        """Perform one operation; ``reply_to`` is a message of the same chat that may have gone meanwhile.

        Raises:
            Unavailable: try again later.
            Undeliverable: never as it is.
        """
        try:
            return await self._perform(chat_id, thread_id, content, _reply_to(reply_to))
        except BadRequest as exc:
            if any(text in str(exc).lower() for text in NOTHING_TO_DO):
                return Sent()
            _refuse_source(exc, content)
            _translate(exc, chat_id)
        except TelegramError as exc:
            _refuse_source(exc, content)
            _translate(exc, chat_id)

    async def create_topic(self, group_id: ChatId, name: str) -> int:
        """Return the thread id of a new forum topic."""
        try:
            topic = await self._bot.create_forum_topic(group_id, name)
        except TelegramError as exc:
            _translate(exc, group_id)
        return topic.message_thread_id

    async def answer_button(self, callback_id: str, text: str = "", *, alert: bool = False) -> None:
        """Stop the spinner; a press too old to be answered is no error."""
        try:
            await self._bot.answer_callback_query(callback_id, text=text[:200] or None, show_alert=alert and bool(text))
        except TelegramError as exc:
            logger.info("button not answered", extra={"event": "button.unanswered", "error": type(exc).__name__})

    async def _perform(self, chat_id: ChatId, thread_id: int | None, content: Content, reply: ReplyParameters | None) -> Sent:
        match content:
            case Text(text=text, buttons=rows):
                message = await self._bot.send_message(
                    chat_id, text, message_thread_id=thread_id, reply_markup=_keyboard(rows), link_preview_options=NO_PREVIEW,
                    reply_parameters=reply,
                )  # fmt: skip
                return Sent(message_ids=(message.message_id,))
            case Copy():
                return await self._copy(chat_id, thread_id, content, reply)
            case Reaction(message_id=message_id, emoji=emoji):
                await self._bot.set_message_reaction(chat_id, message_id, [ReactionTypeEmoji(emoji)])
                return Sent()
            case Edit(message_id=message_id, text=text, buttons=rows, is_caption=True):
                await self._bot.edit_message_caption(chat_id, message_id, caption=text, reply_markup=_keyboard(rows))
                return Sent(message_ids=(message_id,))
            case Edit(message_id=message_id, text=text, buttons=rows):
                await self._bot.edit_message_text(
                    text, chat_id, message_id, reply_markup=_keyboard(rows), link_preview_options=NO_PREVIEW
                )
                return Sent(message_ids=(message_id,))
            case Pin(message_id=message_id):
                await self._bot.pin_chat_message(chat_id, message_id, disable_notification=True)
                return Sent()
            case CloseTopic():
                if thread_id is not None:
                    await self._bot.close_forum_topic(chat_id, thread_id)
                return Sent()
            case ReopenTopic():
                if thread_id is not None:
                    await self._bot.reopen_forum_topic(chat_id, thread_id)
                return Sent()
            case Header() | Aid() | Board():
                raise AssertionError(f"{content} is written when it is sent")

    async def _copy(self, chat_id: ChatId, thread_id: int | None, content: Copy, reply: ReplyParameters | None) -> Sent:
        source, ids = content.from_chat_id, sorted(content.message_ids)
        if len(ids) == 1:
            copied = await self._bot.copy_message(chat_id, source, ids[0], message_thread_id=thread_id, reply_parameters=reply)
            return Sent(message_ids=(copied.message_id,))
        # One call, so that an album stays one. It has no way to say what it replies to.
        album = await self._bot.copy_messages(chat_id, source, ids, message_thread_id=thread_id)
        if not album:
            raise MessageRefused("none of these messages can be copied")
        return Sent(message_ids=tuple(copy.message_id for copy in album))


class TelegramUpdates:
    """Fetches updates as raw JSON, so that one that cannot be parsed blocks nothing."""

    def __init__(self, bot: Bot, *, wait_s: int) -> None:
        self._url = f"{bot.base_url}/getUpdates"
        self._request = HTTPXRequest(connection_pool_size=1)
        self._wait_s = wait_s

    async def close(self) -> None:
        await self._request.shutdown()

    async def fetch(self, offset: int | None) -> Sequence[Mapping[str, object]]:
        """Return the next updates from ``offset`` on, waiting up to ``wait_s`` seconds for the first.

        Raises:
            TelegramUnavailable: no answer, or a refusal; its message says which.
        """
        arguments: dict[str, object] = {"timeout": self._wait_s, "limit": 100, "allowed_updates": json.dumps(ALLOWED_UPDATES)}
        if offset is not None:
            arguments["offset"] = offset
        try:
            # The library's own get_updates parses the whole batch: one update it cannot read would come again for ever.
            found = await self._request.post(f"{self._url}?{urlencode(arguments)}", read_timeout=self._wait_s + 10)
        except RetryAfter as exc:
            raise TelegramUnavailable(str(exc), retry_after_s=_seconds(exc.retry_after)) from exc
        except TelegramError as exc:
            raise TelegramUnavailable(f"getUpdates: {exc}") from exc
        return cast(Sequence[Mapping[str, object]], found)


async def set_up(bot: Bot, commands: Mapping[str, Mapping[str, str]], webhook: tuple[str, str] | None) -> None:
    """Tell Telegram our commands by language (``""`` is the default), and whether updates are fetched or posted to us."""
    try:
        for language, texts in commands.items():
            menu = [BotCommand(name, text) for name, text in texts.items()]
            await bot.set_my_commands(menu, language_code=language or None)
        if webhook is None:
            await bot.delete_webhook(drop_pending_updates=False)
        else:
            url, secret = webhook
            await bot.set_webhook(url, secret_token=secret, allowed_updates=ALLOWED_UPDATES, drop_pending_updates=False)
    except TelegramError as exc:
        raise TelegramUnavailable(str(exc)) from exc


async def describe_desk(bot: Bot, group_id: ChatId) -> str | None:
    """Return what keeps us from working in the staff group, in words; None when nothing does."""
    try:
        chat = await bot.get_chat(group_id)
        member = await bot.get_chat_member(group_id, bot.id)
    except TelegramError as exc:
        return f"the group {group_id} cannot be read ({exc}): add the bot to it"
    if not chat.is_forum:
        return f"the group {group_id} has no topics: turn on Topics in its settings"
    if member.status != "administrator" or not getattr(member, "can_manage_topics", False):
        return f"the bot is no administrator who may manage topics in the group {group_id}: promote it"
    return None


def _reply_to(message_id: int | None) -> ReplyParameters | None:
    return None if message_id is None else ReplyParameters(message_id, allow_sending_without_reply=True)


def _keyboard(rows: Sequence[Sequence[WireButton]]) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(button.label, callback_data=button.token) for button in row] for row in rows]
    )


def _refuse_source(exc: TelegramError, content: Content) -> None:
    """A copy may be refused because of where it comes from: the person it goes to has done nothing."""
    said = str(exc).lower()
    if isinstance(content, Copy) and content.from_chat_id < 0 and any(text in said for text in SOURCE_GONE):
        raise MessageRefused(str(exc)) from exc


def _translate(exc: TelegramError, chat_id: ChatId) -> NoReturn:
    """Raise our error for Telegram's (table in docs/adr/0004)."""
    said, is_group = str(exc).lower(), chat_id < 0
    if isinstance(exc, RetryAfter):
        raise TelegramUnavailable(str(exc), retry_after_s=_seconds(exc.retry_after)) from exc
    if isinstance(exc, ChatMigrated):
        raise GroupMigrated(exc.new_chat_id) from exc
    if any(text in said for text in TOPIC_MISSING):
        raise TopicMissing from exc
    if "topic_closed" in said:
        raise TopicClosed from exc
    if is_group and (isinstance(exc, Forbidden) or any(text in said for text in (*NO_RIGHTS, "chat not found"))):
        raise DeskUnavailable(str(exc)) from exc
    if isinstance(exc, Forbidden) or any(text in said for text in UNREACHABLE):
        raise PersonUnreachable from exc
    if any(text in said for text in MESSAGE_GONE):
        raise MessageGone(str(exc)) from exc
    if isinstance(exc, BadRequest):
        raise MessageRefused(str(exc)) from exc
    if isinstance(exc.__cause__, NEVER_SENT):
        raise TelegramUnavailable(type(exc.__cause__).__name__) from exc
    if isinstance(exc, TimedOut):
        raise TelegramUnavailable(str(exc), ambiguous=True) from exc
    if isinstance(exc, NetworkError):
        raise TelegramUnavailable(type(exc).__name__, ambiguous=not said.startswith("bad gateway")) from exc
    raise TelegramUnavailable(str(exc)) from exc


def _seconds(wait: int | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
