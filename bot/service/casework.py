"""Cases: opened for a person, claimed and answered by caseworkers, resolved.

Every function here runs inside a transaction the caller opened. What is written to and fro stands in :mod:`bot.service.relay`.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain import cases
from bot.domain.cases import Case, CaseEvent, CaseMessage, CaseTopic, DeliveryState, Direction, EventKind, Resolution
from bot.domain.deliveries import Aid, CloseTopic, Priority, ReopenTopic, Text, ToChat
from bot.domain.errors import InvalidTransition
from bot.domain.ids import CaseId, PersonId
from bot.domain.messages import Incoming, Kind
from bot.domain.people import Conversation, DeskRole, Person, PersonState, Role, Speaker, StaffMember, hand_to
from bot.service import groups, handover, notices, relay, timers
from bot.service.app import App
from bot.service.handover import Opening
from bot.service.ports import UnitOfWork

_NUMBER_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without 0, 1, I and O, which are misread aloud."""


def new_number() -> str:
    """Return a random case number such as ``K7M-4QX``."""
    symbols = "".join(secrets.choice(_NUMBER_ALPHABET) for _ in range(6))
    return f"{symbols[:3]}-{symbols[3:]}"


def open_case(
    uow: UnitOfWork, app: App, person: Person, conversation: Conversation, opening: Opening, *, key: str, now: datetime,
    message: Incoming | None = None,
) -> tuple[Case, Conversation]:  # fmt: skip
    """Open a case, hand the conversation over, and tell the desk. At most one case is open per person.

    Within a week the person's last case opens again; after that a new one follows it. ``message`` is the one that asks.
    """
    last = uow.cases.last_of(person.id)
    is_alike = last is not None and last.drill is opening.drill  # an exercise and a case in earnest never become one
    if last is not None and is_alike and cases.may_reopen(last, sealed=opening.sealed, at=now):
        case = _reopen(uow, app, last, opening, key=key, now=now)
    else:
        # A sealed case and one that colleagues read never point to each other.
        follows = last if last is not None and is_alike and last.sealed is opening.sealed else None
        case = _open_new(uow, app, person, opening, follows, now=now)
    uow.people.record_consent(
        person.id,
        kind=f"handover:{opening.consent}",
        granted=opening.consent != "risk_to_life",
        language=opening.language,
        now=now,
    )
    stored = relay.store(uow, case, message, opening.question, now=now)
    earlier = uow.cases.get(case.follows_id).number if case.follows_id is not None else None
    uow.cases.add_packet(case.id, handover.as_kept(opening, follows=earlier), now=now)
    text = handover.packet(app, case, opening, follows=earlier)
    carries = None if case.sealed else stored.id  # what carries a person's words is not sent once a case is sealed
    notices.tell_desk(uow, app, case, text, key=f"{key}:packet", now=now, carries=carries)
    if message is not None and not case.sealed and not relay.is_words(message):
        relay.show_copy(uow, app, case, message, stored, key=f"{key}:copy", now=now)
    notices.enqueue_desk(uow, app, case, Aid(), key=f"{key}:aid", now=now, carries=carries)
    return case, hand_to(conversation, cases.SPEAKER_OF[case.state], now)


def _open_new(uow: UnitOfWork, app: App, person: Person, opening: Opening, follows: Case | None, *, now: datetime) -> Case:
    case = Case(
        id=CaseId(0),
        number=new_number(),
        person_id=person.id,
        language=opening.language,
        sealed=opening.sealed,
        opened_at=now,
        follows_id=follows.id if follows else None,
        queue=opening.queue,
        drill=opening.drill,
    )
    event = CaseEvent(kind=EventKind.OPENED, at=now, severity=opening.severity, category=opening.category, note=opening.reason)
    return timers.begin(uow, app, case, event)


def _reopen(uow: UnitOfWork, app: App, case: Case, opening: Opening, *, key: str, now: datetime) -> Case:
    notices.enqueue_desk(uow, app, case, ReopenTopic(), key=f"{key}:reopen", now=now)
    case = timers.record(uow, app, case, cases.reopen(case, at=now))
    if (event := cases.raise_severity(case, severity=opening.severity, category=opening.category, at=now)) is not None:
        case = timers.record(uow, app, case, event)
    if opening.sealed:
        case = seal(uow, app, case, key=f"{key}:sealed", now=now)
    last = notices.alias_of(uow, case.last_owner_id)
    notices.tell_topic(uow, app, case, "reopened", key=f"{key}:reopened", now=now, who=last)
    notices.refresh_header(uow, app, case, now=now)
    return case


def seal(uow: UnitOfWork, app: App, case: Case, *, key: str, now: datetime) -> Case:
    """From here on the group sees no text of this case."""
    if case.sealed:
        return case
    case = timers.record(uow, app, case, CaseEvent(kind=EventKind.SEALED, at=now))
    notices.tell_desk(uow, app, case, app.catalogue.staff_text("sealed_packet", number=case.number), key=key, now=now)
    if case.owner_id is not None and not cases.may_have(case, uow.staff.get(case.owner_id).desk_role):
        # What is told now may be about the very colleague who has the case.
        case = timers.record(uow, app, case, CaseEvent(kind=EventKind.RELEASED, at=now, note="sealed"))
    timers.tell_supervisors(uow, app, case, "sealed_waits", key, now)
    notices.refresh_header(uow, app, case, now=now)
    return case


def seal_by_hand(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """A colleague sees that nobody but focal points should read this case.

    Raises:
        InvalidTransition: it is over, or sealed.
    """
    if not case.is_open or case.sealed:
        raise InvalidTransition(app.catalogue.staff_text("cannot_seal", number=case.number), why="over")
    uow.audit.record(actor=staff.actor, action="case.sealed", subject=case.number, now=now)
    return seal(uow, app, case, key=notices.key_of(case, "sealed_by_hand"), now=now)


def all_clear(
    uow: UnitOfWork, app: App, case: Case | None, conversation: Conversation, *, key: str, now: datetime
) -> Conversation:  # fmt: skip
    """The person says there is no danger: the desk is told, and they are answered again at once unless somebody owns the case.

    Only people lower a case's severity: it stays in the queue until one of them has looked.
    """
    if case is not None:
        _tell_fine(uow, app, case, key=key, now=now)
    return answer_again(conversation, now) if case is None or case.owner_id is None else conversation


def _tell_fine(uow: UnitOfWork, app: App, case: Case, *, key: str, now: datetime) -> None:
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
    case = timers.record(uow, app, case, event)
    notices.tell_desk(uow, app, case, app.catalogue.staff_text("severity_raised", severity=severity), key=key, now=now)
    notices.refresh_header(uow, app, case, now=now)
    return case


def claim(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Give the case to ``staff``; the first one wins.

    Raises:
        CaseAlreadyClaimed: names who has it.
        InvalidTransition: the case is closed, or sealed and ``staff`` is no focal point.
    """
    event = cases.claim(case, by=staff.id, role=staff.desk_role, at=now, owner_alias=notices.alias_of(uow, case.owner_id))
    case = _change(uow, app, case, event, staff, "claimed", now=now)
    notices.tell_person(uow, app, case, "human_joined", now=now)
    notices.tell_topic(uow, app, case, "claimed_by", key=notices.key_of(case, "claimed"), now=now, who=staff.alias)
    return case


def assign(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, to: StaffMember, *, now: datetime) -> Case:
    """Give the case to a colleague, who is told; the person keeps talking to a human and is told nothing new.

    Raises:
        InvalidTransition: ``staff`` may not give it, or ``to`` may not have it.
    """
    was_owned = case.owner_id is not None
    event = cases.assign(case, to=to.id, to_role=to.desk_role, by=staff.id, role=staff.desk_role, at=now)
    case = _change(uow, app, case, event, staff, "assigned", now=now)
    if not was_owned:
        notices.tell_person(uow, app, case, "human_joined", now=now)
    key = notices.key_of(case, "assigned")
    notices.tell_topic(uow, app, case, "assigned", key=key, now=now, who=staff.alias, to=to.alias)
    notices.tell_member(uow, app, to, case, "assigned", key=key, now=now, who=staff.alias, to=to.alias)
    return case


def release(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Put the case back into the queue."""
    event = cases.release(case, by=staff.id, role=staff.desk_role, at=now)
    case = _change(uow, app, case, event, staff, "released", now=now)
    notices.tell_person(uow, app, case, "human_released", now=now)
    notices.tell_topic(uow, app, case, "released", key=notices.key_of(case, "released"), now=now, who=staff.alias)
    return case


def move(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, queue: str, now: datetime) -> Case:
    """Give the case to another team: it waits in their queue, and in their group where they have one of their own."""
    event = cases.move(case, queue=queue, by=staff.id, role=staff.desk_role, at=now)
    was_owned, topic, group = case.owner_id is not None, uow.cases.topic(case.id), groups.group_of(uow, app, case)
    case = _change(uow, app, case, event, staff, "moved", now=now)
    if was_owned:
        notices.tell_person(uow, app, case, "human_released", now=now)
    key = notices.key_of(case, "moved")
    text = app.catalogue.staff_text("moved", who=staff.alias, queue=queue)
    if topic.thread_id is not None and topic.group_id is not None and groups.group_of(uow, app, case) != group:
        # The old topic is left behind with a last word; the next delivery makes one in the other group.
        there = ToChat(chat_id=topic.group_id, thread_id=topic.thread_id)
        notices.enqueue(uow, there, Text(text=text), key=f"{key}:there", now=now, priority=Priority.TO_DESK)
        notices.enqueue(uow, there, CloseTopic(), key=f"{key}:close", now=now, priority=Priority.TO_DESK)
        uow.cases.save_topic(CaseTopic(case_id=case.id, generation=topic.generation))
        wrote = [message for message in uow.cases.messages(case.id) if message.direction is not Direction.NOTE]
        notices.tell_desk(uow, app, case, _so_far(app, wrote), key=f"{key}:so_far", now=now, carries=wrote[0].id)
    notices.tell_desk(uow, app, case, text, key=key, now=now)
    return case


def _so_far(app: App, wrote: Sequence[CaseMessage]) -> str:
    """Return a conversation for those who have not seen it."""
    lines = [
        f"{notices.local(app, message.at)} {'→' if message.staff_id else '←'} {message.text or f'[{message.kind}]'}"
        + (f" ({message.state})" if message.staff_id and message.state is not DeliveryState.SENT else "")
        for message in wrote
    ]
    return app.catalogue.staff_text("so_far", messages="\n".join(lines))


def ask_partner(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, partner: str = "", now: datetime
) -> Case:  # fmt: skip
    """Another organisation has been asked; the owner is reminded to keep the person informed. ``partner`` is kept as a note."""
    event = cases.ask_partner(case, by=staff.id, role=staff.desk_role, at=now)
    if partner:
        relay.keep_note(uow, case, staff, app.catalogue.staff_text("partner_note", partner=partner), now=now)
    case = _change(uow, app, case, event, staff, "partner_asked", now=now)
    notices.tell_topic(uow, app, case, "partner_asked", key=notices.key_of(case, "partner"), now=now, who=staff.alias)
    return case


def snooze(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, until: datetime, now: datetime) -> Case:
    """Put the case aside until a moment, or until the person writes."""
    event = cases.snooze(case, until=until, by=staff.id, role=staff.desk_role, at=now)
    case = _change(uow, app, case, event, staff, "snoozed", now=now)
    shown = notices.local(app, until)
    notices.tell_topic(uow, app, case, "snoozed", key=notices.key_of(case, "snoozed"), now=now, who=staff.alias, until=shown)
    return case


def wake(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, now: datetime) -> Case:
    """Take the case up again before its time."""
    return _change(uow, app, case, cases.take_up(case, by=staff.id, role=staff.desk_role, at=now), staff, "woken", now=now)


def judge(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, severity: int, now: datetime) -> Case:
    """Set the severity: only people lower it."""
    event = cases.set_severity(case, severity=severity, by=staff.id, role=staff.desk_role, at=now)
    case = _change(uow, app, case, event, staff, "judged", now=now)
    notices.tell_topic(
        uow, app, case, "severity_set", key=notices.key_of(case, "severity"), now=now, who=staff.alias, severity=severity
    )
    return case


def resolve(
    uow: UnitOfWork, app: App, case: Case, staff: StaffMember, *, code: Resolution, summary: str = "", now: datetime
) -> Case:
    """End the work with a reason and a line for the record; the person is told, and the assistant answers them again.

    An urgent case waits for a second person first, and needs the line.

    Raises:
        InvalidTransition: not theirs; no summary of an urgent case; or somebody else has to look.
    """
    event = cases.resolve(case, code=code, by=staff.id, role=staff.desk_role, at=now)
    if case.is_urgent and event.kind is EventKind.REVIEW_ASKED and not summary:
        raise InvalidTransition(
            f"Case {case.number} has severity {case.severity}: write /resolve {code} and one line that says what was done.",
            why="line_needed",
        )
    if summary:
        relay.keep_note(uow, case, staff, f"{code}: {summary}", now=now)
    case = _change(uow, app, case, event, staff, "resolved" if event.kind is EventKind.RESOLVED else "review_asked", now=now)
    if event.kind is EventKind.REVIEW_ASKED:
        key = notices.key_of(case, "review")
        notices.tell_topic(uow, app, case, "review_asked", key=key, now=now, who=staff.alias)
        timers.tell_supervisors(uow, app, case, "review_asked", key, now, who=staff.alias)
        return case
    notices.tell_person(uow, app, case, "human_resolved", now=now, number=case.number)
    notices.tell_topic(uow, app, case, "resolved", key=notices.key_of(case, "resolved"), now=now, who=staff.alias)
    notices.enqueue_desk(uow, app, case, CloseTopic(), key=notices.key_of(case, "close"), now=now)
    return case


def merge(uow: UnitOfWork, app: App, case: Case, staff: StaffMember, into: Case, *, now: datetime) -> Case:
    """Make the case part of the same person's other, open one."""
    event = cases.merge(case, into=into, by=staff.id, role=staff.desk_role, at=now)
    case = _change(uow, app, case, event, staff, "merged", now=now)
    key = notices.key_of(case, "merged")
    notices.tell_topic(uow, app, case, "merged", key=key, now=now, number=into.number)
    notices.tell_topic(uow, app, into, "merged_here", key=f"{key}:here", now=now, number=case.number)
    notices.enqueue_desk(uow, app, case, CloseTopic(), key=f"{key}:close", now=now)
    return case


def person_unreachable(uow: UnitOfWork, app: App, person_id: PersonId, *, key: str, now: datetime) -> None:
    """The person blocked us or is gone: stop sending, stop the clocks, and tell the desk, each time somebody tried."""
    if (case := uow.cases.open_for(person_id)) is not None:
        uow.cases.locked(case.id)
    person = uow.people.get(person_id)
    if person.state is not PersonState.BLOCKED:
        uow.people.save(replace(person, state=PersonState.BLOCKED))
        lost = uow.outbox.cancel_person(person_id, reason="person_unreachable", now=now)
        relay.lose_replies(uow, app, lost, DeliveryState.NOT_DELIVERED, now=now)
    case = uow.cases.open_for(person_id)
    if case is None:
        return
    if (event := cases.reachability(case, reachable=False, at=now)) is not None:
        case = timers.record(uow, app, case, event)
        notices.refresh_header(uow, app, case, now=now)
    notices.tell_topic(uow, app, case, "person_unreachable", key=key, now=now)


def person_reachable(uow: UnitOfWork, app: App, person_id: PersonId, *, now: datetime) -> None:
    """The person is back: what stood still goes on."""
    person = uow.people.get(person_id)
    if person.state is PersonState.BLOCKED:
        uow.people.save(replace(person, state=PersonState.ACTIVE))
    case = uow.cases.open_for(person_id)
    if case is not None and (event := cases.reachability(case, reachable=True, at=now)) is not None:
        case = timers.record(uow, app, case, event)
        notices.tell_topic(uow, app, case, "person_reachable", key=notices.key_of(case, "reachable"), now=now)
        notices.refresh_header(uow, app, case, now=now)


def _change(uow: UnitOfWork, app: App, case: Case, event: CaseEvent, staff: StaffMember, what: str, *, now: datetime) -> Case:
    """Record what a colleague did to a case, in the audit log too, and let its header follow."""
    case = timers.record(uow, app, case, event)
    uow.audit.record(actor=staff.actor, action=f"case.{what}", subject=case.number, now=now)
    notices.refresh_header(uow, app, case, now=now)
    return case


def erase_case(uow: UnitOfWork, app: App, case: Case, *, now: datetime) -> Case:
    """The person erased their data while a case was open: the desk is told, the words go."""
    case = timers.record(uow, app, case, CaseEvent(kind=EventKind.ERASED, at=now))
    notices.tell_topic(uow, app, case, "person_erased", key=notices.key_of(case, "erased"), now=now)
    notices.refresh_header(uow, app, case, now=now)
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


def revoke_staff(uow: UnitOfWork, app: App, alias: str, *, actor: str = "operator", now: datetime) -> None:
    """Unlink a member at once; their open cases return to the queue.

    Raises:
        InvalidTransition: no such member.
    """
    member = member_named(uow, alias)
    for case in uow.cases.owned_by(member.id):
        _take_from(uow, app, case, member, now=now)
    uow.staff.revoke(member.id, now=now)
    if member.chat_id is not None:
        person = uow.people.for_chat(member.chat_id, now=now)
        uow.people.save(replace(person, role=Role.PUBLIC))
    uow.accounts.end_sessions(member.id)
    uow.audit.record(actor=actor, action="staff.revoked", subject=alias, now=now)


def take_what_is_not_theirs(uow: UnitOfWork, app: App, member: StaffMember, *, now: datetime) -> None:
    """A member has another role now: cases it may not have return to the queue."""
    for case in uow.cases.owned_by(member.id):
        if not cases.may_have(case, member.desk_role):
            _take_from(uow, app, case, member, now=now)


def _take_from(uow: UnitOfWork, app: App, case: Case, member: StaffMember, *, now: datetime) -> None:
    case = timers.record(uow, app, case, CaseEvent(kind=EventKind.RELEASED, at=now, note="revoked"))
    notices.tell_person(uow, app, case, "human_released", now=now)
    notices.tell_topic(uow, app, case, "released", key=notices.key_of(case, "released"), now=now, who=member.alias)
    notices.refresh_header(uow, app, case, now=now)


def case_named(uow: UnitOfWork, number: str) -> Case:
    """Return a case by its number.

    Raises:
        InvalidTransition: there is none.
    """
    case = uow.cases.by_number(number)
    if case is None:
        raise InvalidTransition(f"No case {number}: see `waypost cases list`.")
    return case


def member_named(uow: UnitOfWork, alias: str) -> StaffMember:
    """Return a member by alias.

    Raises:
        InvalidTransition: there is none.
    """
    found = next((member for member in uow.staff.all() if member.alias == alias), None)
    if found is None:
        raise InvalidTransition(f"No staff member {alias or '–'}: see `waypost staff list`.", why="no_colleague")
    return found


def answer_again(conversation: Conversation, now: datetime) -> Conversation:
    """Return the conversation with the assistant as its speaker."""
    return hand_to(conversation, Speaker.BOT, now)


def hand_back(conversation: Conversation, case: Case, now: datetime) -> Conversation:
    """Return the conversation with the speaker that follows from its open case."""
    speaker = cases.SPEAKER_OF[case.state]
    return conversation if conversation.speaker is speaker else hand_to(conversation, speaker, now)
