"""Any byte of a WAV file that is nowhere: made of a recording when it is asked for, so that players can seek."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

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
            raise AudioError("There is no sound in this stretch of the call.")
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
                "This is more than a WAV file can hold. Ask for a stretch of it, or for FLAC."
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
    if kind == ".flac" and made.channels > _FLAC_CHANNELS:
        raise AudioError(
            f"FLAC holds {_FLAC_CHANNELS} people at most. Ask for WAV, for a mix, or for one person."
        )
    part = path.with_name(f".{path.name}.part")
    try:
        if kind == ".wav":
            with part.open("wb") as file:
                file.writelines(made.read(0, made.size))
        else:
            with soundfile.SoundFile(
                part, "w", mulaw.SAMPLE_RATE, made.channels, subtype="PCM_16", format="FLAC"
            ) as out:
                for place in range(0, made.samples, _PIECE):
                    out.write(made.frames(place, min(made.samples, place + _PIECE)))
        part.replace(path)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path} cannot be written: {error}") from None
    finally:
        part.unlink(missing_ok=True)


def mixed_flac(recording: Recording) -> bytes:
    """A whole recording as FLAC, everybody on one channel.

    Raises:
        AudioError: a file of it cannot be read.
        OSError: there is no room for temporary files.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "call.flac"
        write(path, recording, recording.voices, 0, recording.end_ms, mixed=True)
        return path.read_bytes()
