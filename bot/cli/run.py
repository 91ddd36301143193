"""Run: ``up``, ``serve``; prepare: ``setup``."""

import asyncio

import click

from bot.cli.group import Context, pass_context, say


@click.command()
@pass_context
def up(context: Context) -> None:
    """Run everything: NLU server, Telegram, delivery, housekeeping."""
    _serve(context, supervise_nlu=context.settings.nlu.url is None)


@click.command()
@pass_context
def serve(context: Context) -> None:
    """Run with the NLU server at WAYPOST_NLU__URL."""
    _serve(context, supervise_nlu=False)


@click.command()
@pass_context
def setup(context: Context) -> None:
    """Make keys, database, encoder, library, index; skip what is done."""
    from bot.preparing import prepare

    prepare(context.settings, say)


def _serve(context: Context, *, supervise_nlu: bool) -> None:
    from bot.preparing import require_prepared
    from bot.serving import serve as run_until_stopped

    settings = context.settings
    context.log_as_set()
    require_prepared(settings)
    asyncio.run(run_until_stopped(settings, supervise_nlu=supervise_nlu, announce=say))


def register(cli: click.Group) -> None:
    for command in (up, serve, setup):
        cli.add_command(command)
