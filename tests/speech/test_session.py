from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from callscribe.audio.mulaw import Pcm
from callscribe.events import (
    AnyEvent,
    FinalTranscript,
    GapDetected,
    LagChanged,
    PartialTranscript,
    StreamEnded,
    StreamStarted,
    Track,
)
from callscribe.recognition.scripted import ScriptedRecognizer, ScriptedWord, spoken
from callscribe.speech import backlog, lane
from callscribe.speech.session import SessionOptions
from callscribe.speech.stream import DecodingOptions
from tests.speech.conftest import OpenSession


async def test_a_stream_becomes_partials_and_a_final_between_start_and_end(
    open_session: OpenSession,
) -> None:
    recorded = await open_session(
        ScriptedRecognizer(spoken("hello there", 1000), ()), offset_ms=5000
    )
    for _ in range(20):
        recorded.silence(200)
        await recorded.caught_up()
    counters = await recorded.session.close("stop")

    first, last = recorded.events[0], recorded.events[-1]
    assert isinstance(first, StreamStarted)
    assert first.offset_ms == 5000
    assert isinstance(last, StreamEnded)
    assert last.reason == "stop"
    assert counters.frames == 200
    (final,) = recorded.of(FinalTranscript)
    assert final.text == "hello there"
    assert final.speaker == "Caller"
    assert [(word.text, word.start_ms) for word in final.words] == [
        ("hello", 6155),
        ("there", 6455),
    ]
    partials = recorded.of(PartialTranscript)
    assert [partial.text for partial in partials] == ["hello", "hello there"]
    assert [partial.revision for partial in partials] == [1, 2]
    assert final.revision == 3
    assert {partial.utterance for partial in partials} == {final.utterance}
    # Published while the call went on, not when it ended.
    assert recorded.events.index(final) < len(recorded.events) - 1


async def test_words_said_just_before_hanging_up_are_published(open_session: OpenSession) -> None:
    recorded = await open_session(ScriptedRecognizer(spoken("good bye"), ()))
    recorded.silence(640)
    await recorded.session.close("socket-lost")

    assert [final.text for final in recorded.of(FinalTranscript)] == ["good bye"]
    assert isinstance(recorded.events[-1], StreamEnded)


async def test_utterance_ids_are_unique_over_tracks_and_utterances(
    open_session: OpenSession,
) -> None:
    script = spoken("one thing") + spoken("another thing", 3000)
    recorded = await open_session(ScriptedRecognizer(script))
    for track in ("inbound", "outbound"):
        recorded.silence(5000, track)
    await recorded.session.close("stop")

    finals = recorded.of(FinalTranscript)
    assert len(finals) == 4
    assert len({final.utterance for final in finals}) == 4


async def test_two_sessions_never_mix(open_session: OpenSession) -> None:
    words = [f"word{i}" for i in range(12)]
    sessions = []
    for word in words:
        script = [ScriptedWord(word, 2000 * i, 2000 * i + 300) for i in range(10)]
        sessions.append(await open_session(ScriptedRecognizer(script, script), stream=f"MZ{word}"))
    for _ in range(40):
        for recorded in sessions:
            recorded.silence(500)
            recorded.silence(500, "outbound")
        await asyncio.sleep(0)
    await asyncio.gather(*(recorded.session.close("stop") for recorded in sessions))

    for word, recorded in zip(words, sessions, strict=True):
        finals = recorded.of(FinalTranscript)
        assert [final.raw_text for final in finals] == [word] * 20
        for track in ("inbound", "outbound"):
            starts = [final.start_ms for final in finals if final.track == track]
            assert starts == [155 + 2000 * i for i in range(10)]


async def test_lost_audio_is_a_gap_and_short_losses_are_only_counted(
    open_session: OpenSession,
) -> None:
    recorded = await open_session(ScriptedRecognizer(()), tracks=("inbound",))
    recorded.silence(1000)
    recorded.lose(100)
    recorded.silence(1000)
    recorded.lose(400)
    recorded.silence(1000)
    counters = await recorded.session.close("stop")

    (gap,) = recorded.of(GapDetected)
    assert (gap.start_ms, gap.end_ms, gap.reason) == (2255, 2655, "missing")
    assert counters.missing_ms == 500


@pytest.mark.parametrize("outbound_loses_chunks", [False, True])
async def test_a_pause_of_the_outbound_track_is_no_gap_unless_chunks_are_missing(
    open_session: OpenSession, outbound_loses_chunks: bool
) -> None:
    recorded = await open_session(ScriptedRecognizer(()))
    recorded.silence(5000)
    recorded.silence(1000, "outbound")
    chunk = 151 if outbound_loses_chunks else 51
    for i in range(50):
        recorded.session.receive("outbound", 3155 + i * 20, b"\xff" * 160, chunk + i)
    counters = await recorded.session.close("stop")

    assert len(recorded.of(GapDetected)) == outbound_loses_chunks
    assert counters.missing_ms == (2000 if outbound_loses_chunks else 0)


@pytest.mark.parametrize("inbound_first", [False, True])
async def test_a_time_that_both_tracks_lost_is_a_gap_of_both(
    open_session: OpenSession, inbound_first: bool
) -> None:
    recorded = await open_session(ScriptedRecognizer(()))
    order: list[Track] = ["inbound", "outbound"] if inbound_first else ["outbound", "inbound"]
    for track in order:
        recorded.feed(b"\xff" * 8000, track, chunks=False)
        recorded.lose(600, track)
        recorded.feed(b"\xff" * 8000, track, chunks=False)
    await recorded.session.close("stop")

    gaps = recorded.of(GapDetected)
    assert {gap.track for gap in gaps} == {"inbound", "outbound"}
    assert {(gap.start_ms, gap.end_ms) for gap in gaps} == {(1155, 1755)}


async def test_a_pause_is_neither_decoded_nor_kept_and_shows_as_a_gap(
    open_session: OpenSession,
) -> None:
    heard = bytearray()

    def listen(pcm: Pcm) -> None:
        heard.extend(pcm.tobytes())

    recognizer = ScriptedRecognizer(spoken("before it"), on_audio=listen)
    options = SessionOptions(DecodingOptions(skip_silence=False, follow_level=False))
    recorded = await open_session(recognizer, tracks=("inbound",), options=options)
    recorded.silence(1000)
    await recorded.session.pause()
    assert [final.text for final in recorded.of(FinalTranscript)] == ["before it"]
    recorded.feed(b"\x10" * 16000)  # the card number
    await recorded.session.resume()
    recorded.silence(1000)
    counters = await recorded.session.close("stop")

    assert not any(heard)
    (gap,) = recorded.of(GapDetected)
    assert (gap.start_ms, gap.end_ms, gap.reason) == (1155, 3155, "paused")
    assert counters.missing_ms == 0
    assert recorded.of(StreamEnded)[0].end_ms == 4155


async def test_times_stay_right_after_a_pause(open_session: OpenSession) -> None:
    script = [ScriptedWord("after", 13_000, 13_300)]
    recorded = await open_session(ScriptedRecognizer(script), tracks=("inbound",))
    recorded.silence(1000)
    await recorded.session.pause()
    recorded.silence(10_000)
    await recorded.session.resume()
    recorded.silence(4000)
    await recorded.session.close("stop")

    assert [final.start_ms for final in recorded.of(FinalTranscript)] == [13_155]


async def test_a_session_closed_while_paused_tells_of_the_pause(open_session: OpenSession) -> None:
    recorded = await open_session(ScriptedRecognizer(()), tracks=("inbound",))
    recorded.silence(1000)
    await recorded.session.pause()
    recorded.silence(1000)
    await recorded.session.close("stop")

    assert [(g.start_ms, g.end_ms) for g in recorded.of(GapDetected)] == [(1155, 2155)]


async def test_what_was_held_back_is_decoded_from_the_answer_on(open_session: OpenSession) -> None:
    script = [ScriptedWord("ringing", 500, 800), ScriptedWord("hello", 5000, 5300)]
    recorded = await open_session(ScriptedRecognizer((), script))
    recorded.session.hold_back("outbound")
    recorded.silence(6000)
    recorded.silence(6000, "outbound")
    await recorded.caught_up()
    assert not recorded.of(FinalTranscript)
    recorded.session.release("outbound", 4155)
    recorded.silence(2000, "outbound")
    counters = await recorded.session.close("stop")

    finals = recorded.of(FinalTranscript)
    assert finals[-1].words[-1].text == "hello"
    assert finals[-1].words[-1].start_ms == 5155
    assert counters.missing_ms == 0
    assert not recorded.of(GapDetected)


async def test_nobody_answered_nothing_is_decoded(open_session: OpenSession) -> None:
    recorded = await open_session(ScriptedRecognizer((), spoken("ring ring")))
    recorded.session.hold_back("outbound")
    recorded.silence(6000, "outbound")
    await recorded.session.close("stop")

    assert not recorded.of(FinalTranscript)


async def test_a_track_that_falls_silent_on_the_wire_has_its_words_finished(
    open_session: OpenSession,
) -> None:
    recorded = await open_session(
        ScriptedRecognizer(spoken("so long"), ()), options=SessionOptions(stall_ms=100)
    )
    recorded.silence(660)
    async with asyncio.timeout(10):
        while not recorded.of(FinalTranscript):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert recorded.of(FinalTranscript)[0].text == "so long"


async def test_a_track_that_pauses_while_the_other_goes_on_has_its_words_finished_at_once(
    open_session: OpenSession,
) -> None:
    recorded = await open_session(
        ScriptedRecognizer(spoken("so long"), ()), options=SessionOptions(stall_ms=500)
    )
    recorded.silence(660)
    recorded.silence(1200, "outbound")
    async with asyncio.timeout(10):
        while not recorded.of(FinalTranscript):
            recorded.silence(20, "outbound")
            await asyncio.sleep(0.02)
    assert recorded.of(FinalTranscript)[0].text == "so long"


async def test_a_server_that_stood_still_cuts_nobody_short(open_session: OpenSession) -> None:
    looked = 0

    def leaping() -> float:
        nonlocal looked
        looked += 1
        return looked * 10.0

    recorded = await open_session(
        ScriptedRecognizer(spoken("so long my friend"), ()), clock=leaping
    )
    recorded.silence(660)
    async with asyncio.timeout(20):
        while looked < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not recorded.of(FinalTranscript)
    recorded.silence(1000)
    await recorded.session.close("stop")

    assert [final.text for final in recorded.of(FinalTranscript)] == ["so long my friend"]


async def test_lag_is_told_when_it_grows_and_when_it_is_gone(open_session: OpenSession) -> None:
    gate = threading.Event()
    recognizer = ScriptedRecognizer(spoken("late words"), on_audio=lambda _: void(gate.wait(20)))
    recorded = await open_session(
        recognizer, tracks=("inbound",), options=SessionOptions(DecodingOptions(skip_silence=False))
    )
    recorded.silence(5000)
    async with asyncio.timeout(10):
        while not recorded.of(LagChanged):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert recorded.of(LagChanged)[0].lag_ms >= 1000
        gate.set()
        while recorded.of(LagChanged)[-1].lag_ms >= 1000:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await recorded.session.close("stop")

    assert [final.text for final in recorded.of(FinalTranscript)] == ["late words"]


async def test_audio_past_the_bound_is_dropped_counted_and_shown(
    open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "LONGEST_QUEUE_MS", 30_000)
    gate = threading.Event()
    recognizer = ScriptedRecognizer((), on_audio=lambda _: void(gate.wait(20)))
    recorded = await open_session(
        recognizer, tracks=("inbound",), options=SessionOptions(DecodingOptions(skip_silence=False))
    )
    recorded.silence(60_000)
    gate.set()
    await recorded.caught_up()
    recorded.silence(1000)
    counters = await recorded.session.close("stop")

    assert 20_000 <= counters.dropped_ms <= 30_500
    (gap,) = recorded.of(GapDetected)
    assert gap.reason == "overload"
    assert abs(gap.end_ms - gap.start_ms - counters.dropped_ms) <= 200


async def test_far_behind_nothing_is_lost_and_others_are_not_delayed(
    open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes arrive while the decoder is held up; most of it waits on disk."""
    monkeypatch.setattr(backlog, "IN_MEMORY", 80_000)
    gate = threading.Event()
    words = [ScriptedWord(f"word{i}", 10_000 * i, 10_000 * i + 300) for i in range(60)]
    options = SessionOptions(DecodingOptions(skip_silence=False, follow_level=False))
    slow = ScriptedRecognizer(words, on_audio=lambda _: void(gate.wait(20)))
    recorded = await open_session(slow, tracks=("inbound",), options=options)
    recorded.silence(600_000)
    other = await open_session(ScriptedRecognizer(spoken("all well")), stream="MZ2")
    other.silence(3000)
    await other.session.close("stop")
    assert [final.text for final in other.of(FinalTranscript)] == ["all well"]

    gate.set()
    counters = await recorded.session.close("stop")
    await recorded.session.finished()
    assert counters.dropped_ms == 0
    assert [final.text for final in recorded.of(FinalTranscript)] == [w.text for w in words]


async def test_a_recogniser_that_fails_once_costs_no_words(open_session: OpenSession) -> None:
    calls = 0

    def fail_once(pcm: Pcm) -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise RuntimeError("native trouble")

    options = SessionOptions(DecodingOptions(skip_silence=False))
    words = spoken("nothing of this is lost", 300)
    bad = ScriptedRecognizer(words, words, on_audio=fail_once)
    recorded = await open_session(bad, tracks=("inbound",), options=options)
    recorded.silence(4000)
    await recorded.session.close("stop")

    assert [final.text for final in recorded.of(FinalTranscript)] == ["nothing of this is lost"]
    assert not recorded.of(GapDetected)


async def test_audio_on_which_the_recogniser_always_fails_is_a_gap_and_touches_no_other_track(
    open_session: OpenSession,
) -> None:
    def fail(pcm: Pcm) -> None:
        if (np.abs(pcm) > 1000).any():
            raise RuntimeError("native trouble")

    options = SessionOptions(DecodingOptions(skip_silence=False, follow_level=False))
    words = [*spoken("before it", 200), *spoken("after it", 8000)]
    recorded = await open_session(
        ScriptedRecognizer(words, words, words, words, words, on_audio=fail), options=options
    )
    recorded.silence(3000, "outbound")
    recorded.silence(3000)
    recorded.feed(b"\x10" * 800)
    recorded.silence(9000)
    recorded.silence(9000, "outbound")
    await recorded.session.close("stop")

    (gap,) = recorded.of(GapDetected)
    assert (gap.track, gap.reason) == ("inbound", "failed")
    assert gap.start_ms <= 3155 < 3255 <= gap.end_ms <= gap.start_ms + 5000
    finals = recorded.of(FinalTranscript)
    for track in ("inbound", "outbound"):
        assert [f.text for f in finals if f.track == track] == ["before it", "after it"]
    assert recorded.of(StreamEnded)


async def test_publishing_that_raises_stops_nothing(open_session: OpenSession) -> None:
    async def refuse(event: AnyEvent) -> None:
        raise OSError("disk full")

    recorded = await open_session(ScriptedRecognizer(spoken("still here"), ()), publish=refuse)
    recorded.silence(2000)
    await recorded.session.close("stop")

    assert [final.text for final in recorded.of(FinalTranscript)] == ["still here"]
    assert recorded.of(StreamEnded)


async def test_closing_twice_or_cancelled_still_ends_once(open_session: OpenSession) -> None:
    recorded = await open_session(ScriptedRecognizer(spoken("the end"), ()))
    recorded.silence(2000)
    first = asyncio.create_task(recorded.session.close("stop"))
    await asyncio.sleep(0)
    first.cancel()
    await recorded.session.close("shutdown")
    recorded.silence(2000)

    assert [event.reason for event in recorded.of(StreamEnded)] == ["stop"]
    assert len(recorded.of(FinalTranscript)) == 1
    assert isinstance(recorded.events[-1], StreamEnded)


def void(_: object) -> None:
    """Give back nothing."""
