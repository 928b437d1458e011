"""Reading what the parties of a call say from WAV and FLAC files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from callscribe.errors import AudioError
from callscribe.simulator import mulaw
from callscribe.simulator.mulaw import SAMPLE_RATE


@dataclass(frozen=True)
class CallAudio:
    """What each party says, as mu-law at 8 kHz, all on one time line that begins with the conversation."""

    parties: tuple[bytes, ...]
    """The caller first. An empty one says nothing."""

    @property
    def length_ms(self) -> int:
        return max((len(p) for p in self.parties), default=0) // mulaw.BYTES_PER_MS


def read_channels(path: Path) -> list[bytes]:
    """The channels of an audio file, each as mu-law at 8 kHz.

    Raises:
        AudioError: the file is missing, not audio, or empty.
    """
    if not path.is_file():
        raise AudioError(f"There is no audio file {path}.")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path} cannot be read as audio ({error}). Use WAV or FLAC.") from error
    if len(samples) == 0:
        raise AudioError(f"{path} holds no audio.")
    if rate != SAMPLE_RATE:
        samples = soxr.resample(samples, rate, SAMPLE_RATE)
    linear = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
    return [mulaw.encode(linear[:, channel]) for channel in range(linear.shape[1])]


def load(paths: Sequence[Path]) -> CallAudio:
    """One file with the caller left and the callee right, a mono file of the caller, or one file per party.

    Raises:
        AudioError: a file cannot be used, or several files of which one is not mono.
    """
    if not paths:
        raise AudioError("No audio file was named.")
    files = [read_channels(path) for path in paths]
    if len(files) == 1:
        if len(files[0]) > 2:
            raise AudioError(
                f"{paths[0]} has {len(files[0])} channels; at most two are understood: "
                "the caller on the left, the callee on the right. Give one file per person instead."
            )
        return CallAudio(tuple(files[0]))
    for path, channels in zip(paths, files, strict=True):
        if len(channels) != 1:
            raise AudioError(
                f"{path} has {len(channels)} channels, but with several files each must hold one person."
            )
    return CallAudio(tuple(channels[0] for channels in files))
