"""Waypost: the search that serves people, over a database and an index of its own.

Every passage is published as a document without a title, so that exactly its text is embedded. Vectors of both encoders are
given, as those of the peers are. ``ask`` is ``Searcher.search``: two encoders, words, fusion, and the passages' rows from SQLite.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.peers.stack import Found, Given
from benchmarks.peers.texts import Passage, Question
from benchmarks.peers.vectors import Vectors, vectors_of_texts
from bot.adapters.storage.engine import enable_wal, open_engine
from knowledge.index.build import build_index
from knowledge.index.encoder import Encoder, open_encoder
from knowledge.index.search import Searcher
from knowledge.passages import Audience, Document, sealed
from knowledge.store import KnowledgeStore
from knowledge.tables import metadata

PUBLIC = frozenset({Audience.PUBLIC})
COLLECTION = "peers"


class Waypost:
    """The product's own search."""

    def __init__(self) -> None:
        self._given: Given
        self._encoder: Encoder
        self._store: KnowledgeStore
        self._searcher: Searcher

    @property
    def label(self) -> str:
        return "Waypost"

    @property
    def index(self) -> str:
        return "FAISS + BM25, fused, SQLite"

    @property
    def encoder(self) -> str:
        second = self._encoder.second
        return self._encoder.name.partition("@")[0] + (f" and {second.name.partition('@')[0]}" if second else "")

    def load(self, given: Given) -> None:
        self._given = given
        self._encoder = open_encoder(given.encoder, given.threads)

    def add(self) -> None:
        self._store = _open_store(self._given.folder)
        now = datetime.now(UTC)
        documents = (_document(str(at), one.text, one.language) for at, one in enumerate(self._given.passages))
        self._store.publish_in_batches(documents, now=now, progress=lambda _: None)
        self._build(_prepared(self._encoder, self._given.passages, self._given.vectors), now)
        self._searcher = Searcher(self._store, self._encoder, self._given.folder / "index", clock=lambda: datetime.now(UTC))
        self._searcher.check()

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        found = self._searcher.search(question.text, language=question.language, audiences=PUBLIC, limit=limit)
        return [Found(at=int(hit.document_id), text=hit.text) for hit in found.hits]

    def build(self, texts: Sequence[str]) -> None:
        with TemporaryDirectory(dir=self._given.folder) as folder:
            store, now = _open_store(Path(folder)), datetime.now(UTC)
            languages = {one.text: one.language for one in self._given.passages}
            store.publish([_document(str(at), text, languages[text]) for at, text in enumerate(texts)], now=now)
            build_index(store, self._encoder, Path(folder) / "index", now, progress=lambda _: None)

    def update(self, at: int, text: str) -> None:
        now = datetime.now(UTC)
        self._store.publish([_document(str(at), text, self._given.passages[at].language)], now=now)
        self._build(self._encoder, now)
        self._searcher.check()

    def save(self) -> None:
        """Nothing: what is published and indexed is on disk."""

    def _build(self, encoder: Encoder, now: datetime) -> None:
        build_index(self._store, encoder, self._given.folder / "index", now, progress=lambda _: None)

    def without_rows(self) -> "Ranking":
        """Return the ranking alone."""
        return Ranking(self._searcher)


class Ranking:
    """Waypost's search up to the order of passages; nothing is asked of the database, so it is timed and not judged."""

    label = "Waypost, ranking only"
    index = "FAISS + BM25, fused"

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        places = self._searcher.rank(question.text, language=question.language, audiences=PUBLIC)[:limit]
        return [Found(at=place.passage, text="") for place in places]


class Prepared:
    """An encoder that has read some passages before: what a build asks of it is looked up, and embedded when it is new."""

    def __init__(self, encoder: Encoder, known: dict[str, Vectors], second: Encoder | None) -> None:
        self._encoder, self._known, self._second = encoder, known, second

    @property
    def name(self) -> str:
        return self._encoder.name

    @property
    def dim(self) -> int:
        return self._encoder.dim

    @property
    def languages(self) -> frozenset[str]:
        return self._encoder.languages

    @property
    def second(self) -> Encoder | None:
        return self._second

    @property
    def taught(self) -> Encoder | None:
        return None  # the passages are no entries

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encoder.encode_queries(texts)

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return self._encoder.encode_passages(texts)
        known = [self._known.get(text.strip()) for text in texts]
        new = iter(self._encoder.encode_passages([text for text, row in zip(texts, known, strict=True) if row is None]))
        return np.stack([next(new) if row is None else row for row in known])


def _prepared(encoder: Encoder, passages: Sequence[Passage], vectors: Vectors) -> Encoder:
    """Return our encoder, and the one beside it, with all passages read."""
    second = encoder.second
    if second is not None:
        texts = [one.text for one in passages if one.language in second.languages]
        second = Prepared(second, dict(zip(texts, vectors_of_texts(texts, second), strict=True)), None)
    return Prepared(encoder, dict(zip((one.text for one in passages), vectors, strict=True)), second)


def can_rank() -> bool:
    """Return whether the search can rank without asking the database."""
    return hasattr(Searcher, "rank")


def _open_store(folder: Path) -> KnowledgeStore:
    engine = open_engine(f"sqlite:///{folder / 'knowledge.db'}")
    enable_wal(engine)
    metadata.create_all(engine)
    return KnowledgeStore(engine)


def _document(path: str, text: str, language: str) -> Document:
    return sealed(Document(collection=COLLECTION, path=path, title="", language=language, audience=Audience.PUBLIC, body=text))


def sample_of(passages: Sequence[Passage], count: int) -> list[str]:
    """Return ``count`` texts, evenly spread."""
    count = min(count, len(passages))
    return [passages[at * len(passages) // count].text for at in range(count)]
