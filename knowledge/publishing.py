"""Which wording of a document stands: publishing, withdrawing, going back to an earlier one.

A row of ``document_version`` stands once, from ``published_at`` to ``ended_at``; what is shown again becomes a new row with the
next number. So what the rule was on any day can be read from the rows, and a citation never comes to mean another text.

Of the published versions of a document the newest counts. One whose first day is still to come waits, and the present one ends
when that day begins (UTC). A document may also say that it ``supersedes`` another: that one ends in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from knowledge.errors import KnowledgeError
from knowledge.history import PENDING, Version, document_id, numbered, versions_of
from knowledge.passages import Document, DraftPassage
from knowledge.rows import copy_version, insert_document, insert_passages, insert_version
from knowledge.subjects import file_under
from knowledge.tables import document, document_version
from knowledge.validity import shown_status, stands, start_of

_d, _v = document.c, document_version.c
Status = Literal["published", "draft"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutUp:
    """A version that an editor published, and what it took over from."""

    number: int
    copy_of: int | None
    """The version whose words it repeats; None when it is that version itself."""
    effective_from: date | None
    """First day on which it may be shown; None = at once."""
    ended: tuple[int, ...]
    """Versions that it superseded at once."""


@dataclass(frozen=True, slots=True)
class _Replacement:
    """The document that replaces another, and from when."""

    first_day: date
    path: str


class Publication:
    """The changes of one transaction, all made at the same moment."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._today = now.date()
        self._replacements: dict[tuple[str, str], _Replacement] | None = None

    def knows(self, item: Document, status: Status, *, revive: bool) -> bool:
        """Return whether keeping a document would change nothing.

        Args:
            revive: what was withdrawn, or gone back from, is news again; False leaves the one to an editor, whatever it says now,
                and the other until its words change.
        """
        kept = self._kept(item.collection, item.path)
        if not revive and kept and kept[-1].status == "withdrawn":
            return True
        newest = {self._status(row): row.sha256 for row in kept}
        known = {newest.get("published"), newest.get("quarantined" if item.concerns else status)}
        if self._replaced(item.collection, item.path) and "published" not in newest:
            known.add(newest.get("superseded"))
        if not revive:
            known |= {row.sha256 for row in kept if row.status == "withdrawn"} | _gone_back_from(kept)
        return item.sha256 in known

    def keep(self, item: Document, passages: Sequence[DraftPassage], status: Status) -> str:
        """Keep a document as its next version and return the status it got.

        One with ``concerns`` is quarantined, and what stands goes on standing. One that another document replaces is superseded
        from the beginning, in whatever order the two are read.
        """
        kept = self._kept(item.collection, item.path)
        number = kept[-1].number + 1 if kept else 1
        given = "quarantined" if item.concerns else self._given(item, status)
        own = kept[0].document_id if kept else insert_document(self._connection, item)
        version_id = insert_version(self._connection, own, number, item, given, self._now)
        insert_passages(self._connection, version_id, item, passages)
        if given == "published" or not any(row.published_at for row in kept):
            file_under(
                self._connection, item.collection, item.path, topic=item.topic, translation_of=item.translation_of,
                is_published=given == "published",
            )  # fmt: skip
        if given == "published":
            self._drop_pending(own, number)
            self._renew(item.collection, item.path)
            self._renew_replaced(item.collection, item.path, {item.supersedes, *(row.supersedes for row in kept)})
        return given

    def withdraw(self, collection: str, path: str) -> None:
        """Withdraw the standing version and the one that waits.

        Raises:
            UnknownDocument: there is no such document.
            KnowledgeError: none of its versions is published.
        """
        own = document_id(self._connection, collection, path)
        self._renew(collection, path)
        change = update(document_version).where(_v.document_id == own, _v.status == "published")
        if self._connection.execute(change.values(status="withdrawn", ended_at=self._now)).rowcount == 0:
            newest = self._kept(collection, path)[-1]
            raise KnowledgeError(f"{collection}/{path} is not published: its newest version {newest.number} is {newest.status}")
        self._renew_replaced(collection, path, {row.supersedes for row in self._kept(collection, path)})

    def publish(self, collection: str, path: str, number: int | None) -> PutUp:
        """Publish a draft, quarantined or withdrawn version; without a number the newest that is newer than what stands.

        A withdrawn one is published as a new version with the same words.

        Raises:
            UnknownDocument: there is no such document or version.
            KnowledgeError: it cannot be published; says why.
        """
        versions = versions_of(self._connection, collection, path, now=self._now)
        chosen = to_publish(versions, number)
        self._require_showable(chosen)
        if chosen.status == "withdrawn":
            return self._repeat(chosen, versions)
        own = document_id(self._connection, collection, path)
        if chosen.number < max((one.number for one in versions if one.status == "published"), default=0):
            self._drop_pending(own, chosen.number + 1)  # the newest number counts, so it must have one
            return self._repeat(chosen, versions)
        self._update(_v.id == chosen.id, status="published", published_at=self._now)
        self._drop_pending(own, chosen.number)
        return self._put_up(chosen, chosen.number, versions)

    def roll_back(self, collection: str, path: str, to: int | None) -> PutUp:
        """Publish an earlier wording again, as a new version; without a number the one before the newest published.

        Raises:
            UnknownDocument: there is no such document or version.
            KnowledgeError: it cannot be published again; says why.
        """
        versions = versions_of(self._connection, collection, path, now=self._now)
        chosen = _to_repeat(versions, to)
        self._require_showable(chosen)
        return self._repeat(chosen, versions)

    def _status(self, row: Row[Any]) -> str:
        return shown_status(row.status, effective_until=None, ended_at=row.ended_at, now=self._now)

    def _given(self, item: Document, status: Status) -> str:
        replaced = self._replaced(item.collection, item.path)
        is_replaced = replaced is not None and replaced.first_day <= (item.effective_from or self._today)
        return "superseded" if status == "published" and is_replaced else status

    def _repeat(self, chosen: Version, versions: Sequence[Version]) -> PutUp:
        number = versions[-1].number + 1
        copy_version(self._connection, chosen.id, number, self._now)
        return self._put_up(chosen, number, versions)

    def _put_up(self, chosen: Version, number: int, versions: Sequence[Version]) -> PutUp:
        collection, path = chosen.collection, chosen.path
        copy_of = None if number == chosen.number else chosen.number
        file_under(
            self._connection, collection, path, topic=chosen.topic, translation_of=chosen.translation_of, is_published=True
        )
        ended = self._renew(collection, path)
        self._renew_replaced(collection, path, {one.supersedes for one in versions})
        return PutUp(number=number, copy_of=copy_of, effective_from=chosen.effective_from, ended=ended)

    def _require_showable(self, chosen: Version) -> None:
        """Refuse a wording that would take the place of the present one and be shown to nobody."""
        name = f"version {chosen.number} of {chosen.collection}/{chosen.path}"
        if chosen.effective_until is not None and chosen.effective_until < self._today:
            raise KnowledgeError(
                f"The last day of {name} was {chosen.effective_until}: correct it in the file and add that, it would not be shown"
            )
        replaced = self._replaced(chosen.collection, chosen.path)
        if replaced is not None and replaced.first_day <= (chosen.effective_from or self._today):
            raise KnowledgeError(f"{chosen.collection}/{replaced.path} replaces {name}: withdraw that document first")

    def _renew(self, collection: str, path: str) -> tuple[int, ...]:
        """Let every published version of a document end when its time is over; return the numbers of those that end now."""
        query = (
            select(_v.id, _v.number, _v.effective_from, _v.ended_at)
            .join(document, _v.document_id == _d.id)
            .where(_d.collection == collection, _d.path == path, _v.status == "published")
            .order_by(_v.number)
        )
        rows, replaced, ended = self._connection.execute(query).all(), self._replaced(collection, path), []
        for row in rows:
            if row.ended_at is not None and row.ended_at <= self._now:
                self._update(_v.id == row.id, status="superseded")
                continue
            ends = [replaced.first_day] if replaced else []
            if row is not rows[-1]:
                waits = row.effective_from is not None and row.effective_from > self._today
                ends.append(self._today if waits else rows[-1].effective_from or self._today)
            if ends and min(ends) <= self._today:
                self._update(_v.id == row.id, status="superseded", ended_at=self._now)
                ended.append(row.number)
            else:
                self._update(_v.id == row.id, ended_at=start_of(min(ends)) if ends else None)
        return tuple(ended)

    def _renew_replaced(self, collection: str, path: str, replaced: set[str | None]) -> None:
        """Renew the documents that this one says, or said, to replace."""
        others = {other for other in replaced if other is not None and other != path}
        if others:
            self._replacements = None
        for other in sorted(others):
            self._renew(collection, other)

    def _replaced(self, collection: str, path: str) -> _Replacement | None:
        """Return which document replaces this one; all are read at once, for nearly every document asks and few are replaced."""
        if self._replacements is None:
            query = (
                select(_d.collection, _d.path, _v.supersedes, _v.effective_from)
                .join(document_version, _v.document_id == _d.id)
                .where(_v.supersedes.is_not(None), _v.supersedes != _d.path, stands(self._now))
            )
            self._replacements = {}
            for row in self._connection.execute(query):
                found = _Replacement(row.effective_from or date.min, row.path)
                first = self._replacements.setdefault((row.collection, row.supersedes), found)
                if found.first_day < first.first_day:
                    self._replacements[row.collection, row.supersedes] = found
        return self._replacements.get((collection, path))

    def _drop_pending(self, own: int, number: int) -> None:
        """Supersede older drafts and quarantined versions: publishing one of them later would undo this one."""
        self._update(
            and_(_v.document_id == own, _v.status.in_(PENDING), _v.number < number), status="superseded", ended_at=self._now
        )

    def _kept(self, collection: str, path: str) -> list[Row[Any]]:
        """Return the versions of a document by number."""
        query = (
            select(_v.document_id, _v.number, _v.sha256, _v.status, _v.published_at, _v.ended_at, _v.supersedes)
            .join(document, _v.document_id == _d.id)
            .where(_d.collection == collection, _d.path == path)
            .order_by(_v.number)
        )
        return list(self._connection.execute(query))

    def _update(self, which: ColumnElement[bool], **values: Any) -> None:
        self._connection.execute(update(document_version).where(which).values(**values))


def to_publish(versions: Sequence[Version], number: int | None) -> Version:
    """Return the version an editor means to publish.

    Raises:
        UnknownDocument: there is no such version.
        KnowledgeError: it is not one that waits for an editor; says what to do.
    """
    name = f"{versions[0].collection}/{versions[0].path}"
    if number is None:
        stood = max((one.number for one in versions if one.status in ("published", "expired")), default=0)
        waiting = [one for one in versions if one.status in (*PENDING, "withdrawn") and one.number > stood]
        if not waiting:
            present = f"version {stood} is published" if stood else f"all {len(versions)} versions are superseded"
            raise KnowledgeError(f"Nothing of {name} waits to be published: {present}; name one with --version")
        return waiting[-1]
    chosen = numbered(versions, number)
    if chosen.status not in (*PENDING, "withdrawn"):
        remedy = f"; `waypost knowledge rollback --to {number}` publishes its words again" if chosen.published_at else ""
        raise KnowledgeError(f"Version {number} of {name} is {chosen.status}{remedy if chosen.status == 'superseded' else ''}")
    return chosen


def _to_repeat(versions: Sequence[Version], number: int | None) -> Version:
    name = f"{versions[0].collection}/{versions[0].path}"
    stood = [one for one in versions if one.published_at is not None]
    if not stood:
        raise KnowledgeError(f"{name} was never published, so there is nothing to go back to")
    present = next((one for one in reversed(stood) if one.status in ("published", "expired")), stood[-1])
    if number is None:
        before = [one for one in stood if one.number < present.number]
        if not before:
            raise KnowledgeError(f"{name} has no wording before version {present.number}, which is {present.status}")
        return before[-1]
    chosen = numbered(versions, number)
    if chosen.published_at is None:
        raise KnowledgeError(f"Version {number} of {name} was never published: `waypost knowledge publish --version {number}`")
    if chosen is present and present.status == "published":
        raise KnowledgeError(f"Version {number} of {name} is the published one already")
    return chosen


def _gone_back_from(kept: Sequence[Row[Any]]) -> set[str]:
    """Return the words an editor left by going back: those before a published version that repeats still earlier ones."""
    standing = next((row for row in reversed(kept) if row.status == "published"), None)
    before = [row.sha256 for row in kept if row.published_at is not None and standing and row.number < standing.number]
    return {before[-1]} if standing and standing.sha256 in before else set()
