"""People, their conversations and consents; and the turns they took."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, insert, select, update

from bot.adapters.storage.tables import (
    OPEN_CASES,
    break_glass,
    button,
    case_message,
    case_packet,
    cases,
    consent,
    conversation,
    message_link,
    outbox,
    person,
    turn,
)
from bot.adapters.storage.vault import Vault
from bot.domain.errors import WaypostError
from bot.domain.ids import CaseId, ChatId, PassageId, PersonId, UpdateId
from bot.domain.people import Conversation, Pending, Person, PersonState, Role, Speaker
from bot.domain.turns import Retrieved, TurnRecord

NOBODY = ChatId(0)
"""Chat of a person whose way to us was erased."""


class SqlPeople:
    """People over ``person``, ``conversation`` and ``consent``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def for_chat(self, chat_id: ChatId, *, now: datetime, language_hint: str | None = None) -> Person:
        """Find or make the person; ``language_hint`` is used by the caller, never stored."""
        found = self._vault.one(select(person).where(person.c.chat_key.in_(self._vault.chat_keys(chat_id))))
        if found is not None:
            self._vault.run(update(person).where(person.c.id == found.id).values(seen_at=now))
            return self._person(found)
        new_id = self._vault.connection.scalar(
            self._vault.insert(person)
            .values(
                chat_key=self._vault.chat_key(chat_id), chat_cipher=self._vault.seal_chat(chat_id), role=Role.PUBLIC,
                state=PersonState.ACTIVE, language_chosen=False, created_at=now, seen_at=now,
            )
            .on_conflict_do_nothing()
            .returning(person.c.id)
        )  # fmt: skip
        if new_id is None:
            # Another process made the same person a moment ago; its transaction has ended, or the insert would still wait.
            return self.for_chat(chat_id, now=now)
        self._vault.run(
            insert(conversation).values(person_id=new_id, speaker=Speaker.BOT, version=0, severity=0, clarifications_asked=0)
        )
        return self.get(PersonId(new_id))

    def get(self, person_id: PersonId) -> Person:
        found = self._vault.one(select(person).where(person.c.id == person_id))
        if found is None:
            raise WaypostError(f"There is no person {person_id}")
        return self._person(found)

    def save(self, changed: Person) -> None:
        self._vault.run(
            update(person)
            .where(person.c.id == changed.id)
            .values(
                role=changed.role, state=changed.state, language=changed.language, language_chosen=changed.language_chosen,
                language_asked=changed.language_asked, welcomed_at=changed.welcomed_at,
            )
        )  # fmt: skip

    def conversation(self, person_id: PersonId) -> Conversation:
        """Return the conversation, locked until the transaction ends: two cannot take it over at once."""
        row = self._vault.one(select(conversation).where(conversation.c.person_id == person_id).with_for_update())
        if row is None:
            raise WaypostError(f"There is no conversation of person {person_id}")
        return Conversation(
            person_id=PersonId(row.person_id),
            speaker=Speaker(row.speaker),
            version=row.version,
            pending=Pending(row.pending) if row.pending else None,
            question=self._vault.open(row.question, "question"),
            category=row.category,
            severity=row.severity,
            clarifications_asked=row.clarifications_asked,
            card_sent_at=row.card_sent_at,
            updated_at=row.updated_at,
        )

    def save_conversation(self, changed: Conversation) -> None:
        values = {field.name: getattr(changed, field.name) for field in fields(changed) if field.name != "person_id"}
        values["question"] = self._vault.seal(changed.question, "question") if changed.question else None
        self._vault.run(update(conversation).where(conversation.c.person_id == changed.person_id).values(**values))

    def record_consent(self, person_id: PersonId, *, kind: str, granted: bool, language: str, now: datetime) -> None:
        self._vault.run(insert(consent).values(person_id=person_id, kind=kind, granted=granted, language=language, at=now))

    def erase(self, person_id: PersonId, *, now: datetime) -> None:
        row = self._vault.one(select(person).where(person.c.id == person_id))
        if row is None:
            return
        theirs = select(cases.c.id).where(cases.c.person_id == person_id)
        # Their words on the way to the staff group; what this transaction itself says about the erasure stays.
        lanes = [f"case:{found.id}" for found in self._vault.all(theirs)]
        told_to_desk = outbox.c.lane.in_(lanes) & (outbox.c.created_at < now)
        statements = (
            delete(message_link).where(message_link.c.case_id.in_(theirs)),
            update(case_message).where(case_message.c.case_id.in_(theirs)).values(text=None),
            update(case_packet).where(case_packet.c.case_id.in_(theirs)).values(packet=None),
            update(break_glass).where(break_glass.c.case_id.in_(theirs)).values(reason=None),
            update(turn).where(turn.c.person_id == person_id).values(text=None),
            # What is being sent this moment keeps its lease; should it come back, it is cancelled for want of words.
            update(outbox).where(outbox.c.person_id == person_id).values(payload=None),
            update(outbox)
            .where(outbox.c.state == "pending", (outbox.c.person_id == person_id) | told_to_desk)
            .values(state="cancelled", error="person_erased", payload=None, done_at=now),
            delete(button).where(button.c.person_id == person_id),
            delete(consent).where(consent.c.person_id == person_id),
            update(conversation)
            .where(conversation.c.person_id == person_id)
            .values(speaker=Speaker.NONE, version=conversation.c.version + 1, question=None, pending=None, category=None),
            update(person)
            .where(person.c.id == person_id)
            .values(state=PersonState.ERASED, chat_key=None, chat_cipher=None, language=None, welcomed_at=None),
        )
        for statement in statements:
            self._vault.run(statement)

    def erase_idle(self, *, seen_before: datetime, now: datetime) -> int:
        open_case = exists().where(cases.c.person_id == person.c.id, cases.c.state.in_(OPEN_CASES))
        idle = select(person.c.id).where(person.c.seen_at < seen_before, person.c.state != PersonState.ERASED, ~open_case)
        found = self._vault.all(idle)
        for row in found:
            self.erase(PersonId(row.id), now=now)
        return len(found)

    def _person(self, row: Row[Any]) -> Person:
        return Person(
            id=PersonId(row.id),
            chat_id=self._vault.open_chat(row.chat_cipher) if row.chat_cipher else NOBODY,
            role=Role(row.role),
            state=PersonState(row.state),
            language=row.language,
            language_chosen=row.language_chosen,
            language_asked=row.language_asked,
            welcomed_at=row.welcomed_at,
            created_at=row.created_at,
        )


class SqlTurns:
    """Turns over the table of their name."""

    COLUMNS = ("update_id", "person_id", "at", "outcome", "severity", "rule_id", "language", "case_id")

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def add(self, record: TurnRecord) -> None:
        columns = {name: getattr(record, name) for name in self.COLUMNS}
        rest = {field.name: getattr(record, field.name) for field in fields(record) if field.name not in (*self.COLUMNS, "text")}
        rest["retrieved"] = [[hit.passage_id, hit.topic, str(hit.audience), hit.score] for hit in record.retrieved]
        text = self._vault.seal(record.text, "turn") if record.text is not None else None
        self._vault.run(insert(turn).values(bot_id=self._vault.bot_id, **columns, facts=rest, text=text))

    def get(self, update_id: UpdateId) -> TurnRecord | None:
        row = self._vault.one(select(turn).where(turn.c.bot_id == self._vault.bot_id, turn.c.update_id == update_id))
        if row is None:
            return None
        facts = dict(row.facts)
        facts["retrieved"] = tuple(
            Retrieved(passage_id=PassageId(hit[0]), topic=hit[1], audience=hit[2], score=hit[3]) for hit in facts["retrieved"]
        )
        for name in ("triggers", "in_doubt", "cited", "degraded", "known"):
            facts[name] = tuple(facts.get(name, ()))
        return TurnRecord(
            update_id=UpdateId(row.update_id), person_id=PersonId(row.person_id), at=row.at, outcome=row.outcome,
            severity=row.severity, rule_id=row.rule_id, language=row.language,
            case_id=CaseId(row.case_id) if row.case_id is not None else None,
            text=self._vault.open(row.text, "turn") if row.text is not None else None, **facts,
        )  # fmt: skip

    def recent(self, person_id: PersonId, *, since: datetime) -> list[datetime]:
        statement = select(turn.c.at).where(turn.c.person_id == person_id, turn.c.at > since).order_by(turn.c.at)
        return [row.at for row in self._vault.all(statement)]

    def shown(self, person_id: PersonId, *, since: datetime, until: datetime) -> list[PassageId]:
        then = (turn.c.at > since, turn.c.at <= until)
        statement = select(turn.c.facts).where(turn.c.person_id == person_id, *then).order_by(turn.c.at)
        cited = dict.fromkeys(number for row in self._vault.all(statement) for number in row.facts["cited"])
        return [PassageId(number) for number in cited]

    def erase_text(self, *, before: datetime) -> int:
        self._vault.run(
            update(conversation)
            .where(conversation.c.updated_at < before, conversation.c.question.is_not(None))
            .values(question=None)
        )
        return self._vault.run(update(turn).where(turn.c.at < before, turn.c.text.is_not(None)).values(text=None))

    def delete(self, *, before: datetime) -> int:
        return self._vault.run(delete(turn).where(turn.c.at < before))
