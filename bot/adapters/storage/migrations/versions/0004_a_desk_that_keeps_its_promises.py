"""States of a case that waits, timers of what was promised, and what each member of the staff takes.

The index of open cases is made anew: its condition names the states. The columns are new ones with a default or empty, so that a
release back works on the same tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN_BEFORE = ("queued", "active")
OPEN_NOW = ("queued", "active", "waiting_person", "waiting_partner", "snoozed")
ONE_OPEN = "uq_cases_one_open_per_person"
CASE_COLUMNS = ("follows_id", "drill", "last_owner_id", "waiting_since", "replied_at", "snoozed_until", "review_by", "resolution",
                "unreachable")  # fmt: skip
STAFF_COLUMNS = ("languages", "queues", "capacity", "on_call", "away")


def upgrade() -> None:
    for column in (
        sa.Column("follows_id", sa.BigInteger()),
        sa.Column("drill", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("last_owner_id", sa.BigInteger()),
        sa.Column("waiting_since", sa.DateTime(timezone=True)),
        sa.Column("replied_at", sa.DateTime(timezone=True)),
        sa.Column("snoozed_until", sa.DateTime(timezone=True)),
        sa.Column("review_by", sa.BigInteger()),
        sa.Column("resolution", sa.String(24)),
        sa.Column("unreachable", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("cases", column)
    op.execute("UPDATE cases SET last_owner_id = owner_id")
    _index_open_cases(OPEN_NOW)
    op.create_index("ix_cases_person", "cases", ["person_id"])
    for column in (
        sa.Column("to_id", sa.BigInteger()),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("into_id", sa.BigInteger()),
    ):
        op.add_column("case_event", column)
    for column in (
        sa.Column("languages", sa.String(64), server_default="", nullable=False),
        sa.Column("queues", sa.String(200), server_default="", nullable=False),
        sa.Column("capacity", sa.Integer(), server_default=sa.text("8"), nullable=False),
        sa.Column("on_call", sa.Integer(), comment="place in the ladder of people who are told about urgent cases"),
        sa.Column("away", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("staff", column)
    op.add_column(
        "outbox", sa.Column("slot", sa.String(16), comment="of those that wait in one lane and slot only the newest is sent")
    )
    op.create_table(
        "case_timer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rings_at", sa.DateTime(timezone=True), comment="when something happens next; null when it does not run"),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("left_s", sa.Float(), comment="what remains of a paused timer"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_timer_case_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    running = sa.column("state").in_(("running", "paused"))
    op.create_index(
        "uq_case_timer_one_open_of_a_kind", "case_timer", ["case_id", "kind"], unique=True, sqlite_where=running,
        postgresql_where=running,
    )  # fmt: skip
    op.create_index("ix_case_timer_case_id", "case_timer", ["case_id"])
    op.create_index("ix_case_timer_rings_at", "case_timer", ["rings_at"])


def downgrade() -> None:
    op.drop_table("case_timer")
    op.drop_column("outbox", "slot")
    op.drop_index("ix_cases_person", "cases")
    op.execute("UPDATE cases SET state = 'active' WHERE state IN ('waiting_person', 'waiting_partner', 'snoozed')")
    op.execute("UPDATE cases SET state = 'resolved' WHERE state IN ('closed', 'merged')")
    _index_open_cases(OPEN_BEFORE)
    for column in CASE_COLUMNS:
        op.drop_column("cases", column)
    for column in ("to_id", "until", "into_id"):
        op.drop_column("case_event", column)
    for column in STAFF_COLUMNS:
        op.drop_column("staff", column)


def _index_open_cases(states: tuple[str, ...]) -> None:
    op.drop_index(ONE_OPEN, "cases")
    is_open = sa.column("state").in_(states)
    op.create_index(ONE_OPEN, "cases", ["person_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
