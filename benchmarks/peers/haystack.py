"""Haystack: https://docs.haystack.deepset.ai/docs/inmemorydocumentstore

Default: ``InMemoryDocumentStore``, which compares the question with every text. Its hybrid pipeline joins this with BM25 by
reciprocal ranks.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.peers.stack import OURS, PASSAGE, QUERY, TORCH, Found, Given, OurEncoder, version_of
from benchmarks.peers.texts import Question

EMBEDDERS = "haystack_integrations.components.embedders.sentence_transformers"


class Haystack:
    """A query pipeline of text embedder and in-memory retriever, with or without BM25 beside it."""

    def __init__(self, *, ours: bool, hybrid: bool) -> None:
        self._ours, self._hybrid = ours, hybrid
        self._given: Given
        self._store: Any
        self._pipeline: Any
        self._documents: Any

    @property
    def label(self) -> str:
        return f"Haystack {version_of('haystack-ai')}{', hybrid' if self._hybrid else ''}"

    @property
    def index(self) -> str:
        return f"InMemoryDocumentStore{' + BM25L, ranks joined' if self._hybrid else ''}"

    @property
    def encoder(self) -> str:
        return OURS if self._ours else f"SentenceTransformersTextEmbedder: {TORCH}"

    def load(self, given: Given) -> None:
        self._given = given
        self._store = _new_store()
        if self._ours:
            ours = OurEncoder(given)
            query, self._documents = _our_embedder(ours), _our_documents(ours)
        else:
            embedders = import_module(EMBEDDERS)
            query = embedders.SentenceTransformersTextEmbedder(model=str(given.model), prefix=QUERY, progress_bar=False)
            query.warm_up()
            self._documents = embedders.SentenceTransformersDocumentEmbedder(
                model=str(given.model), prefix=PASSAGE, progress_bar=False
            )
            self._documents.warm_up()
        self._pipeline = self._query_pipeline(query)

    def add(self) -> None:
        document = import_module("haystack").Document
        self._store.write_documents(
            [
                document(id=str(at), content=passage.text, embedding=vector)
                for at, (passage, vector) in enumerate(zip(self._given.passages, self._given.vectors.tolist(), strict=True))
            ]
        )

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        asked: dict[str, dict[str, Any]] = {"embedder": {"text": question.text}}
        if self._hybrid:
            asked |= {"words": {"query": question.text}, "joiner": {"top_k": limit}}
        else:
            asked |= {"retriever": {"top_k": limit}}
        documents = self._pipeline.run(asked)["joiner" if self._hybrid else "retriever"]["documents"]
        return [Found(at=int(one.id), text=one.content) for one in documents[:limit]]

    def build(self, texts: Sequence[str]) -> None:
        self._embed_and_write(_new_store(), [(str(at), text) for at, text in enumerate(texts)])

    def update(self, at: int, text: str) -> None:
        self._embed_and_write(self._store, [(str(at), text)])

    def save(self) -> None:
        self._store.save_to_disk(str(self._given.folder / "store.json"))

    def _embed_and_write(self, store: Any, texts: Sequence[tuple[str, str]]) -> None:
        module = import_module("haystack")
        policy = import_module("haystack.document_stores.types").DuplicatePolicy.OVERWRITE
        documents = [module.Document(id=identity, content=text) for identity, text in texts]
        store.write_documents(self._documents.run(documents=documents)["documents"], policy=policy)

    def _query_pipeline(self, embedder: Any) -> Any:
        retrievers = import_module("haystack.components.retrievers.in_memory")
        pipeline = import_module("haystack").Pipeline()
        pipeline.add_component("embedder", embedder)
        pipeline.add_component("retriever", retrievers.InMemoryEmbeddingRetriever(self._store))
        pipeline.connect("embedder.embedding", "retriever.query_embedding")
        if self._hybrid:
            joiner = import_module("haystack.components.joiners").DocumentJoiner(join_mode="reciprocal_rank_fusion")
            pipeline.add_component("words", retrievers.InMemoryBM25Retriever(self._store))
            pipeline.add_component("joiner", joiner)
            pipeline.connect("retriever", "joiner")
            pipeline.connect("words", "joiner")
        return pipeline


def _new_store() -> Any:
    return import_module("haystack.document_stores.in_memory").InMemoryDocumentStore()


def _our_embedder(ours: OurEncoder) -> Any:
    component = import_module("haystack").component

    class TextEmbedder:
        @component.output_types(embedding=list[float])  # type: ignore[untyped-decorator]
        def run(self, text: str) -> dict[str, Any]:
            return {"embedding": ours.query(text)}

    return component(TextEmbedder)()


def _our_documents(ours: OurEncoder) -> Any:
    from dataclasses import replace

    component = import_module("haystack").component

    class DocumentEmbedder:
        @component.output_types(documents=list)  # type: ignore[untyped-decorator]
        def run(self, documents: list[Any]) -> dict[str, Any]:
            rows = ours.passages([one.content for one in documents]).tolist()
            return {"documents": [replace(one, embedding=row) for one, row in zip(documents, rows, strict=True)]}

    return component(DocumentEmbedder)()
