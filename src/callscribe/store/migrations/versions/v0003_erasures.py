"""What was deleted and may have left traces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table; see to it that calls without a word are indexed, too."""
    op.create_table(
        "erasures",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", name="pk_erasures"),
    )
    op.execute(
        "INSERT OR IGNORE INTO search_backlog (after)"
        " SELECT coalesce((SELECT max(event) FROM utterances), 0)"
        " WHERE EXISTS (SELECT 1 FROM calls WHERE facets = '')"
        " AND NOT EXISTS (SELECT 1 FROM search_backlog)"
    )
