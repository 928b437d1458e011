"""What is spoken on a call, with its line in the list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Of calls that are there, what was listened for last is what is spoken."""
    op.add_column("calls", sa.Column("language", sa.Text(), nullable=False, server_default=""))
    op.execute(
        """
        UPDATE calls SET language = (
            SELECT tracks.language FROM tracks
            WHERE tracks.call = calls.id AND tracks.language != '' ORDER BY tracks.id DESC LIMIT 1
        )
        WHERE EXISTS (SELECT 1 FROM tracks WHERE tracks.call = calls.id AND tracks.language != '')
        """
    )
