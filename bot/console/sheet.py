"""One case as one member sees it: read in one transaction, shown in parts that change by themselves."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.console.paper import piece
from bot.console.visit import Console
from bot.domain import cases
from bot.domain.accounts import BreakGlass
from bot.domain.cases import Case, CaseEvent, CaseMessage, Direction, Resolution, WorkState
from bot.domain.ids import StaffId
from bot.domain.people import StaffMember
from bot.domain.timers import Timer, TimerState
from bot.service import handover, sealed
from bot.service.handover import Opening
from bot.service.ports import Routing, UnitOfWork
from policies import screen

PARTS = ("head", "work", "talk", "may", "packet", "log")
TEMPLATES = ("reply_hello", "reply_working", "reply_safe", "reply_question", "reply_refer", "reply_closing")
"""Words a caseworker may begin with, in the person's language."""
SNOOZES = ("1h", "4h", "tomorrow", "3d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A case with all that is shown of it."""

    case: Case
    reader: StaffMember
    """With the role they have for this case."""
    messages: Sequence[CaseMessage]
    events: Sequence[CaseEvent]
    timers: Sequence[Timer]
    packets: Sequence[tuple[Opening, str | None]]
    """What was known when it was opened, newest first, with the number of the case it follows."""
    routings: Sequence[Routing]
    aliases: Mapping[StaffId, str]
    colleagues: Sequence[StaffMember]
    """Who else may have it."""
    glass: BreakGlass | None
    """The request by which the reader reads it, if it is sealed and they are no focal point."""
    now: datetime

    @property
    def may_reply(self) -> bool:
        return cases.may_reply(self.case, self.reader.id)

    @property
    def may_claim(self) -> bool:
        return self.case.is_open and self.case.owner_id is None

    @property
    def may_manage(self) -> bool:
        """Give it away, put it aside, judge, resolve."""
        is_theirs = self.case.owner_id == self.reader.id or self.reader.desk_role is cases.overseer(self.case)
        return self.case.state in cases.OWNED and is_theirs

    @property
    def may_agree(self) -> bool:
        """Be the second person at the end of an urgent case."""
        asked_by = self.case.review_by
        return asked_by is not None and asked_by != self.reader.id and self.reader.desk_role is cases.overseer(self.case)

    @property
    def is_put_aside(self) -> bool:
        return self.case.state in {WorkState.SNOOZED, WorkState.WAITING_PARTNER}


def read(uow: UnitOfWork, case: Case, member: StaffMember, *, now: datetime) -> Sheet | None:
    """Return a case for a member; None when they may not read it, or it has changed meanwhile."""
    requests = uow.accounts.requests(since=now)
    reader = sealed.as_reader(case, member, requests, now=now)
    if reader is None:
        return None
    everybody, messages = uow.staff.all(), uow.cases.messages(case.id)
    if uow.cases.get(case.id) != case:
        return None  # it has changed, perhaps been sealed, while it was read: what was read may not be for them
    by_request = reader.desk_role is not member.desk_role
    glass = next((one for one in requests if one.case_id == case.id and one.asked_by == member.id), None) if by_request else None
    return Sheet(
        case=case, reader=reader, messages=messages, events=uow.cases.events(case.id),
        timers=[timer for timer in uow.timers.all_of(case.id) if timer.state is TimerState.RUNNING],
        packets=[handover.kept(text) for text in uow.cases.packets(case.id)], routings=uow.cases.routings(case.id),
        aliases={one.id: one.alias for one in everybody},
        colleagues=[one for one in everybody if one.id != case.owner_id and cases.may_have(case, one.desk_role)],
        glass=glass, now=now,
    )  # fmt: skip


def parts(console: Console, sheet: Sheet, language: str, csrf: str) -> dict[str, str]:
    """Return the parts of the page that change by themselves, by their names. Takes milliseconds: not for the event loop."""
    values = {
        "sheet": sheet, "case": sheet.case, "csrf": csrf, "resolutions": list(Resolution), "snoozes": SNOOZES,
        "queues": list(console.app.policies.queues), "folds": lambda message: _folds(console, message),
    }  # fmt: skip
    return {name: piece(console, f"case_{name}.html", language, values) for name in PARTS}


def marks(shown: Mapping[str, str]) -> dict[str, str]:
    """Return a mark of each part."""
    return {name: hashlib.sha256(html.encode()).hexdigest()[:12] for name, html in shown.items()}


def as_text(found: Mapping[str, str]) -> str:
    """Return marks as an event's id carries them."""
    return ".".join(found[name] for name in PARTS)


def of_text(text: str) -> dict[str, str]:
    """Return the marks in an event's id; none when it is not one of ours."""
    given = text.split(".")
    return dict(zip(PARTS, given, strict=True)) if len(given) == len(PARTS) else {}


def _folds(console: Console, message: CaseMessage) -> bool:
    """Whether the words of a person are shown only when asked for: the lexicons of danger know something in them."""
    if message.direction is not Direction.FROM_PERSON or not message.text:
        return False

    def has_danger() -> bool:
        return bool(screen(message.text, console.app.policies).triggers)

    return console.made.once(("folds", message.id, len(message.text)), has_danger)
