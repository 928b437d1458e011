"""What becomes of audio that waits on a disk that fails."""

from __future__ import annotations

import asyncio
import errno
import io
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from callscribe.audio.mulaw import Pcm
from callscribe.events import FinalTranscript, GapDetected, StreamEnded
from callscribe.recognition.scripted import ScriptedRecognizer, ScriptedWord
from callscribe.speech import backlog
from callscribe.speech.session import SessionOptions
from callscribe.speech.stream import DecodingOptions
from tests.speech.conftest import OpenSession

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PLAIN = SessionOptions(DecodingOptions(skip_silence=False, follow_level=False))
WORDS = [ScriptedWord(f"word{n}", 10_000 * n, 10_000 * n + 300) for n in range(60)]


class BadDisk(io.FileIO):
    """A file of which the beginning can be read, and to which so much can be written."""

    readable_bytes = 1_000_000
    room = 1 << 30

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self.readable_bytes:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(size) or b""

    def write(self, data: ReadableBuffer) -> int:
        if self.tell() >= self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


@pytest.fixture(autouse=True)
def bad_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is where audio waits."""
    monkeypatch.setattr(backlog, "IN_MEMORY", 80_000)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: BadDisk(tmp_path / "waits", "w+b"))


@pytest.fixture
def held() -> tuple[ScriptedRecognizer, Callable[[], None]]:
    """A recogniser that hears nothing until it is let go."""
    gate = threading.Event()

    def wait(_: Pcm) -> None:
        gate.wait(20)

    return ScriptedRecognizer(WORDS, on_audio=wait), gate.set


async def test_audio_that_cannot_be_read_back_is_counted_and_shown_and_nothing_else_is_lost(
    open_session: OpenSession,
    held: tuple[ScriptedRecognizer, Callable[[], None]],
) -> None:
    recognizer, let_go = held
    recorded = await open_session(recognizer, tracks=("inbound",), options=PLAIN)
    recorded.silence(600_000)
    let_go()
    async with asyncio.timeout(20):
        while not recorded.of(GapDetected):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    recorded.silence(60_000)
    await recorded.session.close("stop")
    await recorded.session.finished()

    (gap,) = recorded.of(GapDetected)
    (ended,) = recorded.of(StreamEnded)
    lost_ms = ended.counters.dropped_ms
    assert (gap.track, gap.reason, gap.end_ms) == ("inbound", "overload", 155 + 600_000)
    assert gap.end_ms - gap.start_ms == lost_ms
    assert 400_000 < lost_ms < 590_000
    said = [final.text for final in recorded.of(FinalTranscript)]
    before = [word.text for word in WORDS if word.end_ms <= gap.start_ms - 155 - 1000]
    assert said[: len(before)] == before
    # It goes on after the gap; the script takes silence in its place for speech.
    assert " ".join(said) == " ".join(word.text for word in WORDS)


async def test_a_stream_ends_though_there_was_no_room_to_note_its_end(
    open_session: OpenSession,
    monkeypatch: pytest.MonkeyPatch,
    held: tuple[ScriptedRecognizer, Callable[[], None]],
) -> None:
    monkeypatch.setattr(BadDisk, "room", 200_000)
    recognizer, let_go = held
    recorded = await open_session(recognizer, tracks=("inbound",), options=PLAIN)
    recorded.silence(60_000)
    closing = asyncio.create_task(recorded.session.close("stop"))
    await asyncio.sleep(0)
    let_go()
    async with asyncio.timeout(20):
        counters = await closing
        await recorded.session.finished()

    assert 0 < counters.dropped_ms < 60_000
    heard_ms = 60_000 - counters.dropped_ms
    expected = [word.text for word in WORDS if word.end_ms <= heard_ms]
    assert [final.text for final in recorded.of(FinalTranscript)] == expected
