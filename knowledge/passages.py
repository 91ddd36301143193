"""The words of this package: a document, the passages it is cut into, and what a search brings back.

Pure: no database, no file, no model.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any, Literal

PassageKind = Literal["lead", "text", "phrasing"]


class Authority(StrEnum):
    """What kind of text a document is; of two that answer equally well the higher one is shown."""

    LAW = "law"
    POLICY = "policy"
    GUIDANCE = "guidance"
    FAQ = "faq"
    NEWS = "news"


class Audience(StrEnum):
    """Who a passage may be shown to; a person sees a set of these."""

    PUBLIC = "public"
    STAFF = "staff"
    SECURITY = "security"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A page that a text rests on."""

    title: str
    url: str
    publisher: str
    page_date: date | None = None

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Source":
        """Return the source that :meth:`as_row` wrote."""
        shown = row["page_date"]
        return cls(title=row["title"], url=row["url"], publisher=row["publisher"], page_date=shown and date.fromisoformat(shown))

    def as_row(self) -> dict[str, str | None]:
        """Return the source as JSON keeps it."""
        shown = self.page_date.isoformat() if self.page_date else None
        return {"title": self.title, "url": self.url, "publisher": self.publisher, "page_date": shown}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a place of the original begins in ``Document.body``; it holds until the next mark of its kind."""

    start: int
    """Character in the body."""
    page: int | None = None
    """Page of a paged original, counted from 1."""
    anchor: str | None = None
    """Fragment that opens a web page at this place, without ``#``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document in one language, as read from its file."""

    collection: str
    path: str
    """POSIX path below the collection's folder; identifies the document within its collection."""
    topic: str | None = None
    title: str
    language: str
    """ISO 639-1."""
    audience: Audience
    kind: str = "document"
    sources: tuple[Source, ...] = ()
    checked: date | None = None
    """Day on which the sources were read; None for imported documents."""
    review_due: date | None = None
    effective_from: date | None = None
    """First day on which it may be shown; None = at once."""
    effective_until: date | None = None
    """Last day on which it may be shown; None = without end."""
    owner: str = ""
    reviewed_by: tuple[str, ...] = ()
    sensitivity: str = "green"
    time_sensitive: bool = False
    depends_on: tuple[str, ...] = ()
    """What would change the answer for one person, in the order in which to ask."""
    translation_of: str | None = None
    phrasings: tuple[str, ...] = ()
    supersedes: str | None = None
    """Path of a document of the same collection that this one replaces."""
    authority: Authority = Authority.GUIDANCE
    marks: tuple[Mark, ...] = ()
    """Pages and anchors of the original, by ``start``."""
    concerns: tuple[str, ...] = ()
    """Why an editor must look before anybody sees it: hidden text, instructions to a machine; none for a clean text."""
    body: str
    """Text without front matter; passages are spans of it."""
    sha256: str = ""
    """Over everything that matters, see :func:`sealed`; the same content has the same hash wherever it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPassage:
    """A passage before the database gave it an id.

    ``text == document.body[start:end]`` for ``lead`` and ``text``; a ``phrasing`` stands in no body, its span is 0, 0.
    """

    kind: PassageKind
    ordinal: int
    heading_path: tuple[str, ...] = ()
    page: int | None = None
    anchor: str | None = None
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that a search found, with what is needed to show and cite it."""

    passage_id: int
    score: float
    """Confidence in (0, 1) that it is to the point, see ``index.fusion``; 0 until a search sets it."""
    document_id: str
    """The document's path."""
    collection: str
    topic: str | None
    subject: str
    """What the variants of one text in several languages share, within the collection."""
    title: str
    authority: Authority
    audience: Audience
    language: str
    heading_path: tuple[str, ...]
    page: int | None
    anchor: str | None
    text: str
    lead: str
    """The direct answer of a curated entry: may equal ``text``. Empty for other documents."""
    sources: tuple[Source, ...]
    checked: date
    """Day on which the sources were read; for imported documents, the day of publication."""
    review_due: date | None
    depends_on: frozenset[str]
    version_id: int
    version_number: int
    version_date: date
    """First day of this wording; the day of publication when it names none."""
    reviewed: bool
    """True when somebody signed this text."""

    def pair(self, asked: str) -> Literal["entry", "same", "cross"]:
        """Return what its score was read as, for a question in the language ``asked``."""
        return "entry" if self.lead else "same" if self.language == asked else "cross"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """The outcome of one search."""

    hits: tuple[Hit, ...]
    """Best first, at most one a document."""
    index_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOutcome:
    """How many documents a publication changed."""

    changed: int
    unchanged: int
    quarantined: int
    """Those of which a new version waits for an editor."""

    @property
    def documents(self) -> int:
        """All that were looked at."""
        return self.changed + self.unchanged + self.quarantined

    def __add__(self, other: "PublishOutcome") -> "PublishOutcome":
        return PublishOutcome(
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            quarantined=self.quarantined + other.quarantined,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow:
    """One passage as the index needs it; its text is asked for apart, where it is new."""

    id: int
    audience: Audience
    text_sha256: str
    """Hash of the text as it is embedded: with title and headings, but for a phrasing."""
    language: str
    version_id: int
    shows_id: int
    """The passage shown when this one is found: itself unless it is a phrasing."""
    collection: str
    subject: str
    """What the variants of one text in several languages share, within a collection."""
    kind: PassageKind
    authority: Authority
    is_answer: bool
    """Its document is written as an answer, so that its lead stands for it; an imported document's first page does not."""

    @property
    def is_lead(self) -> bool:
        """Whether it is the direct answer of a curated entry."""
        return self.kind == "lead" and self.is_answer


def hash_of(rows: Iterable[IndexRow]) -> str:
    """Return one hash of all that can be found."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.id} {row.audience} {row.text_sha256} {row.collection} {row.subject}\n".encode())
    return digest.hexdigest()


def sealed(document: Document) -> Document:
    """Return the document with its hash: over what it states, but for the hash itself and the place it was read from.

    A field that says nothing is left out, so that a field added to this class later changes no hash.
    """
    silent = {field.name: field.default for field in fields(Document)}
    content = {
        key: value
        for key, value in asdict(document).items()
        if key not in ("sha256", "collection", "path") and value != silent[key]
    }
    written = json.dumps(content, default=str, ensure_ascii=False, sort_keys=True)
    return replace(document, sha256=hashlib.sha256(written.encode()).hexdigest())
