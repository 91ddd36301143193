"""What a person and a caseworker write to each other, and the notes between colleagues.

Notes and replies take different paths: :func:`keep_note` has no way to a person. A reply that does not arrive counts as never
given, whether Telegram refused it or its writer took it back.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from bot.domain import cases
from bot.domain.cases import Case, CaseMessage, DeliveryState, Direction
from bot.domain.deliveries import Content, Copy, Edit, Text, ToPerson
from bot.domain.errors import InvalidTransition
from bot.domain.ids import CaseMessageId, ChatId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import StaffMember
from bot.service import notices, timers
from bot.service.app import App
from bot.service.ports import Link, UnitOfWork
from bot.service.split import split_text

ALBUM_QUIET = timedelta(seconds=1.2)
"""How long after a part of an album the next one is waited for; later ones follow as a reply to it."""
PLACE_EVERY = timedelta(minutes=1)
EDITED = "✎ "
LOST = frozenset({DeliveryState.NOT_DELIVERED, DeliveryState.WITHDRAWN})
"""States of a reply that the person does not get."""


def receive(uow: UnitOfWork, app: App, case: Case, message: Incoming, *, key: str, now: datetime) -> Case:
    """Add what the person wrote to their open case and show it to the desk; a sealed case shows only that something came.

    An edited message is shown beside the first one, as a reply to it: both stay, and the caseworker is told.
    """
    if message.is_edit and not message.text and _is_followed(uow, case, message, now):
        return case
    waited = case.state
    case = timers.record(uow, app, case, cases.person_wrote(case, at=now))
    answers = _belongs_to(uow, case, message)
    stored = store(uow, case, message, f"{EDITED}{message.text}" if message.is_edit else message.text, now=now)
    if case.sealed:
        notices.tell_topic(uow, app, case, "sealed_new_message", key=key, now=now)
    elif is_words(message):
        shown = app.catalogue.staff_text("person_wrote", text=stored.text)
        notices.tell_desk(uow, app, case, shown, key=key, now=now, carries=stored.id, answers=answers)
    else:
        show_copy(uow, app, case, message, stored, key=key, now=now, answers=answers)
    if case.state is not waited:
        notices.refresh_header(uow, app, case, now=now)
    return case


def store(uow: UnitOfWork, case: Case, message: Incoming | None, text: str, *, now: datetime) -> CaseMessage:
    """Keep what the person sent, and which Telegram message it is; None where the words stand in no message of their own."""
    stored = uow.cases.add_message(
        case.id, direction=Direction.FROM_PERSON, kind=Kind.TEXT if message is None else message.kind, text=text, staff_id=None,
        state=DeliveryState.RECEIVED, at=now, album=None if message is None or message.is_edit else message.album,
    )  # fmt: skip
    if message is not None:
        remember(uow, message, stored)
    return stored


def is_words(message: Incoming) -> bool:
    """Whether a message is shown by its words; anything else is copied, also when it was edited without any."""
    return message.kind in {Kind.TEXT, Kind.COMMAND} or (message.is_edit and bool(message.text))


def show_copy(
    uow: UnitOfWork, app: App, case: Case, message: Incoming, stored: CaseMessage, *, key: str, now: datetime,
    answers: CaseMessageId | None = None,
) -> None:  # fmt: skip
    """Show the desk a photo, a voice, a place … as the person sent it; an album waits for its other parts."""
    held = ALBUM_QUIET if stored.album else timedelta()
    notices.enqueue_desk(
        uow, app, case, _copy(message), key=key, now=now, carries=stored.id, answers=answers, held=held
    )  # fmt: skip


def remember(uow: UnitOfWork, message: Incoming, stored: CaseMessage) -> None:
    """Keep which case message a Telegram message is, so that edits of it and replies to it are understood."""
    uow.cases.link(message.chat_id, message.message_id, Link(case_id=stored.case_id, case_message_id=stored.id))


def reply(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, text: str, key: str, now: datetime,
    post: Incoming | None = None,
) -> CaseMessage:  # fmt: skip
    """Send the owner's words to the person, after the time in which they can be taken back.

    ``post`` is what was posted in the case's topic; when it is more than words it is copied.

    Raises:
        InvalidTransition: ``staff`` does not own the case.
    """
    waited = case.state
    case = timers.record(uow, app, case, cases.reply(case, by=staff.id, role=staff.desk_role, at=now))
    if case.state is not waited:
        notices.refresh_header(uow, app, case, now=now)
    answers = None if post is None else _belongs_to(uow, case, post)
    message = uow.cases.add_message(
        case.id, direction=Direction.TO_PERSON, kind=Kind.TEXT if post is None else post.kind, text=text,
        staff_id=staff.id, state=DeliveryState.QUEUED, at=now, album=None if post is None else post.album,
    )  # fmt: skip
    if post is not None:
        remember(uow, post, message)
    contents: list[Content] = (
        [Text(text=piece) for piece in split_text(_signed(app, case, text))]
        if post is None or post.kind is Kind.TEXT
        else [_copy(post)]
    )
    held = app.office.undo if message.album is None else max(app.office.undo, ALBUM_QUIET)
    for n, piece in enumerate(contents):
        notices.enqueue(
            uow, ToPerson(person_id=case.person_id), piece, key=f"{key}:{n}", now=now, carries=message.id, held=held,
            answers=answers if n == 0 else None,
        )  # fmt: skip
    return message


def is_written(uow: UnitOfWork, key: str) -> bool:
    """Whether a reply was given with this key, whatever became of it."""
    return uow.outbox.knows(f"{key}:0")


def take_back(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, which: str = "", now: datetime
) -> None:  # fmt: skip
    """Take one of the writer's replies back while it has not left; an album goes as a whole.

    Args:
        which: Number of the reply; empty for the last one.

    Raises:
        InvalidTransition: nothing of theirs is held any more.
    """
    case = uow.cases.locked(case.id)
    waiting = [
        message
        for message in uow.cases.messages(case.id)
        if message.staff_id == staff.id and message.state is DeliveryState.QUEUED and which in {"", str(message.id)}
    ]
    _withdraw(uow, app, case, waiting[-1] if waiting else None, now=now)


def make_note(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, sent: CaseMessage, text: str, *, now: datetime) -> None:
    """A reply was edited into a note while it was held: it is kept, and nothing goes to the person.

    Raises:
        InvalidTransition: it has left.
    """
    case = uow.cases.locked(case.id)
    _withdraw(uow, app, case, sent if sent.staff_id == staff.id else None, now=now)
    keep_note(uow, case, staff, text, now=now)


def _withdraw(uow: UnitOfWork, app: App, case: Case, reply_: CaseMessage | None, *, now: datetime) -> None:
    """Keep a reply, and the album it is part of, from the person; what is being sent is asked again before it leaves."""
    found = (
        [] if reply_ is None else [one for one in uow.cases.messages(case.id) if one.id == reply_.id or _same_album(one, reply_)]
    )
    chat_id = uow.people.get(case.person_id).chat_id
    queued = [one for one in found if one.state is DeliveryState.QUEUED and uow.cases.place_of(one.id, chat_id) is None]
    if not queued:
        raise InvalidTransition(app.catalogue.staff_text("undo_too_late"), why="too_late")
    uow.outbox.withdraw([one.id for one in queued], now=now)
    lose_replies(uow, app, [one.id for one in queued], DeliveryState.WITHDRAWN, now=now)
    if len(queued) < len(found):
        key = f"undo:{queued[0].id}"
        notices.tell_topic(uow, app, case, "undo_partly", key=key, now=now, answers=found[0].id)


def change_reply(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, sent: CaseMessage, post: Incoming, *, key: str, now: datetime
) -> None:
    """The owner edited what they had posted: while it is held the words change, afterwards the person's message is edited.

    Raises:
        InvalidTransition: not theirs any more, or the change cannot be shown to the person.
    """
    if not cases.may_reply(case, staff.id) or sent.staff_id != staff.id:
        raise InvalidTransition(app.catalogue.staff_text("edit_not_sent"))
    is_caption = sent.kind != Kind.TEXT
    words = post.text if is_caption else _signed(app, case, post.text)
    pieces = max(len(split_text(words)), 1 if is_caption else len(split_text(_signed(app, case, sent.text))))
    place = uow.cases.place_of(sent.id, uow.people.get(case.person_id).chat_id)
    if pieces > 1:
        raise InvalidTransition(app.catalogue.staff_text("edit_not_sent"))
    # A copy takes the caption as it stands when it is made.
    is_held_caption = is_caption and place is None and sent.state is DeliveryState.QUEUED
    if is_held_caption or (not is_caption and uow.outbox.rewrite(sent.id, Text(text=words))):
        uow.cases.set_text(sent.id, post.text)
        return
    if place is None or sent.album is not None:
        raise InvalidTransition(app.catalogue.staff_text("edit_not_sent"))
    message = uow.cases.add_message(
        case.id, direction=Direction.TO_PERSON, kind=sent.kind, text=f"{EDITED}{post.text}", staff_id=staff.id,
        state=DeliveryState.QUEUED, at=now,
    )  # fmt: skip
    edit = Edit(message_id=place, text=words, is_caption=is_caption)
    notices.enqueue(uow, ToPerson(person_id=case.person_id), edit, key=key, now=now, carries=message.id)


def lose_replies(uow: UnitOfWork, app: App, message_ids: Sequence[CaseMessageId], state: DeliveryState, *, now: datetime) -> None:
    """Replies that will not reach the person count as never given, unless another one has been given since."""
    lost = [message for message in map(uow.cases.message, message_ids) if _is_reply(message) and message.state not in LOST]
    for message in lost:
        uow.cases.set_message_state(message.id, state)
    if not lost:
        return
    case = uow.cases.locked(lost[0].case_id)
    # The person has heard nothing since the first of all that did not arrive one after the other.
    replies = reversed([message for message in uow.cases.messages(case.id) if _is_reply(message)])
    unheard = list(takewhile(lambda message: message.state in LOST, replies))
    if lost[-1].id not in {message.id for message in unheard}:
        return
    before = cases.before_reply(case, uow.cases.events(case.id), at=unheard[-1].at)
    if before is not None and (event := cases.undelivered(case, before=before, at=now)) is not None:
        case = timers.record(uow, app, case, event)
        notices.refresh_header(uow, app, case, now=now)


def add_note(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, text: str, *, now: datetime, post: Incoming | None = None
) -> CaseMessage:
    """Somebody of the staff writes a note. Nothing is ever delivered from here."""
    timers.record(uow, app, case, cases.note(case, by=staff.id, at=now))
    stored = keep_note(uow, case, staff, text, now=now, album=None if post is None else post.album)
    if post is not None:
        remember(uow, post, stored)
    return stored


def keep_note(
    uow: UnitOfWork, case: Case, staff: StaffMember, text: str, *, now: datetime, album: str | None = None
) -> CaseMessage:
    return uow.cases.add_message(
        case.id, direction=Direction.NOTE, kind=Kind.TEXT, text=text, staff_id=staff.id, state=DeliveryState.RECEIVED, at=now,
        album=album,
    )  # fmt: skip


def original(uow: UnitOfWork, case: Case, chat_id: ChatId, message_id: int | None) -> CaseMessage | None:
    """Return the message of this case that a Telegram message carries; that of another case is none."""
    link = None if message_id is None else uow.cases.linked(chat_id, message_id)
    return uow.cases.message(link.case_message_id) if link is not None and link.case_id == case.id else None


def _is_followed(uow: UnitOfWork, case: Case, message: Incoming, now: datetime) -> bool:
    """Whether a place that moves was shown a moment ago: of a live location one in a minute is enough."""
    if message.kind is not Kind.LOCATION:
        return False
    places = [one.at for one in uow.cases.messages(case.id) if one.kind == Kind.LOCATION]
    return bool(places) and now - places[-1] < PLACE_EVERY


def _belongs_to(uow: UnitOfWork, case: Case, message: Incoming) -> CaseMessageId | None:
    """Return the case message this one edits, replies to, or follows in an album."""
    answered = original(uow, case, message.chat_id, message.message_id if message.is_edit else message.reply_to)
    if answered is None and message.album is not None and not message.is_edit:
        answered = uow.cases.of_album(case.id, message.album)
    return None if answered is None else answered.id


def _copy(message: Incoming) -> Copy:
    return Copy(from_chat_id=message.chat_id, message_ids=(message.message_id,), album=message.album)


def _signed(app: App, case: Case, text: str) -> str:
    return f"{app.catalogue.text('human_prefix', case.language)} {text}"


def _same_album(one: CaseMessage, other: CaseMessage) -> bool:
    return one.album is not None and one.album == other.album


def _is_reply(message: CaseMessage) -> bool:
    return message.direction is Direction.TO_PERSON
