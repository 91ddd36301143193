"""Staff, buttons, the notebook, the audit log and incidents."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update

from bot.adapters.storage.tables import audit, button, incident, notebook, staff, staff_invite
from bot.adapters.storage.vault import Vault
from bot.domain.deliveries import WireButton
from bot.domain.errors import UnknownCode, WaypostError
from bot.domain.ids import CaseId, ChatId, PersonId, StaffId
from bot.domain.messages import Button
from bot.domain.people import DeskRole, StaffMember
from bot.service.ports import OF_CASE, AuditEntry, ButtonAction

TOKEN_BYTES = 16
"""Gives 22 characters; Telegram allows 64 bytes."""
GENESIS = "0" * 64


class SqlStaff:
    """Staff over ``staff`` and ``staff_invite``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def invite(
        self, code: str, *, desk_role: DeskRole, expires_at: datetime, now: datetime, staff_id: StaffId | None = None,
        by: StaffId | None = None,
    ) -> None:  # fmt: skip
        row = {
            "code_hash": self._vault.keys.callback_hash(code), "desk_role": desk_role, "created_at": now,
            "expires_at": expires_at, "staff_id": staff_id, "invited_by": by,
        }  # fmt: skip
        if staff_id is not None:
            self._end_codes(staff_invite.c.staff_id == staff_id)
        self._vault.run(insert(staff_invite).values(**row))

    def end_codes_of(self, staff_id: StaffId) -> None:
        self._end_codes((staff_invite.c.staff_id == staff_id) | (staff_invite.c.invited_by == staff_id))

    def _end_codes(self, which: ColumnElement[bool]) -> None:
        self._vault.run(delete(staff_invite).where(which, staff_invite.c.used_at.is_(None)))

    def invited(self, code: str, *, now: datetime) -> tuple[DeskRole, StaffMember | None] | None:
        row = self._vault.one(
            select(staff_invite.c.desk_role, staff_invite.c.staff_id).where(
                staff_invite.c.code_hash == self._vault.keys.callback_hash(code),
                staff_invite.c.used_at.is_(None),
                staff_invite.c.expires_at > now,
            )
        )
        if row is None:
            return None
        member = None if row.staff_id is None else self._linked(StaffId(row.staff_id))
        # A code for somebody who has been revoked since is dead.
        return None if row.staff_id is not None and member is None else (DeskRole(row.desk_role), member)

    def redeem(self, code: str, *, chat_id: ChatId | None, now: datetime) -> StaffMember:
        used = self._vault.connection.execute(
            update(staff_invite)
            .where(
                staff_invite.c.code_hash == self._vault.keys.callback_hash(code),
                staff_invite.c.used_at.is_(None),
                staff_invite.c.expires_at > now,
            )
            .values(used_at=now)
            .returning(staff_invite.c.desk_role, staff_invite.c.staff_id)
        ).first()
        if used is None:
            raise UnknownCode
        self._vault.alone("staff")
        known = None if chat_id is None else self.by_chat(chat_id)
        if used.staff_id is not None:
            return self._second_way(StaffId(used.staff_id), known, chat_id)
        role = DeskRole(used.desk_role)
        if known is not None:
            # Who is linked already gets the new role and stays the same member: the cases they hold remain theirs.
            self._vault.run(update(staff).where(staff.c.id == known.id).values(linked_at=now))
            return self.change_role(known.id, role)
        new = {"desk_role": role, "alias": self._alias(role), "linked_at": now, **self._chat(chat_id)}
        return self.get(StaffId(self._vault.connection.execute(insert(staff).values(new).returning(staff.c.id)).scalar_one()))

    def _second_way(self, staff_id: StaffId, known: StaffMember | None, chat_id: ChatId | None) -> StaffMember:
        """Let a member in by the way they did not have; a chat that is another member's is refused."""
        if self._linked(staff_id) is None or (known is not None and known.id != staff_id):
            raise UnknownCode
        self._end_codes(staff_invite.c.staff_id == staff_id)
        if chat_id is not None:
            self._vault.run(update(staff).where(staff.c.id == staff_id).values(**self._chat(chat_id)))
        return self.get(staff_id)

    def change_role(self, staff_id: StaffId, role: DeskRole) -> StaffMember:
        self._vault.alone("staff")
        known = self.get(staff_id)
        if known.desk_role is not role:
            self.end_codes_of(staff_id)
            self._vault.run(update(staff).where(staff.c.id == staff_id).values(desk_role=role, alias=self._alias(role)))
        return self.get(staff_id)

    def by_chat(self, chat_id: ChatId) -> StaffMember | None:
        row = self._vault.one(
            select(staff).where(staff.c.chat_key.in_(self._vault.chat_keys(chat_id)), staff.c.revoked_at.is_(None))
        )
        return self._member(row) if row else None

    def get(self, staff_id: StaffId) -> StaffMember:
        row = self._vault.one(select(staff).where(staff.c.id == staff_id))
        if row is None:
            raise WaypostError(f"There is no staff member {staff_id}")
        return self._member(row)

    def all(self) -> list[StaffMember]:
        return [
            self._member(row) for row in self._vault.all(select(staff).where(staff.c.revoked_at.is_(None)).order_by(staff.c.id))
        ]

    def some(self, staff_ids: Collection[StaffId]) -> list[StaffMember]:
        linked = (staff.c.id.in_(staff_ids), staff.c.revoked_at.is_(None))
        return [self._member(row) for row in self._vault.all(select(staff).where(*linked))]

    def aliases(self) -> dict[StaffId, str]:
        rows = self._vault.all(select(staff.c.id, staff.c.alias).where(staff.c.revoked_at.is_(None)).order_by(staff.c.id))
        return {StaffId(row.id): row.alias for row in rows}

    def save(self, member: StaffMember) -> None:
        values = {
            "languages": " ".join(sorted(member.languages)), "queues": " ".join(sorted(member.queues)),
            "capacity": member.capacity, "on_call": member.on_call, "away": member.away, "clearance": member.clearance,
        }  # fmt: skip
        self._vault.run(update(staff).where(staff.c.id == member.id).values(**values))

    def given(self, staff_id: StaffId, *, now: datetime) -> None:
        self._vault.run(update(staff).where(staff.c.id == staff_id).values(given_at=now))

    def revoke(self, staff_id: StaffId, *, now: datetime) -> None:
        self.end_codes_of(staff_id)
        self._vault.run(update(staff).where(staff.c.id == staff_id).values(**_revoked(now)))

    def _linked(self, staff_id: StaffId) -> StaffMember | None:
        return next(iter(self.some([staff_id])), None)

    def _chat(self, chat_id: ChatId | None) -> dict[str, Any]:
        if chat_id is None:
            return {}
        return {"chat_key": self._vault.chat_key(chat_id), "chat_cipher": self._vault.seal_chat(chat_id)}

    def _alias(self, role: DeskRole) -> str:
        name = role.value.replace("_", "-")
        taken = self._vault.all(select(staff.c.alias).where(staff.c.alias.startswith(f"{name}-", autoescape=True)))
        so_far = max((int(row.alias.removeprefix(f"{name}-")) for row in taken), default=0)
        return f"{name}-{so_far + 1}"

    def _member(self, row: Row[Any]) -> StaffMember:
        return StaffMember(
            id=StaffId(row.id),
            chat_id=self._vault.open_chat(row.chat_cipher) if row.chat_cipher else None,
            desk_role=DeskRole(row.desk_role),
            alias=row.alias,
            linked_at=row.linked_at,
            languages=frozenset(row.languages.split()),
            queues=frozenset(row.queues.split()),
            capacity=row.capacity,
            on_call=row.on_call,
            away=row.away,
            clearance=row.clearance,
            given_at=row.given_at,
        )


class SqlButtons:
    """Buttons: only a keyed hash of each token is kept."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def issue(
        self, rows: Sequence[Sequence[Button]], *, person_id: PersonId | None, case_id: CaseId | None, expires_at: datetime
    ) -> tuple[tuple[WireButton, ...], ...]:  # fmt: skip
        mark, bound = "" if case_id is None else OF_CASE, {"person_id": person_id, "case_id": case_id, "expires_at": expires_at}
        wired = tuple(
            tuple(WireButton(label=one.label, token=mark + secrets.token_urlsafe(TOKEN_BYTES)) for one in row) for row in rows
        )
        kept = [
            {"action": one.action, "value": one.value, "token_hash": self._vault.keys.callback_hash(wire.token)} | bound
            for row, wires in zip(rows, wired, strict=True)
            for one, wire in zip(row, wires, strict=True)
        ]
        if kept:  # all at once: a list of languages has one for each
            self._vault.connection.execute(insert(button), kept)
        return wired

    def look_up(self, token: str, *, now: datetime) -> ButtonAction | None:
        row = self._vault.one(
            select(button).where(
                button.c.token_hash == self._vault.keys.callback_hash(token),
                button.c.expires_at > now,
                button.c.used_at.is_(None),
            )
        )
        if row is None:
            return None
        return ButtonAction(
            action=row.action,
            value=row.value,
            person_id=PersonId(row.person_id) if row.person_id is not None else None,
            case_id=CaseId(row.case_id) if row.case_id is not None else None,
        )

    def delete_expired(self, now: datetime) -> int:
        return self._vault.run(delete(button).where(button.c.expires_at <= now))


class SqlNotebook:
    """Small named values."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def get(self, name: str) -> str | None:
        value = self._vault.connection.scalar(select(notebook.c.value).where(notebook.c.name == name))
        return None if value is None else str(value)

    def put(self, name: str, value: str, *, now: datetime) -> None:
        statement = self._vault.insert(notebook).values(name=name, value=value, at=now)
        self._vault.run(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value, "at": now}))

    def delete(self, name: str) -> None:
        self._vault.run(delete(notebook).where(notebook.c.name == name))


class SqlAudit:
    """The audit log: each row's hash covers the row before it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def record(self, *, actor: str, action: str, subject: str, now: datetime) -> None:
        # Locking the newest row would not do: who waited for it would still be given that row, not the one added meanwhile.
        self._vault.alone("audit")
        last = self._vault.connection.scalar(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1))
        link = _link(last or GENESIS, now, actor, action, subject)
        self._vault.run(insert(audit).values(at=now, actor=actor, action=action, subject=subject, hash=link))

    def verify(self) -> bool:
        last = GENESIS
        for row in self._vault.all(select(audit).order_by(audit.c.id)):
            if row.hash != _link(last, row.at, row.actor, row.action, row.subject):
                return False
            last = row.hash
        return True

    def newest(self, *, limit: int, before: int | None = None, subject: str = "", actor: str = "") -> list[AuditEntry]:
        statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(audit.c.id < before)
        if subject:
            statement = statement.where(audit.c.subject == subject)
        if actor:
            statement = statement.where(audit.c.actor == actor)
        return [
            AuditEntry(number=row.id, at=row.at, actor=row.actor, action=row.action, subject=row.subject)
            for row in self._vault.all(statement)
        ]


class SqlIncidents:
    """Incidents over the table of their name."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, kind: str, detail: str, *, now: datetime) -> bool:
        self._vault.alone("incident")
        is_open = self._vault.one(select(incident.c.id).where(incident.c.kind == kind, incident.c.closed_at.is_(None)))
        if is_open is None:
            self._vault.run(insert(incident).values(kind=kind, detail=detail, opened_at=now))
        return is_open is None

    def close(self, kind: str, *, now: datetime) -> bool:
        statement = update(incident).where(incident.c.kind == kind, incident.c.closed_at.is_(None)).values(closed_at=now)
        return self._vault.run(statement) > 0

    def list_open(self) -> list[tuple[str, str, datetime]]:
        rows = self._vault.all(select(incident).where(incident.c.closed_at.is_(None)).order_by(incident.c.id))
        return [(row.kind, row.detail, row.opened_at) for row in rows]


def _revoked(now: datetime) -> dict[str, Any]:
    return {"revoked_at": now, "chat_key": None, "chat_cipher": None}


def _link(last: str, at: datetime, actor: str, action: str, subject: str) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256("\x1f".join((last, moment, actor, action, subject)).encode()).hexdigest()
