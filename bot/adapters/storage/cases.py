"""Cases: events, projections, messages and where they are shown."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bot.adapters.storage.tables import (
    OPEN_CASES,
    break_glass,
    case_event,
    case_message,
    case_packet,
    case_routing,
    case_thread,
    cases,
    conversation,
    message_link,
)
from bot.adapters.storage.vault import Vault
from bot.domain.cases import (
    URGENT,
    Case,
    CaseEvent,
    CaseMessage,
    CaseTopic,
    DeliveryState,
    Direction,
    EventKind,
    WorkState,
    apply,
)
from bot.domain.errors import Conflict, VersionConflict, WaypostError
from bot.domain.ids import CaseId, CaseMessageId, ChatId, PersonId, StaffId
from bot.domain.routing import Load, weight_of
from bot.service.ports import Link, Routing


class SqlCases:
    """Cases over ``cases`` and the tables that hang from it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, case: Case, event: CaseEvent) -> Case:
        after = apply(case, event)
        try:
            with self._vault.connection.begin_nested():
                new_id = self._vault.connection.execute(
                    insert(cases)
                    .values({field.name: getattr(after, field.name) for field in fields(after) if field.name != "id"})
                    .returning(cases.c.id)
                ).scalar_one()
        except IntegrityError as exc:
            raise Conflict(f"Person {case.person_id} has an open case already") from exc
        after = replace(after, id=CaseId(new_id))
        self._write_event(after, event)
        return after

    def get(self, case_id: CaseId) -> Case:
        row = self._vault.one(select(cases).where(cases.c.id == case_id))
        if row is None:
            raise WaypostError(f"There is no case with the id {case_id}")
        return case_of(row)

    def locked(self, case_id: CaseId) -> Case:
        self._lock_conversation(self.get(case_id))
        return self.get(case_id)

    def by_number(self, number: str) -> Case | None:
        row = self._vault.one(select(cases).where(cases.c.number == number.strip().lstrip("#").upper()))
        return case_of(row) if row else None

    def open_for(self, person_id: PersonId) -> Case | None:
        row = self._vault.one(select(cases).where(cases.c.person_id == person_id, cases.c.state.in_(OPEN_CASES)))
        return case_of(row) if row else None

    def last_of(self, person_id: PersonId) -> Case | None:
        row = self._vault.one(select(cases).where(cases.c.person_id == person_id).order_by(cases.c.id.desc()).limit(1))
        return case_of(row) if row else None

    def all(self, *, open_only: bool = True, limit: int = 100) -> list[Case]:
        statement = select(cases).order_by(cases.c.severity.desc(), cases.c.opened_at).limit(limit)
        if open_only:
            statement = statement.where(cases.c.state.in_(OPEN_CASES))
        return [case_of(row) for row in self._vault.all(statement)]

    def some(self, case_ids: Collection[CaseId]) -> list[Case]:
        return [case_of(row) for row in self._vault.all(select(cases).where(cases.c.id.in_(case_ids)))] if case_ids else []

    def owned_by(self, staff_id: StaffId) -> list[Case]:
        statement = select(cases).where(cases.c.owner_id == staff_id, cases.c.state.in_(OPEN_CASES)).order_by(cases.c.id)
        return [case_of(row) for row in self._vault.all(statement)]

    def loads(self, *, urgent_since: datetime) -> Mapping[StaffId, Load]:
        earnest = cases.c.drill.is_(False)
        owned = select(cases).where(cases.c.owner_id.is_not(None), cases.c.state.in_(OPEN_CASES), earnest)
        weights: dict[StaffId, float] = {}
        for row in self._vault.all(owned):
            weights[row.owner_id] = weights.get(row.owner_id, 0.0) + weight_of(case_of(row))
        left = (
            select(cases.c.last_owner_id, func.max(cases.c.resolved_at).label("at"))
            .where(cases.c.severity >= URGENT, cases.c.resolved_at >= urgent_since, cases.c.last_owner_id.is_not(None), earnest)
            .group_by(cases.c.last_owner_id)
        )
        urgent = {StaffId(row.last_owner_id): row.at for row in self._vault.all(left)}
        return {
            member: Load(weight=weights.get(member, 0.0), last_urgent_at=urgent.get(member)) for member in {*weights, *urgent}
        }

    def last_owner_of(self, person_id: PersonId, *, since: datetime) -> StaffId | None:
        worked = or_(cases.c.resolved_at >= since, cases.c.opened_at >= since)
        mine = (cases.c.person_id == person_id, cases.c.last_owner_id.is_not(None), cases.c.sealed.is_(False), worked)
        row = self._vault.one(select(cases.c.last_owner_id).where(*mine).order_by(cases.c.id.desc()).limit(1))
        return StaffId(row.last_owner_id) if row else None

    def add_routing(self, case_id: CaseId, routing: Routing) -> None:
        candidates = [[member, fits, list(reasons)] for member, fits, reasons in routing.candidates]
        values = {"at": routing.at, "mode": routing.mode, "chosen_id": routing.chosen_id, "candidates": candidates}
        self._vault.run(insert(case_routing).values(case_id=case_id, **values))

    def routings(self, case_id: CaseId) -> list[Routing]:
        rows = self._vault.all(select(case_routing).where(case_routing.c.case_id == case_id).order_by(case_routing.c.id))
        return [
            Routing(
                at=row.at, mode=row.mode, chosen_id=row.chosen_id,
                candidates=[(StaffId(member), fits, reasons) for member, fits, reasons in row.candidates],
            )
            for row in rows
        ]  # fmt: skip

    def add_packet(self, case_id: CaseId, packet: str, *, now: datetime) -> None:
        self._vault.run(insert(case_packet).values(case_id=case_id, at=now, packet=self._vault.seal(packet, "packet")))

    def packets(self, case_id: CaseId) -> list[str]:
        kept = (case_packet.c.case_id == case_id, case_packet.c.packet.is_not(None))
        rows = self._vault.all(select(case_packet.c.packet).where(*kept).order_by(case_packet.c.id.desc()))
        return [self._vault.open(row.packet, "packet") for row in rows]

    def append(self, case: Case, event: CaseEvent) -> Case:
        after = apply(case, event)
        self._lock_conversation(case)
        changed = self._vault.run(
            update(cases).where(cases.c.id == case.id, cases.c.version == case.version).values(**_projection(after))
        )
        if changed != 1:
            raise VersionConflict(f"Case {case.number} has changed since it was read")
        self._write_event(after, event)
        return after

    def _lock_conversation(self, case: Case) -> None:
        """A turn locks the conversation first and then the case. In another order two transactions could wait for each other."""
        self._vault.one(select(conversation.c.version).where(conversation.c.person_id == case.person_id).with_for_update())

    def events(self, case_id: CaseId) -> list[CaseEvent]:
        rows = self._vault.all(select(case_event).where(case_event.c.case_id == case_id).order_by(case_event.c.seq))
        return [
            CaseEvent(**{field.name: getattr(row, field.name) for field in fields(CaseEvent)} | {"kind": EventKind(row.kind)})
            for row in rows
        ]

    def topic(self, case_id: CaseId) -> CaseTopic:
        row = self._vault.one(select(cases).where(cases.c.id == case_id))
        if row is None:
            raise WaypostError(f"There is no case with the id {case_id}")
        return CaseTopic(
            case_id=case_id,
            group_id=self._vault.open_chat(row.group_cipher) if row.group_cipher else None,
            thread_id=row.thread_id,
            header_message_id=row.header_message_id,
            generation=row.topic_generation,
        )

    def save_topic(self, topic: CaseTopic) -> None:
        group = topic.group_id
        self._vault.run(
            update(cases)
            .where(cases.c.id == topic.case_id)
            .values(
                group_key=self._vault.chat_key(group) if group is not None else None,
                group_cipher=self._vault.seal_chat(group) if group is not None else None,
                thread_id=topic.thread_id, header_message_id=topic.header_message_id, topic_generation=topic.generation,
            )
        )  # fmt: skip
        if group is not None and topic.thread_id is not None:
            row = {"chat_key": self._vault.chat_key(group), "thread_id": topic.thread_id, "case_id": topic.case_id}
            self._vault.run(self._vault.insert(case_thread).values(row).on_conflict_do_nothing())

    def by_topic(self, group_id: ChatId, thread_id: int) -> Case | None:
        here = (case_thread.c.chat_key.in_(self._vault.chat_keys(group_id)), case_thread.c.thread_id == thread_id)
        row = self._vault.one(select(cases).join(case_thread, case_thread.c.case_id == cases.c.id).where(*here))
        return case_of(row) if row else None

    def move_group(self, old: ChatId, new: ChatId) -> int:
        # Topics keep their numbers. What stands under the new id already was made after the move, and stays.
        moved = select(case_thread.c.thread_id, case_thread.c.case_id).where(
            case_thread.c.chat_key.in_(self._vault.chat_keys(old))
        )
        for row in self._vault.all(moved):
            values = {"chat_key": self._vault.chat_key(new), "thread_id": row.thread_id, "case_id": row.case_id}
            self._vault.run(self._vault.insert(case_thread).values(values).on_conflict_do_nothing())
        return self._vault.run(
            update(cases)
            .where(cases.c.group_key.in_(self._vault.chat_keys(old)))
            .values(group_key=self._vault.chat_key(new), group_cipher=self._vault.seal_chat(new))
        )

    def add_message(
        self, case_id: CaseId, *, direction: Direction, kind: str, text: str, staff_id: StaffId | None,
        state: DeliveryState, at: datetime, album: str | None = None,
    ) -> CaseMessage:  # fmt: skip
        new_id = self._vault.connection.execute(
            insert(case_message)
            .values(
                case_id=case_id, direction=direction, kind=kind, text=self._vault.seal(text, "case message"),
                staff_id=staff_id, state=state, at=at, album=album,
            )
            .returning(case_message.c.id)
        ).scalar_one()  # fmt: skip
        return self.message(CaseMessageId(new_id))

    def set_message_state(self, message_id: CaseMessageId, state: DeliveryState) -> None:
        self._vault.run(update(case_message).where(case_message.c.id == message_id).values(state=state))

    def messages(self, case_id: CaseId) -> list[CaseMessage]:
        rows = self._vault.all(select(case_message).where(case_message.c.case_id == case_id).order_by(case_message.c.id))
        return [self._message(row) for row in rows]

    def message(self, message_id: CaseMessageId) -> CaseMessage:
        row = self._vault.one(select(case_message).where(case_message.c.id == message_id))
        if row is None:
            raise WaypostError(f"There is no case message {message_id}")
        return self._message(row)

    def of_album(self, case_id: CaseId, album: str) -> CaseMessage | None:
        same = (case_message.c.case_id == case_id, case_message.c.album == album)
        row = self._vault.one(select(case_message).where(*same).order_by(case_message.c.id.desc()).limit(1))
        return self._message(row) if row else None

    def set_text(self, message_id: CaseMessageId, text: str) -> None:
        sealed = self._vault.seal(text, "case message")
        self._vault.run(update(case_message).where(case_message.c.id == message_id).values(text=sealed))

    def link(self, chat_id: ChatId, message_id: int, link: Link) -> None:
        row = {
            "chat_key": self._vault.chat_key(chat_id), "message_id": message_id, "case_id": link.case_id,
            "case_message_id": link.case_message_id,
        }  # fmt: skip
        self._vault.run(self._vault.insert(message_link).values(row).on_conflict_do_nothing())

    def linked(self, chat_id: ChatId, message_id: int) -> Link | None:
        # Of messages joined into one post the last is the newest word.
        row = self._vault.one(
            select(message_link)
            .where(message_link.c.chat_key.in_(self._vault.chat_keys(chat_id)), message_link.c.message_id == message_id)
            .order_by(message_link.c.case_message_id.desc())
            .limit(1)
        )
        return Link(case_id=CaseId(row.case_id), case_message_id=CaseMessageId(row.case_message_id)) if row else None

    def place_of(self, message_id: CaseMessageId, chat_id: ChatId) -> int | None:
        row = self._vault.one(
            select(message_link.c.message_id)
            .where(message_link.c.case_message_id == message_id, message_link.c.chat_key.in_(self._vault.chat_keys(chat_id)))
            .order_by(message_link.c.message_id)
        )
        return int(row.message_id) if row else None

    def erase_text(self, *, resolved_before: datetime, sealed_resolved_before: datetime) -> int:
        old = select(cases.c.id).where(
            (cases.c.resolved_at < resolved_before) | (cases.c.sealed & (cases.c.resolved_at < sealed_resolved_before))
        )
        self._vault.run(delete(message_link).where(message_link.c.case_id.in_(old)))
        self._vault.run(update(case_packet).where(case_packet.c.case_id.in_(old)).values(packet=None))
        self._vault.run(update(break_glass).where(break_glass.c.case_id.in_(old)).values(reason=None))
        return self._vault.run(
            update(case_message).where(case_message.c.case_id.in_(old), case_message.c.text.is_not(None)).values(text=None)
        )

    def delete(self, *, resolved_before: datetime) -> int:
        # A case whose person erased their data has no resolution: its last event counts.
        recent = exists().where(case_event.c.case_id == cases.c.id, case_event.c.at >= resolved_before)
        erased = (cases.c.state == WorkState.ERASED) & ~recent
        return self._vault.run(delete(cases).where((cases.c.resolved_at < resolved_before) | erased))

    def _write_event(self, after: Case, event: CaseEvent) -> None:
        self._vault.run(
            insert(case_event).values(
                {field.name: getattr(event, field.name) for field in fields(event)}
                | {"case_id": after.id, "seq": after.version, "note": event.note[:64]}
            )
        )

    def _message(self, row: Row[Any]) -> CaseMessage:
        return CaseMessage(
            id=CaseMessageId(row.id),
            case_id=CaseId(row.case_id),
            direction=Direction(row.direction),
            kind=row.kind,
            text=self._vault.open(row.text, "case message"),
            staff_id=StaffId(row.staff_id) if row.staff_id is not None else None,
            state=DeliveryState(row.state),
            at=row.at,
            album=row.album,
        )


NEVER_CHANGE = {"id", "number", "person_id", "language", "opened_at", "follows_id", "drill"}
"""Facts of a case; all else is the fold of its events. Fields and columns share their names."""


def _projection(case: Case) -> dict[str, Any]:
    """The columns an event may change."""
    return {field.name: getattr(case, field.name) for field in fields(case) if field.name not in NEVER_CHANGE}


def case_of(row: Row[Any]) -> Case:
    """Return the case a row of ``cases`` holds."""
    return Case(**{field.name: getattr(row, field.name) for field in fields(Case)} | {"state": WorkState(row.state)})
