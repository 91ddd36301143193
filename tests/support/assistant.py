"""A whole assistant for tests: real policies, texts, cards and storage; understanding and retrieval under the test's control."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from bot.adapters.catalogue import YamlCatalogue
from bot.adapters.language import LinguaDetector
from bot.adapters.places import CldrCountries
from bot.adapters.quiet import QuietMessenger
from bot.domain.deliveries import Text
from bot.domain.errors import RetrievalUnavailable
from bot.domain.ids import ChatId, PassageId, UpdateId
from bot.domain.messages import Incoming, Kind
from bot.domain.turns import Understanding
from bot.service.answer_message import answer_message
from bot.service.app import App, Office
from bot.service.budget import Budget
from bot.service.deliver import Sender
from bot.service.ports import Clock, Messenger, RawUpdate, Storage
from bot.service.turn import TurnResult
from knowledge.cards import CardBox
from knowledge.passages import Audience, Authority, Hit, Retrieval, Source
from policies import load

POLICIES = load()
DETECTOR = LinguaDetector()
COUNTRIES = CldrCountries()
CATALOGUE = YamlCatalogue()
CARDS = CardBox.load()


def a_hit(number: int, topic: str, lead: str, **changes: object) -> Hit:
    """Return a passage as the library would find it."""
    hit = Hit(
        passage_id=number, score=0.9, document_id=f"en/{topic}.md", collection="pathways", topic=topic, subject=topic,
        title=f"About {topic}", authority=Authority.GUIDANCE, audience=Audience.PUBLIC, language="en", heading_path=(), page=None,
        anchor=None, text=lead, lead=lead, version_number=1, version_date=date(2026, 11, 23),
        sources=(Source(title=f"Page on {topic}", url=f"https://help.unhcr.org/{topic}", publisher="UNHCR", page_date=None),),
        checked=date(2026, 11, 23), review_due=date(2027, 5, 22), depends_on=frozenset(), version_id=number, reviewed=True,
    )  # fmt: skip
    return replace(hit, **changes)  # type: ignore[arg-type]


@dataclass(slots=True)
class Shelf:
    """Retriever over hits by key word; ``state`` makes it fail."""

    by_word: dict[str, Hit] = field(default_factory=dict)
    state: str | None = None
    asked: list[frozenset[Audience]] = field(default_factory=list)

    async def search(
        self, text: str, *, language: str, written: str, audiences: frozenset[Audience], limit: int
    ) -> Retrieval:  # fmt: skip
        self.asked.append(audiences)
        if self.state is not None:
            raise RetrievalUnavailable(self.state)
        found = [hit for word, hit in self.by_word.items() if word in text.lower() and hit.audience in audiences]
        return Retrieval(hits=tuple(found[:limit]), index_version="test")

    async def passage(self, passage_id: PassageId, *, audiences: frozenset[Audience]) -> str | None:
        return next(
            (hit.text for hit in self.by_word.values() if hit.passage_id == passage_id and hit.audience in audiences), None
        )

    async def resolve(self, passage_ids: Sequence[PassageId], *, audiences: frozenset[Audience]) -> list[Hit]:
        known = {hit.passage_id: hit for hit in self.by_word.values() if hit.audience in audiences}
        return [known[number] for number in passage_ids if number in known]


@dataclass(slots=True)
class Intents:
    """Understander over intents by key word."""

    by_word: dict[str, str] = field(default_factory=dict)
    suspected: dict[str, float] = field(default_factory=dict)
    """Probabilities of report_* intents that are read beside any first intent."""
    status: str = "ok"

    async def parse(self, text: str) -> Understanding:
        if self.status != "ok":
            return Understanding.missing(self.status)
        intent = next((intent for word, intent in self.by_word.items() if word in text.lower()), "ask_asylum")
        read = {intent: 0.9} if intent.startswith("report_") else {}
        return Understanding(intent=intent, confidence=0.9, reports=self.suspected | read)


def an_app(
    storage: Storage,
    clock: Clock,
    *,
    shelf: Shelf | None = None,
    intents: Intents | None = None,
    group_id: int | None = None,
    messenger: Messenger | None = None,
    groups: Mapping[str, ChatId] | None = None,
    undo: timedelta = timedelta(),
) -> App:
    """Wire an assistant."""
    return App(
        storage=storage, understander=intents or Intents(), retriever=shelf or Shelf(), detector=DETECTOR, countries=COUNTRIES,
        messenger=messenger or QuietMessenger(), clock=clock, policies=POLICIES, catalogue=CATALOGUE, cards=CARDS,
        office=Office(
            operator="the test office", group_id=ChatId(group_id) if group_id else None, default_language="en",
            groups=groups or {}, undo=undo,
        ),
        worker="test",
    )  # fmt: skip


@dataclass(slots=True)
class Someone:
    """A person who writes to the assistant, without Telegram in between."""

    app: App
    chat: ChatId
    hint: str | None = None
    _updates: int = 0

    async def says(self, text: str = "", *, kind: Kind = Kind.TEXT, **changes: object) -> TurnResult:
        """Send one message and return what came of it."""
        message = Incoming(
            update_id=await self._next_update(), chat_id=self.chat, sender_id=self.chat, message_id=self._updates, kind=kind,
            sent_at=self.app.clock.now(), text=text, language_hint=self.hint,
        )  # fmt: skip
        return await answer_message(replace(message, **changes), self.app)  # type: ignore[arg-type]

    async def commands(self, name: str, argument: str = "") -> TurnResult:
        return await self.says(argument, kind=Kind.COMMAND, command=name, argument=argument)

    async def presses(self, label_part: str) -> TurnResult:
        """Press the newest button whose label holds ``label_part``."""
        await self.receives()
        rows = [row for content in reversed(self._texts()) for row in content.buttons]
        token = next(button.token for row in rows for button in row if label_part in button.label)
        return await self.says(kind=Kind.BUTTON, button=token)

    async def receives(self) -> list[str]:
        """Deliver what is due and return all texts this chat got so far."""
        await Sender(self.app, Budget(overall_per_s=1e6, private_per_s=1e6, group_per_min=6e7)).drain()
        return [content.text for content in self._texts()]

    def _texts(self) -> list[Text]:
        assert isinstance(self.app.messenger, QuietMessenger)
        return [content for chat, _, content in self.app.messenger.sent if chat == self.chat and isinstance(content, Text)]

    async def _next_update(self) -> UpdateId:
        self._updates += 1
        update_id = UpdateId(int(self.chat) * 1000 + self._updates)
        now = self.app.clock.now()

        def arrive(uow):  # type: ignore[no-untyped-def]
            uow.inbox.add([RawUpdate(update_id=update_id, chat_id=self.chat, payload={}, received_at=now)])
            uow.inbox.claim(worker=self.app.worker, now=now, lease_s=600, limit=1)

        await self.app.storage.run(arrive)
        return update_id
