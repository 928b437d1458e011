"""What is known of a call that was transcribed before, so that its record goes on when it is taken up again. Pure."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from callscribe.calls.recordline import RecordLine
from callscribe.events import CallStatus, Dial, Track
from callscribe.records import CallRecord


class Past(NamedTuple):
    """Of one leg."""

    line: RecordLine
    """The record's."""
    names: dict[Track, str]
    """What its speakers were called."""
    status: CallStatus = "completed"
    """How the record ended."""
    dial: Dial | None = None
    """What had become of a forwarded call's other leg."""
    streams: frozenset[str] = frozenset()
    """Our names of the streams it had."""

    @property
    def may_be_up(self) -> bool:
        """It did not end as calls do: the process died that had it."""
        return self.status in ("interrupted", "in-progress", "ringing")


def of_record(record: CallRecord, leg: str) -> Past | None:
    """A leg's past from the record that the store has, as after a restart; None when the record is not this leg's."""
    if leg not in {record.call.id, *(t.leg for t in record.tracks)}:
        return None
    own = [track for track in record.tracks if track.leg == leg]
    ends = [
        record.call.duration_ms or 0,
        *(utterance.end_ms for utterance in record.utterances),
        *(gap.end_ms for gap in record.gaps),
    ]
    first = record.tracks[0] if record.tracks else None
    return Past(
        RecordLine(
            past_ms=max(ends) if first else 0,
            zero=_zero(first.started_at, first.offset_ms) if first else None,
        ),
        {track.track: track.speaker for track in own if track.speaker},
        record.call.status,
        record.dial,
        frozenset(track.stream for track in record.tracks),
    )


def _zero(started_at: str, offset_ms: int) -> dt.datetime | None:
    """When a line began of which a stream began at this moment, this far from its beginning."""
    try:
        moment = dt.datetime.fromisoformat(started_at)
    except ValueError:
        return None
    return moment - dt.timedelta(milliseconds=offset_ms) if moment.tzinfo else None
