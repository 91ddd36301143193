"""Chroma: https://docs.trychroma.com/docs/overview/getting-started

Default: ``chromadb.Client()``, an HNSW index in memory beside SQLite. Its own embedding function has no prompt for questions, so
the prefix is put before each text, as the model card of E5 says.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.stack import OURS, PASSAGE, QUERY, TORCH, Found, Given, OurEncoder, version_of
from benchmarks.peers.texts import Question


class Chroma:
    """``chromadb.Client()`` with ``SentenceTransformerEmbeddingFunction``, or with an embedding function of ours."""

    def __init__(self, *, ours: bool) -> None:
        self._ours = ours
        self._given: Given
        self._client: Any
        self._function: Any
        self._collection: Any

    @property
    def label(self) -> str:
        return f"Chroma {version_of('chromadb')}"

    @property
    def index(self) -> str:
        return "HNSW, cosine"

    @property
    def encoder(self) -> str:
        return OURS if self._ours else f"SentenceTransformerEmbeddingFunction: {TORCH}"

    def load(self, given: Given) -> None:
        self._given = given
        chromadb = import_module("chromadb")
        self._client = chromadb.Client(chromadb.Settings(anonymized_telemetry=False))
        self._function = _our_function(given) if self._ours else _their_function(given)

    def add(self) -> None:
        self._collection = self._create("passages")
        texts = [passage.text for passage in self._given.passages]
        most = self._client.get_max_batch_size()
        for first in range(0, len(texts), most):
            some = texts[first : first + most]
            self._collection.add(
                ids=[str(at) for at in range(first, first + len(some))],
                documents=some,
                embeddings=self._given.vectors[first : first + len(some)],
            )

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        found = self._collection.query(query_texts=[self._prefixed(QUERY, question.text)], n_results=limit)
        return [Found(at=int(at), text=text) for at, text in zip(found["ids"][0], found["documents"][0], strict=True)]

    def build(self, texts: Sequence[str]) -> None:
        collection = self._create("sample")
        collection.add(ids=[str(at) for at in range(len(texts))], documents=[self._prefixed(PASSAGE, text) for text in texts])

    def update(self, at: int, text: str) -> None:
        vectors = self._function([self._prefixed(PASSAGE, text)])
        self._collection.update(ids=[str(at)], documents=[text], embeddings=vectors)

    def save(self) -> None:
        """Nothing: this client keeps nothing, the persistent one writes with every call."""

    def _create(self, name: str) -> Any:
        configuration = {"hnsw": {"space": "cosine"}}
        return self._client.create_collection(name, embedding_function=self._function, configuration=configuration)

    def _prefixed(self, prefix: str, text: str) -> str:
        return text if self._ours else prefix + text


def _their_function(given: Given) -> Any:
    functions = import_module("chromadb.utils.embedding_functions")
    return functions.SentenceTransformerEmbeddingFunction(model_name=str(given.model))


def _our_function(given: Given) -> Any:
    base: Any = import_module("chromadb").EmbeddingFunction
    ours = OurEncoder(given)

    class Function(base):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def __call__(self, input: Sequence[str]) -> Any:  # the name is Chroma's
            return list(ours.passages(list(input)))

        def embed_query(self, input: Sequence[str]) -> Any:
            return [np.array(ours.query(text), np.float32) for text in input]

        @staticmethod
        def name() -> str:
            return "ours"

        def get_config(self) -> dict[str, Any]:
            return {}

        @staticmethod
        def build_from_config(config: dict[str, Any]) -> Any:
            return Function()

    return Function()
