"""Measure the constants of ``knowledge/index/fusion``: what questions of a language share, and how closeness is read.

    python -m benchmarks.calibrate centres FOLDER    # Tatoeba sentences, one file a language: en, ar, …
    python -m benchmarks.calibrate readings FOLDER   # MLQA development questions in SQuAD format: en.json, ar.json, …

*Centres*: the mean vector of up to 300 sentences, questions first, put to the encoder as questions. Tatoeba's sentences
(CC BY 2.0 FR) are those of the LASER repository, ``data/tatoeba/v1``; only means are kept.

*Readings*: every question is asked with its article present and left out; a logistic curve is fitted to the two. Pairs of
languages get a curve of their own where there are questions, all others share one for the same and one for different languages.
Writes the files the product reads. XQuAD takes no part: it is what results are reported on (``benchmarks/public_sets.py``).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from benchmarks.public_sets import Outcome, Prepared, ask, in_english, indexed, read
from bot import settings
from knowledge.index.encoder import open_encoder
from knowledge.index.fusion import ANY, CENTRES, FILE, fusion_for

SENTENCES = 300
MARKS = "?؟？"


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


def _curve(outcomes: Sequence[Outcome]) -> Mapping[str, float]:
    """Fit present against absent; scores are turned back into closeness first."""
    fusion = fusion_for(open_name())
    close = [
        fusion.reading(one.language, one.document_language).closeness(min(max(score, 1e-9), 1 - 1e-9))
        for one in outcomes
        for score in (one.present, one.absent)
    ]
    fitted = LogisticRegression(C=1e6).fit(np.array(close)[:, None], np.tile([1, 0], len(outcomes)))
    slope = float(fitted.coef_[0, 0])
    return {"middle": round(-float(fitted.intercept_[0]) / slope, 4), "slope": round(slope, 2)}


def open_name() -> str:
    """Return the encoder that the file is for."""
    return str(json.loads(FILE.read_text(encoding="utf-8"))["encoder"])


if __name__ == "__main__":
    {"centres": write_centres, "readings": write_readings}[sys.argv[1]](Path(sys.argv[2]))
