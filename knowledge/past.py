"""What was the rule then: the store as it stood at the end of a day, for building and searching an index of that day."""

from collections.abc import Collection, Iterator
from datetime import date, datetime

from sqlalchemy import Engine

from knowledge.passages import Audience, Hit, IndexRow
from knowledge.store import KnowledgeStore


class PastStore(KnowledgeStore):
    """A store in which it is always the end of one day (UTC); nothing is published through it.

    Vectors are those of the present store: a wording that was ever embedded is not embedded again.
    """

    def __init__(self, engine: Engine, on: date) -> None:
        super().__init__(engine)
        self._on = on

    def index_rows(self, now: datetime) -> Iterator[IndexRow]:
        """Yield the passages that could be shown that day."""
        return self.rows_in_force(self._on)

    def visible(self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime) -> set[int]:
        """Return what could be shown that day."""
        return set(self.resolve(ids, audiences=audiences, now=now))

    def resolve(
        self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime, as_of: date | None = None
    ) -> dict[int, Hit]:
        """Return what could be shown that day."""
        return super().resolve(ids, audiences=audiences, now=now, as_of=as_of or self._on)
