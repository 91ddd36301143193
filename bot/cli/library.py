"""Prepare: ``knowledge`` and ``policies``."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.cli.group import Context, pass_context, print_json, say


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
    from bot.adapters.storage.engine import open_engine
    from bot.preparing import refresh_index
    from knowledge.passages import Audience
    from knowledge.readers import read_folder
    from knowledge.store import KnowledgeStore

    engine = open_engine(context.settings.database.url)
    report = read_folder(folder, collection=collection, audience=Audience(audience), language=language)
    for problem in report.problems:
        say(f"not read  {problem}")
    outcome = KnowledgeStore(engine).publish(report.documents, now=datetime.now(UTC), draft=draft)
    click.echo(f"{len(report.documents)} documents, {outcome.changed} new or changed" + (", as drafts" if draft else ""))
    click.echo(refresh_index(context.settings, engine, say))
    if report.problems:
        sys.exit(1)


@knowledge.command()
@pass_context
def build(context: Context) -> None:
    """Build the index from the database."""
    from bot.adapters.storage.engine import open_engine
    from bot.preparing import refresh_index

    click.echo(refresh_index(context.settings, open_engine(context.settings.database.url), say, force=True))


@knowledge.command("list")
@click.option("--collection", help="Only this one.")
@pass_context
def list_documents(context: Context, collection: str | None) -> None:
    """List documents with their version, language and status."""
    from bot.adapters.storage.engine import open_engine
    from knowledge.store import KnowledgeStore

    for document in KnowledgeStore(open_engine(context.settings.database.url)).list(collection):
        version = f"v{document.number:<3} {document.language}  {document.audience:8} {document.status}"
        click.echo(f"{document.collection:10} {document.path:44} {version}")


@knowledge.command()
@click.argument("collection")
@click.argument("document")
@pass_context
def withdraw(context: Context, collection: str, document: str) -> None:
    """Withdraw DOCUMENT; no answer shows it from the next question on."""
    from bot.adapters.storage.engine import open_engine
    from knowledge.store import KnowledgeStore

    KnowledgeStore(open_engine(context.settings.database.url)).withdraw(collection, document, now=datetime.now(UTC))
    click.echo(f"{collection}/{document} is withdrawn.")


@knowledge.command("evaluate")
@click.argument("queries", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--collection", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_context
def evaluate_retrieval(context: Context, queries: Path, collection: str | None, as_json: bool) -> None:
    """Measure retrieval on a judged set (recall, MRR, nDCG, refusal)."""
    from bot import bootstrap
    from bot.adapters.clock import SystemClock
    from bot.adapters.storage.engine import open_engine
    from knowledge.evaluate import evaluate, read_queries

    searcher = bootstrap.open_searcher(context.settings, open_engine(context.settings.database.url), SystemClock())
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
    for command in (knowledge, policies):
        cli.add_command(command)
