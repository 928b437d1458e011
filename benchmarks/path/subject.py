"""A server that is watched from inside: when audio reaches the recogniser, when a final is published and painted.

python subject.py DATA: prints one line of JSON with its address, publishes finals for each line read
({"finals": N, "every_s": S}), and prints what it saw at the end of its input. It runs on older checkouts too, to
compare with.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from callscribe.events import CallStarted, FinalTranscript, StreamStarted, Word
from callscribe.recognition.scripted import ScriptedRecognizer
from callscribe.settings import Secret, Settings
from callscribe.terminal.view import TerminalView

try:
    from callscribe.cli.views import show_server
    from callscribe.server import run, running_server
    from callscribe.web.listening import listen
except ImportError:  # an older checkout
    from callscribe.cli import views
    from callscribe.cli.server import listen, running_server  # type: ignore[no-redef]

    run = asyncio.run  # type: ignore[assignment]

    async def show_server(server: Any, view: Any) -> None:
        await views.show_hub(server.hub, server.store, view)  # type: ignore[attr-defined]


CALL = "CA" + "f" * 32


class Watching(ScriptedRecognizer):
    """Hears nothing, and notes when how much audio came."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[list[tuple[float, int]]] = []

    def start_session(self, phrases: Any = ()) -> Any:
        session: Any = super().start_session(phrases)
        heard: list[tuple[float, int]] = []
        self.heard.append(heard)
        session.on_audio = lambda pcm: heard.append((time.monotonic(), len(pcm)))
        return session


class Screen(io.StringIO):
    """A terminal that notes when a final is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, float] = {}

    def write(self, text: str) -> int:
        for word in text.split("#")[1:]:
            self.seen.setdefault(word[:6], time.monotonic())
        return len(text)


def final(number: int) -> FinalTranscript:
    words = f"this is utterance #{number:06}"
    return FinalTranscript(
        call=CALL,
        leg=CALL,
        track="inbound",
        speaker="Caller",
        utterance=f"u{number}",
        revision=1,
        text=words,
        raw_text=words,
        start_ms=number * 1000,
        end_ms=number * 1000 + 900,
        words=tuple(
            Word(text=word, start_ms=number * 1000, end_ms=number * 1000 + 900, confidence=0.9)
            for word in words.split()
        ),
    )


async def serve(data: Path) -> None:
    settings = Settings(data=data, port=0, allow_unsigned=True, auth_token=Secret(""))
    if hasattr(settings, "second_reader"):  # none to wait for: the older checkout has none
        settings = dataclasses.replace(settings, second_reader="off")
    recognizer, screen = Watching(), Screen()
    console = Console(file=screen, force_terminal=True, width=100, height=40, highlight=False)
    listener = listen("127.0.0.1", 0)
    async with running_server(settings, recognizer, listener) as server:
        record: Any = getattr(server, "record", server)
        url = server.address.url if hasattr(server, "address") else server.url  # type: ignore[attr-defined]
        view = TerminalView(console)
        with view:
            showing = asyncio.create_task(show_server(server, view))
            publish = record.journal.publish
            await publish(CallStarted(call=CALL, from_="+15005550010"))
            await publish(
                StreamStarted(call=CALL, leg=CALL, stream="MZ1", tracks=("inbound", "outbound"))
            )
            print(json.dumps({"url": url, "call": CALL}), flush=True)
            published: dict[str, float] = {}
            while line := await asyncio.to_thread(sys.stdin.readline):
                wanted = json.loads(line)
                for _ in range(wanted["finals"]):
                    number = len(published)
                    published[f"{number:06}"] = time.monotonic()
                    await publish(final(number))
                    await asyncio.sleep(wanted["every_s"])
                print(json.dumps({"done": len(published)}), flush=True)
            seen = {
                "heard": recognizer.heard,
                "published": published,
                "painted": screen.seen,
                "cpu_s": time.process_time(),
            }
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)
        print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    run(serve(Path(sys.argv[1])))
