"""Made-up things that somebody says."""

from __future__ import annotations

from typing import Any

from callscribe.events import FinalTranscript, PartialTranscript, RevisedTranscript, Track


def partial(
    text: str,
    *,
    utterance: str = "",
    revision: int = 1,
    call: str = "CA1",
    track: Track = "inbound",
) -> PartialTranscript:
    """An utterance so far; its id is its text unless given."""
    return PartialTranscript(
        call=call,
        leg=call,
        track=track,
        speaker="Caller",
        utterance=utterance or text,
        revision=revision,
        text=text,
        raw_text=text,
        start_ms=0,
        end_ms=1,
    )


def final(
    text: str, *, utterance: str = "", call: str = "CA1", track: Track = "inbound"
) -> FinalTranscript:
    """A finished utterance; its id is its text unless given."""
    return FinalTranscript(
        call=call,
        leg=call,
        track=track,
        speaker="Caller",
        utterance=utterance or text,
        revision=9,
        text=text,
        raw_text=text,
        start_ms=0,
        end_ms=1,
        words=(),
    )


def reread(final: FinalTranscript, **changes: Any) -> RevisedTranscript:
    """A better reading of an utterance: what of it is not changed stays."""
    both = set(final.__struct_fields__) & set(RevisedTranscript.__struct_fields__)
    return RevisedTranscript(**{name: getattr(final, name) for name in both} | changes)
