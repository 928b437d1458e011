"""How many tracks this machine can follow while people speak: measured in about two seconds, then kept.

The packaged call is decoded by all workers at once, in the steps in which live audio comes, partials included; what
the rest of a server costs is known from the benchmark (`benchmarks/capacity`), and some of the machine is left free for
moments in which everybody talks.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import soundfile
import structlog

from callscribe.audio import mulaw
from callscribe.audio.mulaw import SAMPLE_RATE
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.speech.recovery import Place, RecogniserFailed
from callscribe.speech.segmenter import STEP
from callscribe.speech.stream import DecodingOptions, Fed
from callscribe.speech.track import Progress

FILE: Final = "capacity.json"
_SECONDS: Final = 1.5
_AROUND_S: Final = 0.0045
"""Seconds of a core that a second of a track costs before and after decoding: socket, queue, journal, viewers."""
_SHARE: Final = 0.75
"""Of the machine that live tracks may fill on average."""
_log = structlog.get_logger(__name__)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and for what: with anything else it must be measured again."""

    tracks: int
    model: str
    workers: int
    kind: str
    """`processes` or `threads`."""


def kept(data: Path, model: str, workers: int, kind: str) -> int | None:
    """What an earlier start has measured; None when it was for something else, or never."""
    try:
        found = msgspec.json.decode((data / FILE).read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError):
        return None
    same = (found.model, found.workers, found.kind) == (model, workers, kind)
    return found.tracks if same and found.tracks > 0 else None


def keep(data: Path, measured: Measured) -> None:
    """Write it down for the next start, if that can be."""
    try:
        (data / FILE).write_bytes(msgspec.json.encode(measured) + b"\n")
    except OSError as error:
        _log.warning("the measured capacity is not kept", reason=str(error))


def packaged_call() -> list[bytes]:
    """The two tracks of the call that comes with the package, mu-law: lively, so that what is measured is no less than
    what is needed."""
    folder = Path(__file__).parent.parent / "simulator" / "demo"
    pair = [
        soundfile.read(folder / f"bank-{who}.flac", dtype="int16")[0] for who in ("caller", "agent")
    ]
    return [mulaw.encode(pcm) for pcm in pair]


def measure(
    places: Sequence[Place],
    audio: Sequence[bytes],
    *,
    threads: int = 1,
    seconds: float = _SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """How many tracks can be followed. Blocks for `seconds` and a moment.

    Args:
        places: where decoders live; nobody else uses them now.
        audio: the two tracks of a call, mu-law.
        threads: how many decode at the same time in each place.
        clock: monotonic seconds.

    Returns:
        0 when nothing could be measured, because the recogniser fails.
    """
    samples = [0] * (len(places) * threads)

    def work(number: int) -> None:
        with contextlib.suppress(RecogniserFailed):
            samples[number] = _decode(places[number // threads], -1 - number, audio, seconds, clock)

    begun = clock()
    hands = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(len(samples))]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    rate = sum(samples) / SAMPLE_RATE / max(clock() - begun, 1e-6)
    if not rate:
        return 0
    cores = len(samples)
    return max(1, int(_SHARE * cores / (cores / rate + _AROUND_S)))


def _decode(
    place: Place, stream: int, audio: Sequence[bytes], seconds: float, clock: Callable[[], float]
) -> int:
    """Samples of all tracks decoded in that time."""
    tracks: tuple[Track, ...] = ("inbound", "outbound")
    place.open(stream, DecodingOptions())
    for track in tracks:
        place.begin(stream, track, Progress())
    end, at, length = clock() + seconds, 0, min(map(len, audio))
    while clock() < end:
        for track, payload in zip(tracks, audio, strict=True):
            begin = at % (length - STEP)
            piece = Piece(at, at * 1000 / SAMPLE_RATE, payload[begin : begin + STEP])
            place.decode(stream, [Fed(track, piece)], partials=True)
        at += STEP
    place.close(stream)
    return at * len(tracks)
