"""Retrieval and refusal on public question sets, through the same index and search that serve people.

    python -m benchmarks.public_sets FOLDER          # a folder of SQuAD files, one a language: en.json, ar.json, …

XQuAD: the files ``xquad.<language>.json`` of https://github.com/deepmind/xquad, without the prefix. Every paragraph is a document
without a title. Questions are asked of the paragraphs in their own language, and of the English ones.

*Absent* is asked once more with every paragraph of the question's article left out: what is then found first is a wrong answer.
AUROC says how well the score tells the two apart. Prints a table; asserts nothing. No text is kept.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import create_engine

from bot import settings
from knowledge.evaluate import auroc
from knowledge.index.build import build_index
from knowledge.index.encoder import Encoder, open_encoder
from knowledge.index.search import Searcher
from knowledge.passages import Audience, Document, Hit, sealed
from knowledge.store import KnowledgeStore
from knowledge.tables import metadata

EVERYBODY = frozenset({Audience.PUBLIC})
DEPTH = 30
"""Documents asked for: enough that some remain when an article is left out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and where its answer stands."""

    id: str
    text: str
    article: str
    document: str


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """One language of a set."""

    language: str
    documents: Sequence[Document]
    questions: Sequence[Asked]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, asked."""

    language: str
    rank: int | None
    """Place of the right document, from 1; None beyond ``DEPTH``."""
    present: float
    """Score of what is found first."""
    absent: float
    """The same without the article the question is about."""
    document_language: str


class Prepared:
    """An encoder that reads all questions at once beforehand: the same vectors, in a fraction of the time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[str, NDArray[np.float32]] = {}
        self.name, self.dim, self.languages = encoder.name, encoder.dim, encoder.languages
        self.second: Prepared | None = Prepared(encoder.second) if encoder.second else None
        self.taught: Encoder | None = None  # the sets hold no entries

    def read(self, texts: Sequence[str]) -> None:
        """Embed questions that will be asked."""
        new = sorted(set(texts) - self._known.keys(), key=len)
        self._known.update(zip(new, self._encoder.encode_queries(new), strict=True))
        if self.second is not None:
            self.second.read(texts)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what was read."""
        return np.stack([self._known[text] for text in texts])

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector for each passage."""
        return self._encoder.encode_passages(texts)


def read(path: Path) -> QuestionSet:
    """Read a file in SQuAD format; its name is its language."""
    language, documents, questions = path.stem, [], []
    for number, article in enumerate(json.loads(path.read_text(encoding="utf-8"))["data"]):
        for place, paragraph in enumerate(article["paragraphs"]):
            name = f"{language}/{number:04}/{place:03}"
            documents.append(_document(name, language, paragraph["context"]))
            questions += [Asked(qa["id"], qa["question"], f"{language}/{number:04}/", name) for qa in paragraph["qas"]]
    return QuestionSet(language, documents, questions)


def _document(name: str, language: str, text: str) -> Document:
    return sealed(Document(collection="set", path=name, title="", language=language, audience=Audience.PUBLIC, body=text.strip()))


@contextmanager
def indexed(documents: Sequence[Document], encoder: Encoder) -> Iterator[Searcher]:
    """Publish documents into a database of their own, index them, and yield the search."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'knowledge.db'}")
        metadata.create_all(engine)
        store, now = KnowledgeStore(engine), datetime.now(UTC)
        store.publish(documents, now=now)
        build_index(store, encoder, Path(folder) / "index", now, progress=lambda line: print(line, file=sys.stderr))
        yield Searcher(store, encoder, Path(folder) / "index", clock=lambda: now)
        engine.dispose()


def ask(searcher: Searcher, encoder: Prepared, questions: Sequence[Asked], language: str) -> Iterator[Outcome]:
    """Ask every question in ``language`` of a search that uses this encoder."""
    encoder.read([question.text for question in questions])
    for question in questions:
        hits = searcher.search(question.text, language=language, audiences=EVERYBODY, limit=DEPTH).hits
        others = [hit for hit in hits if not hit.document_id.startswith(question.article)]
        places = [place for place, hit in enumerate(hits, start=1) if hit.document_id == question.document]
        yield Outcome(language, places[0] if places else None, _score(hits), _score(others), hits[0].language if hits else "")


def in_english(questions: Sequence[Asked], english: QuestionSet) -> list[Asked]:
    """Return the questions whose answer stands in the English paragraphs, pointing there."""
    same = {question.id: question for question in english.questions}
    return [Asked(one.id, one.text, same[one.id].article, same[one.id].document) for one in questions if one.id in same]


def mrr(outcomes: Sequence[Outcome]) -> float:
    """Return the mean reciprocal rank, cut at 10."""
    return sum(1 / one.rank for one in outcomes if one.rank and one.rank <= 10) / len(outcomes)


def recall(outcomes: Sequence[Outcome], depth: int) -> float:
    """Return the share whose document is among the first ``depth``."""
    return sum(one.rank is not None and one.rank <= depth for one in outcomes) / len(outcomes)


def separation(outcomes: Sequence[Outcome]) -> float:
    """Return the AUROC of present against absent."""
    found = auroc([one.present for one in outcomes], [one.absent for one in outcomes])
    assert found is not None
    return found


def _score(hits: Sequence[Hit]) -> float:
    return hits[0].score if hits else 0.0


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    figures = (mrr(outcomes), recall(outcomes, 1), recall(outcomes, 5), separation(outcomes))
    return f"| {name:<14} | {len(outcomes):>5} | " + " | ".join(f"{figure:.4f}" for figure in figures) + " |"


def main() -> None:
    folder = Path(sys.argv[1])
    encoder = Prepared(open_encoder(settings.load().encoder.model, 2))
    sets = [read(path) for path in sorted(folder.glob("*.json"))]
    print("| question>text | n | MRR@10 | recall@1 | recall@5 | AUROC, topic absent |\n|---|--:|--:|--:|--:|--:|")
    for one in sets:
        with indexed(one.documents, encoder) as searcher:
            print(_row(f"{one.language}>{one.language}", list(ask(searcher, encoder, one.questions, one.language))), flush=True)
            if one.language == "en":
                for other in sets:
                    if other is not one:
                        outcomes = list(ask(searcher, encoder, in_english(other.questions, one), other.language))
                        print(_row(f"{other.language}>en", outcomes), flush=True)


if __name__ == "__main__":
    main()
