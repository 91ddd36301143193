"""The figures of retrieval, against a searcher whose answers are given."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from knowledge.errors import KnowledgeError
from knowledge.evaluate import Query, evaluate, read_queries
from knowledge.passages import Audience, Authority, Hit, Retrieval


@dataclass
class Canned:
    answers: dict[str, list[tuple[str, float]]]

    def search(self, text: str, **_: Any) -> Retrieval:
        hits = tuple(
            Hit(
                passage_id=1, score=score, document_id=path, collection="c", topic=None, subject=path, title="",
                authority=Authority.GUIDANCE, audience=Audience.PUBLIC, language="en", heading_path=(), page=None, anchor=None,
                text="", lead="", sources=(), checked=date(2026, 1, 1), review_due=None, depends_on=frozenset(), version_id=1,
                version_number=1, version_date=date(2026, 1, 1), reviewed=False,
            )
            for path, score in self.answers[text]
        )  # fmt: skip
        return Retrieval(hits=hits, index_version="v")


def query(text: str, lang: str, *relevant: str) -> Query:
    return Query(id=text, text=text, lang=lang, relevant=frozenset(relevant))


def test_figures() -> None:
    searcher: Any = Canned(
        {"first": [("a", 0.9)], "second": [("x", 0.8), ("b", 0.7)], "none": [("x", 0.5)], "lucky": [("x", 0.85)], "empty": []}
    )
    queries = [
        query("first", "en", "a"),
        query("second", "ar", "b", "c"),
        query("none", "en"),
        query("lucky", "en"),
        query("empty", "en"),
    ]
    result = evaluate(searcher, queries)
    assert result["n"] == 5
    assert result["overall"] == {
        "recall@1": 0.5, "recall@3": 0.75, "recall@5": 0.75, "recall@10": 0.75, "mrr@10": 0.75, "ndcg@10": 0.6934,
    }  # fmt: skip
    assert set(result["by_language"]) == {"en", "ar"}
    assert result["by_language"]["ar"]["mrr@10"] == 0.5
    assert result["refusal"] == {"auroc": 0.8333, "false_answers": 0.3333}
    assert 0 <= result["p50_ms"] <= result["p95_ms"]


def test_nothing_to_measure_is_none() -> None:
    assert evaluate(Canned({}), [])["overall"]["mrr@10"] is None  # type: ignore[arg-type]


def test_queries_are_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"id": 1, "text": "لم شمل", "lang": "ar", "relevant": ["a"]}\n\n')
    assert read_queries(file) == [Query(id="1", text="لم شمل", lang="ar", relevant=frozenset({"a"}))]
    file.write_text('{"id": 1, "text": "x", "lang": "ar", "relevant": []}\n{"id": 2}\n')
    with pytest.raises(KnowledgeError, match=r"q\.jsonl:2"):
        read_queries(file)
