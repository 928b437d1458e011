"""The full-text index. What is there already is indexed afterwards, a piece at a time, by `callscribe.store.index`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the index, empty, and note that everything is still to be indexed."""
    op.add_column("calls", sa.Column("facets", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "search_rows",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("utterance", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_search_rows"),
        sa.UniqueConstraint("call", "utterance", name="uq_search_rows_call_utterance"),
    )
    op.create_table(
        "search_words",
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name="pk_search_words"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_backlog",
        sa.Column("after", sa.Integer(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("after", name="pk_search_backlog"),
    )
    op.execute(
        """
        CREATE VIRTUAL TABLE search USING fts5(
            text, spoken, digits, facets,
            tokenize = "unicode61 remove_diacritics 2",
            prefix = '2 3'
        )
        """
    )
    op.execute("INSERT INTO search_backlog (after) SELECT 0 WHERE EXISTS (SELECT 1 FROM calls)")
