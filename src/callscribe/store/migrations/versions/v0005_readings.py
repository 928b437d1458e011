"""Which reading an utterance's text is, whose, and what was heard first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Utterances that are there have been read once."""
    op.add_column(
        "utterances", sa.Column("reading", sa.Integer(), nullable=False, server_default="1")
    )
    op.add_column("utterances", sa.Column("reader", sa.Text(), nullable=False, server_default=""))
    op.add_column("utterances", sa.Column("first", sa.Text(), nullable=True))
