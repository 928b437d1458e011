"""When finals come, and where utterances begin: early cuts, delay and start error on the seven real calls.

    .venv/bin/python -m benchmarks.endpoints [--model NAME_OR_FOLDER] [--silence-ms 500]

Audio time, not wall time: the delay counts from the end of a reference segment to the audio that had come when its
final was given out; the time that decoding takes comes on top. The reference's segment ends are good to about 0.1 s.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.conditions import FRAME, Pcm
from benchmarks.sets import SHARED, read_audio
from callscribe.audio import mulaw
from callscribe.audio.timeline import Piece
from callscribe.recognition.base import Recognizer
from callscribe.speech.endpoint import EndpointOptions
from callscribe.speech.track import TrackDecoder


@dataclass(frozen=True)
class Segment:
    """Reference speech; milliseconds."""

    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class Final:
    start_ms: float
    end_ms: float
    given_out_ms: float
    """How much audio had come."""
    text: str


@dataclass(frozen=True)
class Report:
    segments: int
    finals: int
    early_cuts: int
    """Finals that end inside a reference segment, more than 0.2 s before it does, while it goes on."""
    delays: int
    delay_median_ms: float
    delay_90_ms: float
    delay_most_ms: float
    starts: int
    start_median_ms: float
    """Absolute error of the start of utterances that follow a pause."""
    starts_within_200_ms: float
    longest_ms: float


def finals_of(pcm: Pcm, recognizer: Recognizer, options: EndpointOptions) -> list[Final]:
    """One track through the decoder, in frames."""
    decoder = TrackDecoder(recognizer, endpoints=options)
    payload = mulaw.encode(pcm)
    finals = []
    for start in range(0, len(payload), FRAME):
        piece = Piece(start, start / 8, payload[start : start + FRAME])
        said = decoder.accept(piece)
        finals += [Final(u.start_ms, u.end_ms, start / 8 + 20, u.raw_text) for u in said if u.final]
    end = len(payload) / 8
    finals += [Final(u.start_ms, u.end_ms, end, u.raw_text) for u in decoder.flush() if u.final]
    decoder.close()
    return finals


def joined(segments: Sequence[Segment], pause_ms: float = 800) -> list[Segment]:
    """Reference segments with the short pauses between them closed."""
    runs: list[Segment] = []
    for segment in segments:
        if runs and segment.start_ms - runs[-1].end_ms < pause_ms:
            runs[-1] = Segment(runs[-1].start_ms, segment.end_ms)
        else:
            runs.append(segment)
    return runs


def report(channels: Sequence[tuple[Sequence[Segment], Sequence[Final]]]) -> Report:
    """Compare what was heard with what was said, all channels together."""
    early = 0
    delays: list[float] = []
    starts: list[float] = []
    for segments, finals in channels:
        early += sum(
            any(s.start_ms + 200 < f.end_ms < s.end_ms - 200 for s in segments) for f in finals
        )
        runs = joined(segments)
        nothing = Segment(-1e12, -1e12), Segment(1e12, 1e12)
        for before, run, after in zip(
            [nothing[0], *runs], runs, [*runs[1:], nothing[1]], strict=False
        ):
            inside = [f for f in finals if f.end_ms > run.start_ms and f.start_ms < run.end_ms]
            if not inside:
                continue
            if inside[0].start_ms > before.end_ms - 200:
                starts.append(abs(inside[0].start_ms - run.start_ms))
            if after.start_ms - run.end_ms > 2000:
                delays.append(inside[-1].given_out_ms - run.end_ms)
    return Report(
        segments=sum(len(segments) for segments, _ in channels),
        finals=sum(len(finals) for _, finals in channels),
        early_cuts=early,
        delays=len(delays),
        delay_median_ms=float(np.median(delays)),
        delay_90_ms=float(np.percentile(delays, 90)),
        delay_most_ms=max(delays),
        starts=len(starts),
        start_median_ms=float(np.median(starts)),
        starts_within_200_ms=float(np.mean(np.array(starts) <= 200)),
        longest_ms=max(f.end_ms - f.start_ms for _, finals in channels for f in finals),
    )


def measure(
    recognizer: Recognizer, options: EndpointOptions, shared: Path = SHARED
) -> dict[str, Report]:
    """For each side of the calls."""
    outcome = {}
    for side in ("caller", "agent"):
        channels = []
        for folder in sorted((shared / "data" / "calls").glob("*/")):
            channel = json.loads((folder / "transcript.json").read_text("utf-8"))["channels"][side]
            said = [
                Segment(s["start"] * 1000, s["end"] * 1000)
                for s in channel["segments"]
                if s["text"]
            ]
            pcm = read_audio(folder / channel["file"])
            channels.append((said, finals_of(pcm, recognizer, options)))
        outcome[side] = report(channels)
    return outcome


def markdown(outcome: dict[str, Report]) -> str:
    """The part of the report on endpoints."""
    lines = [
        "## When finals come",
        "",
        "On the real calls, whole channels, in audio time: the time that decoding takes comes on top. The delay runs",
        "from the end of what somebody said (followed by two seconds of silence or more, by the reference's segments,",
        "which are good to about 0.1 s) to the final. An early cut is a final that ends more than 0.2 s before its",
        "segment does, while that goes on. After an unfinished number callscribe waits longer: hence the last tenth.",
        "",
        "| side | segments | finals | early cuts | delay, median | delay, 90th percentile | longest utterance"
        " | starts within 0.2 s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for side, r in outcome.items():
        delay = f"{r.delay_median_ms / 1000:.2f} s | {r.delay_90_ms / 1000:.2f} s"
        longest, starts = f"{r.longest_ms / 1000:.1f} s", f"{r.starts_within_200_ms:.0%}"
        lines.append(
            f"| {side}s | {r.segments} | {r.finals} | {r.early_cuts} | {delay} | {longest} | {starts} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Early cuts, delay and start error on the calls.")
    parser.add_argument("--model", default="", help="name or folder; the built-in one by default")
    parser.add_argument("--silence-ms", type=int, default=EndpointOptions().silence_ms)
    arguments = parser.parse_args()
    if not (SHARED / "data" / "calls").is_dir():
        print(f"The calls are not here: {SHARED / 'data' / 'calls'} is missing.", file=sys.stderr)
        return 1
    from benchmarks.engines import built_in_or
    from callscribe.recognition.vosk import VoskRecognizer

    name, folder = built_in_or(arguments.model)
    recognizer = VoskRecognizer(folder, name=name)
    options = EndpointOptions(silence_ms=arguments.silence_ms)
    outcome = measure(recognizer, options)
    print(json.dumps({side: asdict(result) for side, result in outcome.items()}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
