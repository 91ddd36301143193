"""Inspect and maintain: ``check``, ``explain``, ``db``, ``keys``."""

import asyncio
import sys

import click

from bot.cli.group import Context, pass_context, print_json
from bot.domain.ids import UpdateId
from bot.domain.turns import TurnRecord
from bot.settings import chosen


@click.command()
@click.option("--settings", "list_settings", is_flag=True, help="List every setting, its value and where it came from.")
@pass_context
def check(context: Context, list_settings: bool) -> None:
    """Test settings and every part; print what to do about failures."""
    if list_settings:
        for name, value, source in chosen(context.settings, context.env_file):
            click.echo(f"{name:34} {source:12} {value}")
        return
    from bot.checking import EXIT_OK, check_all

    status = EXIT_OK
    for finding in asyncio.run(check_all(context.settings)):
        click.echo(f"{finding.part:11} {finding.state:8} {finding.detail}")
        if finding.remedy:
            click.echo(f"{'':21}→ {finding.remedy}")
        status = max(status, finding.exit_status)
    sys.exit(status)


@click.command()
@click.argument("update_id", type=int)
@click.option("--show-text", is_flag=True, help="Show the person's words too; the look is kept in the audit log.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
@pass_context
def explain(context: Context, update_id: int, show_text: bool, as_json: bool) -> None:
    """Show how one message was understood, decided and answered."""
    from bot import bootstrap
    from bot.checking import explain_turn

    app = bootstrap.build(context.settings).app
    record = asyncio.run(explain_turn(app, UpdateId(update_id), with_text=show_text))
    if record is None:
        raise click.BadParameter(f"no turn {update_id}; it may have been deleted by retention")
    if as_json:
        print_json({name: getattr(record, name) for name in record.__slots__ if name != "text" or show_text})
    else:
        _print(record, show_text=show_text)


def _print(record: TurnRecord, *, show_text: bool) -> None:
    words = record.text if record.text is not None else "text erased"
    hits = [
        f"  {hit.score:.3f}  {hit.topic or '–'} ({hit.audience}){' shown' if hit.passage_id in record.cited else ''}"
        for hit in record.retrieved
    ]
    rows = [
        (
            "update",
            f"{record.update_id}   {record.at:%Y-%m-%d %H:%M:%SZ}   {record.language} ({record.language_confidence:.2f})",
        ),
        ("text", words if show_text else ("kept; --show-text shows it" if record.text is not None else words)),
        (
            "understood",
            f"intent {record.intent or '–'} {record.intent_confidence:.2f}   known: {', '.join(record.known) or 'nothing'}",
        ),
        ("harm read", "  ".join(f"{intent} {share:.2f}" for intent, share in record.reports.items()) or "none"),
        ("screened", ", ".join(record.triggers) or "no safety trigger"),
        *([("in doubt", f"{', '.join(record.in_doubt)}: did not count")] if record.in_doubt else []),
        ("retrieved", f"index {record.index_version or '–'}" + "".join(f"\n{'':12}{hit}" for hit in hits)),
        ("decided", f"{record.outcome}   rule {record.rule_id}   severity {record.severity}   reason {record.reason}"),
        ("degraded", ", ".join(record.degraded) or "nothing was missing"),
        ("took", "  ".join(f"{step} {ms:.1f} ms" for step, ms in record.timings_ms.items())),
        ("policies", record.policy_version),
    ]
    for name, value in rows:
        click.echo(f"{name:12}{value}")


@click.group()
def db() -> None:
    """Create and migrate the database."""


@db.command()
@pass_context
def upgrade(context: Context) -> None:
    """Bring the database to this version's schema."""
    from bot.adapters.storage import migrate
    from bot.adapters.storage.engine import open_engine

    engine = open_engine(context.settings.database.url)
    migrate.upgrade(engine)
    click.echo(f"database at migration {migrate.current(engine)}")


@db.command()
@pass_context
def status(context: Context) -> None:
    """Show the database's migration and this version's."""
    from bot.adapters.storage import migrate
    from bot.adapters.storage.engine import open_engine

    current, head = migrate.current(open_engine(context.settings.database.url)), migrate.head()
    click.echo(f"database {current or 'empty'}, this version {head}")
    sys.exit(0 if current == head else 1)


@click.group()
def keys() -> None:
    """Create and rotate the master key."""


@keys.command()
@pass_context
def create(context: Context) -> None:
    """Make the key file; never overwrites one."""
    from bot.adapters.keys import KeyRing

    KeyRing.create(context.settings.keys.file)
    click.echo(f"{context.settings.keys.file} made: back it up apart from the database.")


@keys.command()
@pass_context
def rotate(context: Context) -> None:
    """Make a new master key and encrypt everything anew; stop serving first."""
    from bot import bootstrap
    from bot.adapters.clock import SystemClock
    from bot.adapters.storage.engine import open_engine
    from bot.adapters.storage.rotation import rotate as rotate_keys
    from bot.serving import single_process

    settings = context.settings
    with single_process(settings):
        rows = rotate_keys(
            open_engine(settings.database.url), settings.keys.file, bot_id=bootstrap.bot_id(settings), clock=SystemClock()
        )
    click.echo(f"{rows} values encrypted with the new key; back up {settings.keys.file} again.")


def register(cli: click.Group) -> None:
    for command in (check, explain, db, keys):
        cli.add_command(command)
