"""Say where in the original a passage stands, when a version ended, and which documents are variants of one.

Columns are added and dropped directly, never by copying a table: a copy would take the rows that refer to it along.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SUBJECTS = """
UPDATE document SET subject = COALESCE(topic, (
    SELECT translation_of FROM document_version
    WHERE document_version.document_id = document.id AND translation_of IS NOT NULL ORDER BY number DESC LIMIT 1
), path)
"""
SUPERSEDED = """
UPDATE document_version SET ended_at = (
    SELECT MIN(later.published_at) FROM document_version AS later
    WHERE later.document_id = document_version.document_id AND later.number > document_version.number
)
WHERE status = 'superseded'
"""
WITHDRAWN = "UPDATE document_version SET ended_at = CURRENT_TIMESTAMP WHERE status = 'withdrawn'"
"""Nobody wrote down when: the day of the migration is the first on which it surely was."""


def upgrade() -> None:
    op.add_column("document", sa.Column("subject", sa.String(length=512), server_default="", nullable=False))
    op.create_index("ix_document_collection_subject", "document", ["collection", "subject"])
    op.add_column("document_version", sa.Column("supersedes", sa.String(length=512), nullable=True))
    op.add_column("document_version", sa.Column("authority", sa.String(length=16), server_default="guidance", nullable=False))
    op.add_column("document_version", sa.Column("concerns", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("document_version", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("passage", sa.Column("anchor", sa.String(length=255), nullable=True))
    # Nearly every version is published. SQLite took the index for choosy and read all of them to find a few passages.
    op.drop_index("ix_document_version_status", "document_version")
    for statement in (SUBJECTS, SUPERSEDED, WITHDRAWN):
        op.execute(statement)


def downgrade() -> None:
    op.create_index("ix_document_version_status", "document_version", ["status"])
    op.drop_column("passage", "anchor")
    for column in ("ended_at", "concerns", "authority", "supersedes"):
        op.drop_column("document_version", column)
    op.drop_index("ix_document_collection_subject", "document")
    op.drop_column("document", "subject")
