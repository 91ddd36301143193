"""Measure one stack, in this process, which should be a fresh one: started by ``__main__``, prints one line of JSON: its rows.

In this order: load, add all passages, ask to warm up, ask the timed questions, memory, ask the judged questions, change passages,
build from a sample. A question is timed from text to texts, one at a time; processor time is that of all threads of the process.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.chroma import Chroma
from benchmarks.peers.haystack import Haystack
from benchmarks.peers.langchain import LangChain
from benchmarks.peers.stack import Asked, Given, Stack
from benchmarks.peers.texts import Question, Texts, load_texts
from benchmarks.peers.txtai import Txtai
from benchmarks.peers.waypost import Waypost, can_rank, sample_of

TOP, DEPTH = 5, 10
WARM_UP = 12
RANKING = "waypost-rank"
ROUNDS = 2
UPDATES = 5
MARK = "zyxomma"
"""A word that stands in no text: a changed passage that holds it must be found first by a question of it."""
PATIENCE_S = 90.0
"""After so long no further timed question is asked, and no further passage changed."""

STACKS: dict[str, Callable[[], Stack]] = {
    "waypost": Waypost,
    "langchain": lambda: LangChain(ours=False),
    "langchain-ours": lambda: LangChain(ours=True),
    "txtai": lambda: Txtai(ours=False, hybrid=False),
    "txtai-ours": lambda: Txtai(ours=True, hybrid=False),
    "txtai-hybrid": lambda: Txtai(ours=False, hybrid=True),
    "txtai-hybrid-ours": lambda: Txtai(ours=True, hybrid=True),
    "chroma": lambda: Chroma(ours=False),
    "chroma-ours": lambda: Chroma(ours=True),
    "haystack": lambda: Haystack(ours=False, hybrid=False),
    "haystack-ours": lambda: Haystack(ours=True, hybrid=False),
    "haystack-hybrid": lambda: Haystack(ours=False, hybrid=True),
    "haystack-hybrid-ours": lambda: Haystack(ours=True, hybrid=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured of one stack."""

    name: str
    label: str
    index: str
    encoder: str
    load_s: float
    add_s: float
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    """Processor time a question."""
    timed: int
    """Questions timed; each is asked ``ROUNDS`` times at most."""
    rss_mb: float
    mrr: float
    """MRR@10 over the judged questions."""
    hit: float
    """Share of judged questions whose paragraph is among the first five."""
    judged: int
    update_ms: float | None
    """Until a changed passage is found; median."""
    updates_found: int
    """Changed passages that came first when they were asked for."""
    updates: int
    save_s: float
    """Writing everything to disk, where that is a step of its own."""
    build_rate: float | None
    """Passages a second, from text to an index, on the sample."""
    load: tuple[float, float]
    """Load average of the last minute, before and after."""


def measure(name: str, given: Given, texts: Texts, sample: int) -> list[Figures]:
    """Take every figure of one stack; of Waypost also those of its ranking alone, where the search offers that."""
    before = os.getloadavg()[0]
    stack = STACKS[name]()
    load_s = _seconds(lambda: stack.load(given))
    add_s = _seconds(stack.add)
    times, cpu_ms = _timed(stack, texts.timed)
    rss_mb = _rss_mb()
    mrr, hit = _judged(stack, texts)
    ranking = _ranking(stack, texts) if isinstance(stack, Waypost) and can_rank() else []
    update_ms, found, updates = _updates(stack, texts)
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    figures = Figures(
        name=name, label=stack.label, index=stack.index, encoder=stack.encoder, load_s=round(load_s, 2), add_s=round(add_s, 2),
        p50_ms=round(statistics.median(times), 2), p95_ms=round(cuts[18], 2), cpu_ms=round(cpu_ms, 2), timed=len(times),
        rss_mb=round(rss_mb), mrr=round(mrr, 4), hit=round(hit, 4), judged=len(texts.judged),
        update_ms=round(update_ms, 1), updates_found=found, updates=updates, save_s=round(_seconds(stack.save), 2),
        build_rate=round(_build_rate(stack, texts, sample), 1) if sample else None,
        load=(round(before, 2), round(os.getloadavg()[0], 2)),
    )  # fmt: skip
    return [figures, *(replace(figures, **changed) for changed in ranking)]


def _ranking(stack: Waypost, texts: Texts) -> list[dict[str, Any]]:
    """Return what is different when Waypost ranks without asking the database."""
    alone = stack.without_rows()
    times, cpu_ms = _timed(alone, texts.timed)
    cuts = statistics.quantiles(times, n=20, method="inclusive")
    return [
        {
            "name": RANKING, "label": alone.label, "index": alone.index, "p50_ms": round(statistics.median(times), 2),
            "p95_ms": round(cuts[18], 2), "cpu_ms": round(cpu_ms, 2), "update_ms": None, "build_rate": None,
        }
    ]  # fmt: skip


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _timed(stack: Asked, questions: Sequence[Question]) -> tuple[list[float], float]:
    """Return milliseconds of every question, and processor milliseconds a question."""
    for question in questions[:: max(len(questions) // WARM_UP, 1)]:
        stack.ask(question, TOP)
    times: list[float] = []
    began, cpu = time.monotonic(), time.process_time()
    for question in [*questions] * ROUNDS:
        started = time.perf_counter()
        stack.ask(question, TOP)
        times.append((time.perf_counter() - started) * 1000)
        if time.monotonic() - began > PATIENCE_S:
            break
    return times, (time.process_time() - cpu) * 1000 / len(times)


def _judged(stack: Stack, texts: Texts) -> tuple[float, float]:
    """Return MRR@10 and the share of questions with their paragraph among the first five."""
    ranks = []
    for question in texts.judged:
        found = [texts.passages[one.at].paragraph for one in stack.ask(question, DEPTH)]
        ranks.append(found.index(question.paragraph) + 1 if question.paragraph in found else 0)
    return sum(1 / rank for rank in ranks if rank) / len(ranks), sum(0 < rank <= TOP for rank in ranks) / len(ranks)


def _updates(stack: Stack, texts: Texts) -> tuple[float, int, int]:
    """Change passages one by one; return the median milliseconds until found, how many came first, and how many were changed."""
    times: list[float] = []
    found = 0
    began = time.monotonic()
    for number in range(UPDATES):
        at = (2 * number + 1) * len(texts.passages) // (2 * UPDATES)
        text = f"The {MARK} office {number} is open on Thursdays from nine to five; bring the {MARK} form {number}."
        question = Question(text=f"When is the {MARK} office {number} open?", language="en", paragraph="")
        started = time.perf_counter()
        stack.update(at, text)
        answer = stack.ask(question, TOP)
        times.append((time.perf_counter() - started) * 1000)
        found += any(one.at == at and one.text == text for one in answer)
        if time.monotonic() - began > PATIENCE_S:
            break
    return statistics.median(times), found, len(times)


def _build_rate(stack: Stack, texts: Texts, sample: int) -> float:
    some = sample_of(texts.passages, sample)
    return len(some) / _seconds(lambda: stack.build(some))


def _rss_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def main() -> None:
    """``python -m benchmarks.peers.measure NAME TEXTS VECTORS MODEL ENCODER THREADS SAMPLE``."""
    name, texts_file, vectors_file, model, encoder, threads, sample = sys.argv[1:]
    texts = load_texts(Path(texts_file))
    with tempfile.TemporaryDirectory(dir=Path(texts_file).parent) as folder:
        given = Given(
            passages=texts.passages, vectors=np.load(vectors_file), model=Path(model), encoder=encoder, threads=int(threads),
            folder=Path(folder),
        )  # fmt: skip
        print(json.dumps([asdict(row) for row in measure(name, given, texts, int(sample))]))


if __name__ == "__main__":
    main()
