"""Nearest vectors in files and in PostgreSQL: one contract over both, exact and approximate; then what only a database does."""

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect, text
from unit.knowledge.samples import NOW, PUBLIC, sample

from bot import bootstrap
from bot.adapters.storage.engine import open_engine
from bot.domain.errors import InvalidSettings
from bot.settings import Index, load
from knowledge.errors import IndexCorrupt, IndexMissing, KnowledgeError
from knowledge.index import vectors as faiss_vectors
from knowledge.index.build import build_index
from knowledge.index.encoder import HashEncoder, names_of
from knowledge.index.manifest import load_current
from knowledge.index.nearest import Ids, Nearest, Vectors
from knowledge.index.pgvectors import PgVectorPlace, PgVectors
from knowledge.index.search import Searcher
from knowledge.index.snapshot import FaissFiles, VectorPlace
from knowledge.store import KnowledgeStore
from support.databases import Database, postgres_server

DIM = 24
LIMIT = 200
"""Vectors up to which search is exact, where approximate search is tested."""
HALF = 2e-3
"""What half precision may take from a product."""
ENOUGH = 0.99
PART = "public.first"
HASH = ("hash@1", None, None)
NONE = np.empty(0, np.int64)
postgres = pytest.mark.postgres


def clustered(size: int, *, seed: int = 1) -> Vectors:
    """Return unit vectors as texts have them: around some subjects, all in one direction from the origin."""
    draw = np.random.default_rng(seed)
    subjects = np.random.default_rng(0).normal(size=(20, DIM)) + 1.0
    return unit(subjects[draw.integers(len(subjects), size=size)] + 0.6 * draw.normal(size=(size, DIM)))


def unit(rows: np.typing.NDArray[np.float64]) -> Vectors:
    made: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def numbered(first: int, size: int) -> Ids:
    return np.arange(first, first + size, dtype=np.int64)


@dataclass
class Room:
    """A place for vectors and a folder for each version; ``model`` is what the newest version should hold."""

    place: VectorPlace
    folder: Path
    is_exact: bool
    base: int
    """Vectors to begin with, so that the search is of the kind that is tested."""
    part: str = PART
    model: dict[int, Vectors] = field(default_factory=dict)
    version: Nearest | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def write(self, ids: Ids, vectors: Vectors, *, removed: Sequence[int] = ()) -> Nearest:
        self.at = self.folder / str(next(self._numbers))
        self.at.mkdir(parents=True)
        self.version = self.place.write(self.at, self.part, self.version, removed=removed, ids=ids, vectors=vectors)
        self.model = {key: vector for key, vector in self.model.items() if key not in set(removed)}
        self.model.update(zip(ids.tolist(), vectors, strict=True))
        return self.version

    def begin(self, *, seed: int = 1) -> Nearest:
        return self.write(numbered(1, self.base), clustered(self.base, seed=seed))

    def products(self, vector: Vectors) -> dict[int, float]:
        return {key: float(other @ vector) for key, other in self.model.items()}

    def check(self, version: Nearest, questions: Vectors, *, limit: int = 10) -> None:
        """Hold a version against the model: exact search to the last place, approximate search to its share."""
        assert (version.size, version.ids) == (len(self.model), frozenset(self.model))
        hit = asked = 0
        for question in questions:
            products = self.products(question)
            best = sorted(products.values(), reverse=True)[:limit]
            ids, scores = version.search(question, limit=limit)
            assert len(ids) == len(scores) == len(best) == len(set(ids.tolist()))
            assert scores == pytest.approx([products[one] for one in ids.tolist()], abs=HALF)
            assert sorted(scores, reverse=True) == scores.tolist()
            hit += sum(products[one] >= best[-1] - HALF for one in ids.tolist())
            asked += len(best)
        assert hit >= asked * (1 if self.is_exact else ENOUGH)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from postgres_server().fresh(tmp_path_factory.mktemp("vectors"))


KINDS = [
    "faiss",
    "faiss, sketches",
    "faiss, cells",
    pytest.param("pgvector", marks=postgres),
    pytest.param("pgvector, graph", marks=postgres),
]


@pytest.fixture(params=KINDS)
def room(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    kind, is_exact = request.param, "," not in request.param
    if kind.startswith("faiss"):
        limits = {"EXACT_UP_TO": LIMIT if "sketches" in kind else 50_000, "IN_CELLS_FROM": LIMIT if "cells" in kind else 50_000}
        for name, limit in limits.items():
            monkeypatch.setattr(faiss_vectors, name, limit)
        return Room(FaissFiles(), tmp_path, is_exact, 60 if is_exact else 600)
    engine = request.getfixturevalue("postgresql").engine
    place = PgVectorPlace(engine, names_of(HashEncoder()), exact_up_to=50_000 if is_exact else LIMIT)
    return Room(place, tmp_path, is_exact, 60 if is_exact else 600, part=f"{tmp_path.name}.first")


class TestNearest:
    """Whatever keeps vectors does all of this."""

    def test_the_nearest_come_first_with_their_inner_products(self, room: Room) -> None:
        room.check(room.begin(), clustered(40, seed=2))
        assert room.version is not None
        ids, scores = room.version.search(room.model[7], limit=1)
        assert ids.tolist() == [7]
        assert scores == pytest.approx([1.0], abs=HALF)

    def test_a_question_need_not_be_of_length_one(self, room: Room) -> None:
        room.check(room.begin(), 0.3 * clustered(10, seed=2) - 0.1)

    def test_no_more_than_asked_and_no_more_than_there_are(self, room: Room) -> None:
        version = room.begin()
        question = clustered(1, seed=3)[0]
        assert [len(version.search(question, limit=limit)[0]) for limit in (0, 1, 5)] == [0, 1, 5]
        for limit in (room.base, room.base + 1, 10 * room.base):
            ids, scores = version.search(question, limit=limit)
            assert len(ids) == len(scores) <= room.base
            if room.is_exact:
                assert set(ids.tolist()) == version.ids

    def test_an_empty_part_finds_nothing(self, room: Room) -> None:
        version = room.write(NONE, np.empty((0, DIM), np.float32))
        ids, scores = version.search(clustered(1)[0], limit=5)
        assert (len(ids), len(scores), version.size, version.ids) == (0, 0, 0, frozenset())
        assert version.scores(clustered(1)[0], NONE).tolist() == []
        room.check(room.write(numbered(5, 3), clustered(3)), clustered(3, seed=2))

    def test_what_is_removed_is_never_found_and_what_is_added_is(self, room: Room) -> None:
        room.begin()
        added = clustered(20, seed=4)
        version = room.write(numbered(1_000, 20), added, removed=range(1, 21))
        for place, vector in enumerate(added):
            assert version.search(vector, limit=1)[0].tolist() == [1_000 + place]
        for vector in clustered(room.base)[:20]:
            assert not set(version.search(vector, limit=room.base)[0].tolist()) & set(range(1, 21))
        room.check(version, clustered(20, seed=5))

    def test_a_removed_vector_can_come_back(self, room: Room) -> None:
        first = room.begin()
        vector = room.model[3]
        assert 3 not in room.write(NONE, np.empty((0, DIM), np.float32), removed=[3]).search(vector, limit=5)[0]
        assert room.write(np.array([3]), vector[None]).search(vector, limit=1)[0].tolist() == [3]
        assert first.search(vector, limit=1)[0].tolist() == [3]

    def test_a_change_leaves_the_version_before_as_it_was(self, room: Room) -> None:
        before = room.begin()
        questions, at = clustered(20, seed=6), room.at
        model, found = room.model, [before.search(question, limit=10)[0].tolist() for question in questions]
        room.write(numbered(1_000, 30), clustered(30, seed=6), removed=range(1, 31))
        for version in (before, room.place.open(at, room.part)):
            assert version.ids == frozenset(model)
            assert version.scores(model[5], np.array([5])) == pytest.approx([1.0], abs=HALF)
            again = [version.search(question, limit=10)[0].tolist() for question in questions]
            assert again == found if room.is_exact else _alike(again, found) >= ENOUGH

    def test_scores_come_in_the_order_of_the_ids(self, room: Room) -> None:
        version, question = room.begin(), clustered(1, seed=7)[0]
        asked = np.array([9, 2, 30, 4], np.int64)
        products = room.products(question)
        assert version.scores(question, asked) == pytest.approx([products[one] for one in asked.tolist()], abs=HALF)
        assert version.scores(question, NONE).tolist() == []

    def test_vectors_come_back_in_the_order_of_the_ids(self, room: Room) -> None:
        version, asked = room.begin(), np.array([9, 2, 30, 4], np.int64)
        assert version.vectors(asked) == pytest.approx(np.stack([room.model[one] for one in asked.tolist()]), abs=HALF)
        assert version.vectors(NONE).shape == (0, DIM)

    def test_what_was_written_opens_the_same(self, room: Room) -> None:
        room.begin()
        written = room.write(numbered(1_000, 5), clustered(5, seed=8), removed=[1, 2])
        opened = room.place.open(room.at, room.part)
        assert (opened.size, opened.ids) == (written.size, written.ids)
        for question in clustered(10, seed=9):
            mine, theirs = opened.search(question, limit=10), written.search(question, limit=10)
            assert (mine[0].tolist(), mine[1].tolist()) == (theirs[0].tolist(), pytest.approx(theirs[1].tolist()))
        room.check(opened, clustered(10, seed=9))
        room.version = opened  # as the next build finds it
        room.check(room.write(numbered(2_000, 5), clustered(5, seed=10), removed=[3]), clustered(10, seed=9))

    def test_parts_know_nothing_of_each_other(self, room: Room) -> None:
        first = room.begin()
        other = room.place.write(
            room.at, f"{room.part}.other", None, removed=(), ids=numbered(1, 4), vectors=clustered(4, seed=9)
        )
        assert other.ids == frozenset(range(1, 5))
        room.check(first, clustered(10, seed=2))

    def test_a_part_written_anew_holds_nothing_of_before(self, room: Room) -> None:
        before = room.begin()
        room.version, room.model = None, {}
        room.check(room.write(numbered(31, 30), clustered(room.base)[30:60]), clustered(10, seed=2))
        assert before.size == room.base

    def test_a_missing_part_says_what_to_run(self, room: Room, tmp_path: Path) -> None:
        room.begin()
        for folder, part in ((room.at, "staff.first"), (tmp_path / "nowhere", room.part)):
            with pytest.raises(IndexCorrupt, match="run `waypost knowledge build`"):
                room.place.open(folder, part)

    def test_many_search_while_versions_are_written(self, room: Room) -> None:
        first = room.begin()
        held = first.ids

        def ask(seed: int) -> None:
            for question in clustered(25, seed=seed):
                ids, scores = first.search(question, limit=10)
                assert len(ids) == 10
                assert set(ids.tolist()) <= held
                assert first.scores(question, ids) == pytest.approx(scores, abs=HALF)

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(ask, seed) for seed in range(4)]
            for number in range(3):
                removed = range(10 * number + 1, 10 * number + 11)
                room.write(numbered(1_000 * number + 1_000, 10), clustered(10, seed=number), removed=removed)
            for task in running:
                task.result()

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        changes=st.lists(
            st.tuples(st.integers(0, 25), st.sets(st.integers(0, 60), max_size=20), st.booleans()), min_size=1, max_size=5
        ),
        seed=st.integers(0, 1_000),
    )
    def test_any_sequence_of_changes_agrees_with_a_plain_search(
        self, room: Room, changes: list[tuple[int, set[int], bool]], seed: int
    ) -> None:
        room.version, room.model = None, {}  # the next example of one room; of a shared table, the next version
        room.begin(seed=seed)
        for number, (size, places, is_reopened) in enumerate(changes):
            known = list(room.model)
            removed = [known[place] for place in places if place < len(known)]
            added = clustered(size, seed=seed + number)  # of the same seed as some before: equal vectors, other ids
            version = room.write(numbered(10_000 * (number + 1), size), added, removed=removed)
            if is_reopened:
                version = room.version = room.place.open(room.at, room.part)
            room.check(version, clustered(20, seed=seed + 7))


def _alike(found: list[list[int]], others: list[list[int]]) -> float:
    return sum(len(set(one) & set(other)) for one, other in zip(found, others, strict=True)) / sum(map(len, found))


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    yield from postgres_server().fresh(tmp_path_factory.mktemp("postgresql"))


@dataclass
class Desk:
    """Versions of one part in a database of its own."""

    database: Database
    _numbers: Iterator[int] = field(default_factory=count)

    def room(self, encoder: str = "hash@1", *, kept_for: timedelta = timedelta(days=7), exact_up_to: int = LIMIT) -> Room:
        place = PgVectorPlace(self.database.engine, (encoder, None, None), exact_up_to=exact_up_to, kept_for=kept_for)
        return Room(place, self.database.folder / f"index-{next(self._numbers)}", is_exact=True, base=40)

    @property
    def tables(self) -> list[str]:
        return sorted(name for name in inspect(self.database.engine).get_table_names() if name.startswith("vectors_"))

    def rows(self, table: str) -> int:
        return int(self.run(f"SELECT count(*) FROM {table}"))

    def run(self, statement: str) -> str:
        with self.database.engine.begin() as connection:
            result = connection.execute(text(statement))
            return str(result.scalar()) if result.returns_rows else ""


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@postgres
class TestInTheDatabase:
    """What a database does beyond the contract."""

    def test_a_graph_is_made_beyond_the_limit_and_dropped_well_below_it(self, desk: Desk) -> None:
        room = desk.room()

        def has_graph() -> bool:
            (table,) = desk.tables
            return any(index["name"] == f"{table}_graph" for index in inspect(desk.database.engine).get_indexes(table))

        room.write(numbered(1, LIMIT), clustered(LIMIT))
        assert not has_graph()
        room.write(numbered(1_000, 1), clustered(1, seed=2))
        assert has_graph()
        (table,) = desk.tables
        question, most = str(clustered(1)[0].tolist()), LIMIT // 2
        with desk.database.engine.begin() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = connection.execute(text(f"EXPLAIN SELECT * FROM {table} ORDER BY vector <#> '{question}' LIMIT 5")).scalars()
            assert f"Index Scan using {table}_graph" in "\n".join(plan)
        room.place = desk.room(kept_for=timedelta(0)).place
        room.write(NONE, clustered(0), removed=range(1, most + 2))
        assert has_graph()  # rows that left are still there
        room.write(NONE, clustered(0))
        assert (desk.rows(table), has_graph()) == (most, False)
        room.check(room.place.open(room.at, PART), clustered(5, seed=3))

    def test_a_write_that_fails_takes_nothing_away(self, desk: Desk) -> None:
        room = desk.room()
        before, at = room.begin(), room.at
        room.model, model = dict(room.model), room.model
        with pytest.raises(KnowledgeError, match="cannot be written to the database"):
            room.write(np.array([1, 1_000]), np.full((2, DIM), np.nan, np.float32), removed=range(2, 20))
        room.model = model
        room.check(before, clustered(10, seed=2))
        room.check(room.place.open(at, PART), clustered(10, seed=2))

    def test_another_encoder_leaves_the_version_that_serves(self, desk: Desk) -> None:
        old, new = desk.room("old"), desk.room("new", kept_for=timedelta(0))
        serving = old.begin(seed=1)
        new.begin(seed=2)
        assert len(desk.tables) == 2
        old.check(serving, clustered(10, seed=3))
        new.check(new.place.open(new.at, PART), clustered(10, seed=3))
        new.write(NONE, clustered(0))
        assert len(desk.tables) == 1
        for again in (lambda: serving.search(clustered(1)[0], limit=1), lambda: old.place.open(old.at, PART)):
            with pytest.raises(IndexCorrupt, match="knowledge build"):
                again()

    def test_replicas_with_folders_of_their_own_share_a_table(self, desk: Desk) -> None:
        one, other = desk.room(), desk.room()
        first = one.begin()
        other.begin()
        (table,) = desk.tables
        assert desk.rows(table) == 40
        other.write(numbered(100, 5), clustered(5, seed=2), removed=range(1, 6))
        one.check(first, clustered(10, seed=3))
        other.check(other.place.open(other.at, PART), clustered(10, seed=3))

    def test_what_left_is_deleted_after_some_days_and_counts_as_far(self, desk: Desk) -> None:
        room = desk.room(kept_for=timedelta(0))
        before, vector = room.begin(), clustered(1)[0]
        room.write(NONE, clustered(0), removed=[1])
        (table,) = desk.tables
        assert desk.rows(table) == 40
        room.write(NONE, clustered(0))
        assert desk.rows(table) == 39
        assert before.scores(vector, np.array([1, 2]))[0] == -1
        assert before.search(vector, limit=40)[0].tolist()[0] != 1

    def test_who_knows_no_encoder_shares_nothing(self, desk: Desk) -> None:
        for _ in range(2):
            room = desk.room()
            room.place = PgVectorPlace(desk.database.engine)
            room.begin()
        assert len(desk.tables) == 2

    @pytest.mark.parametrize("damage", ["DELETE FROM {table} WHERE passage_id = 7", "TRUNCATE {table}", "DROP TABLE {table}"])
    def test_damage_is_named_and_a_build_mends_it(self, desk: Desk, damage: str) -> None:
        room = desk.room()
        room.begin()
        desk.run(damage.format(table=desk.tables[0]))
        with pytest.raises(IndexCorrupt, match="run `waypost knowledge build`"):
            room.place.open(room.at, PART)
        room.version, room.model = None, {}
        room.begin()
        room.check(room.place.open(room.at, PART), clustered(5, seed=2))

    def test_an_index_of_another_database_is_refused(self, desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
        room = desk.room()
        room.begin()
        for other in postgres_server().fresh(tmp_path_factory.mktemp("other")):
            with pytest.raises(IndexCorrupt, match="run `waypost knowledge build`"):
                PgVectorPlace(other.engine, HASH).open(room.at, PART)
            Desk(other).room().begin()
            with pytest.raises(IndexCorrupt, match="run `waypost knowledge build`"):
                PgVectorPlace(other.engine, HASH).open(room.at, PART)

    def test_a_damaged_vector_is_mended_by_a_build(self, desk: Desk) -> None:
        room = desk.room()
        room.begin()
        (table,) = desk.tables
        desk.run(f"UPDATE {table} SET vector = (SELECT vector FROM {table} WHERE passage_id = 2)")
        room.version, room.model = None, {}
        room.check(room.begin(), clustered(5, seed=2))

    def test_two_builds_at_once_wait_for_each_other(self, desk: Desk) -> None:
        rooms = [desk.room() for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Room.begin, rooms))
        assert len(desk.tables) == 1
        for room in rooms:
            room.check(room.place.open(room.at, PART), clustered(5, seed=2))

    def test_a_database_that_is_gone_is_no_index(self, desk: Desk) -> None:
        room = desk.room()
        version = room.begin()
        assert isinstance(version, PgVectors)
        gone = open_engine("postgresql://nobody@127.0.0.1:1/nothing")
        with pytest.raises(IndexMissing, match="cannot be read from the database"):
            PgVectorPlace(gone, HASH).open(room.at, PART)
        with pytest.raises(IndexMissing, match="cannot be read from the database"):
            PgVectors(gone, version.table, numbered(1, 40), has_graph=False).search(clustered(1)[0], limit=3)
        with pytest.raises(KnowledgeError, match="cannot be written to the database"):
            PgVectorPlace(gone, HASH).write(room.at, PART, None, removed=(), ids=NONE, vectors=clustered(0))


@postgres
class TestWhatAnAdministratorDoes:
    def test_a_role_that_may_not_make_the_extension_is_told_who_may(self, desk: Desk) -> None:
        clerk = self._clerk(desk)
        room = desk.room()
        room.place = PgVectorPlace(clerk, HASH)
        with pytest.raises(KnowledgeError, match=r"no pgvector .*an administrator .*CREATE EXTENSION vector"):
            room.begin()
        desk.run("CREATE EXTENSION vector")
        with pytest.raises(KnowledgeError, match="permission denied for schema public"):
            room.begin()
        desk.run("GRANT CREATE ON SCHEMA public TO clerk")
        room.check(room.begin(), clustered(5, seed=2))
        assert len(room.place.open(room.at, PART).search(clustered(1)[0], limit=3)[0]) == 3
        clerk.dispose()

    def test_an_old_pgvector_is_refused(self, desk: Desk) -> None:
        desk.run("CREATE EXTENSION vector")
        desk.run("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
        with pytest.raises(KnowledgeError, match=r"pgvector 0\.7\.4, this needs 0\.8.*ALTER EXTENSION vector UPDATE"):
            desk.room().begin()

    @staticmethod
    def _clerk(desk: Desk) -> Engine:
        desk.run("DROP ROLE IF EXISTS clerk")
        desk.run("CREATE ROLE clerk LOGIN")
        return open_engine(re.sub(r"//[^@/]*@", "//clerk@", desk.database.url))


DOCUMENTS = [
    sample("en/family.md", "Family reunification lets relatives join.", title="Family", phrasings=("bring my wife",)),
    sample("en/visa.md", "A visa is given by a government.", title="Visa"),
    sample("en/border.md", "At the border your papers are read.\n\n## Camp\n\nA camp is no prison.", title="Border"),
    sample("fr/famille.md", "Le regroupement familial réunit les proches.", title="Famille", language="fr"),
    sample("ar/family.md", "لم شمل الأسرة", title="الأسرة", language="ar"),
]
QUESTIONS = (
    "family reunification",
    "bring my wife",
    "visa of a government",
    "papers at the border",
    "لم شمل",
    "les proches",
    "camp",
)


def searcher(database: Database, folder: Path, place: VectorPlace, documents: KnowledgeStore) -> Searcher:
    build_index(documents, HashEncoder(), folder, NOW, progress=lambda _: None, place=place)
    return Searcher(documents, HashEncoder(), folder, clock=lambda: NOW, place=place)


@postgres
def test_both_places_give_the_same_hits(database: Database, tmp_path: Path) -> None:
    store = KnowledgeStore(database.engine)
    store.publish(DOCUMENTS, now=NOW)
    pg = searcher(database, tmp_path / "pgvector", PgVectorPlace(database.engine, HASH), store)
    files = searcher(database, tmp_path / "faiss", FaissFiles(), store)
    assert load_current(tmp_path / "pgvector").vectors == "pgvector"
    for question in QUESTIONS:
        mine, theirs = (one.search(question, language="en", audiences=PUBLIC).hits for one in (pg, files))
        assert [hit.passage_id for hit in mine] == [hit.passage_id for hit in theirs]
        assert [hit.score for hit in mine] == pytest.approx([hit.score for hit in theirs], abs=0.01)


@postgres
def test_an_index_is_opened_where_it_was_built(database: Database, tmp_path: Path) -> None:
    store = KnowledgeStore(database.engine)
    store.publish(DOCUMENTS, now=NOW)
    searcher(database, tmp_path / "index", FaissFiles(), store)
    place = PgVectorPlace(database.engine, HASH)
    other = Searcher(store, HashEncoder(), tmp_path / "index", clock=lambda: NOW, place=place)
    with pytest.raises(IndexCorrupt, match="run `waypost knowledge build`"):
        other.check()
    build_index(store, HashEncoder(), tmp_path / "index", NOW, progress=lambda _: None, place=place)
    assert other.search("visa", language="en", audiences=PUBLIC).hits


class Interrupted(HashEncoder):
    """Breaks off at the second call."""

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        raise KeyboardInterrupt


@postgres
def test_an_interrupted_build_leaves_the_serving_version(database: Database, tmp_path: Path) -> None:
    store, place = KnowledgeStore(database.engine), PgVectorPlace(database.engine, HASH)
    store.publish(DOCUMENTS, now=NOW)
    serving = searcher(database, tmp_path / "index", place, store)
    version = serving.version
    store.publish([sample("en/new.md", "Something new."), sample("en/visa.md", "A visa is a sticker.", title="Visa")], now=NOW)
    with pytest.raises(KeyboardInterrupt):
        build_index(store, Interrupted(), tmp_path / "index", NOW, progress=lambda _: None, place=place)
    again = Searcher(store, HashEncoder(), tmp_path / "index", clock=lambda: NOW, place=place)
    assert again.version == version
    assert again.search("bring my wife", language="en", audiences=PUBLIC).hits[0].document_id == "en/family.md"


@postgres
@pytest.mark.slow
def test_builds_under_searches_disturb_nobody_and_show_nothing_withdrawn(database: Database, tmp_path: Path) -> None:
    store, place = KnowledgeStore(database.engine), PgVectorPlace(database.engine, HASH)
    store.publish(DOCUMENTS, now=NOW)
    serving = searcher(database, tmp_path / "index", place, store)
    withdrawn: set[str] = set()
    stop = threading.Event()

    def ask() -> int:
        asked = 0
        while not stop.is_set():
            gone = set(withdrawn)  # before the question: what goes meanwhile may still be seen
            for question in QUESTIONS:
                hits = serving.search(question, language="en", audiences=PUBLIC).hits
                assert hits
                assert not gone & {hit.document_id for hit in hits}
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(ask) for _ in range(4)]
        try:
            for number in range(6):
                path = f"en/{number}.md"
                store.publish([sample(path, f"Family reunification of visa number {number}.", title="Other")], now=NOW)
                build_index(store, HashEncoder(), tmp_path / "index", NOW, progress=lambda _: None, place=place, anew=number == 3)
                store.withdraw("pathways", path, now=NOW)
                withdrawn.add(path)
        finally:
            stop.set()
        assert all(task.result() for task in running)
    assert serving.version == load_current(tmp_path / "index").version


class TestTheSetting:
    """``WAYPOST_INDEX__VECTORS``, beside ``WAYPOST_INDEX_DIR``."""

    @pytest.fixture(autouse=True)
    def empty_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)

    def test_files_are_the_default(self) -> None:
        assert load().index == Index(vectors="faiss")
        assert bootstrap.vector_place(load(), open_engine("sqlite://")).name == "faiss"

    def test_it_stands_beside_the_folder_of_the_index(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WAYPOST_INDEX_DIR", "elsewhere")
        monkeypatch.setenv("WAYPOST_INDEX__VECTORS", "pgvector")
        (tmp_path / ".env").write_text("WAYPOST_DATABASE__URL=postgresql://localhost/waypost\nWAYPOST_INDEX__VECTORS=faiss\n")
        loaded = load()
        assert (loaded.index_dir, loaded.index.vectors) == (Path("elsewhere"), "pgvector")
        assert bootstrap.vector_place(loaded, open_engine(loaded.database.url)).name == "pgvector"
        monkeypatch.delenv("WAYPOST_INDEX__VECTORS")
        assert (load().index_dir, load().index.vectors) == (Path("elsewhere"), "faiss")

    @pytest.mark.parametrize(
        ("value", "told"),
        [
            ("pgvector", "WAYPOST_INDEX__VECTORS=pgvector needs a PostgreSQL database"),
            ("annoy", "WAYPOST_INDEX__VECTORS='annoy'"),
        ],
    )
    def test_what_cannot_be_is_refused_in_words(self, monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
        monkeypatch.setenv("WAYPOST_INDEX__VECTORS", value)
        with pytest.raises(InvalidSettings, match=told):
            load()
