"""What the index has yet to learn, and what language was listened for and heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """The index knows all that is there. Languages were not told so far."""
    op.create_table(
        "search_pending",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("utterance", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "utterance", name="pk_search_pending"),
    )
    for table in ("tracks", "utterances"):
        op.add_column(table, sa.Column("language", sa.Text(), nullable=False, server_default=""))
