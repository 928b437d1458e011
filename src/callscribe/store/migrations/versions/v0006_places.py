"""A place for every call in the list, by time, and an index of what calls are found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from callscribe.store.ticks import free, ticks

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Give every call its place; what it is found by is indexed afterwards, as the words are."""
    op.add_column("calls", sa.Column("place", sa.Integer(), nullable=False, server_default="0"))
    connection = op.get_bind()
    calls = connection.execute(
        sa.text("SELECT id, started_at FROM calls ORDER BY first_event")
    ).all()
    taken: set[int] = set()
    places = []
    for call, started_at in calls:
        place = free(ticks(started_at), taken)
        taken.add(place)
        places.append({"call": call, "place": place})
    if places:
        connection.execute(sa.text("UPDATE calls SET place = :place WHERE id = :call"), places)
    op.create_index("ix_calls_place", "calls", ["place"])
    op.execute(
        """
        CREATE VIRTUAL TABLE call_search USING fts5(
            facets, digits,
            tokenize = "unicode61 remove_diacritics 2",
            prefix = '3 4 5'
        )
        """
    )
    op.execute(
        "INSERT INTO call_search (rowid, facets) SELECT place, facets FROM calls WHERE facets <> ''"
    )
