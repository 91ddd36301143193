"""Nearest vectors by inner product, kept in PostgreSQL: the twin of ``vectors``, and the only module that knows pgvector.

What an encoder makes of a passage never changes. So every version of an index reads the same table: a build adds what is new,
and a version is the list of its ids, kept in its folder. A build that fails, a second replica or a new encoder then takes nothing
from the version that serves. What the newest documents no longer hold is deleted some days later.

Up to ``EXACT_UP_TO`` rows every vector is looked at; beyond, pgvector's graph (HNSW) is asked.
"""

import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    any_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from knowledge.errors import IndexCorrupt, IndexMissing, KnowledgeError
from knowledge.index.arrays import load_arrays, packed, save_arrays, unpacked
from knowledge.index.encoder import Names
from knowledge.index.nearest import Ids, Nearest, Scores, Vectors

EXACT_UP_TO = 50_000
LOOKED_AT = 400
"""``hnsw.ef_search``: docs/operations.md has what is found and how long it takes."""
MOST_BY_GRAPH = 1_000
"""The most ``hnsw.ef_search`` may be: who wants more gets it by looking at every vector."""
KEPT_FOR = timedelta(days=7)
"""How far a replica with an index folder of its own may be behind."""
AT_ONCE = 5_000
"""Vectors in one statement."""
OLDEST = (0, 8)
"""The first pgvector that goes on where deleted rows leave a search short (``hnsw.iterative_scan``)."""
FARTHEST = -1.0
REMEDY = "run `waypost knowledge build`"
NO_SUCH_TABLE = "42P01"
"""PostgreSQL: undefined table."""

SET_LOCAL = text(
    "SELECT set_config(name, value, true) FROM unnest(CAST(:names AS text[]), CAST(:wanted AS text[])) AS setting(name, value)"
)
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('waypost vectors', 0))")

metadata = MetaData()
vector_part = Table(
    "vector_part",
    metadata,
    Column("name", String, primary_key=True),
    Column("part", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("given_up_at", DateTime(timezone=True)),
    UniqueConstraint("part", "made_by", "dim"),
)
"""Which table holds a part by which encoders, and since when builds have put that part elsewhere."""
vector_left = Table(
    "vector_left",
    metadata,
    Column("name", String, ForeignKey("vector_part.name", ondelete="CASCADE"), primary_key=True),
    Column("passage_id", BigInteger, primary_key=True),
    Column("left_at", DateTime(timezone=True), nullable=False),
)
"""Rows the newest documents do not hold. Apart from the vectors: any change of their rows enters them into the graph again."""


class PgVectors:
    """The vectors of one version, in a table that other versions may share."""

    def __init__(self, engine: Engine, table: Table, ids: Ids, *, has_graph: bool) -> None:
        self.table = table
        self._engine = engine
        self._ids = ids
        self._has_graph = has_graph

    @property
    def size(self) -> int:
        """Number of vectors."""
        return len(self._ids)

    @property
    def ids(self) -> frozenset[int]:
        """Ids of all vectors."""
        return frozenset(self._ids.tolist())

    def search(self, vector: Vectors, *, limit: int) -> tuple[Ids, Scores]:
        """Return ids and inner products of the nearest to one vector of shape (dim,), best first, equals by ascending id.

        Raises:
            IndexCorrupt: the table was taken away.
            IndexMissing: the database cannot be asked.
        """
        count = asked = min(limit, self.size)
        if count <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        while True:
            by_graph = self._has_graph and asked <= MOST_BY_GRAPH
            ids, scores = self._nearest(vector, asked, by_graph=by_graph)
            own = np.isin(ids, self._ids)
            if np.count_nonzero(own) >= count or (len(ids) < asked and not by_graph):
                break
            asked *= 4  # rows of other versions took the places
        ids, scores = ids[own], scores[own]
        order = np.lexsort((ids, -scores))[:count]
        return ids[order], scores[order]

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors themselves, (len(ids), dim), in order; zeros for what was deleted since.

        Raises:
            IndexCorrupt, IndexMissing: as :meth:`search`.
        """
        wanted = self.table.c.passage_id == any_(_listed(ids))
        with _asking(self._engine) as connection:
            rows = connection.execute(select(self.table.c.passage_id, self.table.c.vector).where(wanted)).all()
        kept = {row.passage_id: row.vector for row in rows}
        nothing = [0.0] * self._dim
        return np.array([kept.get(one, nothing) for one in ids.tolist()], np.float32).reshape(len(ids), self._dim)

    def prepare(self) -> None:
        """Do nothing: the database is ready."""

    def scores(self, vector: Vectors, ids: Ids) -> Scores:
        """Return the inner product with each of these, in order; -1 for what was deleted since, which is shown to nobody.

        Raises:
            IndexCorrupt, IndexMissing: as :meth:`search`.
        """
        if not len(ids):
            return np.empty(0, np.float32)
        wanted = self.table.c.passage_id == any_(_listed(ids))
        with _asking(self._engine) as connection:
            rows = connection.execute(select(self.table.c.passage_id, self._distance(vector)).where(wanted)).all()
        products = {passage: -distance for passage, distance in rows}
        return np.array([products.get(passage, FARTHEST) for passage in ids.tolist()], np.float32)

    def changed(self, *, removed: Collection[int], ids: Ids) -> Ids:
        """Return the version's ids without some and with others, ascending."""
        return np.union1d(np.setdiff1d(self._ids, np.fromiter(removed, np.int64, len(removed))), ids)

    def _nearest(self, vector: Vectors, limit: int, *, by_graph: bool) -> tuple[Ids, Scores]:
        passage, distance = self.table.c.passage_id, self._distance(vector)
        # The graph gives rows by distance and by nothing else; the ids of equals are put in order afterwards.
        order = (distance,) if by_graph else (distance, passage)
        with _asking(self._engine) as connection:
            _set_local(connection, _by_graph(limit) if by_graph else {"enable_indexscan": "off", "jit": "off"})
            rows = connection.execute(select(passage, distance).order_by(*order).limit(limit)).all()
        return np.array([row[0] for row in rows], np.int64), -np.array([row[1] for row in rows], np.float32)

    @property
    def _dim(self) -> int:
        kind: Any = self.table.c.vector.type
        return int(kind.dim)

    def _distance(self, vector: Vectors) -> ColumnElement[float]:
        """The inner product with its sign turned: PostgreSQL reads an index in ascending order only."""
        distance: ColumnElement[float] = self.table.c.vector.max_inner_product(vector).label("distance")
        return distance


class PgVectorPlace:
    """Vectors in the database of the documents; the index folder holds which of them belong to a version.

    Args:
        encoders: whose vectors are written. Without them a build that takes nothing over shares no table with any other.
        exact_up_to: vectors in one table that are all looked at.
        kept_for: how long vectors stay that no build has asked for.
    """

    def __init__(
        self,
        engine: Engine,
        encoders: Names | None = None,
        *,
        exact_up_to: int = EXACT_UP_TO,
        kept_for: timedelta = KEPT_FOR,
    ) -> None:
        self._engine = engine
        self._made_by = " + ".join(filter(None, encoders)) if encoders else secrets.token_hex(6)
        self._exact_up_to = exact_up_to
        self._kept_for = kept_for

    @property
    def name(self) -> str:
        """``pgvector``."""
        return "pgvector"

    def write(
        self, folder: Path, part: str, previous: Nearest | None, *, removed: Collection[int], ids: Ids, vectors: Vectors
    ) -> Nearest:
        """Add the vectors to the part's table, in one transaction, and keep the list of those that belong to this version.

        Raises:
            KnowledgeError: the database has no pgvector, or refuses; says what an administrator runs.
        """
        with _building(self._engine) as connection:
            if isinstance(previous, PgVectors):
                table, held = previous.table, previous.changed(removed=removed, ids=ids)
            else:
                table, held = self._table(connection, part, vectors.shape[1]), np.unique(ids)
            _put(connection, table, ids, vectors)
            _note_left(connection, table, held)
            _delete_left(connection, table, self._kept_for)
            self._lay_out(connection, table)
            _require_all(connection, table, held, part)
            self._give_up_others(connection, table, part)
            has_graph = _has_graph(connection, table)
        save_arrays(_file(folder, part), {"table": packed([table.name]), "ids": held})
        return PgVectors(self._engine, table, held, has_graph=has_graph)

    def open(self, folder: Path, part: str) -> Nearest:
        """Return a part that was written.

        Raises:
            IndexCorrupt: its list, its table or some of its vectors are not there.
            IndexMissing: the database cannot be asked.
        """
        packed_name, ids = load_arrays(_file(folder, part), "table", "ids")
        (name,) = unpacked(packed_name)
        with _asking(self._engine) as connection:
            dim = connection.execute(select(vector_part.c.dim).filter_by(name=name, part=part)).scalar()
            if dim is None:
                raise IndexCorrupt(f"The database has no vectors of {part} for this index: {REMEDY}")
            table = _vectors(name, dim)
            _require_all(connection, table, ids, part)
            return PgVectors(self._engine, table, ids, has_graph=_has_graph(connection, table))

    def _table(self, connection: Connection, part: str, dim: int) -> Table:
        """Return the part's table, made where there is none."""
        _require_pgvector(connection)
        metadata.create_all(connection)
        key = {"part": part, "made_by": self._made_by, "dim": dim}
        name = connection.execute(select(vector_part.c.name).filter_by(**key)).scalar()
        if name is None:
            name = f"vectors_{secrets.token_hex(6)}"  # at random: an index never takes another database's table for its own
            connection.execute(insert(vector_part).values(name=name, **key))
        table = _vectors(name, dim)
        table.create(connection, checkfirst=True)
        return table

    def _lay_out(self, connection: Connection, table: Table) -> None:
        """Make the graph of a table that has grown, drop that of one that has shrunk; between, what is stays as it is."""
        rows = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if rows > self._exact_up_to and not _has_graph(connection, table):
            _graph(table).create(connection)
        elif rows <= self._exact_up_to // 2 and _has_graph(connection, table):
            _graph(table).drop(connection)

    def _give_up_others(self, connection: Connection, table: Table, part: str) -> None:
        """Drop tables of the part that no build has written to for some days: other encoders made them."""
        since = case((vector_part.c.name != table.name, func.coalesce(vector_part.c.given_up_at, func.now())))
        connection.execute(update(vector_part).where(vector_part.c.part == part).values(given_up_at=since))
        is_old = vector_part.c.given_up_at < func.now() - self._kept_for
        for name, dim in connection.execute(delete(vector_part).where(is_old).returning(vector_part.c.name, vector_part.c.dim)):
            _vectors(name, dim).drop(connection, checkfirst=True)


def _vectors(name: str, dim: int) -> Table:
    """Return the table of one part by one pair of encoders.

    A table each: a graph holds vectors of one length. For kinds of rows in one table pgvector documents partial indexes, which
    need kind and length in each query as constants, and partitions, which share one length. Half precision halves rows and graph,
    and keeps 512 numbers below the 2 kB from which PostgreSQL stores a value elsewhere.
    """
    passage = Column("passage_id", BigInteger, primary_key=True, autoincrement=False)
    return Table(name, MetaData(), passage, Column("vector", HALFVEC(dim), nullable=False))


def _graph(table: Table) -> Index:
    """With pgvector's own 16 neighbours and 64 candidates: 128 took twice as long to make and found hardly more."""
    vector = table.to_metadata(MetaData()).c.vector  # of a copy: an index stays with the table object it is made for
    return Index(f"{table.name}_graph", vector, postgresql_using="hnsw", postgresql_ops={"vector": "halfvec_ip_ops"})


def _has_graph(connection: Connection, table: Table) -> bool:
    return connection.execute(select(func.to_regclass(f"{table.name}_graph").is_not(None))).scalar_one()


def _file(folder: Path, part: str) -> Path:
    return folder / f"{part}.pgvector.npz"


def _listed(ids: Ids) -> ColumnElement[list[int]]:
    return literal(ids.tolist(), ARRAY(BigInteger))


def _by_graph(limit: int) -> dict[str, str]:
    return {
        "enable_seqscan": "off",  # what the planner believes of a table that was never analysed
        "hnsw.ef_search": str(min(max(LOOKED_AT, limit), MOST_BY_GRAPH)),
        "hnsw.iterative_scan": "strict_order",
    }


def _set_local(connection: Connection, settings: dict[str, str]) -> None:
    connection.execute(SET_LOCAL, {"names": list(settings), "wanted": list(settings.values())})


def _put(connection: Connection, table: Table, ids: Ids, vectors: Vectors) -> None:
    """Keep vectors under their ids; one that is there already is left alone, or mended."""
    register_vector(connection.connection.driver_connection)
    # %b is psycopg's for binary: as text, which it prefers for lists, 20,000 vectors took 11 s, and so half a second.
    put = (
        f"INSERT INTO {table.name} (passage_id, vector) SELECT * FROM unnest(%b::bigint[], %b::halfvec[])"  # noqa: S608
        f" ON CONFLICT (passage_id) DO UPDATE SET vector = excluded.vector WHERE {table.name}.vector <> excluded.vector"
    )
    for first in range(0, len(ids), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        connection.exec_driver_sql(put, (ids[some].tolist(), [HalfVector(vector) for vector in vectors[some]]))


def _note_left(connection: Connection, table: Table, held: Ids) -> None:
    """Note which rows the newest documents do not hold, and since when."""
    kept = func.unnest(_listed(held)).column_valued("kept")
    gone = select(literal(table.name), table.c.passage_id, func.now()).where(
        ~exists(select(kept).where(kept == table.c.passage_id))
    )
    note = postgresql.insert(vector_left).from_select(["name", "passage_id", "left_at"], gone)
    connection.execute(note.on_conflict_do_nothing())
    connection.execute(
        delete(vector_left).where(vector_left.c.name == table.name, vector_left.c.passage_id == any_(_listed(held)))
    )


def _delete_left(connection: Connection, table: Table, kept_for: timedelta) -> None:
    is_old = (vector_left.c.name == table.name) & (vector_left.c.left_at < func.now() - kept_for)
    connection.execute(delete(table).where(table.c.passage_id.in_(select(vector_left.c.passage_id).where(is_old))))
    connection.execute(delete(vector_left).where(is_old))


def _require_all(connection: Connection, table: Table, ids: Ids, part: str) -> None:
    """Refuse a table that lacks vectors of the version: it was emptied, or comes from an older backup."""
    held = select(func.count()).select_from(table).where(table.c.passage_id == any_(_listed(ids)))
    found = connection.execute(held).scalar_one()
    if found < len(ids):
        raise IndexCorrupt(f"The database lacks {len(ids) - found} of {len(ids)} vectors of {part}: {REMEDY}")


def _require_pgvector(connection: Connection) -> None:
    """Make the extension where the role may; else say what somebody runs who may."""
    version = connection.execute(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'")).scalar()
    if version is None:
        try:
            connection.execute(text("CREATE EXTENSION vector"))
        except DBAPIError as exc:
            raise KnowledgeError(
                f"The database has no pgvector ({_first_line(exc)}): an administrator installs it on the server"
                " (Debian: postgresql-17-pgvector) and runs in this database: CREATE EXTENSION vector"
            ) from exc
    elif tuple(map(int, version.split(".")[:2])) < OLDEST:
        raise KnowledgeError(
            f"The database has pgvector {version}, this needs 0.8: an administrator installs a newer one on the server"
            " and runs in this database: ALTER EXTENSION vector UPDATE"
        )


@contextmanager
def _building(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; builds wait for each other."""
    try:
        with engine.begin() as connection:
            _set_local(
                connection,
                {
                    "lock_timeout": "0",  # another build may be making a graph, for minutes
                    "statement_timeout": "0",
                    "maintenance_work_mem": "512MB",  # a graph of 450,000; one that does not fit takes many times as long
                    "max_parallel_maintenance_workers": "0",  # they share /dev/shm, of which a container has 64 MB
                },
            )
            connection.execute(ONE_AT_A_TIME)
            yield connection
    except DBAPIError as exc:
        raise KnowledgeError(f"The vectors cannot be written to the database: {_first_line(exc)}") from exc


@contextmanager
def _asking(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as exc:
        if getattr(exc.orig, "sqlstate", None) == NO_SUCH_TABLE:
            raise IndexCorrupt(f"A table of the index is not in the database: {REMEDY}") from exc
        raise IndexMissing(f"The vectors cannot be read from the database: {_first_line(exc)}") from exc


def _first_line(exc: DBAPIError) -> str:
    return str(exc.orig).partition("\n")[0]
