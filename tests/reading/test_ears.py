from __future__ import annotations

from callscribe.reading.ears import Ears
from callscribe.speech.tap import TrackKey

KEY = TrackKey("CA1", "CA1", "MZ1", "inbound")
SILENCE = b"\xff"


def heard(*pieces: tuple[int, bytes]) -> Ears:
    ears = Ears(kept_ms=1000)
    ears.opened(KEY, 0)
    for at_ms, payload in pieces:
        ears.placed(KEY, at_ms, payload)
    return ears


def test_a_stretch_is_cut_with_silence_where_nothing_came() -> None:
    ears = heard((0, b"a" * 160), (20, b"b" * 160), (60, b"c" * 160))
    assert ears.cut("CA1", "CA1", "inbound", 10, 70) == (
        b"a" * 80 + b"b" * 160 + SILENCE * 160 + b"c" * 80
    )


def test_beyond_the_ends_there_is_silence() -> None:
    assert (
        heard((0, b"a" * 8)).cut("CA1", "CA1", "inbound", -1, 2)
        == SILENCE * 8 + b"a" * 8 + SILENCE * 8
    )


def test_nothing_is_nothing() -> None:
    ears = heard((0, b"a" * 160))
    assert ears.cut("CA1", "CA1", "outbound", 0, 10) == b""
    assert ears.cut("CA1", "CA1", "inbound", 500, 600) == b""
    assert ears.cut("CA1", "CA1", "inbound", 10, 10) == b""


def test_only_the_last_seconds_are_kept() -> None:
    ears = heard(*((at, b"x" * 160) for at in range(0, 5000, 20)))
    assert ears.cut("CA1", "CA1", "inbound", 0, 1000) == b""
    assert ears.cut("CA1", "CA1", "inbound", 4500, 4600) == b"x" * 800


def test_a_second_stream_of_the_same_track_goes_on_the_same_line() -> None:
    ears = heard((0, b"a" * 160))
    ears.closed(KEY)
    again = TrackKey("CA1", "CA1", "MZ2", "inbound")
    ears.opened(again, 100)
    ears.placed(again, 100, b"b" * 160)
    assert ears.cut("CA1", "CA1", "inbound", 0, 120) == b"a" * 160 + SILENCE * 640 + b"b" * 160


def test_each_track_has_come_as_far_as_its_own_sound() -> None:
    ears = heard((0, b"a" * 160))
    other = TrackKey("CA1", "CA1", "MZ1", "outbound")
    ears.opened(other, 0)
    ears.placed(other, 80, b"b" * 160)
    assert ears.now_ms("CA1") == 100
    assert ears.now_ms("CA1", "CA1", "inbound") == 20
    assert ears.now_ms("CA1", "CA1", "outbound") == 100
    assert ears.now_ms("CA1", "CA2", "inbound") is None


def test_it_knows_where_a_call_is_and_forgets_it_with_its_tracks() -> None:
    ears = heard((0, b"a" * 160), (20, b"a" * 160))
    assert (ears.knows("CA1"), ears.now_ms("CA1"), ears.knows("CA2"), ears.now_ms("CA2")) == (
        True, 40, False, None,
    )  # fmt: skip
    ears.forget("CA1")
    assert ears.knows("CA1")  # a track is still open
    ears.closed(KEY)
    ears.forget("CA1")
    assert not ears.knows("CA1")
