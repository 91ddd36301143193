"""How long one turn takes, end to end without Telegram: screening, NLU, encoder, index, decision, two durable commits.

    .venv/bin/python benchmarks/turn.py

State is a SQLite file with synchronous=FULL, as in production; NLU is a real server. The same questions run once with NLU and
once without, so that its share can be read off. Prints milliseconds and the ratio; asserts nothing.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot import settings
from bot.trial import Trial

QUESTIONS = (
    "what is family reunification and who decides about it",
    "comment marche le retour volontaire",
    "¿puedo pedir asilo en otro país?",
    "ما الفرق بين اللاجئ والمهاجر",
    "an agency asks me to pay for a job, is it allowed",
    "my passport was stolen what do I do",
    "how can I find my brother who went missing",
    "hello",
)
ROUNDS = 12


async def measure(*, use_nlu: bool) -> tuple[list[float], dict[str, float]]:
    """Return the milliseconds of every turn, and the median of each step."""
    loaded = settings.load()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        async with Trial.open(
            loaded, lambda text: print(text, file=sys.stderr), use_nlu=use_nlu, start_nlu=use_nlu, state_url=url
        ) as trial:
            for question in QUESTIONS:
                await trial.turn(question)
            times: list[float] = []
            steps: dict[str, list[float]] = {}
            for _ in range(ROUNDS):
                for question in QUESTIONS:
                    started = time.perf_counter()
                    result = await trial.turn(question)
                    times.append((time.perf_counter() - started) * 1000)
                    for step, ms in result.record.timings_ms.items():
                        steps.setdefault(step, []).append(ms)
    return times, {step: statistics.median(values) for step, values in steps.items()}


def main() -> None:
    medians = {}
    for name, use_nlu in (("with NLU", True), ("without NLU", False)):
        times, steps = asyncio.run(measure(use_nlu=use_nlu))
        cuts = statistics.quantiles(times, n=20)
        medians[name] = statistics.median(times)
        inside = "  ".join(f"{step} {ms:.1f}" for step, ms in steps.items())
        print(f"{name:12} n={len(times)}  p50 {medians[name]:.1f} ms  p95 {cuts[18]:.1f} ms   (medians: {inside})")
    print(f"ratio with/without NLU: {medians['with NLU'] / medians['without NLU']:.2f}")


if __name__ == "__main__":
    main()
