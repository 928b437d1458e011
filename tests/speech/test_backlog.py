from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callscribe.audio.timeline import Piece
from callscribe.speech import backlog
from callscribe.speech.backlog import Backlog
from callscribe.speech.stream import Fed


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
