"""What waits for room to be transcribed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing does yet."""
    op.create_table(
        "waits",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "stream", name="pk_waits"),
    )
