"""What every use case is given: the ports, the policies and the office's own facts, wired once in :mod:`bot.bootstrap`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from bot.domain.ids import ChatId
from bot.service.ports import Clock, LanguageDetector, Messenger, Retriever, Storage, Understander
from knowledge.cards import CardBox
from policies import PolicySet


class Catalogue(Protocol):
    """Interface texts by language."""

    def text(self, key: str, language: str, **values: object) -> str:
        """Return the text in ``language`` or its nearest fallback."""
        ...

    def staff_text(self, key: str, **values: object) -> str: ...

    def shown_in(self, language: str) -> str:
        """Return the language whose texts a person writing ``language`` is shown."""
        ...

    def no_content(self, language: str) -> str:
        """Return the one honest sentence that says texts are in another language; empty when they are not."""
        ...

    def native_names(self) -> Mapping[str, str]:
        """Return code → native name of the languages a person can choose."""
        ...

    def is_reviewed(self, language: str) -> bool: ...


class CountryFinder(Protocol):
    def find(self, text: str) -> str | None:
        """Return the ISO 3166-1 alpha-2 code of the first country named in ``text``, in any supported language."""
        ...

    def nationality(self, text: str) -> str | None:
        """Return the code of the country whose people are named first in ``text``."""
        ...

    def name(self, code: str, language: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Who runs this installation."""

    operator: str
    group_id: ChatId | None
    """The staff group; None: cases are worked elsewhere."""
    default_language: str
    groups: Mapping[str, ChatId] = field(default_factory=dict)
    """Groups of teams by the name of their queue, where they have one of their own."""
    undo: timedelta = timedelta()
    """How long a reply is held, so that it can be taken back."""


@dataclass(slots=True, kw_only=True)
class Bell:
    """Wakes a worker of this process at once; other processes find the work by looking."""

    _event: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when rung, or after ``timeout_s`` seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return
        finally:
            self._event.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The wired application."""

    storage: Storage
    understander: Understander
    retriever: Retriever
    detector: LanguageDetector
    countries: CountryFinder
    messenger: Messenger
    clock: Clock
    policies: PolicySet = field(repr=False)  # whole lexicons: seconds of text wherever somebody prints what holds it
    catalogue: Catalogue
    cards: CardBox = field(repr=False)
    office: Office
    worker: str
    """Name of this process among those that lease work."""
    inbox_bell: Bell = field(default_factory=Bell)
    outbox_bell: Bell = field(default_factory=Bell)
