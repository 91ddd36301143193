"""Signing in to the console: one-time links, passwords, one-time codes, sessions.

Whoever is refused is told the same whatever was wrong, and waits longer each time. Roles are not kept in a session: they are read
with every request, so that a role that is taken away is gone at once.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.accounts import (
    FREE_TRIES,
    FREE_TRIES_ANYWHERE,
    FREE_TRIES_HERE,
    MIN_PASSWORD,
    Account,
    Session,
    Tries,
    after_failure,
    is_alive,
)
from bot.domain.deliveries import Text, ToChat
from bot.domain.errors import Conflict, InvalidInput, UnknownCode, WrongCredentials
from bot.domain.people import DeskRole, StaffMember
from bot.service import casework, notices
from bot.service.app import App
from bot.service.office_ports import Credentials
from bot.service.ports import UnitOfWork

TOKEN_BYTES = 32
CODE_BYTES = 18
FIRST_LINK = timedelta(minutes=15)
MIN_SECRET = 32
"""Characters of a secret for one-time codes: 160 bits, as RFC 4226 recommends."""
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was last used: a write for every click would be too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who stands behind a request, as they are at this moment."""

    member: StaffMember
    session: Session
    token: str


def invite(
    uow: UnitOfWork, *, role: DeskRole, life: timedelta, by: StaffMember | None, now: datetime,
    member: StaffMember | None = None,
) -> str:  # fmt: skip
    """Return a one-time code: for a new colleague, or for a member's new password or second way in.

    Args:
        by: Who invites; None for the operator of the machine, who can do what they like anyway.

    Raises:
        InvalidInput: the role is not theirs to give, see :func:`may_invite`.
    """
    if by is not None and not may_invite(uow, by, role):
        raise InvalidInput("not_to_invite")
    code = secrets.token_urlsafe(CODE_BYTES)
    uow.staff.invite(
        code, desk_role=role, expires_at=now + life, now=now, staff_id=None if member is None else member.id,
        by=None if by is None else by.id,
    )  # fmt: skip
    actor = "operator" if by is None else by.actor
    action = "staff.invited" if member is None else "staff.invited_again"
    uow.audit.record(actor=actor, action=action, subject=role if member is None else member.alias, now=now)
    return code


def may_invite(uow: UnitOfWork, by: StaffMember, role: DeskRole) -> bool:
    """Whether somebody may let others in with a role, or give it.

    An administrator sees no case, so they make nobody who reads sealed ones, not even with a new password: focal points do, once
    there is one.
    """
    if role is not DeskRole.FOCAL_POINT:
        return by.desk_role is DeskRole.ADMINISTRATOR
    known = _with_account(uow, DeskRole.FOCAL_POINT)
    return by.desk_role is (DeskRole.ADMINISTRATOR if known is None else DeskRole.FOCAL_POINT)


def invite_first_administrator(uow: UnitOfWork, *, now: datetime) -> str:
    """Return the code that makes the first administrator, for a quarter of an hour.

    Raises:
        Conflict: there is an administrator who can sign in.
    """
    known = _with_account(uow, DeskRole.ADMINISTRATOR)
    if known is not None:
        raise Conflict(f"{known.alias} administers the console already: they invite others, or `waypost staff invite` does")
    return invite(uow, role=DeskRole.ADMINISTRATOR, life=FIRST_LINK, by=None, now=now)


def _with_account(uow: UnitOfWork, role: DeskRole) -> StaffMember | None:
    """Return somebody with a role who can sign in; None when there is nobody."""
    having = uow.accounts.having()
    return next((one for one in uow.staff.all() if one.desk_role is role and one.id in having), None)


async def accept_invitation(
    app: App, credentials: Credentials, *, code: str, password: str, secret: str, one_time: str
) -> SignedIn:  # fmt: skip
    """Make an account with a one-time code, and sign in.

    Raises:
        InvalidInput: the password is too short, or the one-time code of the app is wrong; the invitation still works.
        UnknownCode: the invitation is unknown, used or expired.
    """
    now = app.clock.now()
    require_password(password)
    step = credentials.step_of(secret, one_time, at=now) if len(secret) >= MIN_SECRET else None
    if step is None:
        raise InvalidInput("wrong_one_time_code")
    await invitation(app, code)  # a hash is work, which strangers are not given
    hashed = await credentials.hash(password)
    token = secrets.token_urlsafe(TOKEN_BYTES)

    def work(uow: UnitOfWork) -> SignedIn:
        member = uow.staff.redeem(code, chat_id=None, now=now)
        if member.chat_id is not None:
            text = Text(text=app.catalogue.staff_text("account_made", who=member.alias))
            notices.enqueue(uow, ToChat(chat_id=member.chat_id), text, key=f"account:{member.id}:{now.timestamp()}", now=now)
        uow.accounts.save(Account(staff_id=member.id, password_hash=hashed, totp_secret=secret, last_step=step, changed_at=now))
        uow.audit.record(actor=member.actor, action="account.made", subject=member.alias, now=now)
        return _start(uow, member, token, now)

    return await app.storage.run(work)


async def invitation(app: App, code: str) -> tuple[DeskRole, StaffMember | None]:
    """Return what an invitation is for, without using it.

    Raises:
        UnknownCode: it does not count.
    """
    now = app.clock.now()
    found = await app.storage.read(lambda uow: uow.staff.invited(code, now=now))
    if found is None:
        raise UnknownCode
    return found


async def sign_in(
    app: App, credentials: Credentials, *, name: str, password: str, one_time: str, address: str
) -> SignedIn:  # fmt: skip
    """Start a session.

    Args:
        address: Where the try comes from.

    Raises:
        WrongCredentials: something is wrong, or too much was wrong before; nobody is told what.
    """
    now, name = app.clock.now(), name.strip().lower()
    places = await _admit(app, name, address, now)
    member, account = await app.storage.read(lambda uow: _account_of(uow, name))
    is_right = await credentials.verify(password, None if account is None else account.password_hash)
    step = None if account is None else credentials.step_of(account.totp_secret, one_time, at=now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    counts = step if is_right else None
    signed_in = await app.storage.run(lambda uow: _finish_sign_in(uow, places, member, account, counts, token, now))
    if signed_in is None:
        raise WrongCredentials
    return signed_in


async def _admit(app: App, name: str, address: str, now: datetime) -> Collection[str]:
    """Count a try, and return under what it is counted.

    Raises:
        WrongCredentials: it is one too many.
    """
    places = {f"{name}@{address}": FREE_TRIES, name: FREE_TRIES_ANYWHERE, f"@{address}": FREE_TRIES_HERE}
    if wait := await app.storage.run(lambda uow: _count_try(uow, places, now)):
        raise WrongCredentials(wait=wait)
    return places


def _count_try(uow: UnitOfWork, places: Mapping[str, int], now: datetime) -> timedelta | None:
    """Count a try before it is looked at, so that many at once gain nothing; return how long to wait if it is one too many."""
    known = {place: uow.accounts.tries(place) for place in sorted(places)}
    waits = [tries.until - now for tries in known.values() if tries.until is not None and now < tries.until]
    if waits:
        return max(waits)
    for place, tries in known.items():
        uow.accounts.save_tries(place, after_failure(tries, now, free=places[place]), now=now)
    return None


def _forget_tries(uow: UnitOfWork, places: Collection[str], now: datetime) -> None:
    for place in places:
        uow.accounts.save_tries(place, Tries(), now=now)


def _account_of(uow: UnitOfWork, name: str) -> tuple[StaffMember | None, Account | None]:
    member = next((one for one in uow.staff.all() if one.alias == name), None)
    return member, None if member is None else uow.accounts.get(member.id)


def _finish_sign_in(
    uow: UnitOfWork, places: Collection[str], member: StaffMember | None, account: Account | None, step: int | None, token: str,
    now: datetime,
) -> SignedIn | None:  # fmt: skip
    if member is None or account is None:
        return None  # nobody's name: strangers do not fill the log
    if step is None or not uow.accounts.use_step(account, step):
        uow.audit.record(actor="console", action="sign_in.refused", subject=member.alias, now=now)
        return None
    _forget_tries(uow, places, now)
    uow.audit.record(actor=member.actor, action="sign_in", subject=member.alias, now=now)
    return _start(uow, member, token, now)


def _start(uow: UnitOfWork, member: StaffMember, token: str, now: datetime) -> SignedIn:
    uow.accounts.start_session(token, member.id, now=now)
    return SignedIn(member=member, session=Session(staff_id=member.id, started_at=now, seen_at=now), token=token)


async def recognise(app: App, token: str, *, is_used: bool = True) -> SignedIn | None:
    """Return who a token belongs to; None when it does not hold any more.

    Args:
        is_used: somebody did something; what a page asks for by itself keeps no session alive.
    """
    now = app.clock.now()
    found = (await app.storage.read(lambda uow: uow.accounts.sessions([token]))).get(token)
    if found is None or not is_alive(found[0], now):
        return None
    session, member = found
    if is_used and now - session.seen_at >= SEEN_EVERY:
        await app.storage.run(lambda uow: uow.accounts.see_session(token, now=now))
    return SignedIn(member=member, session=session, token=token)


async def sign_out(app: App, who: SignedIn) -> None:
    now = app.clock.now()

    def work(uow: UnitOfWork) -> None:
        uow.accounts.end_session(who.token)
        uow.audit.record(actor=who.member.actor, action="sign_out", subject=who.member.alias, now=now)

    await app.storage.run(work)


async def change_password(
    app: App, credentials: Credentials, who: SignedIn, *, old: str, new: str, address: str
) -> None:  # fmt: skip
    """Change the own password; every other session of the member ends.

    Raises:
        InvalidInput: the new one is too short.
        WrongCredentials: the old one is wrong.
    """
    require_password(new)
    now = app.clock.now()
    places = await _admit(app, who.member.alias, address, now)
    account = await app.storage.read(lambda uow: uow.accounts.get(who.member.id))
    if account is None or not await credentials.verify(old, account.password_hash):
        raise WrongCredentials
    hashed = await credentials.hash(new)

    def work(uow: UnitOfWork) -> None:
        if not uow.accounts.change_password(account, hashed, now=now):
            raise WrongCredentials
        uow.accounts.end_sessions(who.member.id, but=who.token)
        _forget_tries(uow, places, now)
        uow.audit.record(actor=who.member.actor, action="account.password", subject=who.member.alias, now=now)

    await app.storage.run(work)


def change_role(
    uow: UnitOfWork, app: App, member: StaffMember, role: DeskRole, *, by: StaffMember, now: datetime
) -> StaffMember:  # fmt: skip
    """Give a member another role; what it may not have returns to the queue, and they sign in again.

    Raises:
        InvalidInput: the role is not theirs to give.
    """
    if not may_invite(uow, by, role) or not may_invite(uow, by, member.desk_role):
        raise InvalidInput("not_to_invite")
    changed = uow.staff.change_role(member.id, role)
    uow.accounts.end_sessions(member.id)
    casework.take_what_is_not_theirs(uow, app, changed, now=now)
    uow.audit.record(actor=by.actor, action="staff.role", subject=f"{member.alias} → {changed.alias}", now=now)
    return changed


def require_password(password: str) -> None:
    """Refuse a password that can be guessed.

    Raises:
        InvalidInput: it is too short, or one character over and over.
    """
    if len(password) < MIN_PASSWORD or len(set(password)) < MIN_PASSWORD // 3:
        raise InvalidInput("short_password")
