"""From a document to rows: the document, one version of it, its passages."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, insert, select

from knowledge.chunking import embedded_text
from knowledge.passages import Document, DraftPassage
from knowledge.tables import document, document_version, passage

MAX_ANCHOR = 255
"""Characters of the column. A longer one is left out: the page opens without it, and PostgreSQL would refuse the whole batch."""


def insert_document(connection: Connection, item: Document) -> int:
    """Insert the row that all versions of a document share; return its number."""
    return _inserted(connection, insert(document).values(collection=item.collection, path=item.path, topic=item.topic))


def insert_version(connection: Connection, document_id: int, number: int, item: Document, status: str, now: datetime) -> int:
    """Insert one wording; return the number of its row."""
    statement = insert(document_version).values(
        document_id=document_id, number=number, language=item.language, title=item.title, audience=str(item.audience),
        kind=item.kind, sha256=item.sha256, status=status, effective_from=item.effective_from,
        effective_until=item.effective_until, checked=item.checked, review_due=item.review_due, owner=item.owner,
        reviewed_by=list(item.reviewed_by), sensitivity=item.sensitivity, time_sensitive=item.time_sensitive,
        depends_on=list(item.depends_on), sources=[source.as_row() for source in item.sources],
        translation_of=item.translation_of, supersedes=item.supersedes, authority=str(item.authority),
        concerns=list(item.concerns), body=item.body, created_at=now, published_at=now if status == "published" else None,
        ended_at=now if status == "superseded" else None,
    )  # fmt: skip
    return _inserted(connection, statement)


def insert_passages(connection: Connection, version_id: int, item: Document, drafts: Sequence[DraftPassage]) -> None:
    """Insert the passages of a wording, the lead first."""
    _insert_passages(connection, [_passage_row(version_id, item, draft) for draft in drafts])


def copy_version(connection: Connection, version_id: int, number: int, now: datetime) -> None:
    """Insert the same words as a version that is published now; what was embedded need not be again, for the hashes stay."""
    row = dict(connection.execute(select(document_version).where(document_version.c.id == version_id)).mappings().one())
    del row["id"]
    row.update(number=number, status="published", created_at=now, published_at=now, ended_at=None)
    own = _inserted(connection, insert(document_version).values(row))
    old = select(passage).where(passage.c.version_id == version_id).order_by(passage.c.ordinal)
    kept = [dict(found) for found in connection.execute(old).mappings()]
    for found in kept:
        del found["id"]
    _insert_passages(connection, [{**found, "version_id": own} for found in kept])


def _insert_passages(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the lead alone, for its id, then the others; phrasings show the lead."""
    lead_id = _inserted(connection, insert(passage).values({**rows[0], "shows_id": None}))
    others = [{**row, "shows_id": lead_id if row["kind"] == "phrasing" else None} for row in rows[1:]]
    if others:
        connection.execute(insert(passage), others)


def _passage_row(version_id: int, item: Document, draft: DraftPassage) -> dict[str, Any]:
    embedded = embedded_text(item.title, draft.kind, draft.heading_path, draft.text)
    return {
        "version_id": version_id, "ordinal": draft.ordinal, "kind": draft.kind, "heading_path": list(draft.heading_path),
        "page": draft.page, "anchor": draft.anchor if len(draft.anchor or "") <= MAX_ANCHOR else None,
        "char_start": draft.start, "char_end": draft.end, "text": draft.text,
        "text_sha256": hashlib.sha256(embedded.encode()).hexdigest(), "audience": str(item.audience), "language": item.language,
    }  # fmt: skip


def _inserted(connection: Connection, statement: Insert) -> int:
    key = connection.execute(statement).inserted_primary_key
    assert key is not None
    return int(key[0])
