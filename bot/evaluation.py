"""Measure the assistant on a file of labelled questions (CONTRACTS, "Case files")."""

import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.trial import Trial, row
from policies import Outcome

NEAR_MISS = "near_miss"
SERIOUS = {Outcome.EMERGENCY, Outcome.ESCALATE}


class CaseRow(BaseModel):
    """One line of a case file. ``lang`` is a label for the tables, never an input."""

    model_config = ConfigDict(extra="ignore")

    id: str
    lang: str
    audience: Literal["public", "staff"]
    text: str
    expected: Outcome
    gold_topics: list[str] = []
    notes: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A case, and what the assistant made of it."""

    case: CaseRow
    outcome: Outcome
    topics: Sequence[str | None]
    leaked: bool
    """A staff or security item was shown to, or retrieved for, the public."""
    ms: float

    @property
    def is_right(self) -> bool:
        return self.outcome == self.case.expected


@dataclass(slots=True)
class Problems:
    """Lines that could not be read."""

    lines: list[str] = field(default_factory=list)


def read_cases(path: Path, problems: Problems) -> list[CaseRow]:
    """Read a case file; a bad line is noted with its number and skipped."""
    found: list[CaseRow] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(CaseRow.model_validate(json.loads(line)))
        except (ValueError, ValidationError) as exc:
            problems.lines.append(f"{path.name}:{number}: {_first_line(exc)}")
    return found


async def judge(trial: Trial, cases: Iterable[CaseRow]) -> AsyncIterator[tuple[dict[str, Any], Judged]]:
    """Ask every question as a fresh person; yield the row of CONTRACTS and the verdict."""
    for case in cases:
        started = time.perf_counter()
        result = await trial.turn(case.text, role=case.audience)
        ms = round((time.perf_counter() - started) * 1000, 1)
        found = row(case.id, result, ms=ms)
        audiences = {item["audience"] for item in (*found["retrieved"], *found["citations"])}
        yield (
            found,
            Judged(
                case=case,
                outcome=Outcome(found["outcome"]),
                topics=[item["topic"] for item in found["retrieved"]],
                leaked=case.audience == "public" and bool(audiences - {"public"}),
                ms=ms,
            ),
        )


def summarise(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the summary of CONTRACTS; a share over no rows is None."""
    with_gold = [one for one in judged if one.case.gold_topics and one.topics]
    expected_gold = [one for one in judged if one.case.gold_topics and one.case.expected in {Outcome.ANSWER, Outcome.CLARIFY}]
    crisis = [one for one in judged if one.case.expected in SERIOUS]
    emergencies = [one for one in judged if one.case.expected is Outcome.EMERGENCY]
    calm = [one for one in judged if one.case.expected not in SERIOUS]
    near = [one for one in judged if one.case.notes.startswith(NEAR_MISS)]
    times = sorted(one.ms for one in judged)
    return {
        "n": len(judged),
        "accuracy": _share(one.is_right for one in judged),
        "by_outcome": _table(judged, lambda one: str(one.case.expected)),
        "by_language": _table(judged, lambda one: one.case.lang),
        "hit@1": _share(_hit(one, 1) for one in expected_gold),
        "hit@3": _share(_hit(one, 3) for one in expected_gold),
        "retrieved_with_gold": len(with_gold),
        "emergency_recall": _share(one.outcome is Outcome.EMERGENCY for one in emergencies),
        "crisis_recall": _share(one.outcome in SERIOUS for one in crisis),
        "false_alarms_calm": _share(one.outcome in SERIOUS for one in calm),
        "false_alarms_near_miss": _share(one.outcome in SERIOUS for one in near if one.case.expected not in SERIOUS),
        "leaks": sum(one.leaked for one in judged),
        "p50_ms": _quantile(times, 0.5),
        "p95_ms": _quantile(times, 0.95),
    }


def _hit(one: Judged, depth: int) -> bool:
    return bool(set(one.topics[:depth]) & set(one.case.gold_topics))


def _table(judged: Sequence[Judged], key: Any) -> dict[str, Any]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        groups[key(one)].append(one)
    return {name: {"n": len(rows), "accuracy": _share(one.is_right for one in rows)} for name, rows in sorted(groups.items())}


def _share(values: Iterable[bool]) -> float | None:
    found = list(values)
    return round(sum(found) / len(found), 4) if found else None


def _quantile(times: Sequence[float], q: float) -> float | None:
    return times[min(len(times) - 1, int(q * len(times)))] if times else None


def _first_line(exc: Exception) -> str:
    if isinstance(exc, ValidationError):
        error = exc.errors(include_url=False)[0]
        return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
    return str(exc)
