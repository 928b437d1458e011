"""Events of made-up calls."""

from __future__ import annotations

from typing import Any

from callscribe.events import (
    CallStarted,
    FinalTranscript,
    PartialTranscript,
    Token,
    Track,
)

A = "CA" + "a1" * 16
B = "CA" + "b2" * 16


def started(call: str = A, **more: Any) -> CallStarted:
    facts: dict[str, Any] = {
        "from_": "+15005550010",
        "from_name": "Alice Adams",
        "to": "+15005550006",
        "at": "2026-01-15T10:00:00.000Z",
    }
    return CallStarted(call=call, **(facts | more))


def partial(
    text: str,
    *,
    call: str = A,
    utterance: str = "u1",
    revision: int = 1,
    start_ms: int = 1_000,
    track: Track = "inbound",
    speaker: str = "Caller",
    settled: int = 0,
) -> PartialTranscript:
    return PartialTranscript(
        call=call,
        leg=call,
        track=track,
        speaker=speaker,
        utterance=utterance,
        revision=revision,
        text=text,
        raw_text=text.lower(),
        settled=settled,
        start_ms=start_ms,
        end_ms=start_ms + 500,
    )


def final(
    text: str,
    *,
    call: str = A,
    utterance: str = "u1",
    start_ms: int = 1_000,
    track: Track = "inbound",
    speaker: str = "Caller",
    tokens: tuple[Token, ...] = (),
) -> FinalTranscript:
    return FinalTranscript(
        call=call,
        leg=call,
        track=track,
        speaker=speaker,
        utterance=utterance,
        revision=9,
        text=text,
        raw_text=text.lower(),
        start_ms=start_ms,
        end_ms=start_ms + 500,
        words=(),
        tokens=tokens,
    )
