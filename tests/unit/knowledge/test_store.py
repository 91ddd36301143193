"""The store: versions, what may be seen and when, and ids that stay."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from unit.knowledge.samples import NOW, PUBLIC, SOURCE, STAFF, database, sample

from knowledge import history
from knowledge.errors import UnknownDocument
from knowledge.history import Filter, Version
from knowledge.passages import Audience, Hit
from knowledge.store import KnowledgeStore
from knowledge.tables import document, document_version, passage


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return database(tmp_path)


@pytest.fixture
def store(engine: Engine) -> KnowledgeStore:
    return KnowledgeStore(engine)


def ids(store: KnowledgeStore, now: datetime = NOW) -> list[int]:
    return [row.id for row in store.index_rows(now)]


def seen(store: KnowledgeStore, *, audiences: frozenset[Audience] = PUBLIC, now: datetime = NOW) -> list[Hit]:
    return list(store.resolve(range(1, 100), audiences=audiences, now=now).values())


def listed(store: KnowledgeStore, wanted: Filter = Filter(), now: datetime = NOW) -> list[Version]:  # noqa: B008 (frozen)
    with store.reading() as connection:
        return list(history.listed(connection, wanted, now=now))


def statuses(store: KnowledgeStore) -> list[tuple[int, str]]:
    return [(row.number, row.status) for row in listed(store)]


def test_publishing_the_same_again_changes_nothing(store: KnowledgeStore) -> None:
    assert store.publish([sample(), sample("en/b.md")], now=NOW).changed == 2
    before = ids(store)
    outcome = store.publish([sample(), sample("en/b.md")], now=NOW)
    assert (outcome.changed, outcome.unchanged, ids(store)) == (0, 2, before)


def test_a_change_supersedes_and_takes_new_ids(store: KnowledgeStore, engine: Engine) -> None:
    store.publish([sample(), sample("en/b.md")], now=NOW)
    before, corpus = ids(store), store.corpus_hash(NOW)
    store.publish([sample(body="Other lead.")], now=NOW)
    assert [(row.path, row.number, row.status) for row in listed(store)] == [
        ("en/a.md", 2, "published"), ("en/b.md", 1, "published"),
    ]  # fmt: skip
    assert ids(store)[:2] == before[2:]
    assert max(before) < ids(store)[2]
    assert store.corpus_hash(NOW) != corpus
    with engine.connect() as connection:
        assert connection.scalars(select(document_version.c.status).order_by(document_version.c.id)).all() == [
            "superseded", "published", "published",
        ]  # fmt: skip


def test_ids_are_not_used_again_after_the_last_row_is_gone(store: KnowledgeStore, engine: Engine) -> None:
    store.publish([sample()], now=NOW)
    highest = max(ids(store))
    with engine.begin() as connection:
        connection.execute(passage.delete())
        connection.execute(document_version.delete())
        connection.execute(document.delete())
    store.publish([sample()], now=NOW)
    assert min(ids(store)) > highest


def test_drafts_are_seen_by_nobody(store: KnowledgeStore) -> None:
    store.publish([sample()], now=NOW, draft=True)
    assert (ids(store), seen(store), statuses(store)) == ([], [], [(1, "draft")])
    store.publish([sample()], now=NOW)
    assert len(seen(store)) == 2


def test_withdrawal_and_return(store: KnowledgeStore) -> None:
    store.publish([sample()], now=NOW)
    store.withdraw("pathways", "en/a.md", now=NOW)
    assert (ids(store), seen(store), statuses(store)) == ([], [], [(1, "withdrawn")])
    assert store.publish([sample()], now=NOW, revive=False).changed == 0
    assert store.publish([sample()], now=NOW).changed == 1
    assert statuses(store) == [(2, "published")]


def test_withdrawing_the_unknown_names_it(store: KnowledgeStore) -> None:
    store.publish([sample()], now=NOW)
    with pytest.raises(UnknownDocument, match=r"'en/no\.md' in pathways: did you mean en/a\.md"):
        store.withdraw("pathways", "en/no.md", now=NOW)


def test_audiences_are_held(store: KnowledgeStore) -> None:
    store.publish([sample(), sample("en/s.md", audience=Audience.STAFF), sample("en/x.md", audience=Audience.SECURITY)], now=NOW)
    assert {hit.audience for hit in seen(store)} == {"public"}
    assert {hit.audience for hit in seen(store, audiences=STAFF)} == {"public", "staff"}
    assert seen(store, audiences=frozenset()) == []


def test_a_hit_carries_what_is_shown(store: KnowledgeStore) -> None:
    store.publish([sample(topic="P08", phrasings=("how",), depends_on=("country",), reviewed_by=("owner",))], now=NOW)
    lead, section, phrasing = (store.resolve([number], audiences=PUBLIC, now=NOW)[number] for number in ids(store))
    assert phrasing == lead
    assert (lead.text, lead.lead, lead.heading_path) == ("Lead.", "Lead.", ())
    assert (section.text, section.lead, section.heading_path) == ("Section.", "Lead.", ("More",))
    assert (lead.topic, lead.sources, lead.checked, lead.depends_on, lead.reviewed) == (
        "P08", (SOURCE,), date(2026, 11, 23), frozenset({"country"}), True,
    )  # fmt: skip


def test_an_imported_document_is_dated_by_its_publication_and_has_no_lead(store: KnowledgeStore) -> None:
    store.publish([sample(kind="document", checked=None, sources=())], now=NOW)
    assert {(hit.checked, hit.lead, hit.reviewed) for hit in seen(store)} == {(NOW.date(), "", False)}


def test_first_and_last_day(store: KnowledgeStore) -> None:
    tomorrow = NOW + timedelta(days=1)
    store.publish([sample(effective_from=tomorrow.date(), effective_until=tomorrow.date())], now=NOW)
    assert ids(store)
    assert [len(seen(store, now=NOW + timedelta(days=days))) for days in (0, 1, 2)] == [0, 2, 0]
    assert ids(store, NOW + timedelta(days=2)) == []


def test_a_future_wording_leaves_the_present_one_until_its_eve(store: KnowledgeStore) -> None:
    store.publish([sample(body="Old.")], now=NOW)
    store.publish([sample(body="New.", effective_from=(NOW + timedelta(days=2)).date())], now=NOW)
    texts = [[hit.text for hit in seen(store, now=NOW + timedelta(days=days))] for days in (0, 1, 2)]
    assert texts == [["Old."], ["Old."], ["New."]]


def test_a_document_may_replace_another(store: KnowledgeStore) -> None:
    store.publish([sample()], now=NOW)
    store.publish([sample("en/b.md", body="B.", supersedes="en/a.md")], now=NOW)
    assert {hit.document_id for hit in seen(store)} == {"en/b.md"}


def test_naive_times_are_refused_and_nothing_is_kept(store: KnowledgeStore) -> None:
    with pytest.raises(Exception, match="time zone"):
        store.publish([sample()], now=datetime(2026, 11, 24))
    assert listed(store) == []


def test_times_come_back_in_utc(store: KnowledgeStore, engine: Engine) -> None:
    store.publish([sample()], now=NOW)
    with engine.connect() as connection:
        assert connection.scalar(select(document_version.c.created_at)) == NOW


def test_one_bad_document_keeps_none(store: KnowledgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Exception, match="NOT NULL"):
        store.publish([sample(), sample("en/b.md", title=None)], now=NOW)
    assert listed(store) == []


def test_vectors_are_kept_by_content_and_encoder(store: KnowledgeStore) -> None:
    store.keep_vectors("one", {"a": b"1"})
    store.keep_vectors("one", {"a": b"other", "b": b"2"})
    assert store.vectors("one", ["a", "b", "c"]) == {"a": b"other", "b": b"2"}
    assert store.vectors("two", ["a"]) == {}


def test_a_status_outside_the_list_is_refused(engine: Engine, store: KnowledgeStore) -> None:
    store.publish([sample()], now=NOW)
    with engine.connect() as connection:
        row = dict(connection.execute(select(document_version)).mappings().one())
    with pytest.raises(Exception, match="CHECK"), engine.begin() as connection:
        connection.execute(insert(document_version).values(**{**row, "id": 99, "number": 9, "status": "secret"}))
