"""Reads recordings: stretches of tracks, put together as people, a channel each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from callscribe.audio import mulaw
from callscribe.errors import AudioError
from callscribe.events import Track
from callscribe.recordings import files
from callscribe.recordings.files import TrackFile
from callscribe.recordings.finishing import peaks_of

Frames = npt.NDArray[np.int16]
"""Shape (samples, channels)."""


class Part(NamedTuple):
    """One recorded track and how long it is."""

    file: TrackFile
    samples: int

    @property
    def end_ms(self) -> int:
        return self.file.start_ms + -(-self.samples // mulaw.SAMPLES_PER_MS)


class Voice(NamedTuple):
    """Whom one hears on a channel: all the tracks of one person."""

    name: str
    parts: tuple[Part, ...]


class Recording:
    """What there is of one record, as of now: a live call's grows.

    Args:
        folders: where its files may be; the first that has a track counts.
        names: who is heard on which leg's track.
    """

    def __init__(
        self, folders: Sequence[Path], call: str, names: Mapping[tuple[str, Track], str]
    ) -> None:
        self._home: dict[TrackFile, Path] = {}
        for folder in folders:
            for file in files.track_files(folder, call):
                self._home.setdefault(file, folder)
        by_name: dict[str, list[Part]] = {}
        for file in sorted(self._home, key=lambda file: (file.start_ms, file.leg, file.track)):
            name = names.get((file.leg, file.track)) or "Unknown"
            by_name.setdefault(name, []).append(Part(file, self._samples(file)))
        self.voices = tuple(Voice(name, tuple(parts)) for name, parts in by_name.items())

    def __bool__(self) -> bool:
        return bool(self.voices)

    @property
    def end_ms(self) -> int:
        """Where the last track ends on the record's line."""
        return max((part.end_ms for voice in self.voices for part in voice.parts), default=0)

    def voice(self, name: str) -> Voice:
        """One person's.

        Raises:
            AudioError: there is none; says who there is.
        """
        for voice in self.voices:
            if voice.name.casefold() == name.casefold():
                return voice
        there = ", ".join(voice.name for voice in self.voices)
        raise AudioError(f"Nobody called {name} is recorded on this call. On this call: {there}.")

    def read(self, voices: Sequence[Voice], start: int, stop: int) -> Frames:
        """A stretch, a channel a person; silent where nobody was recorded.

        Args:
            start, stop: samples on the record's line.
        """
        frames = np.zeros((max(0, stop - start), len(voices)), np.int16)
        for channel, voice in enumerate(voices):
            for part in voice.parts:
                begins = part.file.start_ms * mulaw.SAMPLES_PER_MS
                first, last = max(start, begins), min(stop, begins + part.samples)
                if first >= last:
                    continue
                pcm = self._read(part.file, first - begins, last - begins)
                place = frames[first - start : first - start + len(pcm), channel]
                np.copyto(place, np.where(place == 0, pcm, place))
        return frames

    def peaks(self, voice: Voice) -> bytes:
        """The loudest sample of each stretch of `files.PEAK_MS` from the line's beginning, 0 to 255."""
        peaks = np.zeros(-(-self.end_ms // files.PEAK_MS), np.uint8)
        for part in voice.parts:
            try:
                made = part.file.path(self._home[part.file], files.PEAKS).read_bytes()
            except FileNotFoundError:  # not finished yet
                made = peaks_of(self._read(part.file, 0, part.samples))
            found = np.frombuffer(made, np.uint8)
            first = part.file.start_ms // files.PEAK_MS
            place = peaks[first : first + len(found)]
            np.maximum(place, found[: len(place)], out=place)
        return peaks.tobytes()

    def _paths(self, file: TrackFile) -> tuple[Path, Path]:
        folder = self._home[file]
        return file.path(folder, files.FLAC), file.path(folder, files.RAW)

    def _samples(self, file: TrackFile) -> int:
        flac, raw = self._paths(file)
        try:
            if flac.exists():
                with soundfile.SoundFile(flac) as opened:
                    return int(opened.frames)
            return raw.stat().st_size
        except (OSError, soundfile.LibsndfileError) as error:
            if flac.exists():  # finished a moment ago, or damaged
                raise AudioError(f"{flac.name} cannot be read: {error}") from None
            return 0

    def _read(self, file: TrackFile, start: int, stop: int) -> mulaw.Pcm:
        """Samples of one track. A track may be finished between two reads."""
        flac, raw = self._paths(file)
        try:
            with raw.open("rb") as opened:
                opened.seek(start)
                return mulaw.decode(opened.read(stop - start))
        except FileNotFoundError:
            pass
        try:
            with soundfile.SoundFile(flac) as sound:
                sound.seek(start)
                pcm: mulaw.Pcm = sound.read(stop - start, dtype="int16")
                return pcm
        except (OSError, soundfile.LibsndfileError) as error:
            raise AudioError(f"{flac.name} cannot be read: {error}") from None
