"""A web console: accounts, sessions, requests to open sealed cases; packets of cases; gaps of the library.

Columns are new ones that may be empty, so that a release back works on the same tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
OPEN_GAP = "closed_at IS NULL AND kind = 'unanswered' AND note IS NULL"


def upgrade() -> None:
    op.add_column(
        "staff_invite",
        sa.Column("staff_id", sa.BigInteger(), comment="the member whose second way in it is; null for somebody new"),
    )
    op.add_column(
        "staff_invite",
        sa.Column("invited_by", sa.BigInteger(), comment="with whose role its worth ends; null for the operator"),
    )
    op.create_table(
        "account",
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=False, comment="ciphertext"),
        sa.Column(
            "last_step", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="no one-time code works twice"
        ),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_account_staff_id"),
        sa.PrimaryKeyConstraint("staff_id", name="pk_account"),
    )
    op.create_table(
        "console_session",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("staff_id", BIG_ID, nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name="fk_console_session_staff_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_console_session"),
    )
    op.create_index("ix_console_session_staff_id", "console_session", ["staff_id"])
    op.create_table(
        "sign_in_tries",
        sa.Column("name_hash", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", MOMENT, comment="no sign-in is looked at before"),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name_hash", name="pk_sign_in_tries"),
    )
    op.create_table(
        "break_glass",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), comment="ciphertext; erased with the words of the case"),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("granted_by", sa.BigInteger()),
        sa.Column("ends_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_break_glass_case_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_break_glass_case_id", "break_glass", ["case_id"])
    op.create_index("ix_break_glass_ends_at", "break_glass", ["ends_at"])
    op.create_table(
        "case_packet",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("packet", sa.LargeBinary(), comment="ciphertext; erased with the words of the case"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_packet_case_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_packet_case_id", "case_packet", ["case_id"])
    op.create_table(
        "gap",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("intent", sa.String(64), nullable=False),
        sa.Column("note", sa.LargeBinary(), comment="ciphertext of what somebody of the staff wrote"),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("owner_id", sa.BigInteger()),
        sa.Column("closed_at", MOMENT),
        sa.Column("closed_by", sa.String(200), server_default="", nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_gap_one_open_of_a_kind", "gap", ["intent", "topic"], unique=True, sqlite_where=sa.text(OPEN_GAP),
        postgresql_where=sa.text(OPEN_GAP),
    )  # fmt: skip
    op.create_table(
        "gap_asking",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("gap_id", BIG_ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("update_id", sa.BigInteger(), comment="the turn it was, whose words go after a day"),
        sa.ForeignKeyConstraint(["gap_id"], ["gap.id"], name="fk_gap_asking_gap_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_gap_asking_gap_id", "gap_asking", ["gap_id"])
    op.create_index("ix_gap_asking_at", "gap_asking", ["at"])


def downgrade() -> None:
    for table in ("gap_asking", "gap", "case_packet", "break_glass", "sign_in_tries", "console_session", "account"):
        op.drop_table(table)
    op.drop_column("staff_invite", "invited_by")
    op.drop_column("staff_invite", "staff_id")
