"""Documents in the database: published, superseded, withdrawn, and looked up for a search.

The database is the truth, the index only finds. What a person may see is decided here, at each question: published, in force
today, inside the person's audiences. So a withdrawal holds from the next question on, whatever the index still contains.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.chunking import chunk, embedded_text
from knowledge.errors import KnowledgeError
from knowledge.passages import Audience, Document, DocumentRow, DraftPassage, Hit, IndexRow, PublishOutcome, Source, hash_of
from knowledge.tables import document, document_version, embedding, passage

_d, _v, _p = document.c, document_version.c, passage.c
Section = tuple[str, str]
"""Headings in one line, and the text below them."""
BATCH = 500
"""Ids in one statement: SQLite of some systems allows 999 parameters."""


class KnowledgeStore:
    """The knowledge tables of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)  # on SQLite: no write lock for a question

    def publish(
        self, documents: Iterable[Document], *, now: datetime, draft: bool = False, revive: bool = True
    ) -> PublishOutcome:
        """Keep documents as published, or as drafts; all or none.

        Args:
            revive: publish again what was withdrawn, even in the same words; False leaves it withdrawn until they change.
        """
        status = "draft" if draft else "published"
        with self._engine.begin() as connection:
            news = [_publish_one(connection, item, now, status, revive) for item in documents]
        return PublishOutcome(changed=sum(news), unchanged=len(news) - sum(news))

    def withdraw(self, collection: str, path: str, *, now: datetime) -> None:
        """Withdraw every published version of a document; nothing shows it from the next question on.

        Raises:
            KnowledgeError: there is no such document, or none of its versions is published.
        """
        with self._engine.begin() as connection:
            known = select(_d.id).where(_d.collection == collection, _d.path == path).scalar_subquery()
            change = update(document_version).where(_v.document_id == known, _v.status == "published")
            if connection.execute(change.values(status="withdrawn")).rowcount == 0:
                raise KnowledgeError(f"No published document {collection}/{path}: `waypost knowledge list` shows what there is")

    def list(self, collection: str | None = None) -> Sequence[DocumentRow]:
        """Return the newest version of each document and every other one that is published or a draft."""
        newest = select(func.max(_v.number)).where(_v.document_id == _d.id).correlate(document).scalar_subquery()
        query = (
            select(_d.collection, _d.path, _v.number, _v.language, _v.audience, _v.status, _v.title, _d.topic)
            .join(document_version, _v.document_id == _d.id)
            .where(or_(_v.number == newest, _v.status.in_(("published", "draft"))))
            .order_by(_d.collection, _d.path, _v.number)
        )
        if collection is not None:
            query = query.where(_d.collection == collection)
        return [DocumentRow(**row._mapping) for row in self._rows(query)]

    def passages_for_index(self, now: datetime) -> Sequence[IndexRow]:
        """Return what an index must hold, by id: published and not past its last day.

        A text whose first day is still to come is in, and found on that day without a build; :meth:`resolve` holds it back.
        """
        query = (
            select(_p.id, _v.title, _p.kind, _p.heading_path, _p.text, _p.audience, _p.language, _p.text_sha256)
            .join(document_version, _p.version_id == _v.id)
            .where(_v.status == "published", _not_over(now.date()))
            .order_by(_p.id)
        )
        return [
            IndexRow(
                id=row.id, text=embedded_text(row.title, row.kind, row.heading_path, row.text),
                audience=Audience(row.audience), language=row.language, text_sha256=row.text_sha256,
            )
            for row in self._rows(query)
        ]  # fmt: skip

    def corpus_hash(self, now: datetime) -> str:
        """Return a hash that changes whenever :meth:`passages_for_index` does."""
        return hash_of(self.passages_for_index(now))

    def resolve(self, ids: Collection[int], *, audiences: Collection[Audience], now: datetime) -> dict[int, Hit]:
        """Return, by the id asked for, what may be shown now to somebody with these audiences; a phrasing gives its lead.

        Scores are 0. Ids that are unknown, withdrawn, not in force or outside ``audiences`` are left out.
        """
        found, wanted, shown, lead = {}, sorted(set(ids)), passage.alias("shown"), passage.alias("lead")
        for first in range(0, len(wanted), BATCH):
            query = (
                select(
                    _p.id.label("asked"), shown.c.id, shown.c.heading_path, shown.c.text, lead.c.text.label("lead"),
                    *_VERSION_COLUMNS,
                )
                .select_from(passage)
                .join(shown, shown.c.id == func.coalesce(_p.shows_id, _p.id))
                .join(lead, and_(lead.c.version_id == _p.version_id, lead.c.kind == "lead"))
                .join(document_version, _p.version_id == _v.id)
                .join(document, _v.document_id == _d.id)
                .where(_p.id.in_(wanted[first : first + BATCH]), _visible(audiences, now.date()))
            )  # fmt: skip
            found.update({row.asked: _hit(row) for row in self._rows(query)})
        return found

    def leads_in(
        self, language: str, *, topics: Collection[str], audiences: Collection[Audience], now: datetime
    ) -> dict[tuple[str, str], int]:
        """Return, by (collection, topic), the lead in ``language`` of each of these topics that has one to show now."""
        query = (
            select(_d.collection, _d.topic, _p.id)
            .join(document_version, _v.document_id == _d.id)
            .join(passage, _p.version_id == _v.id)
            .where(_d.topic.in_(set(topics)), _v.language == language, _p.kind == "lead", _visible(audiences, now.date()))
            .order_by(_p.id.desc())
        )
        return {(row.collection, row.topic): row.id for row in self._rows(query)} if topics else {}

    def sections_from(self, passage_id: int, *, audiences: Collection[Audience], now: datetime) -> Sequence[Section]:
        """Return a passage and those after it in its document; empty when it may not be shown."""
        asked = passage.alias("asked")
        query = (
            select(_p.heading_path, _p.text)
            .join(asked, and_(asked.c.version_id == _p.version_id, asked.c.id == passage_id, _p.ordinal >= asked.c.ordinal))
            .join(document_version, _p.version_id == _v.id)
            .where(_p.kind != "phrasing", asked.c.kind != "phrasing", _visible(audiences, now.date()))
            .order_by(_p.ordinal)
        )
        return [(" › ".join(row.heading_path), row.text) for row in self._rows(query)]

    def vectors(self, encoder: str, hashes: Collection[str]) -> dict[str, bytes]:
        """Return the vectors this encoder already made, by hash of the text embedded."""
        found, wanted = {}, sorted(set(hashes))
        for first in range(0, len(wanted), BATCH):
            some = embedding.c.text_sha256.in_(wanted[first : first + BATCH])
            query = select(embedding.c.text_sha256, embedding.c.vector).where(embedding.c.encoder == encoder, some)
            found.update({row.text_sha256: bytes(row.vector) for row in self._rows(query)})
        return found

    def keep_vectors(self, encoder: str, vectors: Mapping[str, bytes]) -> None:
        """Keep vectors for the next build; those already kept stay."""
        rows = [{"text_sha256": sha, "encoder": encoder, "vector": vector} for sha, vector in vectors.items()]
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        if rows:
            with self._engine.begin() as connection:
                connection.execute(dialect.insert(embedding).on_conflict_do_nothing(), rows)

    def _rows(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with self._reading.connect() as connection:
            return connection.execute(query).all()


_VERSION_COLUMNS = (
    _v.id.label("version_id"), _v.title, _v.audience, _v.language, _v.kind, _v.sources, _v.checked, _v.review_due, _v.depends_on,
    _v.reviewed_by, _v.published_at, _d.collection, _d.path, _d.topic,
)  # fmt: skip


def _not_over(today: date) -> ColumnElement[bool]:
    return or_(_v.effective_until.is_(None), _v.effective_until >= today)


def _visible(audiences: Collection[Audience], today: date) -> ColumnElement[bool]:
    begun = or_(_v.effective_from.is_(None), _v.effective_from <= today)
    return and_(_v.status == "published", _v.audience.in_([str(audience) for audience in audiences]), begun, _not_over(today))


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        passage_id=row.id, score=0.0, document_id=row.path, collection=row.collection, topic=row.topic, title=row.title,
        audience=Audience(row.audience), language=row.language, heading_path=tuple(row.heading_path), text=row.text,
        # An imported document has no direct answer of its own: its first page would be shown for every question.
        lead=row.lead if row.kind != "document" else "",
        sources=tuple(map(Source.of_row, row.sources)), checked=row.checked or row.published_at.date(), review_due=row.review_due,
        depends_on=frozenset(row.depends_on), version_id=row.version_id, reviewed=bool(row.reviewed_by),
    )  # fmt: skip


def _publish_one(connection: Connection, item: Document, now: datetime, status: str, revive: bool) -> bool:
    document_id = _document_id(connection, item)
    versions = connection.execute(select(_v.number, _v.sha256, _v.status).where(_v.document_id == document_id)).all()
    same = {"published", status} if revive else {"published", status, "withdrawn"}
    if any(row.sha256 == item.sha256 and row.status in same for row in versions):
        return False
    if status == "published":
        _supersede(connection, document_id, item, now)
        if item.supersedes:
            replaced = select(_d.id).where(_d.collection == item.collection, _d.path == item.supersedes)
            for old in connection.execute(replaced).scalars().all():
                _supersede(connection, old, item, now)
        connection.execute(update(document).where(_d.id == document_id).values(topic=item.topic))
    number = max((row.number for row in versions), default=0) + 1
    version_id = _insert_version(connection, document_id, number, item, now, status)
    _insert_passages(connection, version_id, item, chunk(item))
    return True


def _document_id(connection: Connection, item: Document) -> int:
    known = select(_d.id).where(_d.collection == item.collection, _d.path == item.path)
    found: int | None = connection.execute(known).scalar()
    if found is not None:
        return found
    made = connection.execute(insert(document).values(collection=item.collection, path=item.path, topic=item.topic))
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def _supersede(connection: Connection, document_id: int, item: Document, now: datetime) -> None:
    """End the present wording: at once, or on the eve of the new one's first day."""
    own = and_(_v.document_id == document_id, _v.status.in_(("published", "draft")))
    if item.effective_from is None or item.effective_from <= now.date():
        connection.execute(update(document_version).where(own).values(status="superseded"))
        return
    later = or_(_v.effective_until.is_(None), _v.effective_until >= item.effective_from)
    waiting = and_(own, _v.effective_from > now.date())
    connection.execute(update(document_version).where(waiting).values(status="superseded"))
    eve = item.effective_from - timedelta(days=1)
    connection.execute(update(document_version).where(own, _v.status == "published", later).values(effective_until=eve))


def _insert_version(connection: Connection, document_id: int, number: int, item: Document, now: datetime, status: str) -> int:
    made = connection.execute(
        insert(document_version).values(
            document_id=document_id, number=number, language=item.language, title=item.title, audience=str(item.audience),
            kind=item.kind, sha256=item.sha256, status=status, effective_from=item.effective_from,
            effective_until=item.effective_until, checked=item.checked, review_due=item.review_due, owner=item.owner,
            reviewed_by=list(item.reviewed_by), sensitivity=item.sensitivity, time_sensitive=item.time_sensitive,
            depends_on=list(item.depends_on), sources=[source.as_row() for source in item.sources],
            translation_of=item.translation_of, body=item.body, created_at=now,
            published_at=now if status == "published" else None,
        )
    )  # fmt: skip
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def _insert_passages(connection: Connection, version_id: int, item: Document, drafts: Sequence[DraftPassage]) -> None:
    """Insert the lead alone, for its id, then the others; phrasings show the lead."""
    rows = [_passage_row(version_id, item, draft) for draft in drafts]
    made = connection.execute(insert(passage).values(**rows[0], shows_id=None))
    assert made.inserted_primary_key is not None
    lead_id = int(made.inserted_primary_key[0])
    others = [{**row, "shows_id": lead_id if row["kind"] == "phrasing" else None} for row in rows[1:]]
    if others:
        connection.execute(insert(passage), others)


def _passage_row(version_id: int, item: Document, draft: DraftPassage) -> dict[str, Any]:
    embedded = embedded_text(item.title, draft.kind, draft.heading_path, draft.text)
    return {
        "version_id": version_id, "ordinal": draft.ordinal, "kind": draft.kind, "heading_path": list(draft.heading_path),
        "page": draft.page, "char_start": draft.start, "char_end": draft.end, "text": draft.text,
        "text_sha256": hashlib.sha256(embedded.encode()).hexdigest(), "audience": str(item.audience), "language": item.language,
    }  # fmt: skip
