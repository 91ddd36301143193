"""The books of the relay: what came in, what went out, and where the two do not meet."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import String, cast, exists, func, literal, or_, select, true

from bot.adapters.storage.tables import (
    OPEN_CASES,
    OPEN_STATES,
    OPEN_TIMERS,
    case_message,
    case_timer,
    cases,
    conversation,
    message_link,
    outbox,
    person,
    update_inbox,
)
from bot.adapters.storage.vault import Vault
from bot.domain.cases import DeliveryState, Direction, WorkState
from bot.domain.ids import CaseId, PersonId
from bot.domain.messages import Kind
from bot.domain.people import PersonState, Speaker
from bot.domain.timers import TimerState


class SqlLedger:
    """Ledger over the tables of inbox, outbox and cases."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def updates_without_end(self, *, before: datetime) -> int:
        late = (update_inbox.c.state != "done", update_inbox.c.received_at < before)
        return self._vault.count(select(func.count()).select_from(update_inbox).where(*late))

    def replies_without_end(self, *, before: datetime) -> int:
        lost = (
            case_message.c.direction == Direction.TO_PERSON,
            case_message.c.state == DeliveryState.QUEUED,
            case_message.c.at < before,
            ~exists().where(outbox.c.case_message_id == case_message.c.id, outbox.c.state.in_(OPEN_STATES)),
            case_message.c.case_id == cases.c.id,
            cases.c.state != WorkState.ERASED,
        )
        return self._vault.count(select(func.count()).select_from(case_message, cases).where(*lost))

    def deliveries_waiting(self, *, before: datetime) -> int:
        return self._vault.count(
            select(func.count()).select_from(outbox).where(outbox.c.state.in_(OPEN_STATES), outbox.c.created_at < before)
        )

    def unseen_messages(self, *, after: datetime, before: datetime, queues: Collection[str] | None = None) -> int:
        elsewhere = (message_link.c.case_message_id == case_message.c.id, message_link.c.chat_key != person.c.chat_key)
        lane = literal("case:", String).concat(cast(cases.c.id, String))
        unseen = (
            case_message.c.direction == Direction.FROM_PERSON,
            case_message.c.kind != Kind.BUTTON,
            or_(case_message.c.at >= after, cases.c.state.in_(OPEN_CASES)),
            case_message.c.at < before,
            true() if queues is None else cases.c.queue.in_(queues),
            person.c.state != PersonState.ERASED,
            case_message.c.case_id == cases.c.id,
            cases.c.person_id == person.c.id,
            cases.c.sealed.is_(False),
            cases.c.state != WorkState.ERASED,
            ~exists().where(*elsewhere),
            ~exists().where(outbox.c.lane == lane, outbox.c.state.in_(OPEN_STATES)),
        )
        return self._vault.count(select(func.count()).select_from(case_message, cases, person).where(*unseen))

    def muted_people(self) -> list[PersonId]:
        has_case = exists().where(cases.c.person_id == conversation.c.person_id, cases.c.state.in_(OPEN_CASES))
        waits = conversation.c.speaker.in_((Speaker.HUMAN, Speaker.HUMAN_PENDING))
        rows = self._vault.all(select(conversation.c.person_id).where(waits, ~has_case))
        return [PersonId(row.person_id) for row in rows]

    def cases_without_timer(self) -> list[CaseId]:
        has_one = exists().where(case_timer.c.case_id == cases.c.id, case_timer.c.state.in_(OPEN_TIMERS))
        rows = self._vault.all(select(cases.c.id).where(cases.c.state.in_(OPEN_CASES), ~has_one))
        return [CaseId(row.id) for row in rows]

    def timers_put_off(self) -> int:
        # A timer rings at the latest when it is due; only one that failed is given a later moment.
        late = (case_timer.c.state == TimerState.RUNNING, case_timer.c.rings_at > case_timer.c.due_at)
        return self._vault.count(select(func.count()).select_from(case_timer).where(*late))

    def group_reached_since(self, at: datetime) -> bool:
        sent = (outbox.c.lane.startswith("case:"), outbox.c.state == "sent", outbox.c.done_at > at)
        return self._vault.one(select(outbox.c.id).where(*sent).limit(1)) is not None
