"""How long one turn takes, end to end without Telegram: screening, NLU, encoder, index, decision, two durable commits.

    .venv/bin/python benchmarks/turn.py

State is a SQLite file with synchronous=FULL, as in production; NLU is a real server. The same questions run with NLU, with NLU
and no search (nothing is in the library), and without NLU, so that each share can be read off. Then one and two NLU servers
are asked by eight clients at once. Prints milliseconds, parses a second and ratios; asserts nothing.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bot import settings
from bot.adapters.nlu import RasaUnderstander
from bot.adapters.nlu_process import NluProcess
from bot.trial import Trial
from knowledge.passages import Hit, Retrieval

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
CLIENTS, PARSES = 8, 40


class EmptyLibrary:
    """Retriever that finds nothing."""

    async def search(self, *_: object, **__: object) -> Retrieval:
        return Retrieval(hits=(), index_version="none")

    async def passage(self, *_: object, **__: object) -> None:
        return None

    async def resolve(self, *_: object, **__: object) -> list[Hit]:
        return []


async def measure(*, use_nlu: bool, search: bool = True) -> tuple[list[float], dict[str, float]]:
    """Return the milliseconds of every turn, and the median of each step."""
    loaded = settings.load()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'state.db'}"
        async with Trial.open(
            loaded, lambda text: print(text, file=sys.stderr), use_nlu=use_nlu, start_nlu=use_nlu, state_url=url
        ) as trial:
            if not search:
                trial.app = replace(trial.app, retriever=EmptyLibrary())
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


async def parses_a_second(servers: int) -> float:
    """Return how many parses a second so many NLU servers answer to eight clients that take turns."""
    loaded = settings.load()
    with tempfile.TemporaryDirectory() as folder:
        processes = [NluProcess(loaded.nlu.folder, Path(folder) / f"{n}.json", loaded.nlu.encoder) for n in range(servers)]
        try:
            understanders = [RasaUnderstander((await _started(process)).server) for process in processes]

            async def ask(client: int) -> None:
                for n in range(PARSES):
                    found = await understanders[client % servers].parse(QUESTIONS[(client + n) % len(QUESTIONS)])
                    assert found.status == "ok"

            await asyncio.gather(*(ask(client) for client in range(CLIENTS)))
            began = time.perf_counter()
            await asyncio.gather(*(ask(client) for client in range(CLIENTS)))
            return CLIENTS * PARSES / (time.perf_counter() - began)
        finally:
            for process in processes:
                await process.stop()


async def _started(process: NluProcess) -> NluProcess:
    await process.start()
    return process


def main() -> None:
    medians = {}
    for name, use_nlu, search in (("with NLU", True, True), ("no search", True, False), ("without NLU", False, True)):
        times, steps = asyncio.run(measure(use_nlu=use_nlu, search=search))
        cuts = statistics.quantiles(times, n=20)
        medians[name] = statistics.median(times)
        inside = "  ".join(f"{step} {ms:.1f}" for step, ms in steps.items())
        print(f"{name:12} n={len(times)}  p50 {medians[name]:.1f} ms  p95 {cuts[18]:.1f} ms   (medians: {inside})")
    print(f"ratio with/without NLU: {medians['with NLU'] / medians['without NLU']:.2f}")
    one, two = (asyncio.run(parses_a_second(servers)) for servers in (1, 2))
    print(f"NLU servers, {CLIENTS} clients: one {one:.0f} parses a second, two {two:.0f}, ratio {two / one:.2f}")


if __name__ == "__main__":
    main()
