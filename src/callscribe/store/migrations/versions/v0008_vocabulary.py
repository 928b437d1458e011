"""The words for "did you mean" come from the index itself. The table that had them kept words corrected since."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Exchange the table for a view of the index."""
    op.drop_table("search_words")
    op.execute("CREATE VIRTUAL TABLE search_vocabulary USING fts5vocab(search, col)")
