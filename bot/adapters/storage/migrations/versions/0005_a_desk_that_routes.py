"""Queues and what routing decided, every topic a case has had, replies that can be taken back, albums.

Columns are new ones with a default or empty, so that a release back works on the same tables. One post may carry several messages
now, so that the key of a link names the message too.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

INDEXED = (("cases", "state"), ("cases", "owner_id"), ("cases", "resolved_at"), ("case_message", "state"), ("case_message", "at"))


def upgrade() -> None:
    op.add_column("cases", sa.Column("queue", sa.String(32), server_default="general", nullable=False))
    op.add_column("case_event", sa.Column("since", sa.DateTime(timezone=True)))
    op.add_column("case_message", sa.Column("album", sa.String(64), comment="messages sent together share it"))
    op.add_column("outbox", sa.Column("case_message_id", sa.BigInteger(), comment="the first case message it carries"))
    op.create_index("ix_outbox_case_message_id", "outbox", ["case_message_id"])
    op.add_column(
        "staff",
        sa.Column(
            "clearance", sa.Integer(), server_default=sa.text("4"), nullable=False, comment="gravest severity they are given"
        ),
    )
    op.add_column("staff", sa.Column("given_at", sa.DateTime(timezone=True), comment="when they last got a case"))
    op.create_table(
        "case_routing",
        sa.Column("id", BIG_ID, primary_key=True),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("chosen_id", sa.BigInteger()),
        sa.Column("candidates", sa.JSON(), nullable=False, comment="who was looked at, in order, and why each fits or not"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_routing_case_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_case_routing_case_id", "case_routing", ["case_id"])
    op.create_table(
        "case_thread",
        sa.Column("chat_key", sa.String(64), primary_key=True),
        sa.Column("thread_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("case_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_thread_case_id", ondelete="CASCADE"),
    )
    op.create_index("ix_case_thread_case_id", "case_thread", ["case_id"])
    op.execute(
        "INSERT INTO case_thread (chat_key, thread_id, case_id) SELECT group_key, thread_id, max(id) FROM cases"
        " WHERE group_key IS NOT NULL AND thread_id IS NOT NULL GROUP BY group_key, thread_id"
    )
    op.drop_index("ix_cases_topic", "cases")
    for table, column in INDEXED:
        op.create_index(f"ix_{table}_{column}", table, [column])
    _key_of_links(["chat_key", "message_id", "case_message_id"])


def downgrade() -> None:
    # Of messages joined into one post the first stays linked to it.
    op.execute(
        "DELETE FROM message_link WHERE case_message_id > (SELECT min(first.case_message_id) FROM message_link AS first"
        " WHERE first.chat_key = message_link.chat_key AND first.message_id = message_link.message_id)"
    )
    _key_of_links(["chat_key", "message_id"])
    op.drop_table("case_routing")
    op.drop_table("case_thread")
    op.create_index("ix_cases_topic", "cases", ["group_key", "thread_id"])
    for table, column in INDEXED:
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_column("staff", "given_at")
    op.drop_column("staff", "clearance")
    op.drop_index("ix_outbox_case_message_id", "outbox")
    op.drop_column("outbox", "case_message_id")
    op.drop_column("case_message", "album")
    op.drop_column("case_event", "since")
    op.execute("DELETE FROM case_event WHERE kind IN ('undelivered', 'moved')")
    op.execute("DELETE FROM case_timer WHERE kind = 'route'")
    op.drop_column("cases", "queue")


def _key_of_links(columns: list[str]) -> None:
    with op.batch_alter_table("message_link") as batch:
        batch.drop_constraint("pk_message_link", type_="primary")
        batch.create_primary_key("pk_message_link", columns)
