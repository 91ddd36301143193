"""Measure the trained model on tests/test_nlu: macro-F1 per language, safety recall, false alarms, time of one parse.

    .venv/bin/python evaluate.py                    the table
    .venv/bin/python evaluate.py --errors           and every wrong answer below it
    .venv/bin/python evaluate.py --json             one JSON object instead
    .venv/bin/python evaluate.py --min-f1 0.75      exit status 1 when a language is below

``rasa test nlu`` gives one F1 for all languages together and draws pictures; what we need to see is each language alone,
and the safety intents as the policies use them: their probabilities added up, not the best intent (a message split between
report_danger and report_violence is still an alarm).
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.update(RASA_TELEMETRY_ENABLED="false", TF_CPP_MIN_LOG_LEVEL="2", OMP_NUM_THREADS="1")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")

HERE = Path(__file__).resolve().parent
HELD_OUT = HERE / "tests" / "test_nlu"
SAFETY_PREFIX = "report_"
ALARM_AT = 0.3  # only for the table; the threshold that counts is in policies/


def load_agent(model: Path) -> object:
    """Return a Rasa agent that parses in this process and logs no text."""
    logging.disable(logging.WARNING)
    sys.path.insert(0, str(HERE))  # components/
    os.chdir(HERE)
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.ERROR)  # without this Rasa prints every message it parses
    return Agent.load(str(model))


def held_out() -> dict[str, list[tuple[str, str]]]:
    """Return {file name without .yml: [(text, intent), …]} from tests/test_nlu."""
    from ruamel.yaml import YAML

    cases = {}
    for path in sorted(HELD_OUT.glob("*.yml")):
        document = YAML(typ="safe").load(path)
        cases[path.stem] = [
            (line[2:].strip(), entry["intent"]) for entry in document["nlu"] for line in entry["examples"].splitlines()
        ]
    return cases


async def parse_all(agent: object, texts: list[str]) -> list[tuple[dict, float]]:
    """Return (answer, milliseconds) for each text, one at a time as the server does it."""
    answers = []
    for text in texts:
        started = time.perf_counter()
        answer = await agent.parse_message(text)  # type: ignore[attr-defined]
        answers.append((answer, (time.perf_counter() - started) * 1000))
    return answers


def measure(agent: object) -> tuple[dict, list[str]]:
    """Return ({language or 'all': figures}, [wrong answers as printable lines])."""
    from sklearn.metrics import f1_score

    rows, wrong = [], []
    for language, cases in held_out().items():
        answers = asyncio.run(parse_all(agent, [text for text, _ in cases]))
        for (text, expected), (answer, ms) in zip(cases, answers, strict=True):
            got, confidence = answer["intent"]["name"], answer["intent"]["confidence"]
            alarm = sum(r["confidence"] for r in answer["intent_ranking"] if r["name"].startswith(SAFETY_PREFIX))
            rows.append((language, expected, got, confidence, alarm, ms))
            if got != expected:
                wrong.append(f"{language}  {expected} -> {got} {confidence:.2f}  {text}")
    figures = {}
    for language in [*dict.fromkeys(row[0] for row in rows), "all"]:
        part = [row for row in rows if language in (row[0], "all")]
        safety = [row[4] >= ALARM_AT for row in part if row[1].startswith(SAFETY_PREFIX)]
        calm = [row[4] >= ALARM_AT for row in part if not row[1].startswith(SAFETY_PREFIX)]
        f1 = f1_score([row[1] for row in part], [row[2] for row in part], average="macro", zero_division=0)
        figures[language] = {
            "n": len(part),
            "macro_f1": round(float(f1), 3),
            "accuracy": round(sum(row[1] == row[2] for row in part) / len(part), 3),
            "safety_recall": round(sum(safety) / len(safety), 3),
            "false_alarms": round(sum(calm) / len(calm), 3),
            "p50_ms": round(statistics.median(row[5] for row in part), 1),
            "p95_ms": round(sorted(row[5] for row in part)[int(len(part) * 0.95)], 1),
        }
    return figures, wrong


def main() -> int:
    """Parse the command line, measure, print; 1 when a language is below ``--min-f1``, 3 when there is no model."""
    parser = argparse.ArgumentParser(description="Evaluate the trained NLU model on held-out utterances.")
    parser.add_argument("--model", type=Path, help="a model archive (default: the one train.py makes)")
    parser.add_argument("--errors", action="store_true", help="print every wrong answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--min-f1", type=float, default=0.0, help="fail when a language's macro-F1 is below")
    arguments = parser.parse_args()
    if arguments.model is None:
        import train

        arguments.model = train.model_path()
    if not arguments.model.is_file():
        print(f"nlu: no model at {arguments.model}; run train.py", file=sys.stderr)
        return 3
    figures, wrong = measure(load_agent(arguments.model.resolve()))
    if arguments.json:
        print(json.dumps({"model": arguments.model.name, "alarm_at": ALARM_AT, "languages": figures}))
    else:
        columns = list(figures["all"])
        print("| language | " + " | ".join(columns) + " |\n| --- |" + " ---: |" * len(columns))
        for language, values in figures.items():
            print(f"| {language} | " + " | ".join(str(values[column]) for column in columns) + " |")
    if arguments.errors:
        print("\n".join(wrong))
    low = [name for name, values in figures.items() if values["macro_f1"] < arguments.min_f1]
    if low:
        print(f"nlu: macro-F1 below {arguments.min_f1}: {', '.join(low)}", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
