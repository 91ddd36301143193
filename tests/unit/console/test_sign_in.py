"""Coming in: the first administrator, one-time links, passwords and codes, sessions that end, tries that are too many."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.credentials import ArgonCredentials
from bot.domain.accounts import SESSION_IDLE, SESSION_LIFE
from bot.domain.errors import Conflict
from bot.domain.ids import ChatId
from bot.domain.people import DeskRole
from bot.service import accounts, casework
from bot.service.app import App
from bot.service.ports import UnitOfWork
from support.clock import FakeClock
from support.console import CODE, PASSWORD, SECRET, TEXTS, Served, Visitor

WRONG = TEXTS.text("sign_in_wrong", "en")


async def first_code(app: App) -> str:
    return await app.storage.run(lambda uow: accounts.invite_first_administrator(uow, now=app.clock.now()))


async def accepts(visitor: Visitor, invitation: str, /, **changes: str):  # type: ignore[no-untyped-def]
    fields = {"invitation": invitation, "password": PASSWORD, "again": PASSWORD, "secret": SECRET, "code": CODE} | changes
    return await visitor.client.post("/welcome", data=fields)


async def is_in(visitor: Visitor) -> bool:
    return (await visitor.gets("/account")).status_code == 200


async def test_the_first_administrator_comes_in_by_a_link_that_works_once(console: Served, app: App) -> None:
    code = await first_code(app)
    visitor, late = console.visitor(), console.visitor()
    for _ in range(2):  # looking at the link does not use it
        page = await visitor.gets(f"/welcome?code={code}")
        assert "Administrator" in page.text
        assert "<svg" in page.text
    assert (await accepts(visitor, code)).headers["location"] == "/"
    assert await is_in(visitor)
    assert (await visitor.gets("/")).headers["location"] == "/accounts"
    assert (await accepts(late, code)).status_code == 404
    assert not await is_in(late)
    with pytest.raises(Conflict, match="administrator-1 administers"):
        await first_code(app)


async def test_the_link_of_the_first_administrator_is_old_after_a_quarter_of_an_hour(
    console: Served, app: App, clock: FakeClock
) -> None:
    code = await first_code(app)
    clock.advance(minutes=15)
    assert (await console.visitor().gets(f"/welcome?code={code}")).status_code == 404
    assert (await accepts(console.visitor(), code)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "short", "again": "short"}, "wrong_short_password"),
        ({"password": "aaaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaaa"}, "wrong_short_password"),
        ({"again": "another password"}, "wrong_passwords_differ"),
        ({"code": "000000"}, "wrong_wrong_one_time_code"),
        ({"secret": "AAAA"}, "wrong_wrong_one_time_code"),
    ],
)
async def test_a_link_survives_a_mistake(console: Served, app: App, changes: dict[str, str], said: str) -> None:
    code, visitor = await first_code(app), console.visitor()
    refused = await accepts(visitor, code, **changes)
    assert refused.status_code == 422
    assert TEXTS.text(said, "en", least=12) in refused.text
    assert not await is_in(visitor)
    await accepts(visitor, code)
    assert await is_in(visitor)


async def test_whatever_is_wrong_the_answer_is_the_same(console: Served) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    visitor = console.visitor()
    answers = [
        await visitor.signs_in(member.alias, password="wrong password here"),
        await visitor.signs_in(member.alias, code="000000"),
        await visitor.signs_in("nobody-7"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert len({answer.text for answer in answers}) == 1
    assert WRONG in answers[0].text
    assert not await is_in(visitor)


async def test_a_one_time_code_works_once(console: Served, clock: FakeClock) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    assert (await console.visitor().signs_in(member.alias)).status_code == 303
    assert (await console.visitor().signs_in(member.alias)).status_code == 403
    clock.advance(seconds=30)
    assert (await console.visitor().signs_in(member.alias)).status_code == 303


async def test_too_many_tries_have_to_wait_longer_each_time_and_keep_nobody_elsewhere_out(
    console: Served, clock: FakeClock
) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    stranger, colleague = console.visitor(), console.visitor()
    stranger.client.headers["X-Forwarded-For"] = "198.51.100.7"
    colleague.client.headers["X-Forwarded-For"] = "198.51.100.8"
    for _ in range(5):
        assert (await stranger.signs_in(member.alias, password="guess number one")).status_code == 403
    assert (await stranger.signs_in(member.alias)).status_code == 429, "not even the right password is looked at"
    clock.advance(seconds=61)
    assert (await stranger.signs_in(member.alias, password="guess number two")).status_code == 403
    clock.advance(seconds=61)
    waits = await stranger.signs_in(member.alias)
    assert waits.status_code == 429
    assert TEXTS.text("sign_in_wait", "en", minutes=1) in waits.text
    assert (await colleague.signs_in(member.alias)).status_code == 303
    clock.advance(minutes=5)
    assert (await stranger.signs_in(member.alias)).status_code == 303, "a right one counts as the first again"


async def test_guesses_from_everywhere_have_to_wait_too(console: Served) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    visitor = console.visitor()
    for n in range(50):
        visitor.client.headers["X-Forwarded-For"] = f"198.51.100.{n}"
        await visitor.signs_in(member.alias, password="guess number one")
    visitor.client.headers["X-Forwarded-For"] = "198.51.100.200"
    assert (await visitor.signs_in(member.alias)).status_code == 429


async def test_a_session_ends_when_nothing_is_done_and_after_a_shift(console: Served, clock: FakeClock) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    clock.advance(seconds=SESSION_IDLE.total_seconds() - 1)
    assert await is_in(visitor)
    clock.advance(seconds=SESSION_IDLE.total_seconds())
    assert not await is_in(visitor)

    worker = await console.signed_in(DeskRole.CASEWORKER)
    for _ in range(int(SESSION_LIFE / timedelta(minutes=20)) - 1):
        clock.advance(minutes=20)
        assert await is_in(worker)
    clock.advance(minutes=20)
    assert not await is_in(worker)


async def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(console: Served, clock: FakeClock) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    clock.advance(minutes=20)
    async with visitor.watches("/cases/stream"):
        clock.advance(minutes=20)
    assert not await is_in(visitor)


async def test_writing_keeps_a_session_alive(console: Served, clock: FakeClock) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    clock.advance(minutes=20)
    assert (await visitor.gets("/still-here")).status_code == 204
    clock.advance(minutes=20)
    assert await is_in(visitor)


async def test_signing_out_ends_the_session_for_good(console: Served) -> None:
    visitor = await console.signed_in(DeskRole.CASEWORKER)
    kept = visitor.client.cookies.copy() if hasattr(visitor.client.cookies, "copy") else dict(visitor.client.cookies)
    await visitor.posts("/sign-out")
    assert not await is_in(visitor)
    visitor.client.cookies.update(kept)
    assert not await is_in(visitor), "a copied cookie is worth nothing either"


async def test_a_role_that_is_taken_away_is_gone_at_once(console: Served, app: App) -> None:
    visitor = await console.signed_in(DeskRole.SUPERVISOR)
    member = visitor.member
    assert member is not None
    assert (await visitor.gets("/figures")).status_code == 200
    await app.storage.run(lambda uow: uow.staff.change_role(member.id, DeskRole.CASEWORKER))
    assert (await visitor.gets("/figures")).status_code == 403
    alias = await app.storage.run(lambda uow: uow.staff.get(member.id).alias)
    await app.storage.run(lambda uow: casework.revoke_staff(uow, app, alias, now=app.clock.now()))
    assert not await is_in(visitor)
    assert (await console.visitor().signs_in(alias)).status_code == 403


async def test_an_earlier_link_ends_with_a_later_one_and_with_whoever_made_it(console: Served, app: App) -> None:
    admin, member = await console.signed_in(DeskRole.ADMINISTRATOR), await console.member(DeskRole.CASEWORKER)
    now, life = app.clock.now(), timedelta(hours=1)

    def again(uow: UnitOfWork) -> str:
        return accounts.invite(uow, role=member.desk_role, life=life, by=admin.member, now=now, member=member)

    def fresh(uow: UnitOfWork) -> str:
        return accounts.invite(uow, role=DeskRole.ADMINISTRATOR, life=life, by=admin.member, now=now)

    first, second, other = [await app.storage.run(work) for work in (again, again, fresh)]
    assert (await console.visitor().gets(f"/welcome?code={first}")).status_code == 404
    assert (await console.visitor().gets(f"/welcome?code={second}")).status_code == 200
    assert admin.member is not None
    alias = admin.member.alias
    await app.storage.run(lambda uow: casework.revoke_staff(uow, app, alias, now=now))
    assert (await console.visitor().gets(f"/welcome?code={second}")).status_code == 404
    assert (await console.visitor().gets(f"/welcome?code={other}")).status_code == 404


async def test_a_secret_that_is_none_is_refused_in_words(console: Served, app: App) -> None:
    assert (await accepts(console.visitor(), await first_code(app), secret="1" * 32)).status_code == 422
    assert ArgonCredentials().step_of("1" * 32, CODE, at=app.clock.now()) is None


async def test_names_of_nobody_fill_no_log_and_have_to_wait_too(console: Served, app: App) -> None:
    visitor = console.visitor()
    answers = [(await visitor.signs_in(f"nobody-{n}")).status_code for n in range(102)]
    assert (answers[0], answers[-1]) == (403, 429)
    assert await app.storage.read(lambda uow: uow.audit.newest(limit=5)) == []


@pytest.mark.parametrize("password", [" blanks before the words", "blanks after the words "])
async def test_a_password_is_what_was_typed_also_where_blanks_end_it(console: Served, clock: FakeClock, password: str) -> None:
    here = await console.signed_in(DeskRole.CASEWORKER)
    assert here.member is not None
    changed = await here.posts("/account/password", old=PASSWORD, password=password, again=password)
    assert changed.headers["location"] == "/account?said=password"
    clock.advance(minutes=2)
    assert (await console.visitor().signs_in(here.member.alias, password=password)).status_code == 303
    assert (await console.visitor().signs_in(here.member.alias, password=password.strip())).status_code == 403
    again = await here.posts("/account/password", old=password, password=PASSWORD, again=PASSWORD)
    assert again.headers["location"] == "/account?said=password"


async def test_a_new_password_signs_every_other_browser_out(console: Served, clock: FakeClock) -> None:
    here = await console.signed_in(DeskRole.CASEWORKER)
    assert here.member is not None
    clock.advance(seconds=60)
    there = console.visitor()
    await there.signs_in(here.member.alias)
    new = "another four unrelated words"
    refused = await here.posts("/account/password", old="wrong", password=new, again=new)
    assert refused.status_code == 422
    changed = await here.posts("/account/password", old=PASSWORD, password=new, again=new)
    assert changed.headers["location"] == "/account?said=password"
    assert (await is_in(here), await is_in(there)) == (True, False)
    clock.advance(seconds=60)
    assert (await console.visitor().signs_in(here.member.alias)).status_code == 403
    assert (await console.visitor().signs_in(here.member.alias, password=new)).status_code == 303


async def test_a_member_of_the_group_gets_a_second_way_in_and_stays_the_same(console: Served, app: App) -> None:
    def link(uow: UnitOfWork) -> str:
        now = app.clock.now()
        uow.staff.invite("telegram", desk_role=DeskRole.CASEWORKER, expires_at=now + timedelta(hours=1), now=now)
        member = uow.staff.redeem("telegram", chat_id=ChatId(801), now=now)
        return accounts.invite(uow, role=member.desk_role, life=timedelta(hours=1), by=None, now=now, member=member)

    code = await app.storage.run(link)
    visitor = console.visitor()
    await accepts(visitor, code)
    assert await is_in(visitor)
    everybody = await app.storage.run(lambda uow: uow.staff.all())
    assert [(one.alias, one.chat_id) for one in everybody] == [("caseworker-1", 801)]


async def test_a_member_of_the_console_comes_in_by_telegram_too_and_nobody_else_does(console: Served, app: App) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    now, life = app.clock.now(), timedelta(hours=1)

    def second_way(uow: UnitOfWork) -> str:
        return accounts.invite(uow, role=member.desk_role, life=life, by=None, now=now, member=member)

    code = await app.storage.run(second_way)
    linked = await app.storage.run(lambda uow: uow.staff.redeem(code, chat_id=ChatId(805), now=now))
    assert (linked.id, linked.chat_id) == (member.id, 805)
    assert await app.storage.run(lambda uow: uow.staff.by_chat(ChatId(805))) == linked


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_nobody_is_led_elsewhere_after_signing_in(console: Served, to: str) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    fields = {"name": member.alias, "password": PASSWORD, "code": CODE, "to": to}
    assert (await console.visitor().client.post("/sign-in", data=fields)).headers["location"] == "/"


async def test_whoever_was_on_a_page_comes_back_to_it(console: Served) -> None:
    visitor = console.visitor()
    sent = await visitor.gets("/cases?whose=mine")
    assert sent.headers["location"] == "/sign-in?to=/cases%3Fwhose%3Dmine"
    page = await visitor.gets(sent.headers["location"])
    assert re.search(r'name="to" value="/cases\?whose=mine"', page.text)


async def test_the_cookie_is_for_this_browser_and_this_site_alone(console: Served) -> None:
    member = await console.member(DeskRole.CASEWORKER)
    set_cookie = (await console.visitor().signs_in(member.alias)).headers["set-cookie"]
    assert "HttpOnly" in set_cookie
    assert "samesite=strict" in set_cookie.lower()
    assert "Path=/" in set_cookie


async def test_passwords_are_hashed_with_argon2id_and_codes_follow_the_clock() -> None:
    credentials = ArgonCredentials()
    hashed = await credentials.hash(PASSWORD)
    assert hashed.startswith("$argon2id$")
    assert await credentials.verify(PASSWORD, hashed)
    assert not await credentials.verify("another password", hashed)
    assert not await credentials.verify(PASSWORD, None)
    assert not await credentials.verify(PASSWORD, "plain:nonsense")
    # RFC 6238, appendix B: the secret "12345678901234567890", at 59 s, of which six digits are kept.
    secret, at = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", datetime.fromtimestamp(59, UTC)
    assert credentials.step_of(secret, "287 082", at=at) == 1
    assert credentials.step_of(secret, "287082", at=at + timedelta(seconds=30)) == 1
    assert credentials.step_of(secret, "287082", at=at + timedelta(seconds=61)) is None
    assert len(credentials.new_secret()) == 32
    assert credentials.address(secret, name="caseworker-1", issuer="Waypost").startswith("otpauth://totp/Waypost:caseworker-1")
