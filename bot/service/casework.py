"""Cases: opened for a person, claimed and answered by caseworkers, resolved.

Every function here runs inside a transaction the caller opened (it takes ``uow``) or opens one itself (it takes ``app``).
Notes and replies take different paths: :func:`add_note` has no way to a person.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, CaseMessage, DeliveryState, Direction, EventKind, WorkState
from bot.domain.deliveries import (
    Address,
    CloseTopic,
    Content,
    Copy,
    Delivery,
    Priority,
    Reaction,
    Text,
    ToCase,
    ToPerson,
    WireButton,
)
from bot.domain.errors import InvalidTransition
from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import Conversation, DeskRole, Person, PersonState, Role, Speaker, StaffMember
from bot.service.app import App
from bot.service.ports import Link, UnitOfWork
from bot.service.split import split_text

_NUMBER_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0, 1, I and O, which are misread aloud."""

BUTTON_LIFE = timedelta(days=30)

DELIVERED = "👌"
NOT_DELIVERED = "💔"
KEPT_AS_NOTE = "✍"
"""Telegram accepts only reactions of its own list; these are on it."""


def new_number() -> str:
    """Return a random case number such as ``K7M-4QX``."""
    symbols = "".join(secrets.choice(_NUMBER_ALPHABET) for _ in range(6))
    return f"{symbols[:3]}-{symbols[3:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Why a case opens and what the caseworker should know."""

    severity: int
    category: str | None
    sealed: bool
    reason: str
    question: str
    shown: Sequence[str]
    """Titles of passages already shown."""
    language: str
    consent: str
    """How the person agreed: ``yes``, ``asked`` (they asked for a person) or ``risk_to_life`` (the written rule)."""


def open_case(
    uow: UnitOfWork, app: App, person: Person, conversation: Conversation, opening: Opening, *, key: str, now: datetime
) -> tuple[Case, Conversation]:
    """Open a case, hand the conversation over, and tell the desk. At most one case is open per person."""
    case = uow.cases.open(
        Case(
            id=CaseId(0),
            number=new_number(),
            person_id=person.id,
            language=opening.language,
            sealed=opening.sealed,
            opened_at=now,
        ),
        CaseEvent(kind=EventKind.OPENED, at=now, severity=opening.severity, category=opening.category, note=opening.reason),
    )
    uow.people.record_consent(
        person.id,
        kind=f"handover:{opening.consent}",
        granted=opening.consent != "risk_to_life",
        language=opening.language,
        now=now,
    )
    uow.cases.add_message(
        case.id, direction=Direction.FROM_PERSON, kind=Kind.TEXT, text=opening.question, staff_id=None,
        state=DeliveryState.RECEIVED, at=now,
    )  # fmt: skip
    text = (
        app.catalogue.staff_text("sealed_packet", number=case.number)
        if case.sealed
        else app.catalogue.staff_text(
            "packet", question=opening.question or "–", shown=", ".join(opening.shown) or "–", why=opening.reason
        )
    )
    _tell_desk(uow, app, case, text, key=f"{key}:packet", now=now)
    return case, _hand_to(conversation, cases.SPEAKER_OF[case.state], now)


def receive(uow: UnitOfWork, app: App, case: Case, message: Incoming, *, key: str, now: datetime) -> None:
    """Add what the person wrote to their open case and show it to the desk; a sealed case shows only that something came."""
    text = message.text if not message.is_edit else f"✎ {message.text}"
    stored = uow.cases.add_message(
        case.id, direction=Direction.FROM_PERSON, kind=message.kind, text=text, staff_id=None,
        state=DeliveryState.RECEIVED, at=now,
    )  # fmt: skip
    if app.office.group_id is None:
        return
    if case.sealed:
        _tell_desk(uow, app, case, app.catalogue.staff_text("sealed_new_message"), key=key, now=now)
        return
    is_words = message.kind in {Kind.TEXT, Kind.COMMAND} or message.is_edit
    if is_words:
        _tell_desk(uow, app, case, app.catalogue.staff_text("person_wrote", text=text), key=key, now=now, message_id=stored.id)
        return
    content = Copy(from_chat_id=message.chat_id, message_id=message.message_id)
    _enqueue(uow, ToCase(case_id=case.id), content, key=key, now=now, priority=Priority.TO_DESK, message_id=stored.id)


def seal(uow: UnitOfWork, app: App, case: Case, *, key: str, now: datetime) -> Case:
    """From here on the group sees no text of this case."""
    if case.sealed:
        return case
    case = uow.cases.append(case, CaseEvent(kind=EventKind.SEALED, at=now))
    _tell_desk(uow, app, case, app.catalogue.staff_text("sealed_packet", number=case.number), key=key, now=now)
    return case


def tell_fine(uow: UnitOfWork, app: App, case: Case, *, key: str, now: datetime) -> None:
    """The person says there is no danger: the desk decides what follows."""
    uow.cases.add_message(
        case.id, direction=Direction.FROM_PERSON, kind=Kind.BUTTON, text=app.catalogue.staff_text("person_fine"),
        staff_id=None, state=DeliveryState.RECEIVED, at=now,
    )  # fmt: skip
    _tell_desk(uow, app, case, app.catalogue.staff_text("person_fine"), key=key, now=now)


def raise_severity(
    uow: UnitOfWork, app: App, case: Case, *, severity: int, category: str | None, key: str, now: datetime
) -> Case:
    """Raise, never lower, and tell the desk when it changed."""
    event = cases.raise_severity(case, severity=severity, category=category, at=now)
    if event is None:
        return case
    case = uow.cases.append(case, event)
    _tell_desk(uow, app, case, app.catalogue.staff_text("severity_raised", severity=severity), key=key, now=now)
    return case


def claim(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Give the case to ``staff``; the first one wins.

    Raises:
        CaseAlreadyClaimed: names who has it.
        InvalidTransition: the case is closed, or sealed and ``staff`` is no focal point.
    """
    if not staff.desk_role.works_cases:
        raise InvalidTransition(f"The role {staff.desk_role} works no cases.")
    if case.sealed and staff.desk_role is not DeskRole.FOCAL_POINT:
        raise InvalidTransition(f"Case {case.number} is sealed: only a focal point can claim it.")
    owner = uow.staff.get(case.owner_id).alias if case.owner_id is not None else ""
    case = uow.cases.append(case, cases.claim(case, by=staff.id, at=now, owner_alias=owner))
    _change_speaker(uow, case, now)
    _tell_person(uow, app, case, "human_joined", now=now)
    _tell_desk(uow, app, case, app.catalogue.staff_text("claimed_by", who=staff.alias), key=_key(case, "claimed"), now=now)
    uow.audit.record(actor=f"staff:{staff.id}", action="case.claimed", subject=case.number, now=now)
    return case


def release(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Put the case back into the queue."""
    case = uow.cases.append(case, cases.release(case, by=staff.id, role=staff.desk_role, at=now))
    _change_speaker(uow, case, now)
    _tell_person(uow, app, case, "human_released", now=now)
    _tell_desk(uow, app, case, app.catalogue.staff_text("released", who=staff.alias), key=_key(case, "released"), now=now)
    uow.audit.record(actor=f"staff:{staff.id}", action="case.released", subject=case.number, now=now)
    return case


def resolve(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Close the case; the person is told, and the assistant answers them again."""
    case = uow.cases.append(case, cases.resolve(case, by=staff.id, role=staff.desk_role, at=now))
    _change_speaker(uow, case, now)
    _tell_person(uow, app, case, "human_resolved", now=now, number=case.number)
    _tell_desk(uow, app, case, app.catalogue.staff_text("resolved", who=staff.alias), key=_key(case, "resolved"), now=now)
    _enqueue_desk(uow, app, case, CloseTopic(), key=_key(case, "close"), now=now)
    uow.audit.record(actor=f"staff:{staff.id}", action="case.resolved", subject=case.number, now=now)
    return case


def reply(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, text: str, content: Copy | None, key: str, now: datetime
) -> CaseMessage:
    """Send the owner's words to the person. ``content`` copies a message that is more than words.

    Raises:
        InvalidTransition: ``staff`` does not own the case.
    """
    if not cases.may_reply(case, staff.id):
        raise InvalidTransition(f"Case {case.number} is not yours: claim it before you answer.")
    message = uow.cases.add_message(
        case.id, direction=Direction.TO_PERSON, kind=Kind.TEXT if content is None else Kind.OTHER, text=text,
        staff_id=staff.id, state=DeliveryState.QUEUED, at=now,
    )  # fmt: skip
    prefix = app.catalogue.text("human_prefix", case.language)
    contents: list[Content] = [content] if content else [Text(text=piece) for piece in split_text(f"{prefix} {text}")]
    for n, piece in enumerate(contents):
        _enqueue(uow, ToPerson(person_id=case.person_id), piece, key=f"{key}:{n}", now=now, message_id=message.id)
    return message


def add_note(uow: UnitOfWork, case: Case, staff: StaffMember, text: str, *, now: datetime) -> CaseMessage:
    """Keep a note. Nothing is ever delivered from here."""
    return uow.cases.add_message(
        case.id, direction=Direction.NOTE, kind=Kind.TEXT, text=text, staff_id=staff.id, state=DeliveryState.RECEIVED, at=now
    )


def erase_case(uow: UnitOfWork, app: App, case: Case, *, now: datetime) -> Case:
    """The person erased their data while a case was open: the desk is told, the words go."""
    case = uow.cases.append(case, CaseEvent(kind=EventKind.ERASED, at=now))
    _tell_desk(uow, app, case, app.catalogue.staff_text("person_erased"), key=_key(case, "erased"), now=now)
    _enqueue_desk(uow, app, case, CloseTopic(), key=_key(case, "close"), now=now)
    return case


def require_reader(uow: UnitOfWork, case: Case, alias: str) -> None:
    """A sealed case is read by a focal point only.

    Raises:
        InvalidTransition: ``alias`` is none.
    """
    if case.sealed and not any(member.alias == alias and member.desk_role is DeskRole.FOCAL_POINT for member in uow.staff.all()):
        raise InvalidTransition(
            f"Case {case.number} is sealed: only a focal point reads it (--as ALIAS, see `waypost staff list`)."
        )


def revoke_staff(uow: UnitOfWork, app: App, alias: str, *, now: datetime) -> None:
    """Unlink a member at once; their open cases return to the queue.

    Raises:
        InvalidTransition: no such member.
    """
    member = next((one for one in uow.staff.all() if one.alias == alias), None)
    if member is None:
        raise InvalidTransition(f"No staff member {alias}: see `waypost staff list`.")
    for case in uow.cases.owned_by(member.id):
        release(uow, app, case, member, now=now)
    uow.staff.revoke(member.id, now=now)
    person = uow.people.for_chat(member.chat_id, now=now)
    uow.people.save(replace(person, role=Role.PUBLIC))
    uow.audit.record(actor="operator", action="staff.revoked", subject=alias, now=now)


async def command(app: App, number: str, staff_alias: str, verb: str, text: str = "") -> Case:
    """Run ``claim``, ``reply``, ``release`` or ``resolve`` from the command line, for desks without a group and sealed cases.

    Raises:
        InvalidTransition: unknown case, member or verb, or the case does not allow it.
    """
    now = app.clock.now()

    def work(uow: UnitOfWork) -> Case:
        case = uow.cases.by_number(number)
        staff = next((member for member in uow.staff.all() if member.alias == staff_alias), None)
        if case is None or staff is None:
            raise InvalidTransition(
                f"No {'case ' + number if case is None else 'staff member ' + staff_alias}: see `waypost cases list`"
                " and `waypost staff list`."
            )
        if verb == "reply":
            reply(uow, app, case, staff, text=text, content=None, key=f"cli:{case.id}:{secrets.token_hex(6)}", now=now)
            return case
        return {"claim": claim, "release": release, "resolve": resolve}[verb](uow, app, case, staff, now=now)

    return await app.storage.run(work)


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
    _enqueue(uow, ToCase(case_id=case_id), content, key=key, now=now, priority=Priority.COSMETIC)


def tell_topic(uow: UnitOfWork, app: App, case: Case, text_key: str, *, key: str, now: datetime, **values: object) -> None:
    """Say a catalogue text to the desk in the case's topic."""
    tell_text(uow, app, case, app.catalogue.staff_text(text_key, **values), key=key, now=now)


def tell_text(uow: UnitOfWork, app: App, case: Case, text: str, *, key: str, now: datetime) -> None:
    """Say these words to the desk in the case's topic."""
    _tell_desk(uow, app, case, text, key=key, now=now)


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


def _key(case: Case, what: str) -> str:
    return f"case:{case.id}:{case.version}:{what}"


def hand_back(conversation: Conversation, case: Case, now: datetime) -> Conversation:
    """Return the conversation with the speaker that follows from its open case."""
    speaker = cases.SPEAKER_OF[case.state]
    return conversation if conversation.speaker is speaker else _hand_to(conversation, speaker, now)


def answer_again(conversation: Conversation, now: datetime) -> Conversation:
    """Return the conversation with the assistant as its speaker."""
    return _hand_to(conversation, Speaker.BOT, now)


def _hand_to(conversation: Conversation, speaker: Speaker, now: datetime) -> Conversation:
    return replace(
        conversation, speaker=speaker, version=conversation.version + 1, pending=None, question="", category=None,
        severity=0, clarifications_asked=0, updated_at=now,
    )  # fmt: skip


def _change_speaker(uow: UnitOfWork, case: Case, now: datetime) -> None:
    conversation = uow.people.conversation(case.person_id)
    uow.people.save_conversation(_hand_to(conversation, cases.SPEAKER_OF[case.state], now))


def _tell_person(uow: UnitOfWork, app: App, case: Case, text_key: str, *, now: datetime, **values: object) -> None:
    text = app.catalogue.text(text_key, case.language, **values)
    _enqueue(uow, ToPerson(person_id=case.person_id), Text(text=text), key=_key(case, text_key), now=now)


def _tell_desk(
    uow: UnitOfWork, app: App, case: Case, text: str, *, key: str, now: datetime, message_id: CaseMessageId | None = None
) -> None:
    for n, piece in enumerate(split_text(text)):
        _enqueue_desk(uow, app, case, Text(text=piece), key=f"{key}:{n}", now=now, message_id=message_id)


def _enqueue_desk(
    uow: UnitOfWork, app: App, case: Case, content: Content, *, key: str, now: datetime, message_id: CaseMessageId | None = None
) -> None:
    """Without a staff group the desk reads cases with ``waypost cases``; nothing is posted."""
    if app.office.group_id is None:
        return
    urgent = case.severity >= 3 and case.state is WorkState.QUEUED
    _enqueue(
        uow, ToCase(case_id=case.id), content, key=key, now=now, message_id=message_id,
        priority=Priority.EMERGENCY if urgent else Priority.TO_DESK,
    )  # fmt: skip


def _enqueue(
    uow: UnitOfWork, address: Address, content: Content, *, key: str, now: datetime,
    priority: Priority = Priority.TO_PERSON, message_id: CaseMessageId | None = None,
) -> None:  # fmt: skip
    delivery = Delivery(address=address, content=content, dedupe_key=key, priority=priority, case_message_id=message_id)
    uow.outbox.add([delivery], now=now)
