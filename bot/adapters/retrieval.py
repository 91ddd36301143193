"""Retrieval through :mod:`knowledge`, in a worker thread: encoding and searching hold the processor for some milliseconds."""

import asyncio
from collections.abc import Callable, Sequence

from bot.domain.errors import RetrievalUnavailable
from bot.domain.ids import PassageId
from knowledge.errors import EncoderUnavailable, IndexCorrupt, IndexMissing, IndexStale
from knowledge.index.search import Searcher
from knowledge.passages import Audience, Hit, Retrieval

STATE_OF_ERROR: dict[type[Exception], str] = {
    IndexMissing: "index_missing",
    IndexStale: "index_stale",
    IndexCorrupt: "index_corrupt",
    EncoderUnavailable: "encoder_unavailable",
}


class LibraryRetriever:
    """Retriever over a searcher that is opened at first use, so that light commands never load a model."""

    def __init__(self, open_searcher: Callable[[], Searcher]) -> None:
        self._open = open_searcher
        self._searcher: Searcher | None = None
        self._opening = asyncio.Lock()

    async def search(
        self, text: str, *, language: str, written: str, audiences: frozenset[Audience], limit: int
    ) -> Retrieval:  # fmt: skip
        """Return passages within ``audiences``, best first.

        Raises:
            RetrievalUnavailable: names the state.
        """
        try:
            searcher = await self._ready()
            return await asyncio.to_thread(
                searcher.search, text, language=language, written=written, audiences=audiences, limit=limit
            )
        except tuple(STATE_OF_ERROR) as exc:
            raise RetrievalUnavailable(STATE_OF_ERROR[type(exc)], str(exc)) from exc

    async def passage(self, passage_id: PassageId, *, audiences: frozenset[Audience]) -> str | None:
        """Return a passage under its heading, or None."""
        try:
            searcher = await self._ready()
        except tuple(STATE_OF_ERROR):
            return None
        return await asyncio.to_thread(searcher.passage_text, passage_id, audiences=audiences)

    async def resolve(self, passage_ids: Sequence[PassageId], *, audiences: frozenset[Audience]) -> list[Hit]:
        """Return passages by id, in this order; those that may not be shown any more are left out."""
        try:
            searcher = await self._ready()
        except tuple(STATE_OF_ERROR):
            return []
        return await asyncio.to_thread(searcher.resolve, passage_ids, audiences=audiences)

    async def warm_up(self) -> str:
        """Load model and index; return ``ok`` or the named state."""
        try:
            searcher = await self._ready()
            await asyncio.to_thread(searcher.check)
        except tuple(STATE_OF_ERROR) as exc:
            return STATE_OF_ERROR[type(exc)]
        return "ok"

    async def _ready(self) -> Searcher:
        async with self._opening:
            if self._searcher is None:
                self._searcher = await asyncio.to_thread(self._open)
            return self._searcher
