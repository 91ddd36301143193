"""How near the best passage is, for questions the shelf can and cannot answer: the data behind docs/adr/0007-thresholds.md.

    .venv/bin/python benchmarks/scores.py

Questions are NLU's utterances (nlu/data), which neither the library nor the constants of retrieval were made from: the first ten
of each intent the shelf covers stand for answerable ones, thirty of ``out_of_scope`` for absent topics. Prints a table.
"""

import statistics
from collections import defaultdict
from itertools import groupby, islice
from pathlib import Path

from bot import bootstrap, settings
from bot.adapters.clock import SystemClock
from bot.adapters.storage.engine import open_engine
from knowledge.passages import Audience
from knowledge.utterances import read_utterances

UTTERANCES = Path(__file__).parents[1] / "nlu" / "data"
COVERED = {
    "ask_visa", "ask_family_reunification", "ask_resettlement", "ask_return", "ask_documents", "ask_asylum", "ask_missing_family",
    "ask_scam", "ask_work", "ask_study",
}  # fmt: skip
ABSENT = {"out_of_scope"}
TAKEN = {"answerable": 10, "absent": 30}


def main() -> None:
    loaded = settings.load()
    searcher = bootstrap.open_searcher(loaded, open_engine(loaded.database.url), SystemClock())
    scores: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for (language, intent), group in groupby(read_utterances(UTTERANCES), key=lambda one: (one.language, one.intent)):
        kind = "answerable" if intent in COVERED else "absent" if intent in ABSENT else ""
        for utterance in islice(group, TAKEN[kind]) if kind else ():
            found = searcher.search(utterance.text, language=language, audiences=frozenset({Audience.PUBLIC}), limit=1)
            if found.hits:
                pair = "same" if found.hits[0].language == language else "cross"
                scores[language, pair, kind].append(found.hits[0].score)
                scores["all", pair, kind].append(found.hits[0].score)
    print("| language | pair | questions | n | p5 | p25 | p50 | p75 | p95 |\n|---|---|---|--:|--:|--:|--:|--:|--:|")
    for (language, pair, kind), values in sorted(scores.items()):
        if len(values) >= 4:
            cuts = statistics.quantiles(values, n=20, method="inclusive")
            row = " | ".join(f"{cuts[at]:.3f}" for at in (0, 4, 9, 14, 18))
            print(f"| {language} | {pair} | {kind} | {len(values)} | {row} |")


if __name__ == "__main__":
    main()
