"""What was said does not depend on how its audio arrived: in which portions, in which turns of the two tracks, with or
without partials, over how many deaths of the recogniser's process."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import callscribe
from callscribe.audio import mulaw
from callscribe.audio.mulaw import Pcm
from callscribe.events import Track, Word
from callscribe.recognition.base import Hypothesis, Recognizer
from callscribe.recognition.vosk import VoskRecognizer
from callscribe.speech.places import InProcess
from callscribe.speech.recovery import PlaceLost, RecoveringDecoder
from callscribe.speech.stream import DecodingOptions, Fed, Report
from callscribe.speech.track import Progress
from callscribe.speech.utterance import Utterance
from tests.heard import placed
from tests.speech.audio import scene

BUILT_IN = Path(callscribe.__file__).parent / "models" / "phone-en"
FRAME = 160
TRACKS: tuple[Track, ...] = ("inbound", "outbound")
SKEW = 6
"""Messages that one track may be ahead of the other in the order of arrival."""


@dataclass
class Hearing:
    """A session that tells exactly what audio it was given: a word for every 0.2 s of an utterance."""

    _begin: int = 0
    _given: int = 0
    _heard: list[int] = field(default_factory=list)
    _sum: int = 0

    def accept(self, pcm: Pcm) -> Sequence[Hypothesis]:
        before = len(self._heard)
        for sample in np.split(pcm, range(-self._given % 1600, len(pcm), 1600)):
            if not len(sample):
                continue
            self._sum = zlib.crc32(sample.tobytes(), self._sum)
            self._given += len(sample)
            if (self._given - self._begin) % 1600 == 0:
                self._heard.append(self._sum)
        return (Hypothesis(words=self._words(), final=False),) if len(self._heard) > before else ()

    def skip(self, samples: int) -> Sequence[Hypothesis]:
        self._given += samples
        self._begin, self._sum = self._given, 0
        self._heard.clear()
        return ()

    def endpoint(self, at_ms: int | None = None, *, quiet_ms: int = 0) -> Sequence[Hypothesis]:
        words = self._words()
        self.skip(0)
        return (Hypothesis(words=words, final=True),) if words else ()

    def finish(self) -> Sequence[Hypothesis]:
        return self.endpoint()

    def close(self) -> None:
        pass

    def _words(self) -> tuple[Word, ...]:
        begin = self._begin // 8
        return tuple(
            Word(f"{heard:08x}", begin + 200 * i, begin + 200 * (i + 1), 1.0)
            for i, heard in enumerate(self._heard)
        )


class Listener:
    """The recogniser of such sessions."""

    name, language, sample_rate, hears_silence = "listener", "en", 8000, False

    def start_session(self, phrases: Sequence[str] = ()) -> Hearing:
        return Hearing()

    def close(self) -> None:
        pass


class Mortal:
    """A place that dies at some of its decodes."""

    def __init__(self, recognizer: Recognizer, deaths: frozenset[int]) -> None:
        self.life = 1
        self._recognizer = recognizer
        self._deaths = deaths
        self._decodes = 0
        self._place = InProcess(recognizer)

    def open(self, stream: int, options: DecodingOptions) -> None:
        self._place.open(stream, options)

    def begin(self, stream: int, track: Track, progress: Progress) -> None:
        self._place.begin(stream, track, progress)

    def decode(self, stream: int, fed: Sequence[Fed], *, partials: bool) -> Report:
        self._decodes += 1
        if self._decodes in self._deaths:
            self.life += 1
            self._place = InProcess(self._recognizer)
            raise PlaceLost("killed")
        return self._place.decode(stream, fed, partials=partials)

    def close(self, stream: int) -> None:
        self._place.close(stream)


def conversation(seed: int) -> dict[Track, bytes]:
    """A caller and an agent who also talk at once; each comes back faintly on the other's track."""
    random = np.random.default_rng(seed)
    agent = scene(0.7 + random.random(), "hello", 2.0, "calling", 0.6, "balance", 2.5).pcm
    caller = scene(3.0 + random.random(), "card", 0.3, "yes", 1.0, "four", 2.0, gain_db=-8).pcm
    length = min(len(agent), len(caller)) // FRAME * FRAME
    agent, caller = agent[:length], caller[:length]
    return {
        "inbound": mulaw.encode(with_echo(caller, agent, -28)),
        "outbound": mulaw.encode(with_echo(agent, caller, -30)),
    }


def with_echo(voice: Pcm, other: Pcm, gain_db: float) -> Pcm:
    """A voice, and the other one 150 ms late."""
    late = np.concatenate((np.zeros(1200), other[:-1200] * 10 ** (gain_db / 20)))
    return np.clip(voice + late, -32768, 32767).astype(np.int16)


Message = tuple[Track, int, bytes, int]
"""Track, timestamp, payload, chunk."""


def messages(audio: dict[Track, bytes], lost: tuple[int, int], seed: int) -> list[list[Message]]:
    """Each track's, as a carrier stamps them; both tracks lose those from `lost[0]` up to `lost[1]`."""
    random = np.random.default_rng(seed)
    return [
        [
            (track, 155 + 20 * i + int(random.integers(-1, 2)), payload, i + 1)
            for i in range(len(audio[track]) // FRAME)
            if (payload := audio[track][FRAME * i : FRAME * (i + 1)]) and not lost[0] <= i < lost[1]
        ]
        for track in TRACKS
    ]


def in_turns(lines: list[list[Message]], ahead: Sequence[int]) -> list[Message]:
    """Both tracks' messages, the first one's ahead of the second's by so many, over and over."""
    order: list[Message] = []
    place = [0, 0]
    for turn in range(len(lines[0])):
        more = max(-SKEW, min(SKEW, ahead[turn % len(ahead)]))
        for line, wanted in ((0, turn + max(0, more)), (1, turn + max(0, -more))):
            until = max(place[line], wanted)
            order += lines[line][place[line] : until]
            place[line] = until
    return [*order, *lines[0][place[0] :], *lines[1][place[1] :]]


def said(
    recognizer: Recognizer,
    fed: Sequence[Fed],
    portions: Sequence[int],
    partials: Sequence[bool] = (False,),
    deaths: frozenset[int] = frozenset(),
) -> dict[Track, list[Utterance]]:
    """The finals, without what is counted only for viewers."""
    decoder = RecoveringDecoder(Mortal(recognizer, deaths), 1, DecodingOptions())
    finals: dict[Track, list[Utterance]] = {track: [] for track in TRACKS}
    at = turn = 0
    while at < len(fed):
        size = portions[turn % len(portions)]
        found, failed = decoder.decode(fed[at : at + size], partials=partials[turn % len(partials)])
        assert not failed
        for each in found:
            if each.utterance.final:
                finals[each.track].append(replace(each.utterance, revision=0))
        at, turn = at + size, turn + 1
    decoder.close()
    return finals


PORTIONS = st.lists(st.sampled_from([1, 2, 3, 7, 50, 100, 1000]), min_size=1, max_size=6)
TURNS = st.lists(st.integers(-SKEW, SKEW), min_size=1, max_size=12)
DEATHS = st.frozensets(st.integers(1, 60), max_size=6).map(
    # Three on the same audio would have it passed over.
    lambda deaths: frozenset(d for d in deaths if not deaths & {d - 1, d - 2, d - 3, d - 4, d - 5})
)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 3),
    PORTIONS,
    TURNS,
    st.lists(st.booleans(), min_size=1, max_size=4),
    DEATHS,
    st.sampled_from([(0, 0), (200, 204), (150, 230)]),
)
def test_every_sample_is_heard_alike(
    seed: int,
    portions: list[int],
    turns: list[int],
    partials: list[bool],
    deaths: frozenset[int],
    lost: tuple[int, int],
) -> None:
    lines = messages(conversation(seed), lost, seed)
    at_once = placed([each for pair in zip(*lines, strict=True) for each in pair])
    wanted = said(Listener(), at_once, [len(at_once)])
    assert all(wanted.values())

    fed = placed(in_turns(lines, turns))

    assert said(Listener(), fed, portions, partials, deaths) == wanted


@pytest.fixture(scope="module")
def vosk() -> VoskRecognizer:
    return VoskRecognizer(BUILT_IN)


@pytest.mark.parametrize(
    ("portions", "turns", "deaths"),
    [
        ([1], [0], frozenset()),
        ([3, 50, 2], [5, -7, 1], frozenset()),
        ([100], [-4, 8], frozenset({4})),
        ([5, 30], [2, -1, -8], frozenset({9, 17, 31})),
    ],
)
def test_the_words_of_the_built_in_model_are_the_same(
    vosk: VoskRecognizer, portions: list[int], turns: list[int], deaths: frozenset[int]
) -> None:
    lines = messages(conversation(1), (0, 0), 1)
    at_once = placed([each for pair in zip(*lines, strict=True) for each in pair])

    heard = said(vosk, placed(in_turns(lines, turns)), portions, [True, False], deaths)

    assert heard == said(vosk, at_once, [len(at_once)])
    assert "debit card" in " ".join(u.raw_text for u in heard["inbound"])
    assert "account balance" in " ".join(u.raw_text for u in heard["outbound"])
