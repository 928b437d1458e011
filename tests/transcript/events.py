"""Any events at all, of one call: hypothesis strategies."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from callscribe import events as ev
from callscribe.events import AnyEvent, GapReason

CALL = "CA1"
LEGS = st.sampled_from([CALL, "CA2"])
TRACKS = st.sampled_from(get_args(ev.Track))
NAMES = st.sampled_from(["Ann", "Ben", "Caller", "Cleo"])
MS = st.integers(0, 40).map(lambda tenth: tenth * 700)
AT = st.just("2026-01-15T10:00:00.000Z")
TEXT = st.sampled_from(["Yes.", "No.", "I would like that.", "Um, well."])
STATUS = st.sampled_from(get_args(ev.CallStatus))


def _event(kind: type[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, call=st.just(CALL), at=AT, **fields)


_utterance = {
    "leg": LEGS,
    "track": TRACKS,
    "speaker": NAMES,
    "utterance": st.sampled_from("uvwxyz"),
    "revision": st.integers(1, 4),
    "raw_text": TEXT,
    "start_ms": MS,
    "end_ms": MS,
    "lag_ms": st.sampled_from([0, 3000]),
}
_dial = st.builds(
    ev.Dial,
    status=st.sampled_from(["ringing", "in-progress", "busy", "completed", "strange"]),
    to=st.sampled_from(["", "+15005550020"]),
    name=st.sampled_from(["", "Kelly"]),
    leg=st.sampled_from(["", "CA2"]),
    answered_ms=st.none() | MS,
)

STORED: dict[type[Any], st.SearchStrategy[Any]] = {
    ev.CallStarted: _event(
        ev.CallStarted,
        from_=st.sampled_from(["", "+15005550010"]),
        to=st.sampled_from(["", "+15005550006"]),
        direction=st.sampled_from(get_args(ev.Direction)),
        flow=st.sampled_from(get_args(ev.Flow)),
        status=st.sampled_from(["ringing", "in-progress"]),
        room=st.sampled_from(["", "standup"]),
    ),
    ev.CallUpdated: _event(
        ev.CallUpdated,
        status=st.none() | STATUS,
        conference_sid=st.sampled_from(["", "CF1"]),
        dial=st.none() | _dial,
        on_hold=st.none() | st.booleans(),
    ),
    ev.ParticipantJoined: _event(
        ev.ParticipantJoined,
        leg=LEGS,
        speaker=NAMES,
        track=TRACKS,
        joined_ms=MS,
        muted=st.booleans(),
    ),
    ev.ParticipantUpdated: _event(
        ev.ParticipantUpdated,
        leg=LEGS,
        track=TRACKS,
        at_ms=MS,
        muted=st.none() | st.booleans(),
        on_hold=st.none() | st.booleans(),
    ),
    ev.ParticipantLeft: _event(ev.ParticipantLeft, leg=LEGS, track=TRACKS, left_ms=MS),
    ev.SpeakerRenamed: _event(ev.SpeakerRenamed, leg=LEGS, track=TRACKS, speaker=NAMES),
    ev.StreamStarted: _event(
        ev.StreamStarted, leg=LEGS, stream=st.just("MZ1"), tracks=st.tuples(TRACKS)
    ),
    ev.FinalTranscript: _event(ev.FinalTranscript, **_utterance, text=TEXT, words=st.just(())),
    ev.RevisedTranscript: _event(
        ev.RevisedTranscript,
        **_utterance,
        text=st.just("") | TEXT,
        words=st.just(()),
        reading=st.sampled_from([2, 3]),
    ),
    ev.GapDetected: _event(
        ev.GapDetected,
        leg=LEGS,
        track=TRACKS,
        start_ms=MS,
        end_ms=MS,
        reason=st.sampled_from(get_args(GapReason)),
    ),
    ev.TranscriptionWaits: _event(
        ev.TranscriptionWaits,
        leg=LEGS,
        stream=st.just("MZ1"),
        tracks=st.tuples(TRACKS),
        at_ms=MS,
        over=st.booleans(),
    ),
    ev.DtmfReceived: _event(
        ev.DtmfReceived, leg=LEGS, track=TRACKS, digit=st.sampled_from("12#"), at_ms=MS
    ),
    ev.TranscriptionPaused: _event(ev.TranscriptionPaused, at_ms=MS),
    ev.TranscriptionResumed: _event(ev.TranscriptionResumed, at_ms=MS),
    ev.StreamEnded: _event(
        ev.StreamEnded,
        leg=LEGS,
        stream=st.just("MZ1"),
        reason=st.sampled_from(["stop", "socket-lost", "refused: 16 kHz"]),
        counters=st.just(ev.StreamCounters(frames=7, missing_ms=20)),
    ),
    ev.CallEnded: _event(ev.CallEnded, status=STATUS, duration_ms=MS, ended_by=NAMES),
    ev.UtteranceCorrected: _event(
        ev.UtteranceCorrected,
        leg=LEGS,
        track=TRACKS,
        utterance=st.sampled_from("uvwxyz"),
        text=st.just("") | TEXT,
        by=st.just("page"),
    ),
    ev.NoteChanged: _event(ev.NoteChanged, text=TEXT),
    ev.TagsChanged: _event(ev.TagsChanged, tags=st.just(("urgent",))),
    ev.RecordSettled: _event(ev.RecordSettled, unread=st.integers(0, 2)),
}
EPHEMERAL: dict[type[Any], st.SearchStrategy[Any]] = {
    ev.PartialTranscript: _event(
        ev.PartialTranscript,
        **_utterance,
        text=st.just("") | TEXT,
        settled=st.integers(0, 9),
    ),
    ev.LagChanged: _event(ev.LagChanged, leg=LEGS, track=TRACKS, lag_ms=st.sampled_from([0, 9000])),
    ev.CallDeleted: _event(ev.CallDeleted),
    ev.TextDeleted: _event(ev.TextDeleted),
    ev.StoreFailed: st.builds(
        ev.StoreFailed, call=st.just(""), message=st.just("Disk full."), resolved=st.booleans()
    ),
}

stored: st.SearchStrategy[AnyEvent] = st.one_of(*STORED.values())
ephemeral: st.SearchStrategy[AnyEvent] = st.one_of(*EPHEMERAL.values())
any_events = st.lists(st.one_of(*STORED.values(), *EPHEMERAL.values()), max_size=40)
"""As a live viewer may get them, in any order, repeated, contradicting each other."""
