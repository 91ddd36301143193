"""The port to whatever finds vectors near another: FAISS in this process, or pgvector in the database."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]
Scores = NDArray[np.float32]


class Nearest(Protocol):
    """The vectors of one audience's passages by one encoder, under the passages' ids; safe from several threads."""

    @property
    def size(self) -> int:
        """Number of vectors."""
        ...

    @property
    def ids(self) -> frozenset[int]:
        """Ids of all vectors."""
        ...

    def search(self, vector: Vectors, *, limit: int) -> tuple[Ids, Scores]:
        """Return ids and inner products of the ``limit`` nearest to one vector of shape (dim,), best first."""
        ...

    def scores(self, vector: Vectors, ids: Ids) -> Scores:
        """Return the inner product with each of these, in order; all must be among :attr:`ids`."""
        ...

    def vectors(self, ids: Ids) -> Vectors:
        """Return the vectors themselves, (len(ids), dim), in order; all must be among :attr:`ids`."""
        ...

    def prepare(self) -> None:
        """Do now what the first question would wait for."""
        ...
