"""After a track: FLAC in place of the raw file, and its peaks. Anything may stop in between; it is done again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from callscribe.audio import mulaw
from callscribe.recordings import files
from callscribe.recordings.files import TrackFile

_PIECE_S = 30


def finish(folder: Path, name: TrackFile, *, keep_raw: bool = False) -> None:
    """Make a finished track of a raw one. FLAC is lossless: mu-law codes are few among 16-bit samples.

    Args:
        keep_raw: the raw file stays, too.

    Raises:
        OSError: the disk does not take it; the raw file stays as it is.
    """
    raw, flac = name.path(folder, files.RAW), name.path(folder, files.FLAC)
    if not raw.exists():
        return
    if raw.stat().st_size == 0:
        raw.unlink()
        return
    peaks: list[bytes] = []
    part = flac.with_suffix(".part")
    try:
        with soundfile.SoundFile(
            part, "w", mulaw.SAMPLE_RATE, 1, subtype="PCM_16", format="FLAC"
        ) as out:
            for pcm in _pieces(raw):
                out.write(pcm)
                peaks.append(peaks_of(pcm))
    except soundfile.LibsndfileError as error:
        part.unlink(missing_ok=True)
        raise OSError(f"{flac} cannot be written: {error}") from None
    name.path(folder, files.PEAKS).write_bytes(b"".join(peaks))
    part.replace(flac)
    if not keep_raw:
        raw.unlink()


def _pieces(raw: Path) -> Iterator[mulaw.Pcm]:
    with raw.open("rb") as file:
        while payload := file.read(_PIECE_S * mulaw.SAMPLE_RATE):
            yield mulaw.decode(payload)


def peaks_of(pcm: mulaw.Pcm) -> bytes:
    """The loudest sample of each stretch of `files.PEAK_MS`, 0 to 255."""
    size = files.PEAK_MS * mulaw.SAMPLES_PER_MS
    padded = np.zeros(-(-len(pcm) // size) * size, np.int32)
    padded[: len(pcm)] = np.abs(pcm.astype(np.int32))
    loudest = padded.reshape(-1, size).max(axis=1)
    peaks: bytes = np.minimum(loudest // 128, 255).astype(np.uint8).tobytes()
    return peaks
