"""What is compared when nothing is named, and how a difference is told."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from unit.knowledge.samples import NOW, database, sample

from knowledge import history
from knowledge.differences import difference, to_compare
from knowledge.errors import UnknownDocument
from knowledge.history import Version
from knowledge.store import KnowledgeStore

PATH = "en/a.md"


@pytest.fixture
def store(tmp_path: Path) -> KnowledgeStore:
    return KnowledgeStore(database(tmp_path))


def versions(store: KnowledgeStore) -> Sequence[Version]:
    with store.reading() as connection:
        return history.versions_of(connection, "pathways", PATH, now=NOW)


def compared(store: KnowledgeStore, old: int | None = None, new: int | None = None) -> tuple[int, int] | None:
    pair = to_compare(versions(store), old, new)
    return (pair[0].number, pair[1].number) if pair else None


def test_one_version_has_nothing_to_be_compared_with(store: KnowledgeStore) -> None:
    store.publish([sample(PATH)], now=NOW)
    assert compared(store) is None
    with pytest.raises(UnknownDocument, match="no version 2"):
        compared(store, 1, 2)


def test_what_is_published_is_compared_with_the_one_before_unless_another_waits(store: KnowledgeStore) -> None:
    for body in ("One.", "Two.", "Three."):
        store.publish([sample(PATH, body=body)], now=NOW)
    assert compared(store) == (2, 3)
    assert compared(store, 1) == (1, 3)
    assert compared(store, new=2) == (3, 2)
    store.publish([sample(PATH, body="Four.")], now=NOW, draft=True)
    assert compared(store) == (3, 4)
    store.publish([sample(PATH, body="Five.", concerns=("hidden",))], now=NOW)
    assert compared(store) == (3, 5)
    assert compared(store, new=3) == (2, 3)


def test_a_difference_tells_the_head_then_the_words(store: KnowledgeStore) -> None:
    store.publish([sample(PATH, body="Same.\nOld.\nSame.")], now=NOW)
    due = (NOW + timedelta(days=90)).date()
    store.publish([sample(PATH, body="Same.\nNew.\nSame.", review_due=due, sources=())], now=NOW)
    one, two = versions(store)
    assert list(difference(one, two, old_body="Same.\nOld.\nSame.", new_body="Same.\nNew.\nSame.")) == [
        "- review_due: none",
        f"+ review_due: {due}",
        "- sources: https://www.iom.int/page",
        "+ sources: none",
        "--- version 1 (superseded)",
        "+++ version 2 (published)",
        "@@ -1,3 +1,3 @@",
        " Same.",
        "-Old.",
        "+New.",
        " Same.",
    ]
    assert list(difference(one, one, old_body="Same.", new_body="Same.")) == []
