"""The knowledge tables: a document has numbered versions, a version has passages, a text has vectors.

Everything that reaches a person can be traced to one row here. Passage ids are never used twice, so that a citation, a statistic
or an index entry can never come to mean another text.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

STATUSES = ("draft", "published", "withdrawn", "superseded", "expired", "quarantined")


class Moment(TypeDecorator[datetime]):
    """A point in time: UTC in the database and on the way out, whatever zone it came in with; naive values are refused.

    SQLite keeps no zone, so the zone is put back on reading.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


AUDIENCES = ("public", "staff", "security")

document = Table(
    "document",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection", String(64), nullable=False),
    Column("path", String(512), nullable=False),
    Column("topic", String(8)),
    Column("subject", String(512), nullable=False, server_default=""),
    UniqueConstraint("collection", "path"),
    Index(None, "topic"),
    Index(None, "collection", "subject"),
    sqlite_autoincrement=True,
)
"""What a text is, whatever its wording; ``path`` is the document id people see.

``subject`` is what its variants in several languages share: its topic, else the path of the text it translates, else its own.
"""

document_version = Table(
    "document_version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("document.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("language", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("audience", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("effective_from", Date),
    Column("effective_until", Date),
    Column("checked", Date),
    Column("review_due", Date),
    Column("owner", String(64), nullable=False),
    Column("reviewed_by", JSON, nullable=False),
    Column("sensitivity", String(16), nullable=False),
    Column("time_sensitive", Boolean, nullable=False),
    Column("depends_on", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("translation_of", String(512)),
    Column("supersedes", String(512)),
    Column("authority", String(16), nullable=False, server_default="guidance"),
    Column("concerns", JSON, nullable=False, server_default="[]"),
    Column("body", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("published_at", Moment),
    Column("ended_at", Moment),
    UniqueConstraint("document_id", "number"),
    _one_of("status", STATUSES),
    _one_of("audience", AUDIENCES),
    sqlite_autoincrement=True,
)
"""One wording of a document. A published one is never changed, only followed by another.

It could be shown from ``published_at`` until ``ended_at``, on the days ``effective_from`` to ``effective_until``. ``ended_at`` is
when it was superseded or withdrawn; empty while nothing ends it, ahead when the next wording waits for its day. ``concerns`` say
why an editor must look at it first.
"""

passage = Table(
    "passage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("document_version.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("shows_id", ForeignKey("passage.id", ondelete="CASCADE")),
    Column("heading_path", JSON, nullable=False),
    Column("page", Integer),
    Column("anchor", String(255)),
    Column("char_start", Integer, nullable=False),
    Column("char_end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("text_sha256", String(64), nullable=False, index=True),
    Column("audience", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    _one_of("kind", ("lead", "text", "phrasing")),
    _one_of("audience", AUDIENCES),
    sqlite_autoincrement=True,
)
"""A searchable piece.

``shows_id``: the lead shown when a phrasing is found. ``text_sha256``: of the text as it is embedded, see ``store``.
"""

embedding = Table(
    "embedding",
    metadata,
    Column("text_sha256", String(64), primary_key=True),
    Column("encoder", String(255), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
"""Vectors by content, little-endian float32: saves embedding work only. Deleting every row loses nothing but time."""
