"""The staff group: posts in case topics and presses of case buttons.

What is typed before a claim, after ``//``, or by anybody but the owner is a note. Only the owner's plain posts go to the person.
Nothing in General is ever relayed, and nothing from a member who has not been linked by a one-time code.
"""

from collections.abc import Callable
from functools import partial

from bot.domain import cases
from bot.domain.cases import Case
from bot.domain.deliveries import Copy, Delivery, Priority, Text, ToChat
from bot.domain.errors import CaseAlreadyClaimed, InvalidTransition, VersionConflict
from bot.domain.messages import Incoming, Kind
from bot.domain.people import StaffMember
from bot.domain.turns import Disposition
from bot.service import casework, notices
from bot.service.app import App
from bot.service.ports import UnitOfWork

NOTE_PREFIX = "//"
VERBS: dict[str, Callable[..., Case]] = {"claim": casework.claim, "release": casework.release, "resolve": casework.resolve}
DONE_TEXT = {"claim": "claimed_by", "release": "released", "resolve": "resolved"}
ATTEMPTS = 3


async def handle_post(message: Incoming, app: App) -> None:
    """Handle one post in a group."""
    await app.storage.run(partial(_post, message=message, app=app))
    app.outbox_bell.ring()


async def handle_press(message: Incoming, app: App) -> None:
    """Handle a press of Claim, Release or Resolve; the presser is told what came of it."""
    answer = await _press_with_retry(message, app)
    app.outbox_bell.ring()
    if message.callback_id is not None:
        await app.messenger.answer_button(message.callback_id, answer, alert=True)


async def _press_with_retry(message: Incoming, app: App) -> str:
    for _ in range(ATTEMPTS - 1):
        try:
            return await app.storage.run(partial(_press, message=message, app=app))
        except VersionConflict:
            continue
    return await app.storage.run(partial(_press, message=message, app=app))


def _press(uow: UnitOfWork, *, message: Incoming, app: App) -> str:
    now = app.clock.now()
    action = uow.buttons.look_up(message.button or "", now=now)
    staff = uow.staff.by_chat(message.sender_id)
    _finish(uow, message, app, Disposition.SERVICE_EVENT)
    if action is None or action.case_id is None or action.action not in VERBS:
        return app.catalogue.staff_text("button_expired")
    if staff is None:
        return app.catalogue.staff_text("not_linked")
    return _do(uow, app, uow.cases.get(action.case_id), staff, action.action)


def _do(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, verb: str) -> str:
    try:
        VERBS[verb](uow, app, case, staff, now=app.clock.now())
    except CaseAlreadyClaimed as exc:
        return app.catalogue.staff_text("already_claimed", who=exc.by)
    except InvalidTransition as exc:
        return str(exc)
    return app.catalogue.staff_text(DONE_TEXT[verb], who=staff.alias)


def _post(uow: UnitOfWork, *, message: Incoming, app: App) -> None:
    if message.command == "link":
        _notice(uow, app, message, app.catalogue.staff_text("link_private_only"))
        return
    case = _case_of(uow, message, app)
    if case is None:
        _outside_topics(uow, message, app)
        return
    staff = uow.staff.by_chat(message.sender_id)
    key, now = f"desk:{message.update_id}", app.clock.now()
    if staff is None or not staff.desk_role.works_cases:
        notices.tell_topic(uow, app, case, "not_linked", key=key, now=now)
        _finish(uow, message, app, Disposition.REFUSED_WITH_NOTICE)
    elif message.kind is Kind.COMMAND and message.command in VERBS:
        notices.tell_text(uow, app, case, _do(uow, app, case, staff, message.command), key=key, now=now)
        _finish(uow, message, app, Disposition.SERVICE_EVENT)
    elif message.is_edit:
        notices.tell_topic(uow, app, case, "edit_not_sent", key=key, now=now)
        _finish(uow, message, app, Disposition.REFUSED_WITH_NOTICE)
    elif case.sealed:
        notices.tell_topic(uow, app, case, "sealed_not_here", key=key, now=now)
        _finish(uow, message, app, Disposition.REFUSED_WITH_NOTICE)
    elif message.text.startswith(NOTE_PREFIX) or not cases.may_reply(case, staff.id):
        _keep_note(uow, app, case, staff, message, key)
    else:
        _reply(uow, app, case, staff, message, key)


def _keep_note(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, message: Incoming, key: str) -> None:
    now = app.clock.now()
    text = message.text.removeprefix(NOTE_PREFIX).strip() or f"[{message.kind}]"
    casework.add_note(uow, case, staff, text, now=now)
    notices.mark(uow, case.id, message.message_id, notices.KEPT_AS_NOTE, key=key, now=now)
    if case.owner_id is None and not message.text.startswith(NOTE_PREFIX):
        notices.tell_topic(uow, app, case, "note_kept", key=f"{key}:why", now=now)
    _finish(uow, message, app, Disposition.STORED_FOR_HUMAN)


def _reply(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, message: Incoming, key: str) -> None:
    content = None if message.kind is Kind.TEXT else Copy(from_chat_id=message.chat_id, message_id=message.message_id)
    stored = casework.reply(uow, app, case, staff, text=message.text, content=content, key=f"{key}:reply", now=app.clock.now())
    notices.link_sent(uow, stored.id, message.chat_id, message.message_id)
    _finish(uow, message, app, Disposition.RELAYED)


def _case_of(uow: UnitOfWork, message: Incoming, app: App) -> Case | None:
    if message.thread_id is None or not _is_desk(uow, message, app):
        return None
    return uow.cases.by_topic(message.chat_id, message.thread_id)


def _is_desk(uow: UnitOfWork, message: Incoming, app: App) -> bool:
    moved = uow.notebook.get("group_id")
    return message.chat_id == (int(moved) if moved else app.office.group_id)


def _outside_topics(uow: UnitOfWork, message: Incoming, app: App) -> None:
    """General is nobody's conversation. A group that is not ours is told to write in private."""
    if _is_desk(uow, message, app) or message.kind is not Kind.COMMAND:
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
