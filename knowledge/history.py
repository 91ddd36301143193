"""What was said when: the versions of a document, the one in force on a day, and a passage as it was when it was cited.

Nothing here changes a row. Every function reads through its caller's connection, so that one answer shows one moment.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, or_, select

from knowledge.errors import UnknownDocument
from knowledge.passages import Authority, PassageKind, Source
from knowledge.tables import document, document_version, passage
from knowledge.validity import in_force, shown_status

_d, _v, _p = document.c, document_version.c, passage.c
PENDING = ("draft", "quarantined")
"""Never shown yet, may be published."""
NAMED = 12
"""So many of what exists are named in an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One wording of a document, without its words."""

    id: int
    collection: str
    path: str
    subject: str
    topic: str | None
    number: int
    title: str
    language: str
    audience: str
    kind: str
    authority: Authority
    status: str
    """As it is today: a published one is shown as expired or superseded once its time is over."""
    effective_from: date | None
    effective_until: date | None
    published_at: datetime | None
    ended_at: datetime | None
    """When it was superseded or withdrawn; may lie ahead."""
    created_at: datetime
    checked: date | None
    review_due: date | None
    owner: str
    reviewed_by: tuple[str, ...]
    sensitivity: str
    time_sensitive: bool
    depends_on: tuple[str, ...]
    sources: tuple[Source, ...]
    translation_of: str | None
    supersedes: str | None
    concerns: tuple[str, ...]
    sha256: str

    @property
    def dated(self) -> date:
        """The date this wording is cited by."""
        return self.effective_from or (self.published_at or self.created_at).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPassage:
    """A passage of any version, shown or not."""

    id: int
    version_id: int
    kind: PassageKind
    heading_path: tuple[str, ...]
    page: int | None
    anchor: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which versions are listed; without any choice the newest of each document, and what is published or may yet be."""

    collection: str | None = None
    language: str | None = None
    status: str | None = None
    as_of: date | None = None
    """Those in force at the end of that day."""
    review_due: bool = False
    """Published ones whose day of review has come."""


def document_id(connection: Connection, collection: str, path: str) -> int:
    """Return the number of a document.

    Raises:
        UnknownDocument: names the collections, or the documents of nearly this name.
    """
    found: int | None = connection.scalar(select(_d.id).where(_d.collection == collection, _d.path == path))
    if found is not None:
        return found
    _require_collection(connection, collection)
    paths = connection.scalars(select(_d.path).where(_d.collection == collection)).all()
    near = difflib.get_close_matches(path, paths, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(near)}?" if near else f"`waypost knowledge list --collection {collection}` shows all"
    raise UnknownDocument(f"No document {path!r} in {collection}: {meant}")


def versions_of(connection: Connection, collection: str, path: str, *, now: datetime) -> Sequence[Version]:
    """Return every version of a document, by number.

    Raises:
        UnknownDocument: it is not there.
    """
    query = _versions().where(_d.id == document_id(connection, collection, path)).order_by(_v.number)
    return [_version(row, now) for row in connection.execute(query)]


def numbered(known: Sequence[Version], number: int) -> Version:
    """Return one of the versions of a document.

    Raises:
        UnknownDocument: it is not there; names those that are.
    """
    for one in known:
        if one.number == number:
            return one
    numbers = ", ".join(f"{one.number} ({one.status})" for one in known[-NAMED:])
    raise UnknownDocument(f"{known[0].collection}/{known[0].path} has no version {number}: there is {numbers}")


def version_in_force(connection: Connection, collection: str, path: str, *, on: date, now: datetime) -> Version:
    """Return the wording that could be shown at the end of a day (UTC), whatever happened to it later.

    Raises:
        UnknownDocument: there is no such document, or none of its wordings was in force; says when they were.
    """
    known = versions_of(connection, collection, path, now=now)
    number = connection.scalar(
        select(_v.number)
        .join(document, _v.document_id == _d.id)
        .where(_d.collection == collection, _d.path == path, in_force(on))
        .order_by(_v.number.desc())
        .limit(1)
    )
    if number is None:
        times = "; ".join(f"version {one.number} {_stretch(one)}" for one in known[-NAMED:] if one.published_at)
        raise UnknownDocument(f"{collection}/{path} had no wording in force on {on}: {times or 'none was ever published'}")
    return numbered(known, number)


def listed(connection: Connection, wanted: Filter, *, now: datetime) -> Sequence[Version]:
    """Return versions by collection, path and number.

    Raises:
        UnknownDocument: there is no such collection; names those that are.
    """
    query = _versions().order_by(_d.collection, _d.path, _v.number)
    if wanted.collection is not None:
        _require_collection(connection, wanted.collection)
        query = query.where(_d.collection == wanted.collection)
    if wanted.language is not None:
        query = query.where(_v.language == wanted.language)
    if wanted.as_of is not None:
        query = query.where(in_force(wanted.as_of))
    elif wanted.status is None and not wanted.review_due:
        newest = select(func.max(_v.number)).where(_v.document_id == _d.id).correlate(document).scalar_subquery()
        query = query.where(or_(_v.number == newest, _v.status.in_(("published", *PENDING))))
    if wanted.review_due:
        query = query.where(_v.status == "published", _v.review_due <= now.date())
    found = [_version(row, now) for row in connection.execute(query)]
    shown = {wanted.status} if wanted.status else {"published", "expired"} if wanted.review_due else None
    return [one for one in found if shown is None or one.status in shown]


def variants(connection: Connection, of: Version, *, now: datetime) -> Sequence[Version]:
    """Return the newest version of each other document on the same subject."""
    newest = select(func.max(_v.number)).where(_v.document_id == _d.id).correlate(document).scalar_subquery()
    same = and_(_d.collection == of.collection, _d.subject == of.subject, _d.path != of.path, _v.number == newest)
    return [_version(row, now) for row in connection.execute(_versions().where(same).order_by(_v.language, _d.path))]


def body_of(connection: Connection, version_id: int) -> str:
    """Return the words of a version."""
    return str(connection.scalar(select(_v.body).where(_v.id == version_id)))


def passages_of(connection: Connection, version_id: int) -> Sequence[KeptPassage]:
    """Return the passages of a version in reading order, phrasings last."""
    query = select(*_PASSAGE).where(_p.version_id == version_id).order_by(_p.ordinal)
    return [_passage(row) for row in connection.execute(query)]


def passage_as_cited(connection: Connection, passage_id: int, *, now: datetime) -> tuple[Version, KeptPassage]:
    """Return a passage and the version it belongs to, also one that was superseded or withdrawn since; a phrasing gives its lead.

    Raises:
        UnknownDocument: no passage ever had this id.
    """
    shown = select(func.coalesce(_p.shows_id, _p.id)).where(_p.id == passage_id).scalar_subquery()
    row = connection.execute(select(*_PASSAGE).where(_p.id == shown)).one_or_none()
    if row is None:
        raise UnknownDocument(f"No passage {passage_id}: `waypost knowledge show COLLECTION DOCUMENT --passages` shows their ids")
    found = _passage(row)
    return _version(connection.execute(_versions().where(_v.id == found.version_id)).one(), now), found


_PASSAGE = [_p[field.name] for field in fields(KeptPassage)]


def _versions() -> Select[Any]:
    """Return the query of all versions; without the words, which may be long."""
    own = [_d[name] for name in ("collection", "path", "subject", "topic")]
    kept = [_v[field.name] for field in fields(Version) if field.name not in _d or field.name == "id"]
    return select(*own, *kept).join(document_version, _v.document_id == _d.id)


def _version(row: Row[Any], now: datetime) -> Version:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row._mapping.items()}
    values["sources"] = tuple(map(Source.of_row, row.sources))
    values["authority"] = Authority(row.authority)
    values["status"] = shown_status(row.status, effective_until=row.effective_until, ended_at=row.ended_at, now=now)
    return Version(**values)


def _passage(row: Row[Any]) -> KeptPassage:
    return KeptPassage(**{**row._mapping, "heading_path": tuple(row.heading_path)})


def _stretch(one: Version) -> str:
    """Return from when to when a version could be shown, in words."""
    first = one.dated if one.published_at is None else max(one.dated, one.published_at.date())
    ends = [day for day in (one.effective_until, one.ended_at and one.ended_at.date()) if day]
    return f"from {first} to {min(ends)}" if ends else f"since {first}"


def _require_collection(connection: Connection, collection: str) -> None:
    known = connection.scalars(select(_d.collection).distinct().order_by(_d.collection)).all()
    if collection not in known:
        raise UnknownDocument(f"No collection {collection!r}: there is {', '.join(known) or 'none yet'}")
