"""LangChain with its FAISS store: https://docs.langchain.com/oss/python/integrations/vectorstores/faiss

Default index: ``IndexFlatL2``, texts in a dictionary in memory.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from benchmarks.peers.stack import OURS, PASSAGE, QUERY, TORCH, Found, Given, OurEncoder, version_of
from benchmarks.peers.texts import Question


class LangChain:
    """``langchain_community.vectorstores.FAISS`` with ``HuggingFaceEmbeddings``, or with embeddings of ours."""

    def __init__(self, *, ours: bool) -> None:
        self._ours = ours
        self._given: Given
        self._embeddings: Any
        self._store: Any

    @property
    def label(self) -> str:
        return f"LangChain {version_of('langchain-community')} + FAISS {version_of('faiss-cpu')}"

    @property
    def index(self) -> str:
        return "IndexFlatL2"

    @property
    def encoder(self) -> str:
        return OURS if self._ours else f"HuggingFaceEmbeddings: {TORCH}"

    def load(self, given: Given) -> None:
        self._given = given
        self._embeddings = _our_embeddings(given) if self._ours else _their_embeddings(given)
        import_module("langchain_community.vectorstores")

    def add(self) -> None:
        texts = [passage.text for passage in self._given.passages]
        self._store = _faiss().from_embeddings(
            zip(texts, self._given.vectors.tolist(), strict=True),
            self._embeddings,
            ids=[str(at) for at in range(len(texts))],
        )

    def ask(self, question: Question, limit: int) -> Sequence[Found]:
        return [Found(at=int(one.id), text=one.page_content) for one in self._store.similarity_search(question.text, k=limit)]

    def build(self, texts: Sequence[str]) -> None:
        _faiss().from_texts(list(texts), self._embeddings)

    def update(self, at: int, text: str) -> None:
        self._store.delete([str(at)])
        self._store.add_texts([text], ids=[str(at)])

    def save(self) -> None:
        self._store.save_local(str(self._given.folder))


def _faiss() -> Any:
    return import_module("langchain_community.vectorstores").FAISS


def _their_embeddings(given: Given) -> Any:
    return import_module("langchain_huggingface").HuggingFaceEmbeddings(
        model_name=str(given.model), model_kwargs={"device": "cpu"}, encode_kwargs={"prompt": PASSAGE},
        query_encode_kwargs={"prompt": QUERY},
    )  # fmt: skip


def _our_embeddings(given: Given) -> Any:
    base: Any = import_module("langchain_core.embeddings").Embeddings
    ours = OurEncoder(given)

    class Embeddings(base):  # type: ignore[misc]
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            rows: list[list[float]] = ours.passages(texts).tolist()
            return rows

        def embed_query(self, text: str) -> list[float]:
            return ours.query(text)

    return Embeddings()
