"""txtai: https://neuml.github.io/txtai/embeddings/

Default index beyond 5,000 texts: FAISS ``IVF`` with about ``4 · √n`` cells, a sixteenth of them searched; texts in SQLite. Hybrid
search (``hybrid=True``) adds BM25, both with the same weight.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.stack import OURS, PASSAGE, QUERY, Found, Given, OurEncoder, version_of
from benchmarks.peers.texts import Question
from benchmarks.peers.vectors import Vectors

INSTRUCTIONS = {"query": QUERY, "data": PASSAGE}


class Txtai:
    """``txtai.Embeddings`` with content, its own pooling of a transformers model, or a transform function of ours."""

    def __init__(self, *, ours: bool, hybrid: bool) -> None:
        self._ours, self._hybrid = ours, hybrid
        self._given: Given
        self._own: dict[str, Any]
        self._embeddings: Any

    @property
    def label(self) -> str:
        return f"txtai {version_of('txtai')}{', hybrid' if self._hybrid else ''}"

    @property
    def index(self) -> str:
        components = self._embeddings.config["build"]["settings"]["components"]
        return f"FAISS {components}{' + BM25' if self._hybrid else ''}"

    @property
    def encoder(self) -> str:
        return OURS if self._ours else "transformers with mean pooling, torch float32"

    def load(self, given: Given) -> None:
        self._given = given
        module = import_module("txtai")
        self._own = (
            {"method": "external", "transform": _transform(OurEncoder(given))} if self._ours else {"path": str(given.model)}
        )
        self._own |= {"instructions": INSTRUCTIONS, "content": True, "hybrid": self._hybrid}
        self._embeddings = module.Embeddings(self._own)

    def add(self) -> None:
        """Build with a function that looks vectors up, then load the result with the encoder under test."""
        known = dict(zip((PASSAGE + passage.text for passage in self._given.passages), self._given.vectors, strict=True))

        def look_up(texts: Sequence[str]) -> Vectors:
            return np.stack([known[text] for text in texts])

        builder = import_module("txtai").Embeddings({**self._own, "method": "external", "transform": look_up, "path": None})
        builder.index((at, passage.text) for at, passage in enumerate(self._given.passages))
        builder.save(str(self._given.folder / "built"))
        settings = {"method": "transformers", **self._own} if not self._ours else self._own
        self._embeddings.load(str(self._given.folder / "built"), config=settings)

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        return [Found(at=int(row["id"]), text=row["text"]) for row in self._embeddings.search(question.text, limit)]

    def build(self, texts: Sequence[str]) -> None:
        import_module("txtai").Embeddings(self._own).index(list(texts))

    def update(self, at: int, text: str) -> None:
        self._embeddings.upsert([(at, text)])

    def save(self) -> None:
        self._embeddings.save(str(self._given.folder / "saved"))


def _transform(ours: OurEncoder) -> Any:
    """Return a function from texts to vectors; the instruction before a text says which kind it is."""

    def transform(texts: Sequence[str]) -> Vectors:
        if texts[0].startswith(QUERY):
            return np.array([ours.query(text.removeprefix(QUERY)) for text in texts], np.float32)
        return ours.passages([text.removeprefix(PASSAGE) for text in texts])

    return transform
