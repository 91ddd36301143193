"""Measure retrieval on a judged set: is the right document found, how high, and does the score tell when there is none.

A query without relevant documents is one our documents cannot answer; ``refusal`` is measured on those. Every audience is
searched: what is measured is finding, not access.
"""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from knowledge.errors import KnowledgeError
from knowledge.index.search import Searcher
from knowledge.passages import Audience

CUTS = (1, 3, 5, 10)
DEPTH = 10
ANSWERED = 0.95
"""Share of answerable questions that must stay above the score at which false answers are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One judged question; ``relevant`` holds document ids, none when our documents do not answer it."""

    id: str
    text: str
    lang: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    query: Query
    found: tuple[str, ...]
    score: float
    ms: float


def read_queries(path: Path) -> list[Query]:
    """Read JSON lines of ``id``, ``text``, ``lang``, ``relevant``.

    Raises:
        KnowledgeError: names the line that cannot be read.
    """
    queries = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            relevant = row["relevant"]
            if not isinstance(relevant, list):
                raise TypeError("relevant is not a list")
            known = {key: str(row[key]) for key in ("id", "text", "lang")}
            queries.append(Query(**known, relevant=frozenset(map(str, relevant))))
        except (ValueError, KeyError, TypeError) as exc:
            raise KnowledgeError(f"{path}:{number}: {exc!r}; a line holds id, text, lang and relevant (a list)") from exc
    return queries


def evaluate(searcher: Searcher, queries: Sequence[Query], collection: str | None = None) -> dict[str, Any]:
    """Ask every query and return the figures, shares in 0..1 and milliseconds; None where nothing can be measured."""
    outcomes = [_ask(searcher, query, collection) for query in queries]
    answerable = [outcome for outcome in outcomes if outcome.query.relevant]
    languages = sorted({outcome.query.lang for outcome in answerable})
    times = sorted(outcome.ms for outcome in outcomes)
    return {
        "n": len(outcomes),
        "overall": _figures(answerable),
        "by_language": {
            language: _figures([outcome for outcome in answerable if outcome.query.lang == language]) for language in languages
        },
        "refusal": _refusal(
            [outcome.score for outcome in answerable], [outcome.score for outcome in outcomes if not outcome.query.relevant]
        ),
        "p50_ms": _percentile(times, 0.50),
        "p95_ms": _percentile(times, 0.95),
    }


def _ask(searcher: Searcher, query: Query, collection: str | None) -> _Outcome:
    started = time.perf_counter()
    found = searcher.search(query.text, language=query.lang, audiences=frozenset(Audience), limit=DEPTH, collection=collection)
    ms = (time.perf_counter() - started) * 1000
    score = found.hits[0].score if found.hits else -1.0
    return _Outcome(query=query, found=tuple(hit.document_id for hit in found.hits), score=score, ms=ms)


def _figures(outcomes: Sequence[_Outcome]) -> dict[str, float | None]:
    columns = {f"recall@{cut}": [_recall(outcome, cut) for outcome in outcomes] for cut in CUTS}
    columns["mrr@10"] = [_reciprocal_rank(outcome) for outcome in outcomes]
    columns["ndcg@10"] = [_ndcg(outcome) for outcome in outcomes]
    return {name: round(sum(values) / len(values), 4) if values else None for name, values in columns.items()}


def _recall(outcome: _Outcome, cut: int) -> float:
    return len(outcome.query.relevant & set(outcome.found[:cut])) / len(outcome.query.relevant)


def _reciprocal_rank(outcome: _Outcome) -> float:
    return next((1 / rank for rank, found in enumerate(outcome.found, start=1) if found in outcome.query.relevant), 0.0)


def _ndcg(outcome: _Outcome) -> float:
    gain = sum(1 / math.log2(rank + 1) for rank, found in enumerate(outcome.found, start=1) if found in outcome.query.relevant)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(outcome.query.relevant), DEPTH) + 1))
    return gain / ideal


def _refusal(answerable: Sequence[float], unanswerable: Sequence[float]) -> dict[str, float | None]:
    """Return how well the best score tells answerable from unanswerable, and the share of unanswerable that would be answered.

    ``false_answers`` is counted at the score that lets 95 % of the answerable through.
    """
    if not answerable or not unanswerable:
        return {"auroc": None, "false_answers": None}
    threshold = sorted(answerable)[math.floor(len(answerable) * (1 - ANSWERED))]
    answered = sum(score >= threshold for score in unanswerable)
    return {"auroc": auroc(answerable, unanswerable), "false_answers": round(answered / len(unanswerable), 4)}


def auroc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """Return how often an answerable question's score is above an unanswerable one's, ties halved; None without both."""
    if not answerable or not unanswerable:
        return None
    below = np.sort(np.asarray(unanswerable, np.float64))
    good = np.asarray(answerable, np.float64)
    wins = np.searchsorted(below, good, "left") + np.searchsorted(below, good, "right")
    return round(float(wins.sum()) / 2 / len(good) / len(below), 4)


def _percentile(values: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile of sorted values."""
    return round(values[max(math.ceil(share * len(values)) - 1, 0)], 2) if values else None
