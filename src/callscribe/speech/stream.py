"""Decodes the tracks of one stream. They share a decoder because each may be the echo of the other.

What is fed and what comes back are plain values, so that a decoder may live in another process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import structlog

from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.recognition.base import Recognizer
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.track import Progress, TextWriter, TrackDecoder
from callscribe.speech.utterance import Utterance

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Fed:
    """Something for a track."""

    track: Track
    piece: Piece | None
    """None: nothing more comes for now; the utterance is over."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something said on a track."""

    track: Track
    utterance: Utterance


@dataclass(frozen=True, slots=True)
class Report:
    """What a decoder made of what it was fed."""

    found: list[Found] = field(default_factory=list)
    progress: dict[Track, Progress] = field(default_factory=dict)
    """How far each track that was fed has come; where its recogniser failed, up to then."""
    broken: dict[Track, str] = field(default_factory=dict)
    """Tracks whose recogniser failed, and why. They must be begun anew."""


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How a stream's tracks are decoded."""

    endpoints: EndpointOptions = field(default_factory=EndpointOptions)
    phrases: tuple[str, ...] = ()
    """Restricts models that can be restricted."""
    skip_silence: bool = True
    """Silence between utterances is not decoded."""
    follow_level: bool = True
    """Quiet lines are raised to a level that models know."""


class StreamDecoder:
    """One stream's. Used by one thread at a time."""

    def __init__(
        self, recognizer: Recognizer, write: TextWriter | None, options: DecodingOptions
    ) -> None:
        self._recognizer = recognizer
        self._write = write
        self._options = options
        self._tracks: dict[Track, TrackDecoder] = {}

    def begin(self, track: Track, progress: Progress) -> None:
        """Decode a track, from where an earlier decoder of it had come.

        Raises:
            callscribe.errors.ModelError: no recogniser session could be started.
        """
        self.end(track)
        options = self._options
        decoder = TrackDecoder(
            self._recognizer,
            endpoints=options.endpoints,
            write=self._write,
            phrases=options.phrases,
            skip_silence=options.skip_silence,
            follow_level=options.follow_level,
            progress=progress,
        )
        for other in self._tracks.values():
            decoder.other, other.other = other, decoder
        self._tracks[track] = decoder

    def end(self, track: Track) -> None:
        """Decode it no longer. Does nothing when it was not begun."""
        decoder = self._tracks.pop(track, None)
        if decoder is not None:
            decoder.close()
            for other in self._tracks.values():
                other.other = None

    def decode(self, fed: Sequence[Fed], *, partials: bool) -> Report:
        """What the tracks say, in order.

        Args:
            fed: in the order in which it came, over all tracks, which have begun.
            partials: False gives at most one for each track, at the end.
        """
        report = Report()
        for track, together in groupby(fed, lambda each: each.track):
            if track in report.broken:
                continue
            decoder = self._tracks[track]
            report.progress[track] = decoder.progress
            try:
                for each in together:
                    said = self._decode(decoder, each, partials=partials)
                    report.found.extend(Found(track, utterance) for utterance in said)
                    report.progress[track] = decoder.progress
            except Exception as error:
                _log.exception("recognition failed", track=track)
                report.broken[track] = f"{type(error).__name__}: {error}"
        for track in {each.track: None for each in fed}:
            if track in report.broken:
                continue
            decoder = self._tracks[track]
            if not partials:
                report.found.extend(Found(track, said) for said in decoder.partial())
                report.progress[track] = decoder.progress
        return report

    def _decode(self, decoder: TrackDecoder, fed: Fed, *, partials: bool) -> list[Utterance]:
        if fed.piece is None:
            return decoder.flush()
        return decoder.accept(fed.piece, partials=partials)

    def close(self) -> None:
        """Free what the recogniser holds. Idempotent."""
        for track in list(self._tracks):
            self.end(track)
