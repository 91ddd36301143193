"""What is damaged is found, named and has a remedy."""

from pathlib import Path

import pytest
from sqlalchemy import Engine, Update, delete, update
from unit.knowledge.samples import NOW, database, sample

from knowledge.store import KnowledgeStore
from knowledge.tables import document, document_version, passage
from knowledge.verify import verify_database

_d, _v, _p = document.c, document_version.c, passage.c
REMEDIES = ("add its file again after `waypost knowledge withdraw`", "restore the last backup")


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return database(tmp_path)


@pytest.fixture
def store(engine: Engine) -> KnowledgeStore:
    store = KnowledgeStore(engine)
    store.publish([sample("en/a.md", phrasings=("how",)), sample("en/b.md", phrasings=("why",))], now=NOW)
    return store


def change(engine: Engine, *statements: Update) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def found(store: KnowledgeStore) -> list[str]:
    return [str(finding) for finding in verify_database(store)]


def test_what_publishing_leaves_is_in_order(store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.verify.BATCH", 1)
    store.publish([sample("en/a.md", body="New.")], now=NOW)
    assert found(store) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (update(document_version).where(_v.id == 1).values(sha256=""), "version 1: has no hash"),
        (update(document_version).where(_v.id == 1).values(body="Other."), "passage 1: is not what stands at 0 to 5"),
        (update(passage).where(_p.id == 2).values(text="Other."), "passage 2: is not what stands at"),
        (update(passage).where(_p.id == 2).values(heading_path=["Other"]), "passage 2: has the hash of another text"),
        (update(passage).where(_p.id == 3).values(shows_id=4), "passage 3: is a phrasing that does not show the lead"),
        (update(passage).where(_p.id == 3).values(shows_id=None), "passage 3: is a phrasing that does not show the lead"),
        (update(passage).where(_p.id == 1).values(kind="text"), "version 1: has 0 leads"),
        (update(passage).where(_p.id == 2).values(kind="lead"), "version 1: has 2 leads"),
        (update(passage).where(_p.id == 2).values(audience="staff"), "passage 2: is for staff in en"),
        (update(document).where(_d.id == 2).values(subject="x"), "pathways/en/b.md: is filed under 'x', not under 'en/b.md'"),
        (update(passage).where(_p.version_id == 2).values(version_id=9), "passage: 3 rows belong to nothing"),
        (update(document_version).where(_v.id == 2).values(document_id=9), "document_version: 1 rows belong to nothing"),
        (delete(document_version).where(_v.id == 2), "document: 1 rows belong to nothing"),
    ],
)  # fmt: skip
def test_damage_is_named_with_a_remedy(engine: Engine, store: KnowledgeStore, statement: Update, said: str) -> None:
    change(engine, statement)
    findings = [finding for finding in found(store) if said in finding]
    assert findings
    assert all(finding.endswith(REMEDIES) for finding in findings)


def test_two_wordings_for_one_day_are_named(engine: Engine, store: KnowledgeStore) -> None:
    store.publish([sample("en/a.md", body="New.")], now=NOW)
    change(engine, update(document_version).where(_v.id == 1).values(status="published", ended_at=None))
    assert any("versions 1 and 2 are in force on" in finding for finding in found(store))
