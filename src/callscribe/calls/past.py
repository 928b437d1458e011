"""What is known of a call that was transcribed before, so that its record goes on when it is taken up again."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from callscribe.calls.timeline import Timeline
from callscribe.events import Track
from callscribe.records import CallRecord


class Past(NamedTuple):
    """Of one leg."""

    line: Timeline
    """The record's."""
    labels: dict[Track, str]
    """What its speakers were called."""


def of_record(record: CallRecord) -> Past | None:
    """The past of a plain call from its record, as after a restart; None when nothing of it was ever streamed."""
    tracks = [track for track in record.tracks if track.leg == record.call.id]
    if not tracks:
        return None
    ends = [
        record.call.duration_ms or 0,
        *(utterance.end_ms for utterance in record.utterances),
        *(gap.end_ms for gap in record.gaps),
    ]
    return Past(
        Timeline(past_ms=max(ends), zero=_zero(tracks[0].started_at, tracks[0].offset_ms)),
        {track.track: track.speaker for track in tracks if track.speaker},
    )


def _zero(started_at: str, offset_ms: int) -> dt.datetime | None:
    """When a line began of which a stream began at this moment, this far from its beginning."""
    try:
        moment = dt.datetime.fromisoformat(started_at)
    except ValueError:
        return None
    return moment - dt.timedelta(milliseconds=offset_ms) if moment.tzinfo else None
