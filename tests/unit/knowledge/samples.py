"""Small documents and a database for the tests of this package."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine

from knowledge.passages import Audience, Document, Source, sealed
from knowledge.tables import metadata

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SOURCE = Source(title="Page", url="https://www.iom.int/page", publisher="IOM", page_date=date(2024, 5, 1))
PUBLIC = frozenset({Audience.PUBLIC})
STAFF = frozenset({Audience.PUBLIC, Audience.STAFF})


def sample(path: str = "en/a.md", body: str = "Lead.\n\n## More\n\nSection.", **values: Any) -> Document:
    ordinary: dict[str, Any] = {
        "collection": "pathways", "title": "Title", "language": "en", "audience": Audience.PUBLIC, "kind": "topic",
        "sources": (SOURCE,), "checked": date(2026, 11, 23),
    }  # fmt: skip
    return sealed(Document(path=path, body=body, **{**ordinary, **values}))


def database(folder: Path) -> Engine:
    engine = create_engine(f"sqlite:///{folder / 'knowledge.db'}")
    metadata.create_all(engine)
    return engine
