"""Slash commands and buttons a person uses, and the words that welcome them."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bot.domain.cases import GENERAL, Case
from bot.domain.deliveries import ToChat
from bot.domain.errors import UnknownCode
from bot.domain.messages import Button, Kind, Reply
from bot.domain.people import Conversation, DeskRole, Pending, Person, Role
from bot.service import casework
from bot.service.app import App
from bot.service.handover import Opening
from bot.service.ports import UnitOfWork
from bot.service.turn import Turn

Obeyed = tuple[Person, Conversation, list[Reply], Case | None]

MENU = ("start", "help", "language", "human", "privacy", "forget")
"""Shown in Telegram's command menu."""
COMMANDS = (*MENU, "link", "drill")
"""The last two are for staff."""
DRILLS = {"1", "2", "3", "4"}


def known(command: str | None) -> str:
    """Return the command's name, or ``unknown``."""
    return command if command in COMMANDS else "unknown"


def welcome(app: App, turn: Turn) -> list[Reply]:
    """Return what follows the first answer: who we are, and the languages. ``/start`` has said it already."""
    if turn.message.command == "start":
        return []
    return [_start(app, turn.language.code)]


def wait_text(app: App, wait: timedelta, language: str) -> str:
    """Return a promised wait in words, never shorter than it is."""
    minutes = math.ceil(wait / timedelta(minutes=1))
    if minutes < 120:
        return app.catalogue.text("wait_minutes", language, n=minutes)
    if minutes < 48 * 60:
        return app.catalogue.text("wait_hours", language, n=math.ceil(minutes / 60))
    return app.catalogue.text("wait_days", language, n=math.ceil(minutes / (24 * 60)))


def erases(turn: Turn) -> bool:
    """Whether this turn erases the person: nothing of them may be written back afterwards."""
    button = turn.accepted.button
    return button is not None and button.action == "forget_yes"


def address_of(turn: Turn) -> ToChat | None:
    """Return the chat itself after an erasure, when no person is left to address; else None."""
    return ToChat(chat_id=turn.message.chat_id) if erases(turn) else None


def obey(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    """Do what a command or a button asks, and return what changed and what is said."""
    name = turn.accepted.button.action if turn.accepted.button else (turn.facts.button or turn.facts.command or "unknown")
    action = _ACTIONS.get(name, _expired if turn.message.kind is Kind.BUTTON else _unknown)
    return action(uow, app, turn, person, conversation)


def _start(app: App, language: str) -> Reply:
    text = app.catalogue.text("start", language, operator=app.office.operator)
    return Reply(text=text, buttons=_language_rows(app))


def _language_rows(app: App) -> tuple[tuple[Button, ...], ...]:
    names = list(app.catalogue.native_names().items())
    buttons = [Button(label=name, action="language", value=code) for code, name in names]
    return tuple(tuple(buttons[n : n + 2]) for n in range(0, len(buttons), 2))


def _says(key: str) -> Callable[[UnitOfWork, App, Turn, Person, Conversation], Obeyed]:
    def say(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
        keep = app.policies.retention
        hours, days = int(keep["turn_text"].keep.total_seconds() // 3600), keep["case_content"].keep.days
        text = app.catalogue.text(key, turn.language.code, operator=app.office.operator, hours=hours, days=days)
        human = Button(label=app.catalogue.text("button_human", turn.language.code), action="human")
        return person, conversation, [Reply(text=text, buttons=((human,),))], turn.accepted.case

    return say


def _on_start(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    return replace(person, welcomed_at=turn.now), conversation, [_start(app, turn.language.code)], turn.accepted.case


def _on_language(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    button = turn.accepted.button
    chosen = button.value if button else turn.message.argument.strip().lower()
    if chosen not in app.catalogue.native_names():
        text = app.catalogue.text("language_choose", turn.language.code)
        return person, conversation, [Reply(text=text, buttons=_language_rows(app))], turn.accepted.case
    person = replace(person, language=chosen, language_chosen=True)
    note = app.catalogue.no_content(chosen) if app.catalogue.shown_in(chosen) != chosen else ""
    parts = [note, app.catalogue.text("language_set", chosen)]
    return person, conversation, [Reply(text="\n\n".join(part for part in parts if part))], turn.accepted.case


def _on_fine(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    case = turn.accepted.case
    conversation = casework.all_clear(uow, app, case, conversation, key=f"turn:{turn.message.update_id}:fine", now=turn.now)
    return person, conversation, [Reply(text=app.catalogue.text("card_fine", turn.language.code))], case


def _on_decline(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    conversation = replace(conversation, pending=None, question="", category=None, severity=0)
    case = turn.accepted.case
    # Where a card has opened a case there is something that was passed on.
    key, number = ("case_already_open", case.number) if case else ("case_declined", "")
    return person, conversation, [Reply(text=app.catalogue.text(key, turn.language.code, number=number))], case


def _on_more(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    text = turn.more or app.catalogue.text("button_expired", turn.language.code)
    return person, conversation, [Reply(text=text)], turn.accepted.case


def _on_forget(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    language = turn.language.code
    parts = [app.catalogue.text("forget_case_open", language)] if turn.accepted.case else []
    parts.append(app.catalogue.text("forget_confirm", language))
    rows = tuple(
        (Button(label=app.catalogue.text(f"button_{action}", language), action=action),) for action in ("forget_yes", "forget_no")
    )
    conversation = replace(conversation, pending=Pending.FORGET)
    return person, conversation, [Reply(text="\n\n".join(parts), buttons=rows)], turn.accepted.case


def _on_forget_yes(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    case = turn.accepted.case
    if case is not None:
        case = casework.erase_case(uow, app, case, now=turn.now)
    uow.people.erase(person.id, now=turn.now)
    return person, conversation, [Reply(text=app.catalogue.text("forget_done", turn.language.code))], None


def _on_link(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    """``/link CODE``: a one-time code makes this chat a staff member's."""
    # Whoever copies more than the code, such as the link of the console below it, comes in all the same.
    code = (turn.message.argument.split() or [""])[0]
    meant = uow.staff.invited(code, now=turn.now)
    try:
        member = uow.staff.redeem(code, chat_id=turn.message.chat_id, now=turn.now)
    except UnknownCode:
        return person, conversation, [Reply(text=app.catalogue.staff_text("link_failed"))], turn.accepted.case
    uow.audit.record(actor=member.actor, action="staff.linked", subject=member.desk_role, now=turn.now)
    casework.take_what_is_not_theirs(uow, app, member, now=turn.now)
    uow.accounts.end_sessions(member.id)
    if meant is not None and meant[1] is not None and meant[1].chat_id not in {None, turn.message.chat_id}:
        # A colleague comes in by another chat: the one before is nobody's any more.
        left = uow.people.for_chat(meant[1].chat_id, now=turn.now)
        uow.people.save(replace(left, role=Role.PUBLIC))
    person = replace(person, role=Role.STAFF)
    text = app.catalogue.staff_text("link_done", role=member.desk_role, who=member.alias)
    return person, conversation, [Reply(text=text)], turn.accepted.case


def _on_drill(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    """``/drill 4``: a supervisor opens an exercise and plays the person in it; everything else is as in earnest."""
    member, level = uow.staff.by_chat(turn.message.chat_id), turn.message.argument.strip()
    if member is None or member.desk_role is not DeskRole.SUPERVISOR:
        return _unknown(uow, app, turn, person, conversation)
    if turn.accepted.case is not None or level not in DRILLS:
        text = app.catalogue.staff_text("drill_busy" if turn.accepted.case is not None else "drill_how")
        return person, conversation, [Reply(text=text)], turn.accepted.case
    opening = Opening(
        severity=int(level), category=None, queue=GENERAL, sealed=False, reason="drill", why=app.catalogue.staff_text("drill"),
        read_from=(), question="", language=app.catalogue.shown_in(turn.language.code), certainty=1.0, known=(), unknown=(),
        consent="asked", drill=True,
    )  # fmt: skip
    key = f"turn:{turn.message.update_id}"
    case, conversation = casework.open_case(uow, app, person, conversation, opening, key=key, now=turn.now)
    uow.audit.record(actor=member.actor, action="case.drill", subject=case.number, now=turn.now)
    text = app.catalogue.staff_text("drill_open", number=case.number, severity=case.severity)
    return person, conversation, [Reply(text=text)], case


def _unknown(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    return _says("unknown_command")(uow, app, turn, person, conversation)


def _expired(uow: UnitOfWork, app: App, turn: Turn, person: Person, conversation: Conversation) -> Obeyed:
    return person, conversation, [Reply(text=app.catalogue.text("button_expired", turn.language.code))], turn.accepted.case


_ACTIONS = {
    "start": _on_start,
    "help": _says("help"),
    "privacy": _says("privacy"),
    "language": _on_language,
    "fine": _on_fine,
    "more": _on_more,
    "forget": _on_forget,
    "forget_yes": _on_forget_yes,
    "forget_no": _says("forget_cancelled"),
    "human_no": _on_decline,
    "link": _on_link,
    "drill": _on_drill,
}
