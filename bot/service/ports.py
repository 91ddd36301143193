"""What the use cases need from outside, as protocols. Adapters fulfil them; tests fulfil them with small fakes.

Storage is used through functions: ``await storage.run(work)`` calls ``work(uow)`` inside one transaction and commits when it
returns. A transaction is therefore a plain function: nothing slow can be awaited in the middle of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from bot.domain.cases import Case, CaseEvent, CaseMessage, CaseTopic, DeliveryState, Direction
from bot.domain.deliveries import Content, Delivery, Pool, WireButton
from bot.domain.ids import CaseId, CaseMessageId, ChatId, OutboxId, PassageId, PersonId, StaffId, UpdateId
from bot.domain.messages import Button
from bot.domain.people import Conversation, DeskRole, Person, StaffMember
from bot.domain.routing import Load
from bot.domain.timers import Timer, TimerKind
from bot.domain.turns import Disposition, TurnRecord, Understanding
from bot.service.office_ports import Accounts, Figures, Gaps
from knowledge.passages import Audience, Hit, Retrieval

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...


class Understander(Protocol):
    async def parse(self, text: str) -> Understanding:
        """Return NLU's report; never raises: what is missing is named in ``status``."""
        ...


class Retriever(Protocol):
    async def search(
        self, text: str, *, language: str, written: str, audiences: frozenset[Audience], limit: int
    ) -> Retrieval:  # fmt: skip
        """Return passages within ``audiences``, best first.

        Raises:
            RetrievalUnavailable: index or encoder is missing; its ``state`` names which.
        """
        ...

    async def passage(self, passage_id: PassageId, *, audiences: frozenset[Audience]) -> str | None:
        """Return a passage under its heading, or None when it is gone or not for these audiences."""
        ...

    async def resolve(self, passage_ids: Sequence[PassageId], *, audiences: frozenset[Audience]) -> list[Hit]:
        """Return passages by id, in this order; those that may not be shown any more, or cannot be read now, are left out."""
        ...


class LanguageDetector(Protocol):
    def detect(self, text: str) -> tuple[str | None, float]:
        """Return (ISO 639-1 code, confidence 0..1); (None, 0.0) when the text is too short to tell."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Telegram took it. ``message_ids`` is empty for operations that make no message."""

    message_ids: tuple[int, ...] = ()


class Messenger(Protocol):
    """Telegram's side. Every method raises a subclass of Unavailable or Undeliverable."""

    async def send(self, chat_id: ChatId, thread_id: int | None, content: Content, *, reply_to: int | None = None) -> Sent: ...

    async def create_topic(self, group_id: ChatId, name: str) -> int:
        """Return the thread id of the new topic."""
        ...

    async def answer_button(self, callback_id: str, text: str = "", *, alert: bool = False) -> None:
        """Stop the button's spinner; never raises: an expired press is no error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RawUpdate:
    """An update as received, profile fields already removed."""

    update_id: UpdateId
    chat_id: ChatId | None
    """Chat it belongs to; updates of one chat are handled in order. None for updates of no chat."""
    payload: Mapping[str, object]
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    update_id: UpdateId
    payload: Mapping[str, object]
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    id: OutboxId
    delivery: Delivery
    attempts: int
    created_at: datetime
    may_be_repeat: bool = False
    """An earlier attempt may have arrived without our knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonAction:
    """What a pressed token means."""

    action: str
    value: str
    person_id: PersonId | None
    case_id: CaseId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Which case message a Telegram message is part of."""

    case_id: CaseId
    case_message_id: CaseMessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """One look for somebody who takes a case, with the reasons."""

    at: datetime
    mode: str
    chosen_id: StaffId | None
    candidates: Sequence[tuple[StaffId, bool, Sequence[str]]]
    """Everybody looked at, best first: who, whether they fit, and why."""


class Inbox(Protocol):
    def add(self, updates: Sequence[RawUpdate]) -> int:
        """Keep updates not seen before; return how many were new."""
        ...

    def claim(self, *, worker: str, now: datetime, lease_s: float, limit: int) -> list[InboxItem]:
        """Lease the oldest open update of each chat that has none leased."""
        ...

    def finish(self, update_id: UpdateId, *, worker: str, disposition: Disposition, now: datetime) -> None:
        """Record the end and erase the payload.

        Raises:
            LeaseLost: another worker has it.
        """
        ...

    def retry(self, update_id: UpdateId, *, worker: str, error: str, not_before: datetime) -> None: ...

    def release_leases(self) -> int:
        """Give back what a killed process had leased. Only for the one process of a SQLite file, at its start."""
        ...

    def pending(self) -> int: ...

    def delete_done(self, *, before: datetime) -> int: ...

    def dispositions(self) -> dict[int, str | None]:
        """Return update number → how it ended, None while it is open."""
        ...


class Outbox(Protocol):
    def add(self, deliveries: Iterable[Delivery], *, now: datetime) -> None:
        """Keep deliveries whose ``dedupe_key`` is new; one may be joined to the one that waits before it, see ``joined``.

        Something urgent lets go of what its lane holds back.
        """
        ...

    def claim(self, free: Mapping[Pool, int], *, worker: str, now: datetime, lease_s: float) -> list[tuple[Pool, OutboxItem]]:
        """Lease the first open row of each free lane, most urgent first, as many of each pool as ``free`` says.

        Rows computed for an older conversation version are cancelled here and not returned.
        """
        ...

    def withdraw(self, message_ids: Collection[CaseMessageId], *, now: datetime) -> None:
        """Cancel what carries these replies and has never been tried; what is on its way is asked again before it leaves."""
        ...

    def knows(self, dedupe_key: str) -> bool:
        """Whether a delivery with this key has been written, whatever became of it."""
        ...

    def rewrite(self, message_id: CaseMessageId, content: Content) -> bool:
        """Change the one row that carries a reply if it cannot have left; return whether it was so."""
        ...

    def sent(self, item: OutboxItem, *, worker: str, now: datetime) -> None:
        """Record success and erase the content."""
        ...

    def retry(self, item: OutboxItem, *, worker: str, error: str, not_before: datetime, ambiguous: bool) -> None: ...

    def give_up(self, item: OutboxItem, *, worker: str, error: str, now: datetime) -> None: ...

    def cancel_person(self, person_id: PersonId, *, reason: str, now: datetime) -> list[CaseMessageId]:
        """Cancel all that waits for a person; return the case messages that will not reach them."""
        ...

    def waiting_since(self, case_ids: Collection[CaseId]) -> datetime | None:
        """Return when the oldest delivery to the topics of these cases that waits was written; None when none waits."""
        ...

    def release_leases(self) -> int:
        """As for the inbox; rows that were being sent are marked ambiguous."""
        ...

    def pending(self) -> int: ...

    def delete_done(self, *, before: datetime) -> int: ...

    def states(self) -> dict[str, int]:
        """Return state → number of rows; ``ambiguous`` counts those that may have been sent twice."""
        ...


class People(Protocol):
    def for_chat(self, chat_id: ChatId, *, now: datetime, language_hint: str | None = None) -> Person:
        """Return the person of a chat, made when new."""
        ...

    def get(self, person_id: PersonId) -> Person: ...

    def save(self, person: Person) -> None: ...

    def conversation(self, person_id: PersonId) -> Conversation: ...

    def save_conversation(self, conversation: Conversation) -> None: ...

    def record_consent(self, person_id: PersonId, *, kind: str, granted: bool, language: str, now: datetime) -> None: ...

    def erase(self, person_id: PersonId, *, now: datetime) -> None:
        """Erase words, cases' text, consents and the chat id; keep only counts and event kinds."""
        ...

    def erase_idle(self, *, seen_before: datetime, now: datetime) -> int:
        """Erase people without an open case whose last message is older; return how many."""
        ...


class Turns(Protocol):
    def add(self, record: TurnRecord) -> None: ...

    def get(self, update_id: UpdateId) -> TurnRecord | None: ...

    def recent(self, person_id: PersonId, *, since: datetime) -> list[datetime]:
        """Times of the person's turns, oldest first."""
        ...

    def shown(self, person_id: PersonId, *, since: datetime, until: datetime) -> list[PassageId]:
        """Return the passages shown to the person in a time, each once, oldest first."""
        ...

    def erase_text(self, *, before: datetime) -> int:
        """Erase the words of turns, and open questions of conversations, older than ``before``."""
        ...

    def delete(self, *, before: datetime) -> int: ...


ALL_OPEN = 10_000
"""More cases than a desk has open at a time."""


class Cases(Protocol):
    def open(self, case: Case, event: CaseEvent) -> Case:
        """Store a new case with its first event; the id is assigned. At most one open case per person.

        Raises:
            Conflict: the person has an open case.
        """
        ...

    def get(self, case_id: CaseId) -> Case: ...

    def locked(self, case_id: CaseId) -> Case:
        """Return the case as it stands once nobody else may change it until the transaction ends."""
        ...

    def by_number(self, number: str) -> Case | None: ...

    def open_for(self, person_id: PersonId) -> Case | None: ...

    def last_of(self, person_id: PersonId) -> Case | None:
        """Return the person's newest case, open or not."""
        ...

    def all(self, *, open_only: bool = True, limit: int = 100) -> list[Case]: ...

    def some(self, case_ids: Collection[CaseId]) -> list[Case]:
        """Return those of these cases that are there."""
        ...

    def owned_by(self, staff_id: StaffId) -> list[Case]:
        """Return every open case of a member."""
        ...

    def loads(self, *, urgent_since: datetime) -> Mapping[StaffId, Load]:
        """Return what every owner carries, and when an urgent case last left somebody, unless before ``urgent_since``."""
        ...

    def last_owner_of(self, person_id: PersonId, *, since: datetime) -> StaffId | None:
        """Return who last had a case of this person, not sealed, that was worked on since."""
        ...

    def add_routing(self, case_id: CaseId, routing: Routing) -> None: ...

    def routings(self, case_id: CaseId) -> list[Routing]:
        """Return what was decided about who takes a case, oldest first."""
        ...

    def add_packet(self, case_id: CaseId, packet: str, *, now: datetime) -> None:
        """Keep what was known when the case was opened, or opened again."""
        ...

    def packets(self, case_id: CaseId) -> list[str]:
        """Return what was kept, newest first; erased ones are left out."""
        ...

    def append(self, case: Case, event: CaseEvent) -> Case:
        """Append to the case as read; return the case after the event.

        Raises:
            VersionConflict: the case has moved on.
        """
        ...

    def events(self, case_id: CaseId) -> list[CaseEvent]: ...

    def topic(self, case_id: CaseId) -> CaseTopic: ...

    def save_topic(self, topic: CaseTopic) -> None: ...

    def by_topic(self, group_id: ChatId, thread_id: int) -> Case | None: ...

    def move_group(self, old: ChatId, new: ChatId) -> int: ...

    def add_message(
        self,
        case_id: CaseId,
        *,
        direction: Direction,
        kind: str,
        text: str,
        staff_id: StaffId | None,
        state: DeliveryState,
        at: datetime,
        album: str | None = None,
    ) -> CaseMessage: ...

    def set_message_state(self, message_id: CaseMessageId, state: DeliveryState) -> None: ...

    def messages(self, case_id: CaseId) -> list[CaseMessage]: ...

    def link(self, chat_id: ChatId, message_id: int, link: Link) -> None:
        """Remember which Telegram message carries which case message; keyed on (chat, message)."""
        ...

    def linked(self, chat_id: ChatId, message_id: int) -> Link | None: ...

    def message(self, message_id: CaseMessageId) -> CaseMessage: ...

    def of_album(self, case_id: CaseId, album: str) -> CaseMessage | None:
        """Return the newest message of a case that came with this album."""
        ...

    def set_text(self, message_id: CaseMessageId, text: str) -> None:
        """Change words that have not left."""
        ...

    def place_of(self, message_id: CaseMessageId, chat_id: ChatId) -> int | None:
        """Return the Telegram message in ``chat_id`` that carries this case message."""
        ...

    def erase_text(self, *, resolved_before: datetime, sealed_resolved_before: datetime) -> int:
        """Erase the words of cases resolved before; return how many messages lost theirs."""
        ...

    def delete(self, *, resolved_before: datetime) -> int: ...


class Timers(Protocol):
    """Promises about time, one row each; ended ones stay for the record."""

    def open_of(self, case_id: CaseId) -> Mapping[TimerKind, Timer]:
        """Return the timers of a case that run or are paused, by kind."""
        ...

    def all_of(self, case_id: CaseId) -> list[Timer]:
        """Return every timer of a case, oldest first."""
        ...

    def save(self, case_id: CaseId, timer: Timer, *, rings_at: datetime | None) -> None:
        """Write a timer as it stands; ``rings_at`` is when something happens next."""
        ...

    def count_late(self, case_ids: Collection[CaseId]) -> int:
        """Return for how many of these cases a promised time has passed while the person still waits."""
        ...

    def put_off(self, timer: Timer, until: datetime) -> None:
        """Let a timer that still runs ring later; one that has changed meanwhile is left alone."""
        ...

    def ringing(self, now: datetime, *, limit: int) -> list[tuple[CaseId, Timer]]:
        """Return timers that ring by ``now``, the earliest first."""
        ...


class Staff(Protocol):
    def invite(
        self, code: str, *, desk_role: DeskRole, expires_at: datetime, now: datetime, staff_id: StaffId | None = None,
        by: StaffId | None = None,
    ) -> None:  # fmt: skip
        """Keep a one-time code, for whoever comes or for a member, whose earlier codes end.

        Args:
            by: Who invites; None for the operator of the machine. With them their unused codes end.
        """
        ...

    def end_codes_of(self, staff_id: StaffId) -> None:
        """Let the unused codes that a member made, and those made for them, count no more."""
        ...

    def redeem(self, code: str, *, chat_id: ChatId | None, now: datetime) -> StaffMember:
        """Link a chat to the staff; without a chat somebody comes in who has none, for the console.

        Raises:
            UnknownCode: unknown, used or expired; or the chat is another member's.
        """
        ...

    def invited(self, code: str, *, now: datetime) -> tuple[DeskRole, StaffMember | None] | None:
        """Return what a code is for, and for whom when it is a member's second way in; None when it does not count."""
        ...

    def by_chat(self, chat_id: ChatId) -> StaffMember | None: ...

    def get(self, staff_id: StaffId) -> StaffMember: ...

    def all(self) -> list[StaffMember]: ...

    def some(self, staff_ids: Collection[StaffId]) -> list[StaffMember]:
        """Return those of these members that are linked."""
        ...

    def aliases(self) -> Mapping[StaffId, str]:
        """Return how colleagues see each linked member."""
        ...

    def change_role(self, staff_id: StaffId, role: DeskRole) -> StaffMember:
        """Give a member another role, with the name that goes with it; it holds at once."""
        ...

    def save(self, member: StaffMember) -> None:
        """Write what a member takes: languages, queues, capacity, place on call, away."""
        ...

    def given(self, staff_id: StaffId, *, now: datetime) -> None:
        """A member got a case."""
        ...

    def revoke(self, staff_id: StaffId, *, now: datetime) -> None: ...


OF_CASE = "@"
"""First letter of the token of a case's button: no other token begins so."""


class Buttons(Protocol):
    def issue(
        self,
        rows: Sequence[Sequence[Button]],
        *,
        person_id: PersonId | None,
        case_id: CaseId | None,
        expires_at: datetime,
    ) -> tuple[tuple[WireButton, ...], ...]:
        """Return the buttons as Telegram sees them: opaque tokens of at most 64 bytes, bound to the person or the case.

        That of a case's button begins with :data:`OF_CASE`.
        """
        ...

    def look_up(self, token: str, *, now: datetime) -> ButtonAction | None:
        """Return what a token means; None when it is unknown, expired or used."""
        ...

    def delete_expired(self, now: datetime) -> int: ...


class Notebook(Protocol):
    """Small named values: the pause switch, the group's id after a migration, the key's fingerprint."""

    def get(self, name: str) -> str | None: ...

    def put(self, name: str, value: str, *, now: datetime) -> None: ...

    def delete(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    number: int
    at: datetime
    actor: str
    action: str
    subject: str


class Audit(Protocol):
    def record(self, *, actor: str, action: str, subject: str, now: datetime) -> None:
        """Append to the hash chain. Never any message text."""
        ...

    def verify(self) -> bool:
        """Whether the chain is unbroken."""
        ...

    def newest(self, *, limit: int, before: int | None = None, subject: str = "", actor: str = "") -> list[AuditEntry]:
        """Return entries, newest first: those with a lower number than ``before``, of one subject, of one actor."""
        ...


class Incidents(Protocol):
    def open(self, kind: str, detail: str, *, now: datetime) -> bool:
        """Open an incident of this kind unless one is open; return whether it is new."""
        ...

    def close(self, kind: str, *, now: datetime) -> bool: ...

    def list_open(self) -> list[tuple[str, str, datetime]]: ...


class Ledger(Protocol):
    """The books of the relay: what came in, what went out, and where the two do not meet."""

    def updates_without_end(self, *, before: datetime) -> int:
        """Return how many updates received before have no disposition."""
        ...

    def replies_without_end(self, *, before: datetime) -> int:
        """Return how many replies written before are neither delivered nor refused nor on their way."""
        ...

    def deliveries_waiting(self, *, before: datetime) -> int:
        """Return how many deliveries written before have not left."""
        ...

    def unseen_messages(self, *, after: datetime, before: datetime, queues: Collection[str] | None = None) -> int:
        """Return how many messages of people stand in no group and are on their way to none.

        Those of sealed cases are not counted, and of cases that are over only what was written after ``after``; ``queues`` are
        those with a group, None for all.
        """
        ...

    def muted_people(self) -> list[PersonId]:
        """Return people whom nobody answers: the assistant is silent for them, and no case is open."""
        ...

    def cases_without_timer(self) -> list[CaseId]:
        """Return open cases for which nothing runs."""
        ...

    def timers_put_off(self) -> int:
        """Return how many timers could not do what was due and wait to be tried again."""
        ...

    def group_reached_since(self, at: datetime) -> bool:
        """Whether anything has been posted in a case's topic after a moment."""
        ...


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def inbox(self) -> Inbox: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def people(self) -> People: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def cases(self) -> Cases: ...
    @property
    def timers(self) -> Timers: ...
    @property
    def staff(self) -> Staff: ...
    @property
    def buttons(self) -> Buttons: ...
    @property
    def notebook(self) -> Notebook: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def incidents(self) -> Incidents: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def gaps(self) -> Gaps: ...
    @property
    def figures(self) -> Figures: ...


class Storage(Protocol):
    async def run(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run ``work`` in one transaction, in a thread, and commit; on any error nothing is kept.

        Raises:
            StorageUnavailable: the database is read-only, full, locked or gone.
        """
        ...

    async def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run ``work``, which only reads, in one transaction; it does not wait for those who write."""
        ...
