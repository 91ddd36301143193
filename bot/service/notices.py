"""What the desk and the person are told about a case: posts in its topic, notices, reactions. Everything leaves by the outbox."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.cases import Case
from bot.domain.deliveries import (
    Address,
    Content,
    Delivery,
    Header,
    Priority,
    Reaction,
    Text,
    ToCase,
    ToChat,
    ToPerson,
    WireButton,
)
from bot.domain.ids import CaseId, CaseMessageId, ChatId, StaffId
from bot.domain.messages import Button
from bot.domain.people import StaffMember
from bot.service import groups
from bot.service.app import App
from bot.service.ports import Link, UnitOfWork
from bot.service.split import split_text

BUTTON_LIFE = timedelta(days=30)

DELIVERED = "👌"
KEPT_AS_NOTE = "✍"
"""Telegram accepts only reactions of its own list; these are on it."""


def header(uow: UnitOfWork, app: App, case: Case) -> str:
    """Return the first post of a case's topic. A sealed case shows number, severity, language and state, nothing else."""
    state = app.catalogue.staff_text(
        f"state_{case.state}",
        who=alias_of(uow, case.owner_id),
        since=local(app, case.waiting_since or case.opened_at),
        until=local(app, case.snoozed_until) if case.snoozed_until else "",
    )
    key = "case_header_sealed" if case.sealed else "case_header"
    lines = [
        app.catalogue.staff_text("drill") if case.drill else "",
        app.catalogue.staff_text(
            key, number=case.number, severity=case.severity, language=case.language, category=case.category or "–", state=state
        ),
        app.catalogue.staff_text("state_unreachable") if case.unreachable else "",
    ]
    return "\n".join(line for line in lines if line)


def alias_of(uow: UnitOfWork, staff_id: StaffId | None) -> str:
    """Return how colleagues know a member; a dash for nobody."""
    return uow.staff.get(staff_id).alias if staff_id is not None else "–"


def local(app: App, at: datetime) -> str:
    """Return a moment as the office's clocks show it."""
    return f"{at.astimezone(app.policies.calendar.zone):%d %b %H:%M}"


def header_buttons(uow: UnitOfWork, app: App, case: Case, *, now: datetime) -> tuple[tuple[WireButton, ...], ...]:
    """Return what can be done with the case in its state, bound to it."""
    rows = [("claim",)] if case.owner_id is None else [("release", "resolve"), ("snooze", "partner"), ("severity",)]
    return menu(uow, app, case, rows if case.is_open else [], now=now)


def menu(
    uow: UnitOfWork, app: App, case: Case, rows: Sequence[Sequence[str]], *, now: datetime
) -> tuple[tuple[WireButton, ...], ...]:  # fmt: skip
    """Return buttons for verbs such as ``claim`` or ``snooze:1h``; what follows the colon is the button's value."""
    buttons = [[_button(app, *verb.partition(":")) for verb in row] for row in rows]
    return uow.buttons.issue(buttons, person_id=None, case_id=case.id, expires_at=now + BUTTON_LIFE)


def _button(app: App, action: str, colon: str, value: str) -> Button:
    label = app.catalogue.staff_text(f"button_{action}" + (f"_{value}" if colon else ""))
    return Button(label=label, action=action, value=value)


def refresh_header(uow: UnitOfWork, app: App, case: Case, *, now: datetime, again: str = "") -> None:
    """Let the header say how the case stands when it is sent; of several that wait the newest goes out, after urgent posts.

    ``again`` names what asks for it although the case has not changed.
    """
    key = key_of(case, f"header{again}")
    enqueue_desk(uow, app, case, Header(), key=key, now=now, priority=Priority.TO_DESK)


def link_sent(uow: UnitOfWork, message_id: CaseMessageId, chat_id: ChatId, telegram_id: int) -> None:
    """Remember which Telegram message carries this case message."""
    case_id = uow.cases.message(message_id).case_id
    uow.cases.link(chat_id, telegram_id, Link(case_id=case_id, case_message_id=message_id))


def mark_delivery(uow: UnitOfWork, message_id: CaseMessageId, emoji: str, *, key: str, now: datetime) -> None:
    """Show the caseworker under their own post whether the person got it."""
    case_id = uow.cases.message(message_id).case_id
    group_id = uow.cases.topic(case_id).group_id
    place = uow.cases.place_of(message_id, group_id) if group_id is not None else None
    if place is not None and group_id is not None:
        mark(uow, case_id, group_id, place, emoji, key=key, now=now)


def mark(
    uow: UnitOfWork, case_id: CaseId, group_id: ChatId, telegram_id: int, emoji: str, *, key: str, now: datetime
) -> None:  # fmt: skip
    """Put a reaction under a desk post."""
    content = Reaction(message_id=telegram_id, emoji=emoji)
    enqueue(uow, ToCase(case_id=case_id, group_id=group_id), content, key=key, now=now, priority=Priority.COSMETIC)


def tell_topic(
    uow: UnitOfWork, app: App, case: Case, text_key: str, *, key: str, now: datetime, answers: CaseMessageId | None = None,
    **values: object,
) -> None:  # fmt: skip
    """Say a catalogue text to the desk in the case's topic."""
    tell_desk(uow, app, case, app.catalogue.staff_text(text_key, **values), key=key, now=now, answers=answers)


def tell_member(
    uow: UnitOfWork, app: App, member: StaffMember, case: Case, text_key: str, *, key: str, now: datetime, **values: object
) -> None:
    """Say something about a case to one colleague in private: its number, never its words."""
    drill = f"{app.catalogue.staff_text('drill')} " if case.drill else ""
    text = f"{drill}{case.number}: {app.catalogue.staff_text(text_key, **values)}"
    _to_member(uow, member, case, Text(text=text), key=key, now=now)


def call_member(uow: UnitOfWork, app: App, member: StaffMember, case: Case, *, key: str, now: datetime) -> None:
    """Call somebody who is on call to an urgent case, with the button that takes it."""
    offer_case(uow, app, member, case, "call", key=key, now=now)


def offer_case(uow: UnitOfWork, app: App, member: StaffMember, case: Case, text_key: str, *, key: str, now: datetime) -> None:
    """Tell somebody in private of a case, with the button that takes it."""
    text = app.catalogue.staff_text(
        text_key, number=case.number, severity=case.severity, language=case.language,
        category="sealed" if case.sealed else case.category or "–",
    )  # fmt: skip
    if case.drill:
        text = f"{app.catalogue.staff_text('drill')}\n{text}"
    content = Text(text=text, buttons=menu(uow, app, case, [("claim",)], now=now))
    _to_member(uow, member, case, content, key=key, now=now)


def _to_member(uow: UnitOfWork, member: StaffMember, case: Case, content: Content, *, key: str, now: datetime) -> None:
    if member.chat_id is None:
        return  # they look at the console
    priority = Priority.EMERGENCY if case.is_urgent else Priority.TO_DESK
    enqueue(uow, ToChat(chat_id=member.chat_id), content, key=f"{key}:staff:{member.id}", now=now, priority=priority)


def key_of(case: Case, what: str) -> str:
    return f"case:{case.id}:{case.version}:{what}"


def tell_person(
    uow: UnitOfWork, app: App, case: Case, text_key: str, *, now: datetime, key: str | None = None, **values: object
) -> None:
    text = app.catalogue.text(text_key, case.language, **values)
    enqueue(uow, ToPerson(person_id=case.person_id), Text(text=text), key=key or key_of(case, text_key), now=now)


def tell_desk(
    uow: UnitOfWork, app: App, case: Case, text: str, *, key: str, now: datetime, answers: CaseMessageId | None = None,
    carries: CaseMessageId | None = None,
) -> None:  # fmt: skip
    """Say something in the case's topic; ``answers`` is the case message it is about, ``carries`` that whose words it holds."""
    for n, piece in enumerate(split_text(text)):
        enqueue_desk(uow, app, case, Text(text=piece), key=f"{key}:{n}", now=now, answers=answers, carries=carries)


def enqueue_desk(uow: UnitOfWork, app: App, case: Case, content: Content, *, key: str, now: datetime, **more: Any) -> None:
    """Without a staff group the desk reads cases with ``waypost cases``; nothing is posted."""
    if groups.group_of(uow, app, case) is None:
        return
    by_severity = Priority.EMERGENCY if case.is_urgent else Priority.TO_DESK
    enqueue(uow, ToCase(case_id=case.id), content, key=key, now=now, **({"priority": by_severity} | more))


def enqueue(
    uow: UnitOfWork, address: Address, content: Content, *, key: str, now: datetime,
    priority: Priority = Priority.TO_PERSON, carries: CaseMessageId | None = None, answers: CaseMessageId | None = None,
    held: timedelta = timedelta(),
) -> None:  # fmt: skip
    """Write one delivery; ``carries`` is the case message in it, ``held`` how long it is kept back."""
    delivery = Delivery(
        address=address, content=content, dedupe_key=key, priority=priority, answers=answers,
        case_message_ids=() if carries is None else (carries,), not_before=now + held if held else None,
    )  # fmt: skip
    uow.outbox.add([delivery], now=now)
