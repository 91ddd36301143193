"""Measure: ``evaluate``."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.group import Context, pass_context, print_json, say

if TYPE_CHECKING:
    from bot.evaluation import Judged


@click.command()
@click.argument("cases", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the last is the summary.")
@click.option("--no-nlu", is_flag=True, help="Measure with the NLU server missing.")
@pass_context
def evaluate(context: Context, cases: Path, as_json: bool, no_nlu: bool) -> None:
    """Measure outcomes and retrieval on labelled questions.

    \b
        waypost evaluate evaluation/development.jsonl
    """
    from bot.evaluation import Problems, judge, read_cases, summarise
    from bot.trial import Trial

    problems = Problems()
    rows = read_cases(cases, problems)
    for line in problems.lines:
        say(f"skipped {line}")

    async def run() -> dict[str, Any]:
        judged = []
        async with Trial.open(context.settings, say, use_nlu=not no_nlu, start_nlu=not no_nlu) as trial:
            async for found, verdict in judge(trial, rows):
                judged.append(verdict)
                if as_json:
                    print_json(found)
                    sys.stdout.flush()
                elif not verdict.is_right:
                    click.echo(_miss(verdict, found["rule"]))
                if len(judged) % 25 == 0:
                    say(f"{len(judged)} of {len(rows)}")
        return summarise(judged)

    summary = asyncio.run(run())
    if as_json:
        print_json({"summary": summary})
    else:
        _print_table(summary)
    if problems.lines:
        sys.exit(1)


def _miss(verdict: "Judged", rule: str) -> str:
    case = verdict.case
    return f"{case.id:8} {case.lang}  expected {case.expected}, got {verdict.outcome} ({rule})"


def _print_table(summary: dict[str, Any]) -> None:
    for name, value in summary.items():
        if isinstance(value, dict):
            click.echo(f"{name}")
            for key, cell in value.items():
                click.echo(f"  {key:14} n={cell['n']:<4} accuracy {cell['accuracy']}")
        else:
            click.echo(f"{name:24} {value}")


def register(cli: click.Group) -> None:
    cli.add_command(evaluate)
