"""What a track says, as an event on the record's line."""

from __future__ import annotations

import msgspec

from callscribe.events import FinalTranscript, PartialTranscript, Track, Word
from callscribe.speech.utterance import Utterance


def transcript(
    said: Utterance,
    *,
    call: str,
    leg: str,
    track: Track,
    speaker: str,
    utterance: str,
    offset_ms: int,
    lag_ms: int,
) -> PartialTranscript | FinalTranscript:
    """The event of an utterance.

    Args:
        said: times on the carrier's clock of the stream.
        utterance: its id.
        offset_ms: where the stream's zero lies on the record's line.
        lag_ms: audio of the track received but not yet decoded.
    """
    start_ms, end_ms = offset_ms + said.start_ms, offset_ms + said.end_ms
    if not said.final:
        return PartialTranscript(
            call=call,
            leg=leg,
            track=track,
            speaker=speaker,
            utterance=utterance,
            revision=said.revision,
            text=said.text,
            raw_text=said.raw_text,
            settled=said.settled,
            start_ms=start_ms,
            end_ms=end_ms,
            lag_ms=lag_ms,
        )
    return FinalTranscript(
        call=call,
        leg=leg,
        track=track,
        speaker=speaker,
        utterance=utterance,
        revision=said.revision,
        text=said.text,
        raw_text=said.raw_text,
        start_ms=start_ms,
        end_ms=end_ms,
        words=tuple(_shifted(word, offset_ms) for word in said.words),
        tokens=said.tokens,
        confidence=round(said.confidence, 3),
        lag_ms=lag_ms,
        language=said.language,
    )


def _shifted(word: Word, by_ms: int) -> Word:
    if not by_ms:
        return word
    return msgspec.structs.replace(word, start_ms=word.start_ms + by_ms, end_ms=word.end_ms + by_ms)
