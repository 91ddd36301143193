"""The assistant without a messenger: one question, a chat in a terminal, or a file of cases.

State lives in a database in memory; knowledge comes from the configured one. A message takes the same path as one from Telegram:
inbox, lanes, :func:`bot.service.answer_message.answer_message`.
"""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot import bootstrap
from bot.adapters.keys import KeyRing
from bot.adapters.nlu import RasaUnderstander
from bot.adapters.nlu_process import NluProcess
from bot.adapters.retrieval import LibraryRetriever
from bot.adapters.storage import migrate
from bot.adapters.storage.engine import open_engine
from bot.adapters.storage.storage import SqlStorage
from bot.domain.ids import ChatId, UpdateId
from bot.domain.messages import Button, Incoming, Kind
from bot.domain.people import Person, Role
from bot.domain.turns import Understanding
from bot.service.answer_message import answer_message
from bot.service.app import App
from bot.service.ports import RawUpdate, Understander, UnitOfWork
from bot.service.turn import TurnResult
from bot.settings import Settings

SHOWN_HITS = 5


class NoNlu:
    """Understander that reports nothing: ``evaluate --no-nlu``."""

    async def parse(self, text: str) -> Understanding:
        return Understanding.missing("nlu_unavailable")


@dataclass(slots=True)
class Trial:
    """An assistant in memory."""

    app: App
    _updates: int = 0
    _chat: ChatId = field(default=ChatId(1_000_000_000))
    _buttons: list[Button] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        say: Callable[[str], None],
        *,
        use_nlu: bool = True,
        start_nlu: bool = False,
        state_url: str = "sqlite://",
    ) -> AsyncIterator["Trial"]:
        """Open a trial; an NLU server is started when ``start_nlu`` is set and none answers, and stopped at the end.

        Raises:
            NluUnavailable: it was to be started, and could not be.
        """
        async with contextlib.AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waypost-")))
            keys = KeyRing.create(folder / "keys.json")
            engine = open_engine(state_url)
            migrate.upgrade(engine)
            stack.callback(engine.dispose)
            understander = await _understander(settings, say, stack, use_nlu=use_nlu, start_nlu=start_nlu, folder=folder)
            parts = bootstrap.build(
                settings, storage=SqlStorage(engine, keys, bot_id=bootstrap.NO_BOT), understander=understander, keys=keys
            )
            stack.callback(parts.engine.dispose)
            assert isinstance(parts.retriever, LibraryRetriever)
            state = await parts.retriever.warm_up()
            if state != "ok":
                say(f"The index cannot be searched ({state}): run `make setup` or `waypost knowledge build`.")
            app = replace(parts.app, office=replace(parts.app.office, group_id=None, groups={}))
            yield cls(app)

    async def turn(
        self, text: str, *, role: str = "public", language: str | None = None, same_person: bool = False
    ) -> TurnResult:
        """Send one message, or press a button by its number, and return what came of it."""
        if not same_person:
            self._chat = ChatId(self._chat + 1)
        self._updates += 1
        message = await self.app.storage.run(lambda uow: self._keep(uow, text, role, language))
        result = await answer_message(message, self.app)
        self._buttons = [button for reply in result.replies for row_ in reply.buttons for button in row_]
        return result

    def _keep(self, uow: UnitOfWork, text: str, role: str, language: str | None) -> Incoming:
        """Make the person what the caller says, and put the message into the inbox as Telegram would."""
        now = self.app.clock.now()
        person = uow.people.for_chat(self._chat, now=now)
        person = replace(person, role=Role(role))
        if language:
            person = replace(person, language=language, language_chosen=True)
        uow.people.save(person)
        message = self._message(uow, person, text, now)
        uow.inbox.add([RawUpdate(update_id=message.update_id, chat_id=self._chat, payload={}, received_at=now)])
        uow.inbox.claim(worker=self.app.worker, now=now, lease_s=60, limit=1)
        return message

    def _message(self, uow: UnitOfWork, person: Person, text: str, now: datetime) -> Incoming:
        button = self._pressed(text)
        command, _, argument = text[1:].partition(" ") if text.startswith("/") and len(text) > 1 else ("", "", "")
        kind = Kind.BUTTON if button else Kind.COMMAND if command else Kind.TEXT
        token = None
        if button:
            [[wired]] = uow.buttons.issue([[button]], person_id=person.id, case_id=None, expires_at=now + timedelta(hours=1))
            token = wired.token
        return Incoming(
            update_id=UpdateId(self._updates), chat_id=self._chat, sender_id=self._chat, message_id=self._updates, kind=kind,
            sent_at=now, text="" if button else argument if command else text, command=command.lower() or None,
            argument=argument, button=token,
        )  # fmt: skip

    def _pressed(self, text: str) -> Button | None:
        number = int(text) if text.isdecimal() and len(text) <= 2 else 0
        return self._buttons[number - 1] if 0 < number <= len(self._buttons) else None


async def _understander(
    settings: Settings, say: Callable[[str], None], stack: contextlib.AsyncExitStack, *,
    use_nlu: bool, start_nlu: bool, folder: Path,
) -> Understander:  # fmt: skip
    """Return NLU as it is found, or started for this trial."""
    if not use_nlu:
        return NoNlu()
    found = RasaUnderstander(bootstrap.server_finder(settings))
    stack.push_async_callback(found.close)
    if await found.is_ready():
        return found
    if not start_nlu:
        say("The NLU server does not answer: this is read without it. `waypost up` starts one, and `waypost chat` its own.")
        return found
    say("The NLU server does not answer: starting one for this run …")
    process = NluProcess(settings.nlu.folder, folder / "nlu.json", settings.nlu.encoder)
    stack.push_async_callback(process.stop)
    await process.start()
    own = RasaUnderstander(process.server)
    stack.push_async_callback(own.close)
    return own


def row(row_id: str, result: TurnResult, *, ms: float | None = None) -> dict[str, Any]:
    """Return one turn as CONTRACTS prescribes for ``evaluate --json`` and ``ask --json``."""
    record = result.record
    return {
        "id": row_id,
        "outcome": str(record.outcome),
        "severity": record.severity,
        "rule": record.rule_id,
        "reason": record.reason,
        "text": "\n\n".join(reply.text for reply in result.replies),
        "buttons": [button.label for reply in result.replies for line in reply.buttons for button in line],
        "language": record.language,
        "case_opened": result.case_opened,
        "degraded": list(record.degraded),
        "retrieved": _distinct_topics(result),
        "citations": [
            {
                "topic": citation.topic, "title": citation.title, "url": citation.url, "audience": citation.audience,
                "checked": citation.checked.isoformat(), "score": round(citation.score, 4),
            }
            for citation in result.citations
        ],
        "ms": ms if ms is not None else round(sum(record.timings_ms.values()), 1),
    }  # fmt: skip


def _distinct_topics(result: TurnResult) -> list[dict[str, Any]]:
    best: dict[str | None, dict[str, Any]] = {}
    for hit in result.record.retrieved:
        best.setdefault(hit.topic, {"topic": hit.topic, "audience": hit.audience, "score": hit.score})
    return list(best.values())[:SHOWN_HITS]
