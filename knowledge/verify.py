"""Is the database as it should be: every passage its document's words, one wording a day, nothing left over.

Each finding says where and what to do. Versions are read some at a time, so that a large library does not fill the memory.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from knowledge.chunking import embedded_text
from knowledge.store import KnowledgeStore
from knowledge.subjects import subject_of
from knowledge.tables import document, document_version, passage

_d, _v, _p = document.c, document_version.c, passage.c
BATCH = 50
"""Versions read at once, with their passages."""
ADD_AGAIN = "add its file again after `waypost knowledge withdraw`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    place: str
    text: str
    """What is wrong and what to do."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def verify_database(store: KnowledgeStore) -> list[Finding]:
    """Return everything in the knowledge tables that is not as publishing leaves it; none when all is well."""
    with store.reading() as connection:
        return [
            *_left_over(connection),
            *_documents(connection),
            *(finding for row in _published(connection) for finding in _version(connection, row)),
        ]


def _published(connection: Connection) -> Iterator[Row[Any]]:
    """Yield the published versions with their words, by id."""
    last = 0
    query: Select[Any] = (
        select(_v.id, _v.number, _v.title, _v.sha256, _v.body, _v.audience, _v.language, _d.collection, _d.path)
        .join(document, _v.document_id == _d.id)
        .where(_v.status == "published")
        .order_by(_v.id)
        .limit(BATCH)
    )
    while rows := connection.execute(query.where(_v.id > last)).all():
        yield from rows
        last = rows[-1].id


def _version(connection: Connection, row: Row[Any]) -> Iterator[Finding]:
    """Compare a version with its passages."""
    place = f"{row.collection}/{row.path} version {row.number}"
    if not row.sha256:
        yield Finding(place=place, text=f"has no hash, so every `add` would publish it anew: {ADD_AGAIN}")
    passages = connection.execute(select(passage).where(_p.version_id == row.id).order_by(_p.ordinal)).all()
    leads = [one.id for one in passages if one.kind == "lead"]
    if len(leads) != 1:
        yield Finding(place=place, text=f"has {len(leads)} leads, so it cannot be shown: {ADD_AGAIN}")
    for one in passages:
        if wrong := _wrong_with(one, row, leads):
            yield Finding(place=f"{place}, passage {one.id}", text=f"{wrong}: {ADD_AGAIN}")


def _wrong_with(one: Row[Any], row: Row[Any], leads: Sequence[int]) -> str | None:
    if one.kind != "phrasing" and one.text != row.body[one.char_start : one.char_end]:
        return f"is not what stands at {one.char_start} to {one.char_end} of its document"
    if one.kind == "phrasing" and one.shows_id not in leads:
        return "is a phrasing that does not show the lead of its own document"
    if (one.audience, one.language) != (row.audience, row.language):
        return f"is for {one.audience} in {one.language}, its document for {row.audience} in {row.language}"
    embedded = embedded_text(row.title, one.kind, one.heading_path, one.text)
    if one.text_sha256 != hashlib.sha256(embedded.encode()).hexdigest():
        return "has the hash of another text, so that it is found by other words"
    return None


def _documents(connection: Connection) -> Iterator[Finding]:
    """Check of each document that one wording stands a day, and that it is filed under its subject."""
    query = (
        select(_d.id, _d.collection, _d.path, _d.topic, _d.subject, _v.number, _v.translation_of)
        .add_columns(_v.effective_from, _v.effective_until, _v.ended_at)
        .join(document_version, _v.document_id == _d.id)
        .where(_v.status == "published")
        .order_by(_d.collection, _d.path, _v.number)
    )
    by_document: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        by_document[row.id].append(row)
    for rows in by_document.values():
        newest, place = rows[-1], f"{rows[0].collection}/{rows[0].path}"
        for earlier, later in pairwise(sorted(rows, key=_days)):
            if _days(later)[0] <= _days(earlier)[1]:
                text = f"versions {earlier.number} and {later.number} are in force on {_days(later)[0]}: {ADD_AGAIN}"
                yield Finding(place=place, text=text)
        subject = subject_of(connection, newest.collection, newest.path, topic=newest.topic, translation_of=newest.translation_of)
        if subject != newest.subject:
            text = f"is filed under {newest.subject!r}, not under {subject!r} with its translations: {ADD_AGAIN}"
            yield Finding(place=place, text=text)


def _days(row: Row[Any]) -> tuple[date, date]:
    """Return the first and last day of a published version."""
    ends = [row.effective_until or date.max]
    if row.ended_at is not None:
        ends.append((row.ended_at - timedelta(microseconds=1)).date())  # it stood until that moment, which begins a day
    return row.effective_from or date.min, min(ends)


def _left_over(connection: Connection) -> Iterator[Finding]:
    """Look for rows whose owner is gone: only a damaged or hand-edited database has any."""
    for name, query in LEFT_OVER.items():
        if number := connection.scalar(query):
            yield Finding(place=name, text=f"{number} rows belong to nothing: restore the last backup")


LEFT_OVER = {
    "passage": select(func.count()).select_from(passage).where(_p.version_id.not_in(select(_v.id))),
    "document_version": select(func.count()).select_from(document_version).where(_v.document_id.not_in(select(_d.id))),
    "document": select(func.count()).select_from(document).where(_d.id.not_in(select(_v.document_id))),
}
