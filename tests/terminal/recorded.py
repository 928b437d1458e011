"""A made-up record."""

from __future__ import annotations

from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallUpdated,
    Dial,
    FinalTranscript,
    GapDetected,
    ParticipantJoined,
    StreamCounters,
    StreamEnded,
    Track,
    TranscriptionPaused,
    TranscriptionResumed,
    Word,
)
from callscribe.records import CallSummary

CALL = "CA0123456789abcdef0123456789abcdef"


def final(
    start_ms: int, text: str, *, track: Track = "inbound", speaker: str = "Alice"
) -> FinalTranscript:
    words = tuple(
        Word(
            text=word, start_ms=start_ms + 100 * n, end_ms=start_ms + 100 * n + 80, confidence=0.25
        )
        for n, word in enumerate(text.lower().split())
    )
    return FinalTranscript(
        call=CALL,
        leg=CALL,
        track=track,
        speaker=speaker,
        utterance=f"u{start_ms}",
        revision=1,
        text=text,
        raw_text=text.lower(),
        start_ms=start_ms,
        end_ms=start_ms + 500,
        words=words,
    )


def summary(**changes: object) -> CallSummary:
    values: dict[str, object] = {
        "id": CALL,
        "sid": CALL,
        "from_": "+15005550010",
        "to": "+15005550006",
        "from_name": "Alice",
        "status": "completed",
        "started_at": "2026-01-15T10:00:50.000Z",
        "ended_at": "2026-01-15T10:01:32.000Z",
        "duration_ms": 42_000,
        "ended_by": "Alice",
    }
    return CallSummary(**{**values, **changes})  # type: ignore[arg-type]


EVENTS: list[AnyEvent] = [
    CallStarted(
        call=CALL,
        at="2026-01-15T10:00:50.000Z",
        from_="+15005550010",
        to="+15005550006",
        from_name="Alice",
        flow="forward",
    ),
    ParticipantJoined(call=CALL, leg=CALL, speaker="Alice"),
    ParticipantJoined(call=CALL, leg=CALL, track="outbound", speaker="Bob"),
    CallUpdated(call=CALL, dial=Dial(status="in-progress", to="+15005550020", answered_ms=3000)),
    final(9000, "How are you", track="outbound", speaker="Bob"),
    final(1000, "Good morning"),
    GapDetected(
        call=CALL, leg=CALL, track="outbound", start_ms=5000, end_ms=9000, reason="missing"
    ),
    TranscriptionPaused(call=CALL, at_ms=20_000),
    TranscriptionResumed(call=CALL, at_ms=30_000),
    StreamEnded(
        call=CALL,
        leg=CALL,
        stream="MZ1",
        reason="stop",
        counters=StreamCounters(missing_ms=4000),
    ),
    CallEnded(call=CALL, at="2026-01-15T10:01:32.000Z", duration_ms=42_000, ended_by="Alice"),
]
"""A saved call."""
