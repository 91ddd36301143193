"""Talk to the assistant from a terminal: ``ask``, ``chat``."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.group import Context, pass_context, print_json, say
from bot.domain.errors import NluUnavailable
from bot.service.turn import TurnResult

if TYPE_CHECKING:
    from bot.trial import Trial


@click.command()
@click.option("--role", type=click.Choice(["public", "staff"]), default="public", help="Role of the person asking.")
@click.option("--language", metavar="XX", help="Language the person has chosen.")
@click.option("--json", "as_json", is_flag=True, help="Print the turn as JSON.")
@click.argument("text")
@pass_context
def ask(context: Context, role: str, language: str | None, as_json: bool, text: str) -> None:
    """Ask one question and print the answer.

    \b
        waypost ask "can unhcr give me a visa"
        waypost ask --role staff "who leads the CCCM cluster"
    """
    from bot.trial import Trial, row

    async def once() -> TurnResult:
        async with Trial.open(context.settings, say) as trial:
            return await trial.turn(text, role=role, language=language)

    result = asyncio.run(once())
    if as_json:
        print_json(row("ask", result))
        return
    _print(result)


@click.command()
@click.option("--role", type=click.Choice(["public", "staff"]), default="public", help="Role of the person writing.")
@pass_context
def chat(context: Context, role: str) -> None:
    """Talk to the assistant in this terminal; nothing is kept.

    Type a message, a command such as /help, or the number of a button.
    """
    from bot.trial import Trial

    try:
        asyncio.run(_chat(Trial, context, role, start_nlu=True))
    except NluUnavailable as exc:
        say(f"{exc} This is read without it.")
        asyncio.run(_chat(Trial, context, role, start_nlu=False))


async def _chat(trial_type: "type[Trial]", context: Context, role: str, *, start_nlu: bool) -> None:
    async with trial_type.open(context.settings, say, start_nlu=start_nlu) as trial:
        say("Write a question; /help shows commands; an empty line or Ctrl+D ends.")
        while line := (await asyncio.to_thread(_read_line)).strip():
            result = await trial.turn(line, role=role, same_person=True)
            _print(result)


def _read_line() -> str:
    if sys.stdin.isatty():
        click.echo("> ", nl=False, err=True)
    return sys.stdin.readline()


def _print(result: TurnResult) -> None:
    number = 0
    for reply in result.replies:
        click.echo(f"\n{reply.text}")
        for button_row in reply.buttons:
            labels = []
            for button in button_row:
                number += 1
                labels.append(f"[{number}] {button.label}")
            click.echo("   ".join(labels))
    record = result.record
    best = f"{record.retrieved[0].topic or '–'} {record.retrieved[0].score:.3f}" if record.retrieved else "nothing retrieved"
    degraded = f"  degraded: {', '.join(record.degraded)}" if record.degraded else ""
    say(f"\n· {record.outcome}  rule {record.rule_id}  severity {record.severity}  {record.language}  {best}{degraded}")


def register(cli: click.Group) -> None:
    for command in (ask, chat):
        cli.add_command(command)
