"""callscribe with a recogniser that costs nothing and hears nothing: what is left is the path from socket to queue.

python -m benchmarks.capacity.free PORT DATA
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from callscribe.audio.mulaw import Pcm
from callscribe.recognition.base import Hypothesis
from callscribe.server import run, running_server
from callscribe.settings import Settings
from callscribe.web.listening import listen


class _Deaf:
    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        return ()

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        return ()

    def finish(self) -> Sequence[Hypothesis]:
        return ()

    def endpoint(self, at_ms: int | None = None) -> Sequence[Hypothesis]:
        return ()

    def close(self) -> None:
        pass


class Free:
    """A recogniser that never hears a word."""

    name = "free"
    language = "en"
    sample_rate = 8000
    hears_silence = True

    def start_session(self, phrases: Sequence[str] = ()) -> _Deaf:
        return _Deaf()

    def close(self) -> None:
        pass


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
    run(serve(int(sys.argv[1]), Path(sys.argv[2])))
