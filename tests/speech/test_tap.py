from __future__ import annotations

import pytest

from callscribe.events import FinalTranscript, Track
from callscribe.recognition.scripted import ScriptedRecognizer, spoken
from callscribe.speech.tap import Tap, TrackKey
from tests.speech.conftest import FIRST_MS, FRAME, SILENCE, OpenSession

KEY = TrackKey("CA1", "CA1", "MZ1", "inbound")


class Listening:
    """A listener that remembers."""

    def __init__(self, *, fails_at: str = "") -> None:
        self.told: list[str] = []
        self.heard: dict[Track, list[tuple[int, bytes]]] = {}
        self.offsets: dict[TrackKey, int] = {}
        self._fails_at = fails_at

    def opened(self, key: TrackKey, offset_ms: int) -> None:
        self._note("opened", key)
        self.offsets[key] = offset_ms

    def placed(self, key: TrackKey, at_ms: int, payload: bytes) -> None:
        self._note("placed", key)
        self.heard.setdefault(key.track, []).append((at_ms, payload))

    def closed(self, key: TrackKey) -> None:
        self._note("closed", key)

    def _note(self, what: str, key: TrackKey) -> None:
        self.told.append(what)
        if what == self._fails_at:
            raise OSError("disk full")

    def times(self, track: Track = "inbound") -> list[int]:
        return [at_ms for at_ms, _ in self.heard.get(track, [])]


def test_all_listeners_get_the_same_bytes_in_order() -> None:
    one, two = Listening(), Listening()
    tap = Tap(KEY, (one, two), 5000)
    tap.open()
    payloads = [bytes([i]) * FRAME for i in range(3)]
    for i, payload in enumerate(payloads):
        tap.place(i * 20.4, payload)
    tap.close()
    tap.close()

    assert one.told == two.told == ["opened", "placed", "placed", "placed", "closed"]
    assert one.times() == [5000, 5020, 5041]
    for listener in (one, two):
        assert listener.offsets == {KEY: 5000}
        assert all(
            given is heard
            for given, (_, heard) in zip(payloads, listener.heard["inbound"], strict=True)
        )


@pytest.mark.parametrize("where", ["opened", "placed", "closed"])
def test_a_listener_that_fails_is_let_go_and_the_others_go_on(where: str) -> None:
    bad, good = Listening(fails_at=where), Listening()
    tap = Tap(KEY, (bad, good), 0)
    tap.open()
    tap.place(0, SILENCE)
    tap.place(20, SILENCE)
    tap.close()

    assert good.told == ["opened", "placed", "placed", "closed"]
    assert bad.told.count("closed") == 1
    assert bad.told[-1] == "closed"
    assert bad.told.count("placed") == {"opened": 0, "placed": 1, "closed": 2}[where]


async def test_a_listener_hears_each_track_from_open_to_close(open_session: OpenSession) -> None:
    listening = Listening()
    recorded = await open_session(
        ScriptedRecognizer(spoken("hello"), ()), offset_ms=5000, listeners=[listening]
    )
    assert listening.told == ["opened", "opened"]
    recorded.silence(1000)
    recorded.silence(400, "outbound")
    await recorded.session.close("stop")

    assert listening.told[-2:] == ["closed", "closed"]
    assert listening.times() == list(range(5000 + FIRST_MS, 6000 + FIRST_MS, 20))
    assert listening.times("outbound") == list(range(5000 + FIRST_MS, 5400 + FIRST_MS, 20))
    assert set(listening.offsets) == {KEY, TrackKey("CA1", "CA1", "MZ1", "outbound")}


async def test_a_listener_gets_frames_in_the_order_of_their_times(
    open_session: OpenSession,
) -> None:
    listening = Listening()
    recorded = await open_session(
        ScriptedRecognizer(()), tracks=("inbound",), listeners=[listening]
    )
    for at in (155, 195, 175, 215, 175, 255, 235):
        recorded.session.receive("inbound", at, bytes([at]) * FRAME, None)
    await recorded.session.close("stop")

    assert listening.heard["inbound"] == [
        (at, bytes([at]) * FRAME) for at in (155, 175, 195, 215, 235, 255)
    ]


async def test_nothing_is_placed_during_a_pause(open_session: OpenSession) -> None:
    listening = Listening()
    recorded = await open_session(
        ScriptedRecognizer(()), tracks=("inbound",), listeners=[listening]
    )
    recorded.silence(1000)
    await recorded.session.pause()
    recorded.feed(b"\x10" * 16_000)
    await recorded.session.resume()
    recorded.silence(1000)
    await recorded.session.close("stop")

    assert {payload for _, payload in listening.heard["inbound"]} == {SILENCE}
    assert listening.times() == [*range(155, 1155, 20), *range(3155, 4155, 20)]


async def test_audio_held_back_is_heard_as_it_comes_and_only_once(
    open_session: OpenSession,
) -> None:
    listening = Listening()
    recorded = await open_session(
        ScriptedRecognizer(()), tracks=("outbound",), listeners=[listening]
    )
    recorded.session.hold_back("outbound")
    recorded.silence(6000, "outbound")
    before = len(listening.times("outbound"))
    recorded.session.release("outbound", 3000)
    assert len(listening.times("outbound")) == before >= 290
    recorded.silence(1000, "outbound")
    await recorded.session.close("stop")

    assert listening.times("outbound") == list(range(155, 7155, 20))


async def test_a_failing_listener_costs_no_words(open_session: OpenSession) -> None:
    recorded = await open_session(
        ScriptedRecognizer(spoken("still here"), ()), listeners=[Listening(fails_at="placed")]
    )
    recorded.silence(2000)
    await recorded.session.close("stop")

    assert [final.text for final in recorded.of(FinalTranscript)] == ["still here"]
