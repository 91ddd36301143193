"""Nearest vectors by inner product; the only module that knows FAISS.

Vectors are kept in half precision, which loses nothing that could be measured. A few are all compared with the question. From
``EXACT_UP_TO`` on, sketches of four bits for every two numbers say first which few are worth it; they are made when an index is
opened. From ``IN_CELLS_FROM`` on, vectors lie in cells and the nearest cells are looked at. Single vectors go in and out of all.
"""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np

from knowledge.errors import IndexCorrupt
from knowledge.index.nearest import Ids, Scores, Vectors

EXACT_UP_TO = 4_000
IN_CELLS_FROM = 50_000
SHORTLIST = 6
"""Sketches looked up in full for each vector wanted.

Of exact search on 20,000 passages in 13 languages, 360 questions: .9997 of the first 10, .994 of 64, in a fifth of the time.
"""
LEAST = 16
"""Vectors looked for when fewer are wanted: the very nearest may not be missed for its sketch."""
SKETCHED_FROM, ROUNDS = 1_024, 4
"""Vectors, and rounds over them, from which sketches are learnt: with four times as many of each they find the same."""
CELLS_LOOKED_AT = 256
"""Cells that are searched: recall@10 of exact search .990 at 100,000 vectors, .993 at a million (benchmarks/peers/scale.py)."""
TRAINED_ON = 40
"""Vectors a cell, to find where cells lie."""
GROWN = 4
"""Cells are laid out anew when there are this many times the vectors they were laid out for."""

BY_ID = 2
"""``faiss.DirectMap.Hashtable``: vectors are found and removed by their ids."""

faiss.omp_set_num_threads(1)  # a question is too small to share out; threads that wait for each other made it ten times slower


class VectorIndex:
    """Unit vectors under the ids of their passages; never changed once made, so safe from several threads."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def of(cls, ids: Ids, vectors: Vectors) -> Self:
        """Return the index of vectors of shape (len(ids), dim), L2-normalised."""
        count, dim = vectors.shape
        index: Any
        if count < IN_CELLS_FROM:
            index = faiss.IndexIDMap2(faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT))
        else:
            index = faiss.index_factory(dim, f"IVF{int(4 * count**0.5)},SQfp16", faiss.METRIC_INNER_PRODUCT)
            index.cp.max_points_per_centroid, index.cp.spherical = TRAINED_ON, True
            index.train(np.ascontiguousarray(vectors))
            index.nprobe = min(CELLS_LOOKED_AT, index.nlist)
            index.set_direct_map_type(BY_ID)
        index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.ascontiguousarray(ids, dtype=np.int64))
        return cls(index)

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self._index.ntotal)

    @property
    def ids(self) -> frozenset[int]:
        """Ids of all vectors."""
        return frozenset(self._listed.tolist())

    def changed(self, *, removed: Collection[int], ids: Ids, vectors: Vectors) -> Self:
        """Return the index without some vectors and with others; the others alone are read."""
        changed = type(self)(faiss.clone_index(self._index))
        if removed:
            changed._index.remove_ids(np.fromiter(removed, np.int64, len(removed)))
        if len(ids):
            changed._index.add_with_ids(
                np.ascontiguousarray(vectors, dtype=np.float32), np.ascontiguousarray(ids, dtype=np.int64)
            )
        return changed._laid_out_anew() if changed._is_outgrown else changed

    def search(self, vector: Vectors, *, limit: int) -> tuple[Ids, Scores]:
        """Return ids and inner products of the nearest to one vector of shape (dim,), best first."""
        count = min(limit, self.size)
        if count <= 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        shortlist = self._shortlist
        if shortlist is None or max(count, LEAST) * SHORTLIST >= self.size:
            scores, ids = self._index.search(vector.reshape(1, -1), count)
            found = ids[0] >= 0
            return ids[0][found], scores[0][found]
        scores, places = shortlist.search(vector.reshape(1, -1), max(count, LEAST))
        return self._listed[places[0][:count]], scores[0][:count]

    def scores(self, vector: Vectors, ids: Ids) -> Scores:
        """Return the inner product with each of these, in order."""
        if not len(ids):
            return np.empty(0, np.float32)
        products: Scores = self.vectors(ids) @ vector
        return products

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors themselves, (len(ids), dim), in order."""
        found: Vectors = self._index.reconstruct_batch(np.ascontiguousarray(ids, dtype=np.int64))
        return found

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read an index.

        Raises:
            IndexCorrupt: the file is missing or damaged.
        """
        try:
            return cls(faiss.read_index(str(path)))
        except (RuntimeError, OSError) as exc:
            raise IndexCorrupt(f"The index file {path.name} cannot be read: run `waypost knowledge build`") from exc

    def prepare(self) -> None:
        """Make the sketches now rather than at the first question."""
        _ = self._shortlist

    @cached_property
    def _shortlist(self) -> Any | None:
        """Sketches of all vectors and the vectors themselves, by place; None where all are compared, or lie in cells."""
        if not hasattr(self._index, "id_map") or self.size <= EXACT_UP_TO or self._index.d % 2:
            return None
        flat = faiss.downcast_index(self._index.index)
        sketches = faiss.IndexPQFastScan(flat.d, flat.d // 2, 4, faiss.METRIC_INNER_PRODUCT)
        sketches.pq.cp.niter = ROUNDS
        vectors = flat.reconstruct_n(0, self.size)
        sketches.train(vectors[:: max(self.size // SKETCHED_FROM, 1)])
        sketches.add(vectors)
        found: Any = faiss.IndexRefine(sketches, flat)
        found.k_factor = SHORTLIST
        found.referenced_objects = (sketches, flat)  # FAISS keeps pointers only
        return found

    @property
    def _is_outgrown(self) -> bool:
        cells = getattr(self._index, "nlist", 0)
        return self.size >= IN_CELLS_FROM and self.size > GROWN * (cells / 4) ** 2

    def _laid_out_anew(self) -> Self:
        ids = np.sort(self._listed)
        return self.of(ids, self._index.reconstruct_batch(ids))

    @cached_property
    def _listed(self) -> Ids:
        """Ids by place, or cell after cell."""
        if hasattr(self._index, "id_map"):
            listed: Ids = faiss.vector_to_array(self._index.id_map)
            return listed
        lists = self._index.invlists
        cells = [faiss.rev_swig_ptr(lists.get_ids(cell), lists.list_size(cell)).copy() for cell in range(self._index.nlist)]
        return np.concatenate([cell for cell in cells if len(cell)]) if self.size else np.empty(0, np.int64)
