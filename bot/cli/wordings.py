"""Prepare: what the versions of a document say, and which of them stands (``knowledge list | show | diff | publish`` …)."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.cli.group import Context, pass_context, print_json, say
from bot.cli.sheets import cited_row, days_of, passage_row, place_of, plain, print_head, print_passage, version_row
from knowledge.errors import UnknownDocument

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from knowledge.history import Version
    from knowledge.publishing import PutUp

STATUSES = ("draft", "published", "withdrawn", "superseded", "expired", "quarantined")
"""Those of ``knowledge.tables``, which takes longer to import than ``--help`` may."""
Command = TypeVar("Command", bound=Callable[..., Any])


def a_day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a day: write it as 2026-11-24", ctx, param) from None


def of_document(command: Command) -> Command:
    """Give a command the arguments that name a document."""
    return click.argument("collection")(click.argument("document")(command))


@click.command("list")
@click.option("--collection", help="Only this one.")
@click.option("--status", type=click.Choice(STATUSES), help="Only these versions.")
@click.option("--language", metavar="XX", help="Only this language.")
@click.option("--as-of", callback=a_day, metavar="DATE", help="What was in force at the end of that day (UTC).")
@click.option("--review-due", is_flag=True, help="Published ones whose day of review has come.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_context
def list_documents(
    context: Context, collection: str | None, status: str | None, language: str | None, as_of: date | None, review_due: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """List documents with their version, language and status.

    Without a choice: the newest version of each, and what is published or
    waits for an editor.
    """
    from knowledge import history

    wanted = history.Filter(collection=collection, language=language, status=status, as_of=as_of, review_due=review_due)
    now = datetime.now(UTC)
    with _reading(context) as connection:
        for one in history.listed(connection, wanted, now=now):
            if as_json:
                print_json(version_row(one))
                continue
            version = f"v{one.number:<3} {one.language}  {one.audience:8} {one.status:11} {days_of(one, now.date())}"
            click.echo(plain(f"{one.collection:10} {one.path:44} {version}".rstrip()))


@click.command()
@click.argument("collection", required=False)
@click.argument("document", required=False)
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="This version; default: what stands today.")
@click.option("--as-of", callback=a_day, metavar="DATE", help="The one in force at the end of that day (UTC).")
@click.option("--passages", is_flag=True, help="Its passages with their ids, instead of the text.")
@click.option("--passage", type=int, metavar="ID", help="One passage as it was when cited; no document is named.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@pass_context
def show(
    context: Context, collection: str | None, document: str | None, number: int | None, as_of: date | None, passages: bool,
    passage: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Show a version of DOCUMENT, or one passage as it was when cited.

    \b
        waypost knowledge show pathways en/P08-family.md --as-of 2026-01-31
        waypost knowledge show --passage 4711
    """
    from knowledge import history

    now = datetime.now(UTC)
    named = (collection, document, number, as_of, passages or None)
    with _reading(context) as connection:
        if passage is not None:
            if any(value is not None for value in named):
                raise click.UsageError("--passage goes with no document and none of its options: the id says it all")
            found = history.passage_as_cited(connection, passage, now=now)
            print_json(cited_row(*found)) if as_json else print_passage(*found)
            return
        if collection is None or document is None:
            raise click.UsageError("name COLLECTION and DOCUMENT, or a passage with --passage ID")
        if number is not None and as_of is not None:
            raise click.UsageError("--version and --as-of each name a version: give one")
        known = history.versions_of(connection, collection, document, now=now)
        if as_of is not None:
            chosen = history.version_in_force(connection, collection, document, on=as_of, now=now)
        elif number is not None:
            chosen = history.numbered(known, number)
        else:
            chosen = _standing(known, now.date())
        body, pieces = history.body_of(connection, chosen.id), history.passages_of(connection, chosen.id)
        others = history.variants(connection, chosen, now=now)
    if as_json:
        kept = [passage_row(one) for one in pieces]
        print_json(
            {
                **version_row(chosen),
                **({"passages": kept} if passages else {"body": body}),
                "variants": [*map(version_row, others)],
            }
        )
        return
    print_head(chosen, known[-1].number)
    for other in others:
        click.echo(f"variant       {other.language}  {other.path}  version {other.number} {other.status}")
    click.echo()
    if not passages:
        click.echo(plain(body))
    for one in pieces if passages else ():
        click.echo(f"{one.id}  {one.kind}  {plain(place_of(chosen, one))}\n{plain(one.text)}\n")


@click.command()
@of_document
@click.option("--from", "old", type=click.IntRange(1), metavar="N", help="Default: the published version, or the one before.")
@click.option("--to", "new", type=click.IntRange(1), metavar="M", help="Default: what waits for an editor, or the published one.")
@pass_context
def diff(context: Context, collection: str, document: str, old: int | None, new: int | None) -> None:
    """Compare two versions of DOCUMENT: head, then words."""
    from knowledge import history
    from knowledge.differences import difference, to_compare

    with _reading(context) as connection:
        pair = to_compare(history.versions_of(connection, collection, document, now=datetime.now(UTC)), old, new)
        if pair is None:
            click.echo(f"{collection}/{document} has one version only.")
            return
        bodies = [history.body_of(connection, one.id) for one in pair]
    lines = list(difference(*pair, old_body=bodies[0], new_body=bodies[1]))
    for line in lines or [f"No difference between versions {pair[0].number} and {pair[1].number}."]:
        click.echo(plain(line))


@click.command()
@of_document
@click.option("--version", "number", type=click.IntRange(1), metavar="N", help="Default: the newest that waits.")
@click.option("--yes", is_flag=True, help="Publish in spite of the concerns.")
@pass_context
def publish(context: Context, collection: str, document: str, number: int | None, yes: bool) -> None:
    """Publish a draft, quarantined or withdrawn version of DOCUMENT."""
    from knowledge import history
    from knowledge.publishing import to_publish
    from knowledge.store import KnowledgeStore

    engine = open_database(context)
    store = KnowledgeStore(engine)
    with _unknown_is_usage():
        with store.reading() as connection:
            versions = history.versions_of(connection, collection, document, now=datetime.now(UTC))
        chosen = to_publish(versions, number)
        if chosen.status == "quarantined":
            _ask_about_concerns(chosen, yes=yes)
        made = store.publish_version(collection, document, chosen.number, now=datetime.now(UTC))
    _tell(collection, document, made)
    _index(context, engine)


@click.command()
@of_document
@click.option("--to", "number", type=click.IntRange(1), metavar="N", help="Default: the wording before the published one.")
@pass_context
def rollback(context: Context, collection: str, document: str, number: int | None) -> None:
    """Publish an earlier wording of DOCUMENT again, as a new version."""
    from knowledge.store import KnowledgeStore

    engine = open_database(context)
    with _unknown_is_usage():
        made = KnowledgeStore(engine).roll_back(collection, document, number, now=datetime.now(UTC))
    _tell(collection, document, made)
    click.echo("Its file may still say otherwise: correct it before the folder is added again.")
    _index(context, engine)


@click.command()
@of_document
@pass_context
def withdraw(context: Context, collection: str, document: str) -> None:
    """Withdraw DOCUMENT; no answer shows it from the next question on."""
    from knowledge.store import KnowledgeStore

    store = KnowledgeStore(open_database(context))
    with _unknown_is_usage():
        store.withdraw(collection, document, now=datetime.now(UTC))
    click.echo(f"{collection}/{document} is withdrawn.")


@click.command()
@pass_context
def verify(context: Context) -> None:
    """Check that passages are what their documents say, and the index too."""
    from bot.bootstrap import vector_place
    from knowledge.index.check import verify_index
    from knowledge.store import KnowledgeStore
    from knowledge.verify import verify_database

    engine = open_database(context)
    store, settings = KnowledgeStore(engine), context.settings
    findings = verify_database(store)
    findings += verify_index(store, settings.index_dir, vector_place(settings, engine), datetime.now(UTC))
    for finding in findings:
        click.echo(plain(str(finding)))
    if findings:
        sys.exit(1)
    click.echo("Database and index are as publishing leaves them.")


def open_database(context: Context) -> "Engine":
    """Return the engine of a database that is of this version.

    Raises:
        InvalidSettings, StorageUnavailable: says what to run.
    """
    from bot.adapters.storage import migrate
    from bot.adapters.storage.engine import open_engine
    from bot.domain.errors import InvalidSettings

    engine = open_engine(context.settings.database.url)
    current, head = migrate.current(engine), migrate.head()
    if current != head:
        raise InvalidSettings(f"The database is at migration {current or 'none'}, this version needs {head}: run `waypost setup`")
    return engine


@contextmanager
def _reading(context: Context) -> Iterator[Any]:
    from knowledge.store import KnowledgeStore

    with _unknown_is_usage(), KnowledgeStore(open_database(context)).reading() as connection:
        yield connection


@contextmanager
def _unknown_is_usage() -> Iterator[None]:
    """Tell of a name that does not exist as of any other wrong argument."""
    try:
        yield
    except UnknownDocument as exc:
        raise click.UsageError(str(exc)) from exc


def _standing(known: Sequence["Version"], today: date) -> "Version":
    """Return the version people are shown today; where there is none the one that waits, else the newest."""
    published = [one for one in known if one.status == "published"]
    begun = [one for one in published if one.effective_from is None or one.effective_from <= today]
    return (begun or published or known)[-1]


def _ask_about_concerns(chosen: "Version", *, yes: bool) -> None:
    for concern in chosen.concerns:
        say(f"concern  {plain(concern)}")
    if yes:
        return
    name = f"{chosen.collection} {chosen.path} --version {chosen.number}"
    if not sys.stdin.isatty():
        raise click.UsageError(f"it is held back for these concerns: look at `waypost knowledge show {name}`, then add --yes")
    click.confirm(f"Publish version {chosen.number} in spite of this?", abort=True, err=True)


def _tell(collection: str, document: str, made: "PutUp") -> None:
    words = f", in the words of version {made.copy_of}," if made.copy_of else ""
    click.echo(f"Version {made.number} of {collection}/{document}{words} is published.")
    if made.effective_from is not None and made.effective_from > datetime.now(UTC).date():
        click.echo(f"It waits for {made.effective_from}; what stands is shown until the evening before (UTC).")
    for number in made.ended:
        click.echo(f"Version {number} is superseded.")


def _index(context: Context, engine: "Engine") -> None:
    from bot.preparing import refresh_index

    click.echo(refresh_index(context.settings, engine, say))


def register(group: click.Group) -> None:
    for command in (list_documents, show, diff, publish, rollback, withdraw, verify):
        group.add_command(command)
