"""Work: ``staff``, ``cases``, ``pause``, ``resume``."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.cli.group import Context, pass_context, print_json
from bot.domain.cases import Case, Resolution
from bot.domain.errors import InvalidTransition
from bot.domain.people import DeskRole
from bot.service import accounts, casework, desk, handover, relay
from bot.service.ports import UnitOfWork

if TYPE_CHECKING:
    from bot.service.app import App

T = TypeVar("T")
OPERATOR = "operator"


@click.group()
def staff() -> None:
    """Invite, list and remove staff."""


@staff.command()
@click.option("--role", type=click.Choice([role.value for role in DeskRole]), help="What a new colleague may do.")
@click.option("--for", "alias", help="Alias of a colleague who needs a new password, or Telegram too.")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True, help="How long the code works.")
@pass_context
def invite(context: Context, role: str | None, alias: str | None, hours: int) -> None:
    """Print a one-time code: for the bot (/link CODE) or the console."""
    if (role is None) is (alias is None):
        raise click.UsageError("name --role for a new colleague, or --for and an alias")

    def work(uow: UnitOfWork) -> str:
        member = None if alias is None else casework.member_named(uow, alias)
        given = DeskRole(str(role)) if member is None else member.desk_role
        life = timedelta(hours=hours)
        return accounts.invite(uow, role=given, life=life, by=None, now=app.clock.now(), member=member)

    app = _app(context)
    code = _run(app.storage.run(work))
    click.echo(f"/link {code}\n{_console_link(context, code)}")


@staff.command("first-administrator")
@pass_context
def first_administrator(context: Context) -> None:
    """Print the link that makes the first administrator of the console.

    Works once, for 15 minutes, and only while nobody administers it.
    """
    app = _app(context)
    code = _run(app.storage.run(lambda uow: accounts.invite_first_administrator(uow, now=app.clock.now())))
    click.echo(_console_link(context, code))


def _console_link(context: Context, code: str) -> str:
    console = context.settings.console
    return f"{console.address(console.port)}/welcome?code={code}"


@staff.command("list")
@pass_context
def list_staff(context: Context) -> None:
    """List linked staff."""
    for member in _read(context, lambda uow: uow.staff.all()):
        takes = [
            f"on call {member.on_call}" if member.on_call else "",
            ",".join(sorted(member.languages)),
            ",".join(sorted(member.queues)),
            "away" if member.away else "",
        ]
        shown = "  ".join(part for part in takes if part)
        click.echo(f"{member.alias:20} {member.desk_role:14} linked {member.linked_at:%Y-%m-%d %H:%M}  {shown}".rstrip())


@staff.command("set")
@click.argument("alias")
@click.option("--languages", help="Codes with commas, for example ar,fr; an empty text means any.")
@click.option("--queues", help="Queues with commas; an empty text means all.")
@click.option("--capacity", type=click.IntRange(1, 100), help="How many cases, weighted by severity, they carry at a time.")
@click.option("--clearance", type=click.IntRange(0, 4), help="Gravest severity they are given.")
@click.option("--on-call", type=click.IntRange(0, 20), help="Place in the ladder of urgent cases, 1 first; 0: not on call.")
@click.option("--away/--back", default=None, help="Off shift: no case is given to them.")
@pass_context
def set_member(
    context: Context, alias: str, languages: str | None, queues: str | None, capacity: int | None, clearance: int | None,
    on_call: int | None, away: bool | None,
) -> None:  # fmt: skip
    """Say which cases ALIAS takes, and whether they are called about urgent ones."""
    changes: dict[str, object] = {}
    for name, text in (("languages", languages), ("queues", queues)):
        if text is not None:
            changes[name] = frozenset(part.strip() for part in text.split(",") if part.strip())
    for name, value in (("capacity", capacity), ("clearance", clearance), ("away", away)):
        if value is not None:
            changes[name] = value
    if on_call is not None:
        changes["on_call"] = on_call or None
    app = _app(context)
    unknown = sorted(set(changes.get("queues", ())) - set(app.policies.queues))  # type: ignore[call-overload]
    if unknown:
        raise click.BadParameter(f"no queue is called {unknown[0]!r}; there are {', '.join(app.policies.queues)}")

    def work(uow: UnitOfWork) -> None:
        member = casework.member_named(uow, alias)
        uow.staff.save(replace(member, **changes))  # type: ignore[arg-type]
        uow.audit.record(actor=OPERATOR, action="staff.changed", subject=alias, now=app.clock.now())

    _run(app.storage.run(work))
    click.echo(f"{alias}: {', '.join(changes) or 'nothing'} changed.")


@staff.command()
@click.argument("alias")
@pass_context
def revoke(context: Context, alias: str) -> None:
    """Unlink ALIAS; their open cases return to the queue."""
    app = _app(context)

    def work(uow: UnitOfWork) -> None:
        casework.revoke_staff(uow, app, alias, now=app.clock.now())

    _run(app.storage.run(work))
    click.echo(f"{alias} is no longer linked.")


@click.group()
def cases() -> None:
    """List, show, claim, answer and close cases."""


@cases.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed cases too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_context
def list_cases(context: Context, everything: bool, as_json: bool) -> None:
    """List open cases, gravest first."""
    found = _read(context, lambda uow: uow.cases.all(open_only=not everything))
    for case in sorted(found, key=lambda case: (-case.severity, case.opened_at)):
        if as_json:
            print_json({
                "number": case.number, "state": case.state, "severity": case.severity, "language": case.language,
                "category": None if case.sealed else case.category, "sealed": case.sealed,
                "opened_at": case.opened_at.isoformat(),
            })  # fmt: skip
        else:
            what = "sealed" if case.sealed else (case.category or "general")
            click.echo(
                f"{case.number}  {case.state:15} sev {case.severity}  {case.language}  {what:14} {case.opened_at:%Y-%m-%d %H:%M}"
            )


@cases.command()
@click.argument("number")
@click.option("--as", "alias", default=OPERATOR, help="Alias of the member who reads; kept in the audit log.")
@click.option("--aid", is_flag=True, help="Also what the library holds on it, and a draft.")
@pass_context
def show(context: Context, number: str, alias: str, aid: bool) -> None:
    """Show a case with its messages, and why it waits for whom; the look is kept in the audit log."""
    app = _app(context)

    def work(uow: UnitOfWork) -> tuple[Case, list[str]]:
        case = uow.cases.by_number(number)
        if case is None:
            raise InvalidTransition(f"No case {number}: see `waypost cases list --all`.")
        casework.require_reader(uow, case, alias)
        uow.audit.record(actor=alias, action="case.viewed", subject=number, now=app.clock.now())
        what = "sealed" if case.sealed else case.category or "general"
        head = f"{case.number}  {case.state}  severity {case.severity}  {case.language}  {what}"
        lines = [
            f"{message.at:%Y-%m-%d %H:%M}  {message.direction:11} {message.state:13} {message.text}"
            for message in uow.cases.messages(case.id)
        ]
        return case, [head, *lines, *_routings(uow, case)]

    async def read() -> list[str]:
        case, lines = await app.storage.run(work)
        return [*lines, await handover.aid(app, case.id, even_sealed=True)] if aid else lines

    for line in _run(read()):
        click.echo(line)


def _routings(uow: UnitOfWork, case: Case) -> Iterator[str]:
    """Yield, for each look for somebody who takes the case, who was looked at and why."""
    names = uow.staff.aliases()
    for routing in uow.cases.routings(case.id):
        chosen = names.get(routing.chosen_id, "–") if routing.chosen_id is not None else "–"
        yield f"{routing.at:%Y-%m-%d %H:%M}  routing {routing.mode}, given to {chosen}"
        for member, fits, reasons in routing.candidates:
            yield f"    {names.get(member, '(gone)'):20} {'fits' if fits else 'no  '} {', '.join(reasons)}"


@cases.command("do")
@click.argument("number")
@click.argument("verb", type=click.Choice(desk.COMMANDS))
@click.argument("value", required=False, default="")
@click.option("--as", "alias", required=True, help="Alias of the staff member, see `waypost staff list`.")
@pass_context
def do(context: Context, number: str, verb: str, value: str, alias: str) -> None:
    """Do with a case what the desk's buttons do, for example: do K7M-4QX resolve "helped they have the address"."""
    app = _app(context)

    def work(uow: UnitOfWork) -> str:
        case, member = casework.case_named(uow, number), casework.member_named(uow, alias)
        return desk.perform(uow, app, case, member, verb, value)

    click.echo(_run(app.storage.run(work)))


def _verb(name: str, value: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.argument("number")
    @click.option("--as", "alias", required=True, help="Alias of the staff member, see `waypost staff list`.")
    @pass_context
    def command(context: Context, number: str, alias: str) -> None:
        app = _app(context)

        def work(uow: UnitOfWork) -> Case:
            case, member = casework.case_named(uow, number), casework.member_named(uow, alias)
            desk.perform(uow, app, case, member, name, value)
            return uow.cases.get(case.id)

        case = _run(app.storage.run(work))
        click.echo(f"{case.number}  {case.state}")

    return command


@cases.command()
@click.argument("number")
@click.argument("text")
@click.option("--as", "alias", required=True, help="Alias of the staff member who owns the case.")
@pass_context
def reply(context: Context, number: str, text: str, alias: str) -> None:
    """Send TEXT to the person; it leaves with the next delivery."""
    app = _app(context)

    def work(uow: UnitOfWork) -> None:
        case, member = casework.case_named(uow, number), casework.member_named(uow, alias)
        key = f"cli:{case.id}:{secrets.token_hex(6)}"
        relay.reply(uow, app, case, member, text=text, key=key, now=app.clock.now())

    _run(app.storage.run(work))
    held = app.office.undo.total_seconds()
    click.echo(
        f"queued; for {held:.0f} s it can be taken back: waypost cases do {number} undo --as {alias}" if held else "queued"
    )


@click.command()
@pass_context
def pause(context: Context) -> None:
    """Switch answers off; emergency cards and people still work."""
    _switch(context, paused=True)


@click.command()
@pass_context
def resume(context: Context) -> None:
    """Switch answers on again."""
    _switch(context, paused=False)


def _switch(context: Context, *, paused: bool) -> None:
    app = _app(context)

    def work(uow: UnitOfWork) -> None:
        now = app.clock.now()
        if paused:
            uow.notebook.put("paused", now.isoformat(), now=now)
        else:
            uow.notebook.delete("paused")
        uow.audit.record(actor=OPERATOR, action="answers.paused" if paused else "answers.resumed", subject="assistant", now=now)

    _run(app.storage.run(work))
    click.echo("Answers are switched off; cards and people still work." if paused else "Answers are on.")


def _app(context: Context) -> "App":
    from bot import bootstrap
    from bot.preparing import require_prepared

    require_prepared(context.settings)
    return bootstrap.build(context.settings).app


def _read(context: Context, work: Callable[[UnitOfWork], T]) -> T:
    return _run(_app(context).storage.run(work))


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def register(cli: click.Group) -> None:
    for name, value, text in (
        ("claim", "", "Take a case; the first one wins."),
        ("release", "", "Give a case back to the queue."),
        (
            "resolve",
            Resolution.HELPED,
            "Close a case as helped; the assistant answers the person again. Other reasons: `cases do`.",
        ),
    ):
        cases.add_command(_verb(name, value, text))
    for command in (staff, cases, pause, resume):
        cli.add_command(command)
