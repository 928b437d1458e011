"""Decodes the tracks of one stream. They share a decoder because each may be the echo of the other.

What is fed and what comes back are plain values, so that a decoder may live in another process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.recognition.base import Recognizer
from callscribe.speech.echo import Memory
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.track import Progress, TextWriter, TrackDecoder
from callscribe.speech.utterance import Utterance

_log = structlog.get_logger(__name__)


class Fed(msgspec.Struct, frozen=True, gc=False):
    """Something for a track."""

    track: Track
    piece: Piece | None
    """None: nothing more comes for now; the utterance is over."""
    known: bool = False
    """Decoded before, or of no importance: only kept for what the other track may carry of it."""


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
    """How far tracks have come that have come further; where its recogniser failed, up to then."""
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
        self._told: dict[Track, Progress] = {}
        """How far each track was last reported to have come."""
        self._lines: dict[Track, Memory] = {"inbound": Memory(), "outbound": Memory()}

    def begin(self, track: Track, progress: Progress) -> None:
        """Decode a track, from where an earlier decoder of it had come.

        Raises:
            callscribe.errors.ModelError: no recogniser session could be started.
        """
        self.end(track)
        self._told[track] = progress
        options = self._options
        decoder = TrackDecoder(
            self._recognizer,
            endpoints=options.endpoints,
            write=self._write,
            phrases=options.phrases,
            skip_silence=options.skip_silence,
            follow_level=options.follow_level,
            progress=progress,
            line=self._lines[track],
            other=self._lines["outbound" if track == "inbound" else "inbound"],
        )
        self._tracks[track] = decoder

    def end(self, track: Track) -> None:
        """Decode it no longer. Does nothing when it was not begun."""
        decoder = self._tracks.pop(track, None)
        if decoder is not None:
            decoder.close()

    def decode(self, fed: Sequence[Fed], *, partials: bool) -> Report:
        """What the tracks say, in order.

        Args:
            fed: in the order in which it came, over all tracks. Those that are not to be decoded have begun.
            partials: False gives at most one for each track, at the end.
        """
        report = Report()
        # What a track carried is told again because the other one begins anew: it is further itself.
        again = {each.track for each in fed if each.known}
        for each in fed:
            if each.known:
                self._know(each)
            else:
                self._decode(report, each.track, each, partials=partials)
            for track, decoder in [*self._tracks.items()]:
                if decoder.waits and track != each.track and track not in again:
                    self._decode(report, track, None, partials=partials)
        if not partials:
            for track, decoder in self._tracks.items():
                report.found.extend(Found(track, said) for said in decoder.partial())
        report.progress.update((track, each.progress) for track, each in self._tracks.items())
        # A track's state is much larger than what is said on it, and changes once in half a second.
        news = {t: each for t, each in report.progress.items() if each != self._told.get(t)}
        self._told.update(news)
        return replace(report, progress=news)

    def _know(self, fed: Fed) -> None:
        line = self._lines[fed.track]
        if fed.piece is None:
            line.away = True
        else:
            position = round(fed.piece.clock_ms * SAMPLES_PER_MS)
            line.remember(position, fed.piece.payload)

    def _decode(self, report: Report, track: Track, fed: Fed | None, *, partials: bool) -> None:
        """Feed a track, or let it go on with what waited for the other one."""
        if track in report.broken:
            return
        decoder = self._tracks[track]
        try:
            if fed is None:
                said = decoder.go_on(partials=partials)
            elif fed.piece is None:
                said = decoder.flush()
            else:
                said = decoder.accept(fed.piece, partials=partials)
        except Exception as error:
            _log.exception("recognition failed", track=track)
            report.broken[track] = f"{type(error).__name__}: {error}"
            self.end(track)
            return
        if said:
            report.found.extend(Found(track, utterance) for utterance in said)
            report.progress[track] = decoder.progress

    def close(self) -> None:
        """Free what the recogniser holds. Idempotent."""
        for track in list(self._tracks):
            self.end(track)
