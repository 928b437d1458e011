from __future__ import annotations

import contextlib
import errno
import io
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio.timeline import Piece
from callscribe.speech import backlog
from callscribe.speech.backlog import Backlog
from callscribe.speech.stream import Fed

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def fed(number: int, length: int) -> Fed:
    track = "inbound" if number % 2 else "outbound"
    piece = Piece(number, number / 8, bytes([number % 256]) * length) if length else None
    return Fed(track, piece)  # type: ignore[arg-type]


@given(st.lists(st.one_of(st.integers(0, 40), st.just("take")), max_size=60))
def test_it_is_a_queue_wherever_things_wait(steps: list[int | str]) -> None:
    waiting, expected = Backlog(), deque[Fed]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backlog, "IN_MEMORY", 60)
        for number, step in enumerate(steps):
            if isinstance(step, int):
                waiting.append(fed(number, step))
                expected.append(fed(number, step))
            elif expected:
                assert waiting.popleft() == expected.popleft()
            assert bool(waiting) == bool(expected)
        while expected:
            assert waiting.popleft() == expected.popleft()
        assert waiting.on_disk == 0
        waiting.close()


def test_what_is_too_much_for_memory_is_on_disk_until_it_is_taken() -> None:
    waiting = Backlog()
    for number in range(2000):
        waiting.append(fed(number, 800))
    on_disk = waiting.on_disk

    assert on_disk >= 2000 * 800 - backlog.IN_MEMORY
    for number in range(2000):
        assert waiting.popleft() == fed(number, 800)
    assert waiting.on_disk == 0
    with pytest.raises(IndexError):
        waiting.popleft()


def test_closing_gives_the_room_back() -> None:
    waiting = Backlog()
    for number in range(2000):
        waiting.append(fed(number, 800))
    waiting.close()
    waiting.close()

    assert not waiting
    assert waiting.on_disk == 0


class SmallDisk(io.FileIO):
    """A file on a disk that has room for so many bytes."""

    room = 100_000

    def write(self, data: ReadableBuffer) -> int:
        room = self.room - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(memoryview(data)[:room])


def test_a_full_disk_takes_no_more_and_gives_back_all_that_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SmallDisk(tmp_path / "audio", "w+b")
    asked: dict[str, object] = {}

    def temporary(**how: object) -> SmallDisk:
        asked.update(how)
        return disk

    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    monkeypatch.setattr(backlog, "IN_MEMORY", 1600)
    waiting, taken = Backlog(), []
    for number in range(1000):
        with contextlib.suppress(OSError):
            waiting.append(fed(number, 160))
            taken.append(fed(number, 160))
    assert asked["buffering"] == 0, "what a buffer still held could not be written when it is read"
    assert 100 < len(taken) < 1000
    assert waiting.popleft() == taken[0]
    disk.room *= 2
    waiting.append(fed(7, 160))
    assert [waiting.popleft() for _ in taken] == [*taken[1:], fed(7, 160)]
    assert not waiting
