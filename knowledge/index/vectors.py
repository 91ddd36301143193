"""Nearest vectors by inner product; the only module that knows FAISS.

Exact search: 100,000 passages of 384 numbers take 150 MB and some milliseconds; an approximate index would forget some of them.
"""

from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from knowledge.errors import IndexCorrupt

Vectors = NDArray[np.float32]


class VectorIndex:
    """Unit vectors under the ids of their passages; searching is safe from several threads, adding is not."""

    def __init__(self, dim: int) -> None:
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        return int(self._index.d)

    @property
    def ids(self) -> frozenset[int]:
        """Ids of all vectors."""
        return frozenset(int(number) for number in faiss.vector_to_array(self._index.id_map))

    def add(self, ids: list[int], vectors: Vectors) -> None:
        """Add vectors of shape (len(ids), dim), L2-normalised."""
        self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), np.asarray(ids, dtype=np.int64))

    def search(self, vector: Vectors, *, limit: int) -> list[tuple[int, float]]:
        """Return (id, inner product) of the nearest, best first, to one vector of shape (dim,)."""
        count = min(limit, self.size)
        if count <= 0:
            return []
        scores, ids = self._index.search(np.ascontiguousarray(vector.reshape(1, -1), dtype=np.float32), count)
        return [(int(number), float(score)) for number, score in zip(ids[0], scores[0], strict=True) if number >= 0]

    def save(self, path: Path) -> None:
        """Write the index to a file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """Read an index.

        Raises:
            IndexCorrupt: the file is missing or damaged.
        """
        loaded = cls.__new__(cls)
        try:
            loaded._index = faiss.read_index(str(path))
        except (RuntimeError, OSError) as exc:
            raise IndexCorrupt(f"The index file {path.name} cannot be read: run `waypost knowledge build`") from exc
        return loaded
