"""Accounts of the console, their sessions, and requests to open sealed cases. Of a token or a name only a keyed hash is kept."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update

from bot.adapters.storage.desk import SqlStaff
from bot.adapters.storage.tables import OPEN_CASES, account, break_glass, cases, console_session, sign_in_tries, staff
from bot.adapters.storage.vault import Vault
from bot.domain.accounts import Account, BreakGlass, Session, Tries
from bot.domain.ids import BreakGlassId, CaseId, StaffId
from bot.domain.people import StaffMember


class SqlAccounts:
    """Accounts over ``account``, ``console_session``, ``sign_in_tries`` and ``break_glass``."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def save(self, new: Account) -> None:
        values = {
            "password_hash": new.password_hash, "totp_secret": self._vault.seal(new.totp_secret, "one-time code"),
            "last_step": new.last_step, "changed_at": new.changed_at,
        }  # fmt: skip
        statement = self._vault.insert(account).values(staff_id=new.staff_id, **values)
        self._vault.run(statement.on_conflict_do_update(index_elements=["staff_id"], set_=values))
        self.end_sessions(new.staff_id)

    def get(self, staff_id: StaffId) -> Account | None:
        row = self._vault.one(select(account).where(account.c.staff_id == staff_id))
        if row is None:
            return None
        secret = self._vault.open(row.totp_secret, "one-time code")
        return Account(
            staff_id=staff_id, password_hash=row.password_hash, totp_secret=secret, last_step=row.last_step,
            changed_at=row.changed_at,
        )  # fmt: skip

    def having(self) -> Collection[StaffId]:
        linked = select(account.c.staff_id).join(staff, staff.c.id == account.c.staff_id).where(staff.c.revoked_at.is_(None))
        return {StaffId(row.staff_id) for row in self._vault.all(linked)}

    def use_step(self, as_read: Account, step: int) -> bool:
        fresh = (account.c.last_step < step, account.c.password_hash == as_read.password_hash)
        used = update(account).where(account.c.staff_id == as_read.staff_id, *fresh).values(last_step=step)
        return self._vault.run(used) == 1

    def change_password(self, as_read: Account, password_hash: str, *, now: datetime) -> bool:
        same = (account.c.staff_id == as_read.staff_id, account.c.password_hash == as_read.password_hash)
        changed = update(account).where(*same).values(password_hash=password_hash, changed_at=now)
        return self._vault.run(changed) == 1

    def start_session(self, token: str, staff_id: StaffId, *, now: datetime) -> None:
        row = {"token_hash": self._hash(token), "staff_id": staff_id, "started_at": now, "seen_at": now}
        self._vault.run(insert(console_session).values(row))

    def sessions(self, tokens: Collection[str]) -> Mapping[str, tuple[Session, StaffMember]]:
        by_hash = {self._hash(token): token for token in tokens}
        if not by_hash:
            return {}
        rows = self._vault.all(select(console_session).where(console_session.c.token_hash.in_(by_hash)))
        members = {member.id: member for member in SqlStaff(self._vault).some({StaffId(row.staff_id) for row in rows})}
        return {
            by_hash[row.token_hash]: (
                Session(staff_id=StaffId(row.staff_id), started_at=row.started_at, seen_at=row.seen_at),
                members[StaffId(row.staff_id)],
            )
            for row in rows
            if row.staff_id in members
        }

    def see_session(self, token: str, *, now: datetime) -> None:
        self._vault.run(update(console_session).where(console_session.c.token_hash == self._hash(token)).values(seen_at=now))

    def end_session(self, token: str) -> None:
        self._vault.run(delete(console_session).where(console_session.c.token_hash == self._hash(token)))

    def end_sessions(self, staff_id: StaffId, *, but: str | None = None) -> None:
        theirs = delete(console_session).where(console_session.c.staff_id == staff_id)
        self._vault.run(theirs if but is None else theirs.where(console_session.c.token_hash != self._hash(but)))

    def delete_dead_sessions(self, *, seen_before: datetime, started_before: datetime) -> int:
        dead = or_(console_session.c.seen_at < seen_before, console_session.c.started_at < started_before)
        self._vault.run(delete(sign_in_tries).where(sign_in_tries.c.at < started_before))
        return self._vault.run(delete(console_session).where(dead))

    def tries(self, name: str) -> Tries:
        # Two who try at once are counted one after the other.
        self._vault.alone(f"sign in {self._hash(name)}")
        row = self._vault.one(select(sign_in_tries).where(sign_in_tries.c.name_hash == self._hash(name)))
        return Tries() if row is None else Tries(failures=row.failures, until=row.until)

    def save_tries(self, name: str, tries: Tries, *, now: datetime) -> None:
        values = {"failures": tries.failures, "until": tries.until, "at": now}
        statement = self._vault.insert(sign_in_tries).values(name_hash=self._hash(name), **values)
        self._vault.run(statement.on_conflict_do_update(index_elements=["name_hash"], set_=values))

    def ask_to_open(self, case_id: CaseId, *, by: StaffId, reason: str, now: datetime, until: datetime) -> BreakGlass:
        row = {
            "case_id": case_id, "asked_by": by, "reason": self._vault.seal(reason, "break-glass"), "asked_at": now,
            "ends_at": until,
        }  # fmt: skip
        new_id = self._vault.connection.execute(insert(break_glass).values(row).returning(break_glass.c.id)).scalar_one()
        found = self.request(BreakGlassId(new_id))
        assert found is not None
        return found

    def grant(self, number: BreakGlassId, *, by: StaffId, until: datetime) -> None:
        waiting = (break_glass.c.id == number, break_glass.c.granted_by.is_(None))
        self._vault.run(update(break_glass).where(*waiting).values(granted_by=by, ends_at=until))

    def end_request(self, number: BreakGlassId, *, now: datetime) -> None:
        still = (break_glass.c.id == number, break_glass.c.ends_at > now)
        self._vault.run(update(break_glass).where(*still).values(ends_at=now))

    def outstayed(self, *, since: datetime, now: datetime) -> list[StaffId]:
        over = (break_glass.c.granted_by.is_not(None), break_glass.c.ends_at <= now, break_glass.c.ends_at > since)
        held = (cases.c.id == break_glass.c.case_id, cases.c.owner_id == break_glass.c.asked_by, cases.c.sealed.is_(True))
        rows = self._vault.all(select(break_glass.c.asked_by).where(*over, *held, cases.c.state.in_(OPEN_CASES)).distinct())
        return [StaffId(row.asked_by) for row in rows]

    def request(self, number: BreakGlassId) -> BreakGlass | None:
        row = self._vault.one(select(break_glass).where(break_glass.c.id == number).with_for_update())
        return None if row is None else self._request(row)

    def requests(self, *, since: datetime) -> list[BreakGlass]:
        rows = self._vault.all(select(break_glass).where(break_glass.c.ends_at > since).order_by(break_glass.c.id.desc()))
        return [self._request(row) for row in rows]

    def _request(self, row: Row[Any]) -> BreakGlass:
        return BreakGlass(
            id=BreakGlassId(row.id),
            case_id=CaseId(row.case_id),
            asked_by=StaffId(row.asked_by),
            reason=self._vault.open(row.reason, "break-glass"),
            asked_at=row.asked_at,
            granted_by=StaffId(row.granted_by) if row.granted_by is not None else None,
            ends_at=row.ends_at,
        )

    def _hash(self, text: str) -> str:
        return self._vault.keys.callback_hash(text)
