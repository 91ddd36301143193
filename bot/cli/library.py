"""Prepare: ``knowledge`` and ``policies``."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli import finding, wordings
from bot.cli.group import Context, pass_context, print_json, say
from bot.cli.sheets import plain
from bot.cli.wordings import a_day, open_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from knowledge.passages import Document


@click.group()
def knowledge() -> None:
    """Add documents, build and search the passage index."""


@knowledge.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--collection", required=True, help="Name of the collection.")
@click.option("--audience", type=click.Choice(["public", "staff", "security"]), required=True, help="Who may see it.")
@click.option("--language", metavar="XX", help="Language of every document; default: detected for each.")
@click.option("--draft", is_flag=True, help="Keep it, but show it to nobody yet.")
@pass_context
def add(context: Context, folder: Path, collection: str, audience: str, language: str | None, draft: bool) -> None:
    """Read FOLDER, publish its documents and index them at once."""
    from bot.preparing import refresh_index
    from knowledge.passages import Audience
    from knowledge.reading import read_folder
    from knowledge.store import KnowledgeStore

    engine, refused = open_database(context), 0

    def documents() -> "Iterator[Document]":
        """Pass on what could be read and tell of the rest, one file at a time."""
        nonlocal refused
        for read in read_folder(folder, collection=collection, audience=Audience(audience), language=language):
            for problem in read.problems:
                say(f"not read  {plain(str(problem))}")
            for warning in read.warnings:
                say(f"warning   {plain(read.path)}: {plain(warning)}")
            if read.document is None:
                refused += 1
            else:
                for concern in read.document.concerns:
                    say(f"held back {plain(read.path)}: {plain(concern)}")
                yield read.document

    outcome = KnowledgeStore(engine).publish_in_batches(
        documents(), now=datetime.now(UTC), draft=draft, progress=lambda so_far: say(f"{so_far.documents} documents so far")
    )
    click.echo(f"{outcome.documents} documents, {outcome.changed} new or changed" + (", as drafts" if draft else ""))
    if outcome.quarantined:
        say(f"{outcome.quarantined} held back until an editor looks: `waypost knowledge list --status quarantined`")
    click.echo(refresh_index(context.settings, engine, say))
    if refused:
        say(f"{refused} files were not read.")
        sys.exit(1)


@knowledge.command()
@pass_context
def build(context: Context) -> None:
    """Build the index from the database."""
    from bot.preparing import refresh_index

    click.echo(refresh_index(context.settings, open_database(context), say, force=True))


@knowledge.command("lint")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--on", callback=a_day, metavar="DATE", help="As if it were that day, to see what will fall due.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def lint_library(folder: Path | None, on: date | None, as_json: bool) -> None:
    """Name what is to be mended in the starter library.

    FOLDER is another library built like it: pathways/, manual/, cards/ and
    gaps.yaml. Exit status 1 when anything is found.
    """
    from knowledge.linting import lint
    from knowledge.starter import FOLDER

    problems = lint(folder or FOLDER, on=on or datetime.now(UTC).date())
    for problem in problems:
        print_json(asdict(problem)) if as_json else click.echo(plain(str(problem)))
    if problems:
        say(f"{len(problems)} to mend.")
        sys.exit(1)
    say("Nothing to mend.")


@knowledge.command("evaluate")
@click.argument("queries", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--collection", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_context
def evaluate_retrieval(context: Context, queries: Path, collection: str | None, as_json: bool) -> None:
    """Measure retrieval on a judged set (recall, MRR, nDCG, refusal)."""
    from bot import bootstrap
    from bot.adapters.clock import SystemClock
    from knowledge.evaluate import evaluate, read_queries

    searcher = bootstrap.open_searcher(context.settings, open_database(context), SystemClock())
    result = evaluate(searcher, read_queries(queries), collection=collection)
    if as_json:
        print_json(result)
    else:
        click.echo(json.dumps(result, indent=2))


@click.group()
def policies() -> None:
    """Check, test and show what is decided and why."""


@policies.command("check")
def check_policies() -> None:
    """Read every policy file; name file, key and line of what is wrong."""
    from policies import load

    loaded = load()
    click.echo(f"{len(loaded.rule_ids)} rules, version {loaded.version}")


@policies.command("test")
def test_policies() -> None:
    """Run the examples that stand beside the rules."""
    from policies import load
    from policies.examples import run_all

    results = run_all(load())
    failed = [result for result in results if not result.passed]
    for result in failed:
        click.echo(f"{result.place}  {result.name!r}\n  expected  {result.expected}\n  got       {result.got}")
        click.echo(f"  because   {result.because}")
    click.echo(f"{len(results) - len(failed)} passed, {len(failed)} failed")
    if failed:
        sys.exit(1)


@policies.command("show")
@click.argument("rule_id", required=False)
def show_policy(rule_id: str | None) -> None:
    """Show one rule, or all of them in the order they are asked."""
    from policies import load

    loaded = load()
    if rule_id is None:
        for name in loaded.rule_ids:
            rule = loaded.rule(name)
            click.echo(f"{rule.stage:9} {rule.id:34} {rule.then.outcome:13} {rule.description}")
        return
    try:
        rule = loaded.rule(rule_id)
    except KeyError:
        raise click.BadParameter(f"no rule {rule_id!r}; `waypost policies show` lists them") from None
    for key in ("id", "place", "stage", "description", "then", "owner", "source", "since"):
        click.echo(f"{key:12} {getattr(rule, key)}")


def register(cli: click.Group) -> None:
    wordings.register(knowledge)
    knowledge.add_command(finding.search)
    for command in (knowledge, policies):
        cli.add_command(command)
