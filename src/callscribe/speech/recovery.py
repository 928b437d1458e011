"""Decoding that survives its recogniser: audio is kept until its words are final, and decoded again where it died.

A decoder lives in a place, this process or another. When the place dies or a track's recogniser fails, the track begins
anew from its last final, with what was known of the line there, so that it hears the same again. Audio on which that
happens three times is passed over, and told.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import msgspec
import structlog

from callscribe.audio.mulaw import SAMPLE_RATE, SAMPLES_PER_MS
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.speech.holes import Hole
from callscribe.speech.stream import DecodingOptions, Fed, Found, Report
from callscribe.speech.track import Progress
from callscribe.speech.utterance import Utterance

_log = structlog.get_logger(__name__)

_TRIES: Final = 3
"""So often is the same audio decoded."""
HEARD_MS: Final = 1200
"""Audio before the first that is decoded again that decides what of it is an echo: `echo.HEARD` + `LONGEST_DELAY`, and
some."""
_BITE: Final = SAMPLE_RATE
"""Samples decoded again at a time: what is passed over, if it must be, is no longer than this."""
_SELDOM: Final = 100
"""So many more pieces are kept than must be, so as not to look after each of them."""


class RecogniserFailed(Exception):
    """A track's decoder failed. It must begin anew."""


class PlaceLost(RecogniserFailed):
    """A place has died, or been ended because it hung. All decoders in it are gone; the next use finds a new one."""


class Place(Protocol):
    """Where decoders live. Used by one thread at a time unless it says otherwise. All but `close` may raise
    `PlaceLost`."""

    @property
    def life(self) -> int:
        """Counts up whenever everything in it was lost."""
        ...

    def open(self, stream: int, options: DecodingOptions) -> None:
        """A decoder for a stream, without tracks."""
        ...

    def begin(self, stream: int, track: Track, progress: Progress) -> None:
        """Begin a track of it.

        Raises:
            RecogniserFailed: no recogniser session could be started.
        """
        ...

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        """`StreamDecoder.decode`."""
        ...

    def close(self, stream: int) -> None:
        """Free the stream's decoder. Never raises."""
        ...


@dataclass(slots=True)
class _Kept:
    """A track's audio that may be needed again."""

    progress: Progress = field(default_factory=Progress)
    fed: deque[Fed] = field(default_factory=deque)
    """Since a little before the `progress` of whichever track has come less far."""
    begun: bool = False
    tries: int = 0
    """How often decoding was lost since the last progress."""

    @property
    def pending(self) -> bool:
        """There is audio whose words are not given out."""
        return self.end > self.progress.position

    @property
    def end(self) -> int:
        """Samples of the line up to the end of what was fed."""
        return _end_of(self.fed)

    @property
    def progress_ms(self) -> float:
        """The carrier's clock where it would be decoded again; without a bound when all is decoded."""
        for fed in self.fed:
            if fed.piece is not None and _end(fed.piece) > self.progress.position:
                return fed.piece.clock_ms
        return math.inf

    @property
    def end_ms(self) -> float:
        """The carrier's clock at the end of what was fed; without a bound when nothing is kept."""
        return next((_end_ms(f.piece) for f in reversed(self.fed) if f.piece is not None), math.inf)

    def advance(self, progress: Progress) -> None:
        """Words up to there are given out."""
        if progress.position > self.progress.position or progress.number > self.progress.number:
            self.tries = 0
        self.progress = progress

    def forget(self, before_ms: float) -> None:
        """Keep no audio from before this moment of the carrier's clock."""
        while self.fed and (self.fed[0].piece is None or _end_ms(self.fed[0].piece) <= before_ms):
            self.fed.popleft()

    def again(self, others: Iterable[Fed]) -> list[list[Fed]]:
        """What must be fed to a new decoder, in bites.

        Args:
            others: of the other track, in order: it may be heard in this one.
        """
        bites: list[list[Fed]] = [[]]
        samples = 0
        known = ((at_ms, msgspec.structs.replace(fed, known=True)) for at_ms, fed in _timed(others))
        for _, fed in heapq.merge(known, _timed(self.fed), key=lambda each: each[0]):
            if fed.known:
                bites[-1].append(fed)
            elif fed.piece is None:
                # A pause before what is decoded again says nothing; one after it ends an utterance.
                if samples:
                    bites[-1].append(fed)
            elif _end(fed.piece) <= self.progress.position:
                bites[-1].append(msgspec.structs.replace(fed, known=True))
            else:
                if samples >= _BITE:
                    bites.append([])
                    samples = 0
                samples += len(fed.piece.payload)
                bites[-1].append(fed)
        return [bite for bite in bites if bite]


class RecoveringDecoder:
    """One stream's decoder, wherever it lives. Used by one thread at a time."""

    def __init__(
        self,
        place: Place,
        stream: int,
        options: DecodingOptions,
        progress: Mapping[Track, Progress] | None = None,
    ) -> None:
        """
        Args:
            stream: a number of its own in this place.
            progress: how far its tracks came in a process before this one. What is fed may begin before it.
        """
        self._place = place
        self._stream = stream
        self._options = options
        self._life: int | None = None
        self._tidy_from = _SELDOM
        self._tracks: dict[Track, _Kept] = {
            track: _Kept(progress=so_far) for track, so_far in (progress or {}).items()
        }

    @property
    def progress(self) -> dict[Track, Progress]:
        """How far its tracks have come: words before that are given out, and those only."""
        return {track: kept.progress for track, kept in self._tracks.items()}

    def unfinished(self) -> list[Fed]:
        """What another decoder would need beside `progress`, to go on from here; the tracks side by side."""
        timed = (_timed(kept.fed) for kept in self._tracks.values())
        return [fed for _, fed in heapq.merge(*timed, key=lambda each: each[0])]

    def decode(self, fed: Sequence[Fed], *, partials: bool) -> tuple[list[Found], list[Hole]]:
        """What the tracks say, and what could not be decoded. As `StreamDecoder.decode`, but never raises."""
        found: list[Found] = []
        failed: list[Hole] = []
        for each in fed:
            if each.track not in self._tracks:
                self._tracks[each.track] = _Kept()
                self._begin(each.track)
            self._tracks[each.track].fed.append(each)
        if self._life == self._place.life:
            self._feed([f for f in fed if self._tracks[f.track].begun], found, partials=partials)
        tracks = [*self._tracks]
        while tracks:
            for track in tracks:
                self._catch_up(track, found, failed)
            # A track that took the place with it while it caught up took those that had caught up before.
            tracks = [
                t for t, kept in self._tracks.items() if kept.pending and not self._lives(kept)
            ]
        self._forget()
        return found, failed

    def close(self) -> None:
        """Free what the recogniser holds. Idempotent."""
        if self._life == self._place.life:
            self._place.close(self._stream)
        self._life = None
        self._tracks.clear()

    def _feed(self, fed: Sequence[Fed], found: list[Found], *, partials: bool) -> bool:
        """Decode; whether that went well. Tracks on which it did not must begin anew."""
        if not fed:
            return True
        try:
            report = self._place.decode(self._stream, fed, partials=partials)
        except PlaceLost as error:
            for track in {each.track for each in fed if not each.known} or self._tracks:
                self._fail(track, str(error))
            return False
        found += report.found
        for track, progress in report.progress.items():
            self._tracks[track].advance(progress)
        for track, reason in report.broken.items():
            self._fail(track, reason)
        return not report.broken

    def _begin(self, track: Track) -> None:
        """A track comes to a decoder that is there already; otherwise it is caught up with later."""
        if self._life != self._place.life:
            return
        try:
            self._place.begin(self._stream, track, Progress())
            self._tracks[track].begun = True
        except RecogniserFailed as error:
            self._fail(track, str(error))

    def _forget(self) -> None:
        """Keep no more audio than must be decoded again, and what decides what of that is an echo."""
        tracks = self._tracks.values()
        if sum(len(each.fed) for each in tracks) < self._tidy_from:
            return
        newest_ms = max((each.end_ms for each in tracks if each.fed), default=0.0)
        before_ms = min([newest_ms, *(each.progress_ms for each in tracks)]) - HEARD_MS
        for each in tracks:
            each.forget(before_ms)
        self._tidy_from = _SELDOM + sum(len(each.fed) for each in tracks)

    def _catch_up(self, track: Track, found: list[Found], failed: list[Hole]) -> None:
        """Begin a track that has no decoder, and decode what is kept of it, until that has got through."""
        kept = self._tracks[track]
        while not self._lives(kept):
            end = kept.end
            try:
                self._reopen()
                self._place.begin(self._stream, track, kept.progress)
                kept.begun = True
            except RecogniserFailed as error:
                self._fail(track, str(error))
            else:
                others = [f for t, other in self._tracks.items() if t != track for f in other.fed]
                for bite in kept.again(others):
                    if not self._feed(bite, found, partials=False):
                        end = _end_of([fed for fed in bite if fed.track == track])
                        break
                else:
                    return
            if kept.tries >= _TRIES:
                self._pass_over(track, end, found, failed)
                if not kept.pending:
                    return

    def _lives(self, kept: _Kept) -> bool:
        """Whether a track has a decoder."""
        return self._life == self._place.life and kept.begun

    def _fail(self, track: Track, reason: str) -> None:
        kept = self._tracks[track]
        kept.begun = False
        kept.tries += 1
        _log.error("recognition failed", track=track, reason=reason, tries=kept.tries)

    def _reopen(self) -> None:
        """Make sure that the stream has a decoder in the place as it is now."""
        if self._life != self._place.life:
            for kept in self._tracks.values():
                kept.begun = False
            life = self._place.life
            self._place.open(self._stream, self._options)
            self._life = life

    def _pass_over(self, track: Track, end: int, found: list[Found], failed: list[Hole]) -> None:
        """Give up the audio up to `end`, on which recognition fails, and what was shown of it."""
        kept = self._tracks[track]
        begin = kept.progress.position
        line_ms = next(
            (f.piece.clock_ms - f.piece.start / SAMPLES_PER_MS for f in kept.fed if f.piece), 0.0
        )
        start_ms, end_ms = (round(line_ms + at / SAMPLES_PER_MS) for at in (begin, end))
        if end > begin:
            failed.append(Hole(track, start_ms, end_ms))
        revision = kept.progress.revision
        if kept.progress.shown:
            revision += 1
            taken_back = Utterance(
                kept.progress.number, revision, False, "", (), (), 0, start_ms, start_ms
            )
            found.append(Found(track, taken_back))
        kept.advance(
            replace(kept.progress, position=max(begin, end), revision=revision, shown=False)
        )
        kept.tries = 0
        kept.begun = False


def _end(piece: Piece) -> int:
    return piece.start + len(piece.payload)


def _end_ms(piece: Piece) -> float:
    return piece.clock_ms + len(piece.payload) / SAMPLES_PER_MS


def _timed(fed: Iterable[Fed]) -> Iterator[tuple[float, Fed]]:
    """With the moment of the carrier's clock at which each came to its end."""
    at_ms = 0.0
    for each in fed:
        if each.piece is not None:
            at_ms = _end_ms(each.piece)
        yield at_ms, each


def _end_of(fed: Sequence[Fed]) -> int:
    """Where the audio of it ends; 0 when there is none."""
    return next((_end(each.piece) for each in reversed(fed) if each.piece is not None), 0)
