"""Cases: opened for a person, claimed and answered by caseworkers, resolved.

Every function here runs inside a transaction the caller opened (it takes ``uow``) or opens one itself (it takes ``app``).
Notes and replies take different paths: :func:`add_note` has no way to a person.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, CaseMessage, DeliveryState, Direction, EventKind
from bot.domain.deliveries import (
    CloseTopic,
    Content,
    Copy,
    Priority,
    Text,
    ToCase,
    ToPerson,
)
from bot.domain.errors import InvalidTransition
from bot.domain.ids import CaseId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import Conversation, DeskRole, Person, Role, Speaker, StaffMember
from bot.service import notices
from bot.service.app import App
from bot.service.ports import UnitOfWork
from bot.service.split import split_text

_NUMBER_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0, 1, I and O, which are misread aloud."""


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
    """Topics of passages shown to the person lately."""
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
    notices.tell_desk(uow, app, case, text, key=f"{key}:packet", now=now)
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
        notices.tell_desk(uow, app, case, app.catalogue.staff_text("sealed_new_message"), key=key, now=now)
        return
    is_words = message.kind in {Kind.TEXT, Kind.COMMAND} or message.is_edit
    if is_words:
        notices.tell_desk(
            uow, app, case, app.catalogue.staff_text("person_wrote", text=text), key=key, now=now, message_id=stored.id
        )
        return
    content = Copy(from_chat_id=message.chat_id, message_id=message.message_id)
    notices.enqueue(uow, ToCase(case_id=case.id), content, key=key, now=now, priority=Priority.TO_DESK, message_id=stored.id)


def seal(uow: UnitOfWork, app: App, case: Case, *, key: str, now: datetime) -> Case:
    """From here on the group sees no text of this case."""
    if case.sealed:
        return case
    case = uow.cases.append(case, CaseEvent(kind=EventKind.SEALED, at=now))
    notices.tell_desk(uow, app, case, app.catalogue.staff_text("sealed_packet", number=case.number), key=key, now=now)
    return case


def tell_fine(uow: UnitOfWork, app: App, case: Case, *, key: str, now: datetime) -> None:
    """The person says there is no danger: the desk decides what follows."""
    uow.cases.add_message(
        case.id, direction=Direction.FROM_PERSON, kind=Kind.BUTTON, text=app.catalogue.staff_text("person_fine"),
        staff_id=None, state=DeliveryState.RECEIVED, at=now,
    )  # fmt: skip
    notices.tell_desk(uow, app, case, app.catalogue.staff_text("person_fine"), key=key, now=now)


def raise_severity(
    uow: UnitOfWork, app: App, case: Case, *, severity: int, category: str | None, key: str, now: datetime
) -> Case:
    """Raise, never lower, and tell the desk when it changed."""
    event = cases.raise_severity(case, severity=severity, category=category, at=now)
    if event is None:
        return case
    case = uow.cases.append(case, event)
    notices.tell_desk(uow, app, case, app.catalogue.staff_text("severity_raised", severity=severity), key=key, now=now)
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
    notices.tell_person(uow, app, case, "human_joined", now=now)
    notices.tell_topic(uow, app, case, "claimed_by", key=notices.key_of(case, "claimed"), now=now, who=staff.alias)
    uow.audit.record(actor=f"staff:{staff.id}", action="case.claimed", subject=case.number, now=now)
    return case


def release(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Put the case back into the queue."""
    case = uow.cases.append(case, cases.release(case, by=staff.id, role=staff.desk_role, at=now))
    _change_speaker(uow, case, now)
    notices.tell_person(uow, app, case, "human_released", now=now)
    notices.tell_topic(uow, app, case, "released", key=notices.key_of(case, "released"), now=now, who=staff.alias)
    uow.audit.record(actor=f"staff:{staff.id}", action="case.released", subject=case.number, now=now)
    return case


def resolve(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Close the case; the person is told, and the assistant answers them again."""
    case = uow.cases.append(case, cases.resolve(case, by=staff.id, role=staff.desk_role, at=now))
    _change_speaker(uow, case, now)
    notices.tell_person(uow, app, case, "human_resolved", now=now, number=case.number)
    notices.tell_topic(uow, app, case, "resolved", key=notices.key_of(case, "resolved"), now=now, who=staff.alias)
    notices.enqueue_desk(uow, app, case, CloseTopic(), key=notices.key_of(case, "close"), now=now)
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
        notices.enqueue(uow, ToPerson(person_id=case.person_id), piece, key=f"{key}:{n}", now=now, message_id=message.id)
    return message


def add_note(uow: UnitOfWork, case: Case, staff: StaffMember, text: str, *, now: datetime) -> CaseMessage:
    """Keep a note. Nothing is ever delivered from here."""
    return uow.cases.add_message(
        case.id, direction=Direction.NOTE, kind=Kind.TEXT, text=text, staff_id=staff.id, state=DeliveryState.RECEIVED, at=now
    )


def erase_case(uow: UnitOfWork, app: App, case: Case, *, now: datetime) -> Case:
    """The person erased their data while a case was open: the desk is told, the words go."""
    case = uow.cases.append(case, CaseEvent(kind=EventKind.ERASED, at=now))
    notices.tell_desk(uow, app, case, app.catalogue.staff_text("person_erased"), key=notices.key_of(case, "erased"), now=now)
    notices.enqueue_desk(uow, app, case, CloseTopic(), key=notices.key_of(case, "close"), now=now)
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
