"""Documents in the database: published, superseded, withdrawn, and looked up for a search.

The database is the truth, the index only finds. What a person may see is decided here, at each question: published, in force
today, inside the person's audiences. So a withdrawal holds from the next question on, whatever the index still contains.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, bindparam, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.chunking import chunk, embedded_text
from knowledge.passages import (
    Audience,
    Authority,
    Document,
    Hit,
    IndexRow,
    PublishOutcome,
    Source,
    hash_of,
)
from knowledge.publishing import Publication, PutUp, Status
from knowledge.tables import document, document_version, embedding, passage
from knowledge.validity import VISIBLE, in_force, stands, visible, visible_values, was_visible

_d, _v, _p = document.c, document_version.c, passage.c
Section = tuple[str, str]
"""Headings in one line, and the text below them."""
K = TypeVar("K")
BATCH = 500
"""Ids in one statement: SQLite of some systems allows 999 parameters."""
ROWS_BATCH = 10_000
"""Rows without text that are read at once."""
BATCH_DOCUMENTS = 50
BATCH_CHARS = 2_000_000
"""One transaction of an import: so many documents, or so long together. A second or two in which nobody else writes."""
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('waypost knowledge', 0))")
"""Two who publish at once would give the same number twice; SQLite has one writer anyway."""


class KnowledgeStore:
    """The knowledge tables of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)  # on SQLite: no write lock for a question

    def publish(
        self, documents: Iterable[Document], *, now: datetime, draft: bool = False, revive: bool = True
    ) -> PublishOutcome:
        """Keep documents as published, or as drafts; all or none. Those with concerns are quarantined in either case.

        Args:
            revive: publish again what was withdrawn; False leaves it to an editor, whatever its words are now.
        """
        status: Status = "draft" if draft else "published"
        items = list(documents)
        with self.reading() as connection:
            publication = Publication(connection, now)
            news = [item for item in items if not publication.knows(item, status, revive=revive)]
        cut = [(item, chunk(item)) for item in news]  # before the transaction, which nobody else can write beside
        given = Counter[str]()
        with self._writing() as connection:
            publication = Publication(connection, now)
            for item, passages in cut:
                if not publication.knows(item, status, revive=revive):
                    given[publication.keep(item, passages, status)] += 1
        quarantined, changed = given["quarantined"], given.total()
        return PublishOutcome(changed=changed - quarantined, unchanged=len(items) - changed, quarantined=quarantined)

    def publish_in_batches(
        self, documents: Iterable[Document], *, now: datetime, draft: bool = False, progress: Callable[[PublishOutcome], None]
    ) -> PublishOutcome:
        """Publish as they come, some at a time: memory stays flat, and a kill loses one batch, for the same call to make up.

        Args:
            progress: told the outcome so far after each batch.
        """
        outcome = PublishOutcome(changed=0, unchanged=0, quarantined=0)
        for batch in _in_batches(documents):
            outcome += self.publish(batch, now=now, draft=draft)
            progress(outcome)
        return outcome

    def withdraw(self, collection: str, path: str, *, now: datetime) -> None:
        """Withdraw a document, with a wording that waits for its day; nothing shows it from the next question on.

        Raises:
            UnknownDocument: there is no such document.
            KnowledgeError: none of its versions is published.
        """
        with self._writing() as connection:
            Publication(connection, now).withdraw(collection, path)

    def publish_version(self, collection: str, path: str, number: int | None = None, *, now: datetime) -> PutUp:
        """Publish a draft, quarantined or withdrawn version; without a number the newest that is newer than what stands.

        Raises:
            UnknownDocument: there is no such document or version.
            KnowledgeError: it cannot be published; says why.
        """
        with self._writing() as connection:
            return Publication(connection, now).publish(collection, path, number)

    def roll_back(self, collection: str, path: str, to: int | None = None, *, now: datetime) -> PutUp:
        """Publish an earlier wording again, as a new version; without a number the one before the newest published.

        Raises:
            UnknownDocument: there is no such document or version.
            KnowledgeError: it cannot be published again; says why.
        """
        with self._writing() as connection:
            return Publication(connection, now).roll_back(collection, path, to)

    def index_rows(self, now: datetime) -> Iterator[IndexRow]:
        """Yield what an index must hold, by id: published and not past its last day.

        A text whose first day is still to come is in, and found on that day without a build; :meth:`resolve` holds it back.
        """
        return map(_index_row, self._pages(_INDEX_ROWS.where(stands(now)), ROWS_BATCH))

    def rows_in_force(self, on: date) -> Iterator[IndexRow]:
        """Yield, by id, the passages that could be shown at the end of a day (UTC), past or to come."""
        return map(_index_row, self._pages(_INDEX_ROWS.where(in_force(on)), ROWS_BATCH))

    def texts_for(self, ids: Collection[int]) -> dict[int, str]:
        """Return, by passage id, the texts as they are embedded; ids that are unknown are left out."""
        found: dict[int, str] = {}
        for some in _batches(ids):
            query = (
                select(_p.id, _v.title, _p.kind, _p.heading_path, _p.text)
                .join(document_version, _p.version_id == _v.id)
                .where(_p.id.in_(some))
            )
            found.update({row.id: embedded_text(row.title, row.kind, row.heading_path, row.text) for row in self._rows(query)})
        return found

    def corpus_hash(self, now: datetime) -> str:
        """Return a hash that changes whenever what :meth:`index_rows` yields does."""
        return hash_of(self.index_rows(now))

    def visible(self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime) -> set[int]:
        """Return those of these passages that may be shown now to somebody with these audiences."""
        values = visible_values(audiences, now)
        return {row.id for some in _batches(ids) for row in self._rows(_VISIBLE_NOW, {**values, "ids": some})}

    def resolve(
        self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime, as_of: date | None = None
    ) -> dict[int, Hit]:
        """Return, by the id asked for, what may be shown now to somebody with these audiences; a phrasing gives its lead.

        Scores are 0. Ids that are unknown, withdrawn, not in force or outside ``audiences`` are left out.

        Args:
            as_of: what could be shown at the end of that day instead.
        """
        if as_of is None:
            query, values = _RESOLVING_NOW, visible_values(audiences, now)
        else:
            query, values = _resolving(was_visible(audiences, as_of)), {}
        found = {}
        for some in _batches(ids):
            found.update({row.asked: _hit(row) for row in self._rows(query, {**values, "ids": some})})
        return found

    def sections_from(self, passage_id: int, *, audiences: Collection[Audience], now: datetime) -> Sequence[Section]:
        """Return a passage and those after it in its document; empty when it may not be shown."""
        asked = passage.alias("asked")
        query = (
            select(_p.heading_path, _p.text)
            .join(asked, and_(asked.c.version_id == _p.version_id, asked.c.id == passage_id, _p.ordinal >= asked.c.ordinal))
            .join(document_version, _p.version_id == _v.id)
            .where(_p.kind != "phrasing", asked.c.kind != "phrasing", visible(audiences, now))
            .order_by(_p.ordinal)
        )
        return [(" › ".join(row.heading_path), row.text) for row in self._rows(query)]

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection for :mod:`knowledge.history`; on SQLite it takes no write lock."""
        return self._reading.connect()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(ONE_AT_A_TIME)
            yield connection

    def vectors(self, encoder: str, hashes: Collection[str]) -> dict[str, bytes]:
        """Return the vectors this encoder already made, by hash of the text embedded."""
        found = {}
        for some in _batches(hashes):
            query = select(embedding.c.text_sha256, embedding.c.vector)
            query = query.where(embedding.c.encoder == encoder, embedding.c.text_sha256.in_(some))
            found.update({row.text_sha256: bytes(row.vector) for row in self._rows(query)})
        return found

    def keep_vectors(self, encoder: str, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors for the next build, in place of those kept before."""
        rows = [{"text_sha256": sha, "encoder": encoder, "vector": vector} for sha, vector in vectors.items()]
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        if rows:
            statement = dialect.insert(embedding)
            again = statement.on_conflict_do_update(
                index_elements=["text_sha256", "encoder"], set_={"vector": statement.excluded.vector}
            )
            with self._engine.begin() as connection:
                connection.execute(again, rows)

    def _rows(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        with self._reading.connect() as connection:
            return connection.execute(query, values).all()

    def _pages(self, query: Select[Any], size: int) -> Iterator[Row[Any]]:
        """Yield the rows of a query over passages by passage id, so many in memory at once.

        No transaction stays open between pages: embedding what one page holds takes longer than a server lets one idle.
        """
        last = 0
        while page := self._rows(query.where(_p.id > last).order_by(_p.id).limit(size)):
            yield from page
            last = page[-1].id


_VERSION_COLUMNS = (
    _v.id.label("version_id"), _v.title, _v.audience, _v.language, _v.kind, _v.sources, _v.checked, _v.review_due, _v.depends_on,
    _v.reviewed_by, _v.published_at, _v.number, _v.effective_from, _v.authority, _d.collection, _d.path, _d.topic, _d.subject,
)  # fmt: skip


def _resolving(may_be_shown: ColumnElement[bool]) -> Select[Any]:
    """Return the query that finds the passages ``ids``; putting it together takes longer than running it."""
    shown, lead = passage.alias("shown"), passage.alias("lead")
    return (
        select(
            _p.id.label("asked"), shown.c.id, shown.c.heading_path, shown.c.page, shown.c.anchor, shown.c.text,
            lead.c.text.label("lead"), *_VERSION_COLUMNS,
        )
        .select_from(passage)
        .join(shown, shown.c.id == func.coalesce(_p.shows_id, _p.id))
        .join(lead, and_(lead.c.version_id == _p.version_id, lead.c.kind == "lead"))
        .join(document_version, _p.version_id == _v.id)
        .join(document, _v.document_id == _d.id)
        .where(_p.id.in_(bindparam("ids", expanding=True)), may_be_shown)
    )  # fmt: skip


_RESOLVING_NOW = _resolving(VISIBLE)
_VISIBLE_NOW = (
    select(_p.id)
    .join(document_version, _p.version_id == _v.id)
    .where(_p.id.in_(bindparam("ids", expanding=True)), VISIBLE)
)  # fmt: skip
_INDEX_ROWS = (
    select(
        _p.id, _p.kind, _p.audience, _p.language, _p.text_sha256, _p.version_id,
        func.coalesce(_p.shows_id, _p.id).label("shows_id"), _v.authority, _v.kind.label("document_kind"), _d.collection,
        _d.subject,
    )
    .join(document_version, _p.version_id == _v.id)
    .join(document, _v.document_id == _d.id)
)  # fmt: skip


_AUDIENCES = {str(one): one for one in Audience}
_AUTHORITIES = {str(one): one for one in Authority}
"""Members by value: asking the enumeration takes as long as all the rest of a row."""


def _index_row(row: Row[Any]) -> IndexRow:
    return IndexRow(
        id=row.id, audience=_AUDIENCES[row.audience], text_sha256=row.text_sha256, language=row.language,
        version_id=row.version_id, shows_id=row.shows_id,
        collection=row.collection, subject=row.subject, kind=row.kind, authority=_AUTHORITIES[row.authority],
        is_answer=row.document_kind != "document",
    )  # fmt: skip


def _batches(keys: Collection[K]) -> Iterator[list[K]]:
    """Yield the keys in lists that one statement can name."""
    wanted = list(dict.fromkeys(keys))
    for first in range(0, len(wanted), BATCH):
        yield wanted[first : first + BATCH]


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        passage_id=row.id, score=0.0, document_id=row.path, collection=row.collection, topic=row.topic, subject=row.subject,
        title=row.title, authority=Authority(row.authority), page=row.page, anchor=row.anchor,
        version_number=row.number, version_date=row.effective_from or row.published_at.date(),
        audience=Audience(row.audience), language=row.language, heading_path=tuple(row.heading_path), text=row.text,
        # An imported document has no direct answer of its own: its first page would be shown for every question.
        lead=row.lead if row.kind != "document" else "",
        sources=tuple(map(Source.of_row, row.sources)), checked=row.checked or row.published_at.date(), review_due=row.review_due,
        depends_on=frozenset(row.depends_on), version_id=row.version_id, reviewed=bool(row.reviewed_by),
    )  # fmt: skip


def _in_batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield documents some at a time: few enough, and not too long together."""
    batch: list[Document] = []
    for item in documents:
        batch.append(item)
        if len(batch) == BATCH_DOCUMENTS or sum(len(one.body) for one in batch) >= BATCH_CHARS:
            yield batch
            batch = []
    if batch:
        yield batch
