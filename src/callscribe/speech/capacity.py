"""How many tracks this machine can follow while people speak: measured in about two seconds, then kept.

The packaged call is decoded by all workers at once, in the steps in which live audio comes, partials included. What
counts is processor time, so that it matters less how busy the machine is meanwhile. Where it was busy, the next start
measures again, for what shares a core slows each other down. What the rest of a server costs is known from the
benchmark (`benchmarks/capacity`), and some of the machine is left free for moments in which everybody talks.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol

import msgspec
import soundfile
import structlog

from callscribe import files
from callscribe.audio import mulaw
from callscribe.audio.mulaw import SAMPLE_RATE
from callscribe.audio.timeline import Piece
from callscribe.events import Track
from callscribe.speech.lane import PORTION
from callscribe.speech.recovery import Place, RecogniserFailed
from callscribe.speech.stream import DecodingOptions, Fed
from callscribe.speech.track import Progress

FILE: Final = "capacity.json"
_SECONDS: Final = 1.5
_AROUND_S: Final = 0.0045
"""Seconds of a core that a second of a track costs before and after decoding: socket, queue, journal, viewers."""
_SHARE: Final = 0.75
"""Of the machine that live tracks may fill on average."""
_ALONE: Final = 0.75
"""Of the processor time that could be had, by who measures on a machine that does little else."""
_TRIES: Final = 2
_log = structlog.get_logger(__name__)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and for what: with anything else it must be measured again."""

    tracks: int
    model: str
    workers: int
    kind: str
    """`processes` or `threads`."""
    by: Literal["clock", "processor time"] = "clock"
    """By the clock, as older versions measured, it came out too small on a busy machine."""
    busy: bool = False
    """Others used the processors meanwhile, so that it may be more."""


class Rate(NamedTuple):
    """What was found."""

    tracks: int
    """0: nothing could be measured."""
    busy: bool = False
    """As in `Measured`."""


class MeasuredPlace(Place, Protocol):
    """A place that knows what it costs."""

    def cpu_s(self) -> float:
        """Processor time used so far, in seconds, of its process or, where decoders are in this one, of the calling
        thread; 0 where that cannot be known."""
        ...


def kept(data: Path, model: str, workers: int, kind: str) -> Rate | None:
    """What an earlier start has measured; None when it was for something else, or never."""
    try:
        found = msgspec.json.decode(files.read(data / FILE), type=Measured)
    except (OSError, ValueError, RecursionError):
        return None
    same = (found.model, found.workers, found.kind) == (model, workers, kind)
    if not same or found.tracks <= 0 or found.by != "processor time":
        return None
    return Rate(found.tracks, found.busy)


def keep(data: Path, measured: Measured) -> None:
    """Write it down for the next start, if that can be."""
    try:
        files.write(data / FILE, msgspec.json.encode(measured) + b"\n")
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
    places: Sequence[MeasuredPlace],
    audio: Sequence[bytes],
    *,
    threads: int = 1,
    seconds: float = _SECONDS,
    cores: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> Rate:
    """How many tracks can be followed. Blocks for `seconds` and a moment; twice as long when a worker dies meanwhile.

    Args:
        places: where decoders live; nobody else uses them now.
        audio: the two tracks of a call, mu-law.
        threads: how many decode at the same time in each place.
        cores: how much processor time this process and its children may have a second.
        clock: monotonic seconds.
    """
    for _ in range(_TRIES):
        found = _measure(places, audio, threads=threads, seconds=seconds, cores=cores, clock=clock)
        if found.tracks:
            break
    return found


def _measure(
    places: Sequence[MeasuredPlace],
    audio: Sequence[bytes],
    *,
    threads: int,
    seconds: float,
    cores: float,
    clock: Callable[[], float],
) -> Rate:
    """Nothing when one of the places fails: neither what it did nor what it cost is known."""
    samples = [0] * (len(places) * threads)
    spent_s, passed_s = [0.0] * len(samples), [0.0] * len(samples)

    def work(number: int) -> None:
        place = places[number // threads]
        life, began_s, begun = place.life, place.cpu_s(), clock()
        with contextlib.suppress(RecogniserFailed):
            samples[number] = _decode(place, -1 - number, audio, seconds, clock)
        ended_s = place.cpu_s()
        passed_s[number] = clock() - begun
        spent_s[number] = ended_s - began_s if ended_s else passed_s[number]
        if place.life != life:
            samples[number] = 0

    hands = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(len(samples))]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    if not all(samples):
        return Rate(0)
    audio_s, granted = sum(samples) / SAMPLE_RATE, min(len(samples), cores)
    tracks = max(1, int(_SHARE * granted / (sum(spent_s) / audio_s + _AROUND_S)))
    return Rate(tracks, busy=sum(spent_s) < _ALONE * granted * max(passed_s))


def _decode(
    place: MeasuredPlace,
    stream: int,
    audio: Sequence[bytes],
    seconds: float,
    clock: Callable[[], float],
) -> int:
    """Samples of all tracks decoded in that time.

    Raises:
        RecogniserFailed: the place died, or the recogniser fails.
    """
    tracks: tuple[Track, ...] = ("inbound", "outbound")
    place.open(stream, DecodingOptions())
    for track in tracks:
        place.begin(stream, track, Progress())
    end, at, length = clock() + seconds, 0, min(map(len, audio))
    while clock() < end:
        for track, payload in zip(tracks, audio, strict=True):
            begin = at % (length - PORTION)
            piece = Piece(at, at * 1000 / SAMPLE_RATE, payload[begin : begin + PORTION])
            report = place.decode(stream, [Fed(track, piece)], partials=True)
            if report.broken:
                raise RecogniserFailed("; ".join(report.broken.values()))
        at += PORTION
    place.close(stream)
    return at * len(tracks)


def cores_granted(root: Path = Path("/")) -> float:
    """Seconds of processor time that this process's control groups grant it a second (Linux, Documentation/admin-guide/
    cgroup-v2.rst, `cpu.max`; of version 1, the group as containers see it); without a bound, infinite.

    Args:
        root: of the file system.
    """
    granted = math.inf
    groups = root / "sys/fs/cgroup"
    try:
        own = (root / "proc/self/cgroup").read_text().rpartition("0::")[2].splitlines()[0]
    except (OSError, IndexError):
        own = ""
    folder = groups / own.lstrip("/")
    for group in (folder, *folder.parents):
        granted = min(granted, _quota(_words(group / "cpu.max")))
        if group == groups:
            break
    old = groups / "cpu"
    return min(
        granted, _quota(_words(old / "cpu.cfs_quota_us") + _words(old / "cpu.cfs_period_us"))
    )


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _quota(words: Sequence[str]) -> float:
    """Of microseconds granted and those of the period; `max` or -1 grants all."""
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit() and int(words[1]):
        return int(words[0]) / int(words[1])
    return math.inf
