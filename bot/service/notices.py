"""What the desk and the person are told about a case: posts in its topic, notices, reactions. Everything leaves by the outbox."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.cases import Case, WorkState
from bot.domain.deliveries import Address, Content, Delivery, Priority, Reaction, Text, ToCase, ToPerson, WireButton
from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId
from bot.domain.people import PersonState
from bot.service.app import App
from bot.service.ports import Link, UnitOfWork
from bot.service.split import split_text

BUTTON_LIFE = timedelta(days=30)

DELIVERED = "👌"
KEPT_AS_NOTE = "✍"
"""Telegram accepts only reactions of its own list; these are on it."""


def header(app: App, case: Case, *, now: datetime) -> str:
    """Return the first post of a case's topic. A sealed case shows number, severity and language, nothing else."""
    key = "case_header_sealed" if case.sealed else "case_header"
    return app.catalogue.staff_text(
        key, number=case.number, severity=case.severity, language=case.language,
        category=case.category or "–", waiting=int((now - case.opened_at).total_seconds() // 60),
    )  # fmt: skip


def header_buttons(uow: UnitOfWork, app: App, case: Case, *, now: datetime) -> tuple[tuple[WireButton, ...], ...]:
    """Return Claim, Release and Resolve, bound to the case."""
    row = tuple(
        WireButton(
            label=app.catalogue.staff_text(f"button_{action}"),
            token=uow.buttons.issue(action, "", person_id=None, case_id=case.id, expires_at=now + BUTTON_LIFE),
        )
        for action in ("claim", "release", "resolve")
    )
    return (row,)


def link_sent(uow: UnitOfWork, message_id: CaseMessageId, chat_id: ChatId, telegram_id: int) -> None:
    """Remember which Telegram message carries this case message."""
    case_id = uow.cases.message(message_id).case_id
    uow.cases.link(chat_id, telegram_id, Link(case_id=case_id, case_message_id=message_id))


def mark_delivery(uow: UnitOfWork, message_id: CaseMessageId, emoji: str, *, key: str, now: datetime) -> None:
    """Show the caseworker under their own post whether the person got it."""
    case_id = uow.cases.message(message_id).case_id
    group_id = uow.cases.topic(case_id).group_id
    place = uow.cases.place_of(message_id, group_id) if group_id is not None else None
    if place is not None:
        mark(uow, case_id, place, emoji, key=key, now=now)


def mark(uow: UnitOfWork, case_id: CaseId, telegram_id: int, emoji: str, *, key: str, now: datetime) -> None:
    """Put a reaction under a desk post."""
    content = Reaction(message_id=telegram_id, emoji=emoji)
    enqueue(uow, ToCase(case_id=case_id), content, key=key, now=now, priority=Priority.COSMETIC)


def tell_text(uow: UnitOfWork, app: App, case: Case, text: str, *, key: str, now: datetime) -> None:
    """Say these words to the desk in the case's topic."""
    tell_desk(uow, app, case, text, key=key, now=now)


def tell_topic(uow: UnitOfWork, app: App, case: Case, text_key: str, *, key: str, now: datetime, **values: object) -> None:
    """Say a catalogue text to the desk in the case's topic."""
    tell_text(uow, app, case, app.catalogue.staff_text(text_key, **values), key=key, now=now)


def not_delivered(uow: UnitOfWork, app: App, person_id: PersonId, reason: str, *, key: str, now: datetime) -> None:
    """Tell the desk that the person did not get a message, and why."""
    case = uow.cases.open_for(person_id)
    if case is not None:
        tell_topic(uow, app, case, "not_delivered", key=key, now=now, reason=reason)


def person_unreachable(uow: UnitOfWork, app: App, person_id: PersonId, *, key: str, now: datetime) -> None:
    """The person blocked us or is gone: stop sending, and tell the desk, each time somebody tried."""
    person = uow.people.get(person_id)
    if person.state is not PersonState.BLOCKED:
        uow.people.save(replace(person, state=PersonState.BLOCKED))
        uow.outbox.cancel_person(person_id, reason="person_unreachable")
    case = uow.cases.open_for(person_id)
    if case is not None:
        tell_topic(uow, app, case, "person_unreachable", key=key, now=now)


def key_of(case: Case, what: str) -> str:
    return f"case:{case.id}:{case.version}:{what}"


def tell_person(uow: UnitOfWork, app: App, case: Case, text_key: str, *, now: datetime, **values: object) -> None:
    text = app.catalogue.text(text_key, case.language, **values)
    enqueue(uow, ToPerson(person_id=case.person_id), Text(text=text), key=key_of(case, text_key), now=now)


def tell_desk(
    uow: UnitOfWork, app: App, case: Case, text: str, *, key: str, now: datetime, message_id: CaseMessageId | None = None
) -> None:
    for n, piece in enumerate(split_text(text)):
        enqueue_desk(uow, app, case, Text(text=piece), key=f"{key}:{n}", now=now, message_id=message_id)


def enqueue_desk(
    uow: UnitOfWork, app: App, case: Case, content: Content, *, key: str, now: datetime, message_id: CaseMessageId | None = None
) -> None:
    """Without a staff group the desk reads cases with ``waypost cases``; nothing is posted."""
    if app.office.group_id is None:
        return
    urgent = case.severity >= 3 and case.state is WorkState.QUEUED
    enqueue(
        uow, ToCase(case_id=case.id), content, key=key, now=now, message_id=message_id,
        priority=Priority.EMERGENCY if urgent else Priority.TO_DESK,
    )  # fmt: skip


def enqueue(
    uow: UnitOfWork, address: Address, content: Content, *, key: str, now: datetime,
    priority: Priority = Priority.TO_PERSON, message_id: CaseMessageId | None = None,
) -> None:  # fmt: skip
    delivery = Delivery(address=address, content=content, dedupe_key=key, priority=priority, case_message_id=message_id)
    uow.outbox.add([delivery], now=now)
