"""With a made-up place that dies when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.audio.timeline import Piece
from callscribe.errors import ModelError
from callscribe.events import Track
from callscribe.recognition.base import RecognizerSession
from callscribe.recognition.scripted import ScriptedRecognizer, ScriptedWord, spoken
from callscribe.speech.holes import Hole
from callscribe.speech.places import InProcess
from callscribe.speech.recovery import PlaceLost, RecoveringDecoder
from callscribe.speech.segmenter import STEP
from callscribe.speech.stream import DecodingOptions, Fed, Found, Report
from callscribe.speech.track import Progress

WORDS = [ScriptedWord(f"word{i}", 1000 * i + 200, 1000 * i + 400) for i in range(20)]
TEXTS = [word.text for word in WORDS]


class Mortal:
    """A place that dies before a decode if it is told to; then everything in it is gone."""

    def __init__(self, dies: Callable[[int, Sequence[Fed]], bool]) -> None:
        self.life = 1
        self.decodes = 0
        self._dies = dies
        self._place = InProcess(ScriptedRecognizer(WORDS))

    def open(self, stream: int, options: DecodingOptions) -> None:
        self._place.open(stream, options)

    def begin(self, stream: int, track: Track, progress: Progress) -> None:
        self._place.begin(stream, track, progress)

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        self.decodes += 1
        if self._dies(self.decodes, fed):
            self.life += 1
            self._place = InProcess(ScriptedRecognizer(WORDS))
            raise PlaceLost("killed")
        return self._place.decode(stream, fed, partials=partials)

    def close(self, stream: int) -> None:
        self._place.close(stream)


def line(track: Track = "inbound", seconds: int = 21, frame: int = 800) -> list[Fed]:
    pieces = [
        Fed(track, Piece(at, 155 + at / 8, b"\xff" * frame))
        for at in range(0, 8000 * seconds, frame)
    ]
    return [*pieces, Fed(track, None)]


def run(place: Mortal, fed: list[Fed], bite: int = 5) -> tuple[list[Found], list[Hole]]:
    decoder = RecoveringDecoder(place, 1, DecodingOptions())
    found: list[Found] = []
    failed: list[Hole] = []
    for at in range(0, len(fed), bite):
        more, lost = decoder.decode(fed[at : at + bite], partials=True)
        found += more
        failed += lost
    decoder.close()
    return found, failed


def finals(found: list[Found], track: Track = "inbound") -> list[str]:
    said = [f.utterance for f in found if f.track == track and f.utterance.final]
    return " ".join(u.raw_text for u in said).split()


def check_revisions(found: list[Found]) -> None:
    """Every utterance counts its revisions up, and ends in a final or is taken back."""
    for track in ("inbound", "outbound"):
        newest: dict[int, tuple[int, bool, bool]] = {}
        for each in found:
            if each.track != track:
                continue
            said = each.utterance
            before = newest.get(said.number)
            assert said.revision == (before[0] + 1 if before else 1)
            assert before is None or not before[1]
            newest[said.number] = (said.revision, said.final, bool(said.words))
        assert all(final or not shown for _, final, shown in newest.values())


@settings(max_examples=20)
@given(st.sets(st.integers(1, 90), max_size=20), st.sampled_from([1, 3, 10, 40]))
def test_no_word_is_lost_and_none_comes_twice_whenever_it_dies(deaths: set[int], bite: int) -> None:
    died: list[int] = []

    def dies(decodes: int, fed: Sequence[Fed]) -> bool:
        # Never thrice within two seconds' audio.
        if decodes not in deaths or (len(died) >= 2 and decodes - died[-2] < 30):
            return False
        died.append(decodes)
        return True

    found, failed = run(Mortal(dies), line(), bite)

    assert failed == []
    assert finals(found) == TEXTS
    check_revisions(found)


def holds(fed: Sequence[Fed], sample: int) -> bool:
    return any(
        f.piece and not f.known and f.piece.start <= sample < f.piece.start + len(f.piece.payload)
        for f in fed
    )


def test_audio_that_kills_three_times_is_passed_over_and_told() -> None:
    poison = 8 * 9300
    place = Mortal(lambda decodes, fed: holds(fed, poison))
    found, failed = run(place, line())

    (gap,) = failed
    assert gap.start_ms <= 155 + 9300 <= gap.end_ms <= gap.start_ms + 3500
    assert place.life == 4
    said = finals(found)
    assert said == sorted(set(said), key=TEXTS.index)
    assert set(TEXTS) - set(said) <= {"word7", "word8", "word9", "word10"}
    check_revisions(found)


def test_a_track_that_kills_costs_the_other_nothing() -> None:
    poison = 8 * 9300
    inbound, outbound = line(), line("outbound")
    fed = [each for pair in zip(inbound, outbound, strict=True) for each in pair]
    place = Mortal(lambda decodes, fed: holds([f for f in fed if f.track == "inbound"], poison))
    found, failed = run(place, fed, bite=8)

    assert {gap.track for gap in failed} == {"inbound"}
    assert finals(found, "outbound") == TEXTS
    check_revisions(found)


def test_two_streams_in_a_place_go_on_when_one_kills_it() -> None:
    place = Mortal(lambda decodes, fed: decodes in (12, 25, 26))
    one = RecoveringDecoder(place, 1, DecodingOptions())
    two = RecoveringDecoder(place, 2, DecodingOptions())
    found: dict[RecoveringDecoder, list[Found]] = {one: [], two: []}
    fed = line()
    for at in range(0, len(fed), 6):
        for decoder in (one, two):
            more, failed = decoder.decode(fed[at : at + 6], partials=True)
            assert not failed
            found[decoder] += more

    assert finals(found[one]) == finals(found[two]) == TEXTS


def test_where_no_recogniser_can_be_had_all_audio_is_told_as_failed() -> None:
    class Without(Mortal):
        def begin(self, stream: int, track: Track, progress: Progress) -> None:
            raise PlaceLost("no such file")

    found, failed = run(Without(lambda decodes, fed: False), line(seconds=3))

    assert found == []
    assert failed[0].start_ms == 155
    assert failed[-1].end_ms == 3155
    assert all(a.end_ms == b.start_ms for a, b in pairwise(failed))


def test_what_was_shown_of_audio_that_is_passed_over_is_taken_back() -> None:
    place = Mortal(lambda decodes, fed: holds(fed, 8 * 700))
    found, failed = run(place, line(seconds=2, frame=STEP), bite=1)

    assert failed
    assert [(f.utterance.text, f.utterance.final) for f in found][:2] == [
        ("word0", False),
        ("", False),
    ]
    check_revisions(found)


def test_a_recogniser_that_cannot_be_started_is_a_failure_of_the_track() -> None:
    class Refusing(ScriptedRecognizer):
        def start_session(self, phrases: Sequence[str] = ()) -> RecognizerSession:
            raise ModelError("no such phrase")

    place = InProcess(Refusing(spoken("never")))
    decoder = RecoveringDecoder(place, 1, DecodingOptions())
    found, failed = decoder.decode(line(seconds=1), partials=True)

    assert found == []
    assert [f.track for f in failed] == ["inbound"]


@pytest.mark.parametrize("hole_s", [0.5, 3.0])
def test_holes_are_kept_over_a_death(hole_s: float) -> None:
    fed = [
        f for f in line() if f.piece is None or not 48_000 <= f.piece.start < 48_000 + hole_s * 8000
    ]
    whole, _ = run(Mortal(lambda decodes, fed: False), fed)
    died, failed = run(Mortal(lambda decodes, fed: decodes in (9, 15, 30)), fed)

    assert failed == []
    times = [
        [(w.text, w.start_ms) for f in each if f.utterance.final for w in f.utterance.words]
        for each in (whole, died)
    ]
    assert times[0] == times[1]
