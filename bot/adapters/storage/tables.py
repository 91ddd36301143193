"""The tables. Chat ids stand as keyed hash plus ciphertext, words as ciphertext only.

Names and columns are final: the schema grows by expand, migrate, contract.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from knowledge.tables import Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in an INTEGER column."""


update_inbox = Table(
    "update_inbox",
    metadata,
    Column("bot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("lane", String(64), nullable=False, comment="keyed hash of the chat: updates of a lane are handled in order"),
    Column("received_at", Moment, nullable=False),
    Column("payload", LargeBinary, comment="ciphertext; erased when the disposition is recorded"),
    Column("state", String(8), nullable=False, comment="pending, leased or done"),
    Column("worker", String(32)),
    Column("leased_until", Moment),
    Column("not_before", Moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("error", String(64)),
    Column("disposition", String(24)),
    Column("disposed_at", Moment),
)
Index("ix_update_inbox_open", update_inbox.c.bot_id, update_inbox.c.lane, update_inbox.c.update_id,
      sqlite_where=update_inbox.c.state != "done", postgresql_where=update_inbox.c.state != "done")  # fmt: skip

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("lane", String(80), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("dedupe_key", String(120), nullable=False, unique=True),
    Column("payload", LargeBinary, comment="ciphertext of the delivery; erased when it is sent or given up"),
    Column("person_id", BigInteger, comment="whose conversation version guards it"),
    Column("version", Integer),
    Column("state", String(10), nullable=False, comment="pending, leased, sent, cancelled or dead"),
    Column("worker", String(32)),
    Column("leased_until", Moment),
    Column("not_before", Moment),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column(
        "ambiguous", Integer, nullable=False, server_default=text("0"), comment="times it may have been sent without our knowing"
    ),
    Column("error", String(64)),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Column("slot", String(16), comment="of those that wait in one lane and slot only the newest is sent"),
    Column("case_message_id", BigInteger, comment="the first case message it carries"),
    sqlite_autoincrement=True,
)
OPEN_STATES = ("pending", "leased")
Index("ix_outbox_case_message_id", outbox.c.case_message_id)
Index("ix_outbox_open", outbox.c.lane, outbox.c.id,
      sqlite_where=outbox.c.state.in_(OPEN_STATES), postgresql_where=outbox.c.state.in_(OPEN_STATES))  # fmt: skip

person = Table(
    "person",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("chat_key", String(64), unique=True),
    Column("chat_cipher", LargeBinary),
    Column("role", String(8), nullable=False),
    Column("state", String(8), nullable=False),
    Column("language", String(8)),
    Column("language_chosen", Boolean, nullable=False),
    Column("language_asked", Boolean, nullable=False, server_default=false()),
    Column("welcomed_at", Moment),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False, index=True),
    sqlite_autoincrement=True,
)

conversation = Table(
    "conversation",
    metadata,
    Column("person_id", ForeignKey("person.id"), primary_key=True),
    Column("speaker", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("pending", String(16)),
    Column("question", LargeBinary, comment="ciphertext; erased with the turn text"),
    Column("category", String(32)),
    Column("severity", Integer, nullable=False),
    Column("clarifications_asked", Integer, nullable=False),
    Column("card_sent_at", Moment),
    Column("updated_at", Moment),
)

consent = Table(
    "consent",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("person_id", ForeignKey("person.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("granted", Boolean, nullable=False),
    Column("language", String(8), nullable=False),
    Column("at", Moment, nullable=False),
)

turn = Table(
    "turn",
    metadata,
    Column("bot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("rule_id", String(64), nullable=False),
    Column("language", String(8), nullable=False),
    Column("case_id", BigInteger),
    Column("facts", JSON, nullable=False, comment="the rest of the record: scores, ids and versions, no words"),
    Column("text", LargeBinary, comment="ciphertext; erased by retention"),
)
Index("ix_turn_person_id_at", turn.c.person_id, turn.c.at)
Index("ix_turn_at", turn.c.at)

cases = Table(
    "cases",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("number", String(12), nullable=False, unique=True),
    Column("person_id", ForeignKey("person.id"), nullable=False),
    Column("language", String(8), nullable=False),
    Column("sealed", Boolean, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("category", String(32)),
    Column("owner_id", BigInteger),
    Column("resolved_at", Moment),
    Column("group_key", String(64), comment="keyed hash of the staff group"),
    Column("group_cipher", LargeBinary),
    Column("thread_id", BigInteger),
    Column("header_message_id", BigInteger),
    Column("topic_generation", Integer, nullable=False, server_default=text("0")),
    Column("follows_id", BigInteger),
    Column("drill", Boolean, nullable=False, server_default=false()),
    Column("queue", String(32), nullable=False, server_default="general"),
    Column("last_owner_id", BigInteger),
    Column("waiting_since", Moment),
    Column("replied_at", Moment),
    Column("snoozed_until", Moment),
    Column("review_by", BigInteger),
    Column("resolution", String(24)),
    Column("unreachable", Boolean, nullable=False, server_default=false()),
    sqlite_autoincrement=True,
)
OPEN_CASES = ("queued", "active", "waiting_person", "waiting_partner", "snoozed")
Index("uq_cases_one_open_per_person", cases.c.person_id, unique=True,
      sqlite_where=cases.c.state.in_(OPEN_CASES), postgresql_where=cases.c.state.in_(OPEN_CASES))  # fmt: skip
Index("ix_cases_person", cases.c.person_id)
Index("ix_cases_state", cases.c.state)
Index("ix_cases_owner_id", cases.c.owner_id)
Index("ix_cases_resolved_at", cases.c.resolved_at)

case_event = Table(
    "case_event",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("staff_id", BigInteger),
    Column("severity", Integer),
    Column("category", String(32)),
    Column("note", String(64), nullable=False, comment="a reason's name, never words of a person"),
    Column("to_id", BigInteger),
    Column("until", Moment),
    Column("into_id", BigInteger),
    Column("since", Moment),
    UniqueConstraint("case_id", "seq"),
)

case_timer = Table(
    "case_timer",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("rings_at", Moment, comment="when something happens next; null when it does not run"),
    Column("state", String(8), nullable=False),
    Column("step", Integer, nullable=False),
    Column("left_s", Float, comment="what remains of a paused timer"),
    sqlite_autoincrement=True,
)
OPEN_TIMERS = ("running", "paused")
Index("uq_case_timer_one_open_of_a_kind", case_timer.c.case_id, case_timer.c.kind, unique=True,
      sqlite_where=case_timer.c.state.in_(OPEN_TIMERS), postgresql_where=case_timer.c.state.in_(OPEN_TIMERS))  # fmt: skip
Index("ix_case_timer_case_id", case_timer.c.case_id)
Index("ix_case_timer_rings_at", case_timer.c.rings_at)

case_message = Table(
    "case_message",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("direction", String(12), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("text", LargeBinary, comment="ciphertext; erased by retention"),
    Column("staff_id", BigInteger),
    Column("state", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("album", String(64), comment="messages sent together share it"),
    sqlite_autoincrement=True,
)

case_thread = Table(
    "case_thread",
    metadata,
    Column("chat_key", String(64), primary_key=True),
    Column("thread_id", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
)
"""Every topic a case has had: what was posted in one may be handled after it has gone."""

case_routing = Table(
    "case_routing",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("mode", String(8), nullable=False),
    Column("chosen_id", BigInteger),
    Column("candidates", JSON, nullable=False, comment="who was looked at, in order, and why each fits or not"),
    sqlite_autoincrement=True,
)

case_packet = Table(
    "case_packet",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("packet", LargeBinary, comment="ciphertext; erased with the words of the case"),
    sqlite_autoincrement=True,
)
"""What was known when a case was opened, or opened again."""

Index("ix_case_message_state", case_message.c.state)
Index("ix_case_message_at", case_message.c.at)

message_link = Table(
    "message_link",
    metadata,
    Column("chat_key", String(64), primary_key=True),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("case_message_id", ForeignKey("case_message.id", ondelete="CASCADE"), primary_key=True, index=True),
)

staff = Table(
    "staff",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("chat_key", String(64), index=True),
    Column("chat_cipher", LargeBinary),
    Column("desk_role", String(16), nullable=False),
    Column("alias", String(40), nullable=False, unique=True),
    Column("linked_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("languages", String(64), nullable=False, server_default=""),
    Column("queues", String(200), nullable=False, server_default=""),
    Column("capacity", Integer, nullable=False, server_default=text("8")),
    Column("on_call", Integer, comment="place in the ladder of people who are told about urgent cases"),
    Column("away", Boolean, nullable=False, server_default=false()),
    Column("clearance", Integer, nullable=False, server_default=text("4"), comment="gravest severity they are given"),
    Column("given_at", Moment, comment="when they last got a case"),
    sqlite_autoincrement=True,
)

staff_invite = Table(
    "staff_invite",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("desk_role", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_at", Moment),
    Column("staff_id", BigInteger, comment="the member whose second way in it is; null for somebody new"),
    Column("invited_by", BigInteger, comment="with whose role its worth ends; null for the operator"),
)

account = Table(
    "account",
    metadata,
    Column("staff_id", ForeignKey("staff.id"), primary_key=True),
    Column("password_hash", String(200), nullable=False),
    Column("totp_secret", LargeBinary, nullable=False, comment="ciphertext"),
    Column("last_step", BigInteger, nullable=False, server_default=text("0"), comment="no one-time code works twice"),
    Column("changed_at", Moment, nullable=False),
)
"""Who may sign in to the console."""

console_session = Table(
    "console_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff_id", ForeignKey("staff.id"), nullable=False, index=True),
    Column("started_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("name_hash", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("until", Moment, comment="no sign-in is looked at before"),
    Column("at", Moment, nullable=False),
)

break_glass = Table(
    "break_glass",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("case_id", ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("asked_by", BigInteger, nullable=False),
    Column("reason", LargeBinary, comment="ciphertext; erased with the words of the case"),
    Column("asked_at", Moment, nullable=False),
    Column("granted_by", BigInteger),
    Column("ends_at", Moment, nullable=False, index=True),
    sqlite_autoincrement=True,
)

gap = Table(
    "gap",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("topic", String(16), nullable=False),
    Column("intent", String(64), nullable=False),
    Column("note", LargeBinary, comment="ciphertext of what somebody of the staff wrote"),
    Column("opened_at", Moment, nullable=False),
    Column("owner_id", BigInteger),
    Column("closed_at", Moment),
    Column("closed_by", String(200), nullable=False, server_default=""),
    sqlite_autoincrement=True,
)
Index("uq_gap_one_open_of_a_kind", gap.c.intent, gap.c.topic, unique=True,
      sqlite_where=gap.c.closed_at.is_(None) & (gap.c.kind == "unanswered") & gap.c.note.is_(None),
      postgresql_where=gap.c.closed_at.is_(None) & (gap.c.kind == "unanswered") & gap.c.note.is_(None))  # fmt: skip

gap_asking = Table(
    "gap_asking",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("gap_id", ForeignKey("gap.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False, index=True),
    Column("language", String(8), nullable=False),
    Column("update_id", BigInteger, comment="the turn it was, whose words go after a day"),
    sqlite_autoincrement=True,
)

button = Table(
    "button",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("action", String(24), nullable=False),
    Column("value", String(64), nullable=False),
    Column("person_id", BigInteger, index=True),
    Column("case_id", BigInteger),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("used_at", Moment),
)

notebook = Table(
    "notebook",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Moment, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(64), nullable=False),
    Column("hash", String(64), nullable=False, comment="over the previous row's hash and this row"),
    sqlite_autoincrement=True,
)

incident = Table(
    "incident",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
)
