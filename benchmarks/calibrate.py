"""Measure the constants of ``knowledge/index/fusion``: what questions of a language share, and how closeness is read.

    python -m benchmarks.calibrate centres FOLDER    # Tatoeba sentences, one file a language: en, ar, …
    python -m benchmarks.calibrate readings FOLDER   # MLQA development questions in SQuAD format: en.json, ar.json, …
    python -m benchmarks.calibrate entries evaluation

*Centres*: the mean vector of up to 300 sentences, questions first, put to the encoder as questions. Tatoeba's sentences
(CC BY 2.0 FR) are those of the LASER repository, ``data/tatoeba/v1``; only means are kept.

*Readings*: every question is asked with its article present and left out; a logistic curve is fitted to the two. Pairs of
languages get a curve of their own where there are questions, all others share one for the same and one for different languages.
*Entries*: every other question for the library is asked with its entry present and left out, and beside them what is to be
refused, of ``tuning.jsonl``, which nothing is trained on. The halves that are left over are what results are reported on.

Writes the files the product reads. XQuAD takes no part: it is what results are reported on (``benchmarks/public_sets.py``).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.public_sets import EVERYBODY, Outcome, Prepared, ask, in_english, indexed, read
from bot import bootstrap, settings
from bot.adapters.clock import SystemClock
from bot.adapters.storage.engine import open_engine
from knowledge.evaluate import Query, read_queries
from knowledge.index.encoder import open_encoder
from knowledge.index.fusion import ANY, CENTRES, FILE, Reading, fusion_for
from knowledge.index.ranking import Found

SENTENCES = 300
MARKS = "?؟？"
REFUSED = {"out_of_scope", "request_forbidden", "injection"}


def write_centres(folder: Path) -> None:
    """Write the mean question of each language in ``folder``."""
    encoder = open_encoder(settings.load().encoder.model, 2)
    means = {}
    for path in sorted(folder.iterdir()):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        lines.sort(key=lambda line: not any(mark in line for mark in MARKS))
        means[path.name] = encoder.encode_queries(lines[:SENTENCES]).mean(axis=0).astype(np.float16)
    means[ANY] = np.mean(list(means.values()), axis=0).astype(np.float16)
    np.savez(CENTRES, **means)
    print(f"{len(means)} languages: {' '.join(means)}")


def write_readings(folder: Path) -> None:
    """Write how closeness is read, for each pair of languages in ``folder``."""
    encoder = Prepared(open_encoder(settings.load().encoder.model, 2))
    sets = {one.language: one for one in (read(path) for path in sorted(folder.glob("*.json")))}
    found: dict[str, list[Outcome]] = {}
    for language, one in sets.items():
        with indexed(one.documents, encoder) as searcher:
            found[f"{language}>{language}"] = list(ask(searcher, encoder, one.questions, language))
            for other in sets.values() if language == "en" else ():
                if other is not one:
                    found[f"{other.language}>en"] = list(ask(searcher, encoder, in_english(other.questions, one), other.language))
    same = [outcome for pair, outcomes in found.items() if pair[:2] == pair[3:] for outcome in outcomes]
    cross = [outcome for pair, outcomes in found.items() if pair[:2] != pair[3:] for outcome in outcomes]
    curves = {pair: _curve(outcomes) for pair, outcomes in ({"same": same, "cross": cross} | found).items()}
    content = json.loads(FILE.read_text(encoding="utf-8")) | {"readings": curves}
    FILE.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for pair, outcomes in found.items():
        print(pair, len(outcomes), curves[pair])


def write_entries(folder: Path) -> None:
    """Write how the closeness of curated entries is read."""
    loaded = settings.load()
    searcher = bootstrap.open_searcher(loaded, open_engine(loaded.database.url), SystemClock())
    present, absent, refused = (dict[str, list[float]](same=[], cross=[]) for _ in range(3))

    def found(text: str, language: str) -> list[Found]:
        return [place.found[0] for place in searcher.rank(text, language=language, audiences=EVERYBODY)]

    def note(first: Sequence[Found], into: Mapping[str, list[float]], language: str) -> None:
        for one in first[:1]:
            into["same" if one.language == language else "cross"].append(one.closeness)

    for name in ("library-public.jsonl", "library-languages.jsonl"):
        for query in read_queries(folder / name)[::2]:
            if query.relevant:
                every, right = found(query.text, query.lang), _topics(query)
                note([one for one in every[:1] if one.subject[1] in right], present, query.lang)
                note([one for one in every if one.subject[1] not in right], absent, query.lang)
    for row in map(json.loads, (folder / "tuning.jsonl").read_text(encoding="utf-8").splitlines()):
        if row["intent"] in REFUSED:
            note(found(row["text"], row["lang"]), refused, row["lang"])
    curves = {kind: _fitted(present[kind], [absent[kind], refused[kind]]) for kind in present}
    content = json.loads(FILE.read_text(encoding="utf-8")) | {"entries": curves}
    FILE.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for kind, curve in curves.items():
        reading = Reading(**curve)
        print(kind, curve)
        for name, close in (("right", present), ("left out", absent), ("refused", refused)):
            read = [round(reading.confidence(at), 3) for at in np.percentile(close[kind], [2, 5, 25, 50, 75, 95, 98])]
            print(f"  {name}: {len(close[kind])}, confidence at p2 p5 p25 p50 p75 p95 p98: {read}")


def _topics(query: Query) -> set[str]:
    """Return the topics of the entries that answer: files of the library are named by them."""
    return {document.rpartition("/")[2].partition("-")[0] for document in query.relevant}


def _fitted(present: Sequence[float], absent: Sequence[Sequence[float]]) -> dict[str, float]:
    """Fit present against kinds of absent; the two sides weigh the same, and so do the kinds."""
    close = np.array([*present, *(one for kind in absent for one in kind)])
    sides = [(present, 1), *((kind, len(absent)) for kind in absent)]
    weights = np.concatenate([np.full(len(side), len(close) / 2 / len(side) / of) for side, of in sides])
    fitted = LogisticRegression(C=1e6).fit(close[:, None], np.arange(len(close)) < len(present), weights)
    slope = float(fitted.coef_[0, 0])
    return {"middle": round(-float(fitted.intercept_[0]) / slope, 4), "slope": round(slope, 2)}


def _curve(outcomes: Sequence[Outcome]) -> Mapping[str, float]:
    """Fit present against absent; scores are turned back into closeness first."""
    fusion = fusion_for(open_name())
    present, absent = (
        [
            fusion.reading(one.language, one.document_language).closeness(min(max(score, 1e-9), 1 - 1e-9))
            for one, score in zip(outcomes, scores, strict=True)
        ]
        for scores in ([one.present for one in outcomes], [one.absent for one in outcomes])
    )
    return _fitted(present, [absent])


def open_name() -> str:
    """Return the encoder that the file is for."""
    return str(json.loads(FILE.read_text(encoding="utf-8"))["encoder"])


if __name__ == "__main__":
    {"centres": write_centres, "readings": write_readings, "entries": write_entries}[sys.argv[1]](Path(sys.argv[2]))
