"""Which documents are one text in several languages: those of one subject within a collection.

The subject is the topic, else that of the text a document translates, else its own path. A translation may be published before
its original: it is filed under the original's path until that is published, and follows it then.
"""

from sqlalchemy import Connection, func, select, update

from knowledge.tables import document, document_version

_d, _v = document.c, document_version.c


def subject_of(connection: Connection, collection: str, path: str, *, topic: str | None, translation_of: str | None) -> str:
    """Return the subject of a document; an original that was never published lends none, whatever its draft says."""
    if topic:
        return topic
    if translation_of in (None, path):
        return path
    published = select(_v.id).where(_v.document_id == _d.id, _v.published_at.is_not(None)).correlate(document).exists()
    known = select(_d.subject).where(_d.collection == collection, _d.path == translation_of, published)
    return str(connection.scalar(known) or translation_of)


def file_under(
    connection: Connection, collection: str, path: str, *, topic: str | None, translation_of: str | None, is_published: bool
) -> None:
    """Set topic and subject of a document; once it is published its translations, and theirs, follow it."""
    this = (_d.collection == collection, _d.path == path)
    before = connection.scalar(select(_d.subject).where(*this))
    subject = subject_of(connection, collection, path, topic=topic, translation_of=translation_of)
    connection.execute(update(document).where(*this).values(topic=topic, subject=subject))
    if is_published and (followers := _followers(connection, collection, path, {path, str(before)})):
        connection.execute(update(document).where(_d.id.in_(followers)).values(subject=subject))


def _followers(connection: Connection, collection: str, path: str, subjects: set[str]) -> list[int]:
    """Return the documents that translate ``path``, directly or through one another; they are filed under one of ``subjects``."""
    published = (_v.document_id == _d.id, _v.status == "published")
    newest = select(func.max(_v.number)).where(*published).correlate(document).scalar_subquery()
    query = (
        select(_d.id, _d.path, _v.translation_of)
        .join(document_version, _v.document_id == _d.id)
        .where(_d.collection == collection, _d.subject.in_(subjects), _d.topic.is_(None), _d.path != path, _v.number == newest)
    )
    candidates = connection.execute(query).all()
    found: dict[str, int] = {}
    originals = {path}
    while originals:
        new = {row.path: row.id for row in candidates if row.translation_of in originals and row.path not in found}
        found.update(new)
        originals = set(new)
    return list(found.values())
