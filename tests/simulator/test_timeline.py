from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callscribe.simulator import mulaw
from callscribe.simulator.timeline import Clip, Idle, Line, Loop, Mix, ringback


def test_a_line_plays_what_was_put_on_it_last() -> None:
    line = Line()
    assert line.frame(0) is None
    line.play(Clip(b"\x01" * 800), 10)
    line.play(Clip(b"\x02" * 160), 50)
    frame = line.frame(40)
    assert frame == b"\x01" * 80 + b"\x02" * 80
    assert line.frame(80) is None  # the second clip is over; the first does not come back


def test_a_frame_that_begins_before_the_audio_is_filled_with_silence() -> None:
    line = Line()
    line.play(Clip(b"\x01" * 800), 10)
    assert line.frame(0) == b"\xff" * 80 + b"\x01" * 80


def test_a_cut_line_is_silent_from_there_on() -> None:
    line = Line()
    line.play(Idle(), 0)
    line.cut(30)
    assert line.frame(0) is not None
    frame = line.frame(20)
    assert frame is not None
    assert frame[80:] == b"\xff" * 80
    assert line.frame(40) is None


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 255)), max_size=6),
    st.integers(0, 300),
    st.integers(1, 60),
)
def test_frames_of_any_length_agree_with_single_milliseconds(
    clips: list[tuple[int, int]], at: int, length: int
) -> None:
    line = Line()
    for start, value in sorted(clips):
        line.play(Clip(bytes([value]) * 400), start)
    whole = line.frame(at, length)
    single = [line.frame(at + i, 1) for i in range(length)]
    if whole is None:
        assert single == [None] * length
    else:
        assert whole == b"".join(part or b"\xff" * 8 for part in single)


def test_a_mix_adds_and_does_not_wrap_around() -> None:
    loud, line = Line(), Line()
    loud.play(Loop(b"\x80" * 8), 0)  # the largest code
    line.play(Mix(lambda: [loud, loud], 0), 0)
    frame = line.frame(0)
    assert frame is not None
    assert set(frame) == {0x80}


def test_a_mix_of_nobody_is_nothing() -> None:
    line = Line()
    line.play(Mix(list, 0), 0)
    assert line.frame(0) is None


def test_ringback_is_a_tone_for_two_seconds_then_four_of_silence() -> None:
    tone = mulaw.decode(ringback().read(500, 1000) or b"")
    quiet = mulaw.decode(ringback().read(2500, 3000) or b"")
    assert abs(tone).max() > 2000
    assert abs(quiet).max() == 0
    assert ringback().read(0, 20) == ringback().read(6000, 20)
