"""Measure: ``evaluate``."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.group import Context, pass_context, print_json, say

if TYPE_CHECKING:
    from bot.evaluation import Judged

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("cases", type=FILE, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the last is the summary.")
@click.option("--no-nlu", is_flag=True, help="Measure with the NLU server missing.")
@click.option("--summary", "summary_only", is_flag=True, help="Print figures only: for sets nobody may tune on.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a report with tables and plots there.")
@click.option("--gate", type=FILE, help="Exit with 1 when a figure is outside this file's bounds.")
@pass_context
def evaluate(
    context: Context,
    cases: tuple[Path, ...],
    as_json: bool,
    no_nlu: bool,
    summary_only: bool,
    html: Path | None,
    gate: Path | None,
) -> None:
    """Measure outcomes, understanding, safety and retrieval on labelled questions.

    \b
        waypost evaluate evaluation/development.jsonl
        waypost evaluate evaluation/frozen/??.jsonl --summary --html report.html --gate evaluation/gate.yaml
    """
    from bot.evaluation import Problems, judge, read_cases, summarise
    from bot.gate import failures, read_gate
    from bot.report import page
    from bot.trial import Trial

    bounds = read_gate(gate) if gate else None
    problems = Problems()
    rows = [row for path in cases for row in read_cases(path, problems)]
    for line in problems.lines:
        say(f"skipped {line}")

    async def run() -> dict[str, Any]:
        judged = []
        async with Trial.open(context.settings, say, use_nlu=not no_nlu, start_nlu=not no_nlu) as trial:
            async for found, verdict in judge(trial, rows):
                judged.append(verdict)
                if as_json and not summary_only:
                    print_json(found)
                    sys.stdout.flush()
                elif not verdict.is_right and not summary_only:
                    click.echo(_miss(verdict, found["rule"]))
                if len(judged) % 100 == 0:
                    say(f"{len(judged)} of {len(rows)}")
        return summarise(judged)

    summary = asyncio.run(run())
    failed = failures(bounds, summary) if bounds else []
    if as_json:
        print_json({"summary": summary})
    else:
        _print_table(summary)
    if html:
        html.write_text(page(summary, [path.name for path in cases], failed), encoding="utf-8")
        say(f"report: {html}")
    for line in failed:
        say(f"gate: {line}")
    if problems.lines or failed:
        sys.exit(1)


def _miss(verdict: "Judged", rule: str) -> str:
    case = verdict.case
    return f"{case.id:8} {case.lang}  expected {case.expected}, got {verdict.outcome} ({rule})"


def _print_table(summary: Mapping[str, Any], indent: str = "") -> None:
    for name, value in summary.items():
        if isinstance(value, Mapping) and ("accuracy" in value or "share" in value):
            click.echo(f"{indent}{name:24} " + "  ".join(f"{key} {cell}" for key, cell in value.items()))
        elif isinstance(value, Mapping):
            click.echo(f"{indent}{name}")
            _print_table(value, f"{indent}  ")
        elif not isinstance(value, list):
            click.echo(f"{indent}{name:24} {value}")


def register(cli: click.Group) -> None:
    cli.add_command(evaluate)
