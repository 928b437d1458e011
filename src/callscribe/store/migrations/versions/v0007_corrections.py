"""What people put right, and what they say about calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nobody has yet."""
    op.add_column("utterances", sa.Column("recognised", sa.Text(), nullable=True))
    op.add_column("calls", sa.Column("tags", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("calls", sa.Column("note", sa.Text(), nullable=False, server_default=""))
