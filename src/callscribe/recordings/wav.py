"""Any byte of a WAV file that is nowhere: made of a recording when it is asked for, so that players can seek."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import soundfile

from callscribe.audio import mulaw
from callscribe.errors import AudioError
from callscribe.recordings.reading import Frames, Recording, Voice

HEADER = 44
_PIECE = 4 * mulaw.SAMPLE_RATE
"""Samples made at a time."""
_FLAC_CHANNELS = 8


class Wav:
    """A stretch of a recording as a WAV file (16-bit PCM, RIFF).

    Args:
        voices: a channel each.
        start_ms, stop_ms: on the record's line.
        mixed: all on one channel.

    Raises:
        AudioError: there is nothing in it, or more than a WAV file can hold.
    """

    def __init__(
        self,
        recording: Recording,
        voices: Sequence[Voice],
        start_ms: int,
        stop_ms: int,
        *,
        mixed: bool = False,
    ) -> None:
        if not voices or stop_ms <= start_ms:
            raise AudioError("This part of the call has no audio.")
        self._recording = recording
        self._voices = voices
        self._first = start_ms * mulaw.SAMPLES_PER_MS
        self._samples = (stop_ms - start_ms) * mulaw.SAMPLES_PER_MS
        self._mixed = mixed
        self._channels = 1 if mixed else len(voices)
        self._width = 2 * self._channels
        self.size = HEADER + self._samples * self._width
        """Bytes."""
        if self.size >= 1 << 32:
            raise AudioError(
                "This is more than a WAV file can hold. Ask for part of it, or for FLAC."
            )

    def header(self) -> bytes:
        """The first `HEADER` bytes."""
        rate, channels, body = mulaw.SAMPLE_RATE, self._channels, self.size - HEADER
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF", HEADER - 8 + body, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * self._width, self._width, 16,
            b"data", body,
        )  # fmt: skip

    def frames(self, first: int, last: int) -> Frames:
        """Samples `first` to before `last` of the file."""
        frames = self._recording.read(self._voices, self._first + first, self._first + last)
        if not self._mixed:
            return frames
        loud = frames.sum(axis=1, dtype=np.int32, keepdims=True)
        mixed: Frames = np.clip(loud, -32768, 32767).astype(np.int16)
        return mixed

    @property
    def samples(self) -> int:
        return self._samples

    @property
    def channels(self) -> int:
        return self._channels

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of the file from `start` to before `stop`, some at a time."""
        if start < HEADER:
            yield self.header()[start:stop]
            start = min(stop, HEADER)
        while start < stop:
            first = (start - HEADER) // self._width
            last = min(-(-(stop - HEADER) // self._width), first + _PIECE)
            made = self.frames(first, last).astype("<i2").tobytes()
            begins = HEADER + first * self._width
            piece = made[start - begins : stop - begins]
            yield piece
            start += len(piece)


def write(
    path: Path,
    recording: Recording,
    voices: Sequence[Voice],
    start_ms: int,
    stop_ms: int,
    *,
    mixed: bool = False,
) -> None:
    """Write a stretch to a file, WAV or FLAC by its name. Nothing is left when it cannot be written.

    Raises:
        AudioError: another kind of name, nothing in it, or too many channels for FLAC.
        OSError: the file cannot be written.
    """
    kind = path.suffix.lower()
    made = Wav(recording, voices, start_ms, stop_ms, mixed=mixed)
    if kind not in (".wav", ".flac"):
        raise AudioError(f"{path.name}: give the file a name that ends in .wav or .flac.")
    if kind == ".flac":
        _check_channels(made)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w+b") as file:
            if kind == ".wav":
                file.writelines(made.read(0, made.size))
            else:
                _write_flac(file, made)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def flac(made: Wav) -> IO[bytes]:
    """The same as FLAC, in a temporary file without a name, which is gone when it is closed or the process dies.

    Raises:
        AudioError: too many channels for FLAC, or a file of the recording cannot be read.
        OSError: there is no room for temporary files.
    """
    _check_channels(made)
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - whoever gets it closes it
    try:
        _write_flac(file, made)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def mixed_flac(recording: Recording) -> IO[bytes]:
    """A whole recording, everybody on one channel; as `flac`."""
    return flac(Wav(recording, recording.voices, 0, recording.end_ms, mixed=True))


def _check_channels(made: Wav) -> None:
    if made.channels > _FLAC_CHANNELS:
        raise AudioError(
            f"FLAC holds {_FLAC_CHANNELS} people at most. Ask for WAV, for a mix, or for one person."
        )


def _write_flac(file: IO[bytes], made: Wav) -> None:
    try:
        with soundfile.SoundFile(
            file, "w", mulaw.SAMPLE_RATE, made.channels, subtype="PCM_16", format="FLAC"
        ) as out:
            for place in range(0, made.samples, _PIECE):
                out.write(made.frames(place, min(made.samples, place + _PIECE)))
    except soundfile.LibsndfileError as error:
        raise OSError(f"FLAC cannot be written: {error}") from None
