"""The staff group: posts in case topics and presses of case buttons.

What is typed before a claim, after ``//``, or by anybody but the owner is a note. Only the owner's plain posts go to the person.
Nothing in General is ever relayed, and nothing from a member who has not been linked by a one-time code.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from bot.domain import cases
from bot.domain.cases import Case, Direction, Resolution
from bot.domain.deliveries import Delivery, Edit, Priority, Text, ToCase, ToChat
from bot.domain.errors import CaseAlreadyClaimed, InvalidTransition
from bot.domain.messages import Incoming, Kind
from bot.domain.people import StaffMember
from bot.domain.turns import Disposition
from bot.service import casework, groups, notices, relay
from bot.service.app import App
from bot.service.conflicts import until_settled
from bot.service.ports import UnitOfWork
from policies import Calendar

NOTE_PREFIX = "//"
MENUS: dict[str, tuple[tuple[str, ...], ...]] = {
    "resolve": (*((f"resolve:{code}",) for code in Resolution), ("back",)),
    "snooze": (("snooze:1h", "snooze:4h"), ("snooze:tomorrow", "snooze:3d"), ("back",)),
    "severity": (tuple(f"severity:{level}" for level in range(5)), ("back",)),
}
"""A button that needs a choice changes into the choices."""


async def handle_post(message: Incoming, app: App) -> None:
    """Handle one post in a group."""
    await app.storage.run(partial(_post, message=message, app=app))
    app.outbox_bell.ring()


async def handle_press(message: Incoming, app: App) -> None:
    """Handle a press of a case's button; the presser is told what came of it."""
    answer = await until_settled(lambda: app.storage.run(partial(_press, message=message, app=app)))
    app.outbox_bell.ring()
    if message.callback_id is not None:
        await app.messenger.answer_button(message.callback_id, answer, alert=True)


def _press(uow: UnitOfWork, *, message: Incoming, app: App) -> str:
    now = app.clock.now()
    action = uow.buttons.look_up(message.button or "", now=now)
    staff = uow.staff.by_chat(message.sender_id)
    _finish(uow, message, app, Disposition.SERVICE_EVENT)
    if action is None or action.case_id is None:
        return app.catalogue.staff_text("button_expired")
    if staff is None:
        return app.catalogue.staff_text("not_linked")
    case = uow.cases.get(action.case_id)
    topic = uow.cases.topic(case.id)
    if not message.is_private and (topic.group_id, topic.header_message_id) != (message.chat_id, message.message_id):
        # A header that has been left behind: its number may be another message's where the case is shown now.
        return app.catalogue.staff_text("button_expired")
    if action.action == "back":
        notices.refresh_header(uow, app, case, now=now, again=str(message.update_id))
        return ""
    if action.action in MENUS and not action.value:
        _show_menu(uow, app, case, MENUS[action.action], message)
        return ""
    return act(uow, app, case, staff, action.action, action.value)


def _show_menu(uow: UnitOfWork, app: App, case: Case, rows: Sequence[Sequence[str]], message: Incoming) -> None:
    now = app.clock.now()
    content = Edit(
        message_id=message.message_id, text=notices.header(uow, app, case), buttons=notices.menu(uow, app, case, rows, now=now)
    )
    here = ToCase(case_id=case.id, group_id=message.chat_id)
    notices.enqueue(uow, here, content, key=f"menu:{message.update_id}", now=now)


def act(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, verb: str, value: str) -> str:
    """Do what a button or a command of the desk says; return what came of it, in words for whoever asked."""
    try:
        return perform(uow, app, case, staff, verb, value)
    except CaseAlreadyClaimed as exc:
        return app.catalogue.staff_text("already_claimed", who=exc.by)
    except InvalidTransition as exc:
        return str(exc)


def perform(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, verb: str, value: str) -> str:
    """Do one of :data:`COMMANDS`, with its value where it needs one, and return what came of it.

    Raises:
        CaseAlreadyClaimed: somebody has it.
        InvalidTransition: the case, the role or the value does not allow it.
    """
    if verb not in _VERBS:
        raise InvalidTransition(app.catalogue.staff_text("unknown_desk_command", verbs=" ".join(f"/{one}" for one in COMMANDS)))
    _VERBS[verb](uow, app, case, staff, value, app.clock.now())
    return app.catalogue.staff_text(f"did_{verb}")


def _claim(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, _value: str, now: datetime) -> None:
    casework.claim(uow, app, case, staff, now=now)


def _release(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, _value: str, now: datetime) -> None:
    casework.release(uow, app, case, staff, now=now)


def _partner(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    casework.ask_partner(uow, app, case, staff, partner=value, now=now)


def _seal(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, _value: str, now: datetime) -> None:
    casework.seal_by_hand(uow, app, case, staff, now=now)


def _wake(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, _value: str, now: datetime) -> None:
    casework.wake(uow, app, case, staff, now=now)


def _undo(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    relay.take_back(uow, app, case, staff, which=value, now=now)


def _snooze(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    casework.snooze(uow, app, case, staff, until=snooze_until(value, now, app.policies.calendar), now=now)


def _severity(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    if value not in {"0", "1", "2", "3", "4"}:
        raise InvalidTransition(app.catalogue.staff_text("how_severity"), why="choose")
    casework.judge(uow, app, case, staff, severity=int(value), now=now)


def _assign(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    casework.assign(uow, app, case, staff, casework.member_named(uow, value), now=now)


def _queue(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    if value not in app.policies.queues:
        raise InvalidTransition(app.catalogue.staff_text("how_queue", queues=", ".join(app.policies.queues)), why="choose")
    casework.move(uow, app, case, staff, queue=value, now=now)


def _merge(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    into = uow.cases.by_number(value)
    if into is None or (into.sealed and not cases.may_have(into, staff.desk_role)):
        # The answer is that for a case of another person: nobody finds out which numbers are sealed cases, or whose.
        raise cases.not_one_person(case.number, value.strip().upper())
    casework.merge(uow, app, case, staff, into, now=now)


def _resolve(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, value: str, now: datetime) -> None:
    name, _, summary = value.partition(" ")
    if name not in set(Resolution):
        raise InvalidTransition(app.catalogue.staff_text("how_resolve", codes=", ".join(Resolution)), why="choose")
    casework.resolve(uow, app, case, staff, code=Resolution(name), summary=summary.strip(), now=now)


_VERBS = {
    "claim": _claim, "release": _release, "resolve": _resolve, "snooze": _snooze, "partner": _partner, "severity": _severity,
    "assign": _assign, "queue": _queue, "merge": _merge, "wake": _wake, "undo": _undo,
    "seal": _seal,
}  # fmt: skip
COMMANDS = tuple(_VERBS)
"""What is done with a case, by a button, a command in its topic or ``waypost cases do``."""


def snooze_until(text: str, now: datetime, calendar: Calendar) -> datetime:
    """Return the end of ``30m``, ``4h``, ``3d`` or ``tomorrow``; whole days end with the opening of the office.

    Raises:
        InvalidTransition: ``text`` is none of these.
    """
    found = re.fullmatch(r"([0-9]{1,3})([mhd])", "1d" if text == "tomorrow" else text.strip().lower())
    if found is None:
        raise InvalidTransition(f"{text or 'Nothing'!r} is no time: write 30m, 4h, 3d or tomorrow.", why="choose")
    n, unit = int(found[1]), found[2]
    if unit != "d":
        return now + timedelta(minutes=n) * (60 if unit == "h" else 1)
    day = now.astimezone(calendar.zone) + timedelta(days=n)
    return calendar.next_open(day.replace(hour=0, minute=0, second=0, microsecond=0))


def _post(uow: UnitOfWork, *, message: Incoming, app: App) -> None:
    if message.command == "link":
        _notice(uow, app, message, app.catalogue.staff_text("link_private_only"))
        return
    case = _case_of(uow, message, app)
    if case is None:
        _outside_topics(uow, message, app)
        return
    if groups.desk_of(uow, app, message.chat_id) != groups.group_of(uow, app, case):
        _notice(uow, app, message, app.catalogue.staff_text("moved_elsewhere"))
        return
    staff = uow.staff.by_chat(message.sender_id)
    key, now = f"desk:{message.update_id}", app.clock.now()
    if staff is None or not staff.desk_role.works_cases:
        notices.tell_topic(uow, app, case, "not_linked", key=key, now=now)
        _finish(uow, message, app, Disposition.REFUSED_WITH_NOTICE)
        return
    try:
        disposition = _written(uow, app, case, staff, message, key)
    except InvalidTransition as exc:
        notices.tell_desk(uow, app, case, str(exc), key=key, now=now)
        disposition = Disposition.REFUSED_WITH_NOTICE
    _finish(uow, message, app, disposition)


def _written(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, message: Incoming, key: str) -> Disposition:
    """Do what a colleague's post asks for: obey it, send it, or keep it."""
    now = app.clock.now()
    is_command = message.kind is Kind.COMMAND or _looks_like_a_command(message.text)
    if is_command and message.is_edit:
        return _edited_command(uow, app, case, staff, message)
    if is_command:
        # A mistyped command is for us too, never for the person; so is one below a photo.
        said = act(uow, app, case, staff, message.command or "", message.argument.strip())
        notices.tell_desk(uow, app, case, said, key=key, now=now)
        return Disposition.SERVICE_EVENT
    if case.sealed:
        raise InvalidTransition(app.catalogue.staff_text("sealed_not_here"))
    if message.is_edit:
        return _edit(uow, app, case, staff, message, key)
    if _is_note(uow, case, staff, message):
        return _keep_note(uow, app, case, staff, message, key)
    relay.reply(uow, app, case, staff, text=message.text, post=message, key=f"{key}:reply", now=now)
    return Disposition.RELAYED


def _edited_command(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, message: Incoming) -> Disposition:
    """A command was obeyed, or refused, when it came; a reply that became one was not meant for the person."""
    changed = relay.original(uow, case, message.chat_id, message.message_id)
    if changed is not None and changed.direction is Direction.TO_PERSON:
        relay.make_note(uow, app, case, staff, changed, message.text, now=app.clock.now())
    return Disposition.SERVICE_EVENT


def _looks_like_a_command(text: str) -> bool:
    return text.startswith("/") and not text.startswith(NOTE_PREFIX)


def _is_note(uow: UnitOfWork, case: Case, staff: StaffMember, message: Incoming) -> bool:
    """Only one part of an album carries the caption: what it says holds for the others."""
    if message.text.startswith(NOTE_PREFIX) or not cases.may_reply(case, staff.id):
        return True
    before = uow.cases.of_album(case.id, message.album) if message.album is not None else None
    return before is not None and before.direction is Direction.NOTE


def _keep_note(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, message: Incoming, key: str) -> Disposition:
    now = app.clock.now()
    before = uow.cases.of_album(case.id, message.album) if message.album is not None else None
    if before is not None and before.direction is Direction.TO_PERSON:
        # The caption came last: what came before it is taken back, or it is said that it has left.
        said = act(uow, app, case, staff, "undo", "")
        notices.tell_desk(uow, app, case, said, key=f"{key}:undo", now=now)
        case = uow.cases.get(case.id)
    text = message.text.removeprefix(NOTE_PREFIX).strip() or f"[{message.kind}]"
    relay.add_note(uow, app, case, staff, text, now=now, post=message)
    notices.mark(uow, case.id, message.chat_id, message.message_id, notices.KEPT_AS_NOTE, key=key, now=now)
    if case.owner_id is None and not message.text.startswith(NOTE_PREFIX):
        notices.tell_topic(uow, app, case, "note_kept", key=f"{key}:why", now=now)
    return Disposition.STORED_FOR_HUMAN


def _edit(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, message: Incoming, key: str) -> Disposition:
    """A changed note stays a note; a changed reply changes for the person too, and two slashes take it back in time.

    Raises:
        InvalidTransition: it cannot be shown to the person, or not be taken back any more.
    """
    now, changed = app.clock.now(), relay.original(uow, case, message.chat_id, message.message_id)
    text = message.text.removeprefix(NOTE_PREFIX).strip()
    if changed is None or changed.direction is Direction.FROM_PERSON:
        raise InvalidTransition(app.catalogue.staff_text("edit_not_sent"))
    if changed.direction is Direction.NOTE:
        relay.add_note(uow, app, case, staff, f"{relay.EDITED}{text}", now=now)
        return Disposition.STORED_FOR_HUMAN
    if message.text.startswith(NOTE_PREFIX):
        relay.make_note(uow, app, case, staff, changed, text, now=now)
        notices.mark(uow, case.id, message.chat_id, message.message_id, notices.KEPT_AS_NOTE, key=key, now=now)
        return Disposition.STORED_FOR_HUMAN
    relay.change_reply(uow, app, case, staff, changed, message, key=key, now=now)
    return Disposition.RELAYED


def _case_of(uow: UnitOfWork, message: Incoming, app: App) -> Case | None:
    group = groups.desk_of(uow, app, message.chat_id)
    return None if group is None or message.thread_id is None else uow.cases.by_topic(group, message.thread_id)


def _outside_topics(uow: UnitOfWork, message: Incoming, app: App) -> None:
    """General is nobody's conversation. A group that is not ours is told to write in private."""
    if groups.desk_of(uow, app, message.chat_id) is not None or message.kind is not Kind.COMMAND:
        _finish(uow, message, app, Disposition.SERVICE_EVENT)
        return
    _notice(uow, app, message, app.catalogue.text("group_chat", message.language_hint or app.office.default_language))


def _notice(uow: UnitOfWork, app: App, message: Incoming, text: str) -> None:
    """Answer in the group itself; nothing of a case is ever in it."""
    notice = Delivery(
        address=ToChat(chat_id=message.chat_id, thread_id=message.thread_id),
        content=Text(text=text),
        dedupe_key=f"group:{message.update_id}",
        priority=Priority.COSMETIC,
    )
    uow.outbox.add([notice], now=app.clock.now())
    _finish(uow, message, app, Disposition.REFUSED_WITH_NOTICE)


def _finish(uow: UnitOfWork, message: Incoming, app: App, disposition: Disposition) -> None:
    uow.inbox.finish(message.update_id, worker=app.worker, disposition=disposition, now=app.clock.now())
