"""The group all commands hang from, and what each of them is given."""

import difflib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from bot import __version__, logs, settings
from bot.settings import Settings

SECTIONS: dict[str, tuple[str, ...]] = {
    "Run": ("up", "serve", "chat", "ask"),
    "Prepare": ("setup", "db", "keys", "knowledge", "policies"),
    "Work": ("staff", "cases", "pause", "resume"),
    "Inspect": ("check", "explain", "evaluate"),
}


@dataclass
class Context:
    """Settings are read when a command first needs them, so that ``--help`` works with wrong ones."""

    env_file: Path | None
    verbose: bool

    @cached_property
    def settings(self) -> Settings:
        loaded = settings.load(self.env_file)
        logs.set_up("DEBUG" if self.verbose else "WARNING", loaded.log.format)
        return loaded

    def log_as_set(self) -> None:
        """Log at the level of the settings: for commands that run on; the others speak by their output alone."""
        logs.set_up("DEBUG" if self.verbose else self.settings.log.level, self.settings.log.format)


pass_context = click.make_pass_decorator(Context)


class SectionedGroup(click.Group):
    """Lists commands by what one is doing, and suggests the nearest for one that does not exist."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in SECTIONS.items():
            rows = [(name, self.commands[name].get_short_help_str(66)) for name in names if name in self.commands]
            with formatter.section(title):
                formatter.write_dl(rows)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            near = difflib.get_close_matches(args[0], self.commands, n=1)
            raise click.UsageError(f"{exc.message}{f' Did you mean `{near[0]}`?' if near else ''}", ctx) from exc


@click.group(cls=SectionedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 79})
@click.option(
    "-c",
    "--env-file",
    envvar="WAYPOST_ENV_FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read settings from FILE, not .env (env: WAYPOST_ENV_FILE).",
)
@click.option("-v", "--verbose", is_flag=True, help="More log detail.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(__version__, "-V", "--version")
@click.pass_context
def cli(ctx: click.Context, env_file: Path | None, verbose: bool, debug: bool) -> None:
    """Answer on Telegram from your own guidance; hand the rest to people.

    \b
    Everything at once, no Telegram account needed:
        waypost up
    Talk to it here:
        waypost chat
    One question:
        waypost ask "how does family reunification work"
    What is missing, and how to mend it:
        waypost check
    Why did it answer that?
        waypost explain 738201145

    Exit status: 0 done, 1 a check failed, 2 usage, 3 settings, 4 service
    unreachable.
    """
    ctx.obj = Context(env_file=env_file, verbose=verbose)


def print_json(value: Any) -> None:
    """Print one JSON object on its own line, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def say(text: str) -> None:
    """Tell the operator something that is no result."""
    click.echo(text, err=True)
