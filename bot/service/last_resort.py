"""Help when nothing can be kept, or handling a message fails: the words are screened in memory and answered directly.

Nothing here is durable, and nothing is lost for it: the update stays with Telegram (or in the inbox) and comes again. What was
said already is remembered for this process only, so that nobody gets the same notice with every attempt.
"""

import logging
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from bot.domain.deliveries import Text
from bot.domain.errors import WaypostError
from bot.domain.ids import ChatId
from bot.service.app import App
from bot.service.split import split_text
from policies import Screening, TurnFacts, decide, screen
from policies.decisions import Outcome

logger = logging.getLogger(__name__)

REMEMBERED = 10_000


class LastResort:
    """Cards and notices that need neither database, nor index, nor models."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._told: OrderedDict[int, None] = OrderedDict()

    async def notify(self, payloads: Sequence[Mapping[str, object]]) -> None:
        """Tell each writer once: a card when they are in danger, otherwise that nothing can be kept at the moment."""
        for payload in payloads:
            await self._tell(payload, otherwise="storage_unavailable")

    async def card_if_in_danger(self, payload: Mapping[str, object]) -> None:
        """Send the card when the words tell of danger; say nothing otherwise."""
        await self._tell(payload, otherwise=None)

    async def _tell(self, payload: Mapping[str, object], *, otherwise: str | None) -> None:
        message = payload.get("message")
        if not isinstance(message, Mapping):
            return
        chat_id, language, text = _read(message)
        update_id = int(str(payload["update_id"]))
        if chat_id is None or chat_id < 0 or update_id in self._told:
            return
        language = language if language in self._app.catalogue.native_names() else self._app.office.default_language
        said = self._words(screen(text, self._app.policies), text, language, otherwise)
        if said is None:
            return
        self._told[update_id] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        await self._send(chat_id, said)

    def _words(self, screening: Screening, text: str, language: str, otherwise: str | None) -> str | None:
        decision = decide(TurnFacts(screening=screening), self._app.policies)
        if screening.triggers and decision.outcome is Outcome.EMERGENCY:
            detected, confidence = self._app.detector.detect(text)
            shown = detected if detected and confidence > 0.6 else language
            return self._app.cards.text(decision.category, self._app.catalogue.shown_in(shown))
        return self._app.catalogue.text(otherwise, language) if otherwise else None

    async def _send(self, chat_id: ChatId, text: str) -> None:
        try:
            for piece in split_text(text):
                await self._app.messenger.send(chat_id, None, Text(text=piece))
        except WaypostError as exc:
            logger.warning("last resort not delivered", extra={"event": "last_resort.failed", "error": exc.code})


def _read(message: Mapping[str, object]) -> tuple[ChatId | None, str, str]:
    chat, sender = message.get("chat"), message.get("from")
    chat_id = chat.get("id") if isinstance(chat, Mapping) else None
    hint = sender.get("language_code") if isinstance(sender, Mapping) else None
    text = message.get("text") or message.get("caption") or ""
    return (
        ChatId(chat_id) if isinstance(chat_id, int) else None,
        str(hint or "")[:2],
        unicodedata.normalize("NFC", str(text)),
    )
