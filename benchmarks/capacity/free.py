"""callscribe with a recogniser that costs nothing and hears nothing.

    python -m benchmarks.capacity.free PORT DATA [network]

What is left is the path from the socket to the recogniser: taking in, placing, voice activity, level. With "network"
nothing looks at the sound either: it is taken in, placed, queued, fetched from the queue and done with.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from callscribe.audio.mulaw import Pcm
from callscribe.recognition.base import Hypothesis
from callscribe.server import decoding, run, running_server
from callscribe.settings import Settings
from callscribe.speech.places import InProcess
from callscribe.speech.stream import Fed, Report
from callscribe.speech.track import Progress
from callscribe.web.listening import listen


class _Deaf:
    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        return ()

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        return ()

    def finish(self) -> Sequence[Hypothesis]:
        return ()

    def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
        return ()

    def close(self) -> None:
        pass


class Free:
    """A recogniser that never hears a word."""

    name = "free"
    language = "en"
    sample_rate = 8000
    hears_silence = False

    def start_session(self, phrases: Sequence[str] = ()) -> _Deaf:
        return _Deaf()

    def close(self) -> None:
        pass


class Nowhere(InProcess):
    """A place whose decoders say at once that they are done."""

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        ends = {
            each.track: each.piece.start + len(each.piece.payload)
            for each in fed
            if each.piece is not None
        }
        return Report(progress={track: Progress(position=end) for track, end in ends.items()})


async def serve(port: int, data: Path) -> None:
    settings = Settings(
        allow_unsigned=True,
        data=data,
        tracks="inbound",
        greeting="",
        capacity="100000",
        second_reader="off",
    )
    async with running_server(settings, Free(), listen("127.0.0.1", port)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    if "network" in sys.argv[3:]:
        decoding.InProcess = Nowhere  # type: ignore[misc]
    run(serve(int(sys.argv[1]), Path(sys.argv[2])))
