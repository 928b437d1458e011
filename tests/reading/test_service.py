"""The service with a played reader: what is read when, what is published, what survives."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import pytest

from callscribe.errors import ModelError
from callscribe.events import (
    AnyEvent,
    CallEnded,
    FinalTranscript,
    PartialTranscript,
    Published,
    RecordSettled,
    RevisedTranscript,
    SpeakerRenamed,
    StreamStarted,
    Track,
)
from callscribe.journal.follow import JournalFollower
from callscribe.journal.hub import Hub
from callscribe.reading.agenda import Agenda
from callscribe.reading.ears import Ears
from callscribe.reading.process import ReaderDiedError, ReaderFailedError
from callscribe.reading.protocol import Read, Readings, ReadTogether, Ready, Request, Sound
from callscribe.reading.service import Expected, ReadingService, _Call
from callscribe.reading.unread import Unread
from callscribe.recognition.base import Reading
from callscribe.speech.tap import TrackKey
from callscribe.text.writer import Writer
from tests.reading.made import final, partial, reading

NOW = datetime.datetime(2026, 1, 15, 10, 0, 1, tzinfo=datetime.UTC)


class Played:
    """A reader that says what it is told to, by the first byte of the sound."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.says: dict[bytes, Reading | Exception] = {}
        self.cannot_start: list[ModelError] = []
        self.starts = 0
        self.free = asyncio.Event()
        self.free.set()

    async def start(self) -> Ready:
        self.starts += 1
        if self.cannot_start:
            raise self.cannot_start.pop()
        return Ready(name="tiny.en", language="en", window_ms=28_000, window_s=0.5)

    async def ask(self, request: Request) -> Readings:
        self.asked.append(request)
        await self.free.wait()
        sounds = [request.new] if isinstance(request, Read) else list(request.excerpts)
        return Readings(readings=tuple(self._say(sound) for sound in sounds), cpu_s=0.1)

    def _say(self, sound: Sound) -> Reading:
        found = self.says.get(sound.mulaw[-1:], reading("nobody told me"))
        if isinstance(found, Exception):
            raise found
        return found

    async def stop(self) -> None:
        pass


class Nothing:
    def events_after(
        self, cursor: int, *, call: str | None = None, limit: int = 1000
    ) -> list[Published]:
        return []


async def when(done: Callable[[], bool]) -> None:
    """Until something is so that tells nobody."""
    while not done():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)


class Scene:
    """A service, its journal and its calls."""

    def __init__(self, data: Path) -> None:
        self.process = Played()
        self.hub = Hub()
        self.ears = Ears()
        self.unread = Unread(data)
        self.published: list[AnyEvent] = []
        self._news = asyncio.Event()
        self._id = 0
        self.slept: list[float] = []
        self.hurried = False
        self.now = NOW

    async def publish(self, event: AnyEvent) -> None:
        self._id += 1
        self.hub.publish(Published(self._id, event))
        self.published.append(event)
        self._news.set()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[ReadingService]:
        with JournalFollower(Nothing(), self.hub, after=None) as follower:
            service = ReadingService(
                self.process,
                follower,
                publish=self.publish,
                ears=self.ears,
                unread=self.unread,
                write=Writer.for_language("en"),
                agenda=Agenda(28_000),
                hurried=lambda: self.hurried,
                sleep=self.sleep,
                now=lambda: self.now,
            )
            task = asyncio.create_task(service.run())
            try:
                yield service
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def says(
        self,
        text: str,
        *,
        utterance: str = "u1",
        start_ms: int = 1000,
        sound: bytes = b"a",
        track: Track = "inbound",
        confidence: float = 0.5,
    ) -> None:
        """Somebody says something: its sound comes by the tap, its final by the journal."""
        key = TrackKey("CA1", "CA1", "MZ1", track)
        if not self.ears.cut("CA1", "CA1", track, 0, 10**6):
            self.ears.opened(key, 0)
        said = final(
            text, utterance=utterance, start_ms=start_ms, track=track, confidence=confidence
        )
        for at in range(start_ms - 300, said.end_ms + 300, 20):
            self.ears.placed(key, at, sound * 160)
        await self.publish(said)

    def sounds(self, from_ms: int, to_ms: int, sound: bytes = b"a") -> None:
        """Sound comes of the caller's track, with no final yet."""
        key = TrackKey("CA1", "CA1", "MZ1", "inbound")
        if self.ears.now_ms("CA1") is None:
            self.ears.opened(key, 0)
        for at in range(from_ms, to_ms, 20):
            self.ears.placed(key, at, sound * 160)

    async def until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 30)

    def revised(self) -> list[RevisedTranscript]:
        return [event for event in self.published if isinstance(event, RevisedTranscript)]

    def settled(self) -> list[RecordSettled]:
        return [event for event in self.published if isinstance(event, RecordSettled)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def _one_is_read(scene: Scene) -> None:
    """The reader was asked for it, and answers once it is free."""
    scene.process.free.clear()
    await scene.says("won", sound=b"a")
    await when(lambda: bool(scene.process.asked))


async def _one_is_read_and_two_wait(scene: Scene) -> None:
    await _one_is_read(scene)
    await scene.says("too", utterance="u2", start_ms=3000, sound=b"b")
    await scene.says("free", utterance="u3", start_ms=6000, sound=b"c")
    await when(lambda: len(scene.unread.of("CA1")) == 3)


async def test_an_utterance_is_read_again_and_the_reading_takes_its_place(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("i lost my debit card")
    async with scene.serving():
        await scene.says("i lost my daddy car")
        await scene.until(lambda: bool(scene.revised()))
    (revised,) = scene.revised()
    assert (revised.utterance, revised.revision, revised.reading, revised.reader) == (
        "u1", 4, 2, "tiny.en",
    )  # fmt: skip
    assert (revised.text, revised.raw_text) == ("I lost my debit card.", "i lost my debit card")
    assert [word.start_ms for word in revised.words][:3] == [1000, 1200, 1400]
    assert revised.lag_ms == 1000 + 300
    (request,) = scene.process.asked
    assert isinstance(request, Read)
    assert request.new.mulaw == b"a" * 8 * (1000 + 600)


async def test_what_was_said_before_is_heard_again_with_its_reading(scene: Scene) -> None:
    scene.process.says |= {b"a": reading("can i help you"), b"b": reading("yes please")}
    async with scene.serving() as service:
        service.expect("CA1", Expected(hints=("Kelly",), language="en"))
        await scene.says("can help you", sound=b"a")
        await scene.until(lambda: len(scene.revised()) == 1)
        await scene.says("yes sneeze", utterance="u2", start_ms=3000, sound=b"b", track="outbound")
        await scene.until(lambda: len(scene.revised()) == 2)
    request = scene.process.asked[1]
    assert isinstance(request, Read)
    assert [(sound.mulaw[:1], sound.text) for sound in request.before] == [(b"a", "Can i help you")]
    assert (request.hints, request.language) == (("Kelly",), "en")


@pytest.mark.parametrize(("late_s", "brief"), [(0.5, False), (1.5, True)])
async def test_what_is_late_already_is_read_briefly(
    scene: Scene, late_s: float, brief: bool
) -> None:
    scene.now = NOW + datetime.timedelta(seconds=late_s - 1)
    async with scene.serving():
        await scene.says("yes")
        await scene.until(lambda: bool(scene.revised()))
    assert [isinstance(r, Read) and r.brief for r in scene.process.asked] == [brief]


async def test_with_several_calls_each_is_read_briefly(scene: Scene) -> None:
    scene.now = NOW - datetime.timedelta(seconds=1)
    async with scene.serving():
        for number in (1, 2):
            call, stream = f"CA{number}", f"MZ{number}"
            await scene.publish(
                StreamStarted(call=call, leg=call, stream=stream, tracks=("inbound",))
            )
            await scene.says("yes", utterance=f"u{number}", start_ms=1000 * number**3)
            while len(scene.revised()) < number:
                await scene.until(lambda: bool(scene.revised()))
                await asyncio.sleep(0)
    assert [isinstance(r, Read) and r.brief for r in scene.process.asked] == [False, True]


async def test_without_words_the_utterance_is_withdrawn_and_not_read_again(scene: Scene) -> None:
    scene.process.says[b"a"] = Reading(doubtful=True)
    async with scene.serving():
        await scene.says("six")
        await scene.until(lambda: bool(scene.revised()))
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert [(r.text, r.words, r.raw_text) for r in scene.revised()] == [("", (), "")]
    assert len(scene.process.asked) == 1


async def test_what_waits_is_packed(scene: Scene) -> None:
    scene.process.says |= {b"a": reading("one"), b"b": reading("two"), b"c": reading("three")}
    async with scene.serving():
        await _one_is_read_and_two_wait(scene)
        scene.process.free.set()
        await scene.until(lambda: len(scene.revised()) == 3)
    assert isinstance(scene.process.asked[1], ReadTogether)
    assert [r.raw_text for r in scene.revised()] == ["one", "two", "three"]


async def _one_apart_and_two_packed(scene: Scene) -> None:
    await _one_is_read_and_two_wait(scene)
    scene.process.free.set()
    await when(lambda: len(scene.process.asked) == 2)


async def test_after_the_call_what_was_packed_and_is_doubtful_is_read_by_itself(
    scene: Scene,
) -> None:
    scene.process.says |= {
        b"a": reading("one"), b"b": reading("two", confidence=0.6), b"c": reading("three")
    }  # fmt: skip
    async with scene.serving():
        await _one_apart_and_two_packed(scene)
        await scene.until(lambda: len(scene.revised()) == 3)
        scene.process.says[b"b"] = reading("two more")
        assert not scene.settled()
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
        await when(lambda: not scene.unread.calls())
    assert [type(request) for request in scene.process.asked] == [Read, ReadTogether, Read]
    last = scene.process.asked[2]
    assert isinstance(last, Read)
    assert [sound.text for sound in last.before] == ["One"]
    assert [(r.utterance, r.reading, r.revision) for r in scene.revised()] == [
        ("u1", 2, 4), ("u2", 2, 4), ("u3", 2, 4), ("u2", 3, 5),
    ]  # fmt: skip
    assert scene.settled() == [RecordSettled(call="CA1", unread=0)]


async def test_after_the_call_several_that_are_doubtful_are_read_together_once_more(
    scene: Scene,
) -> None:
    scene.process.says |= {
        b"a": reading("one"), b"b": reading("two", confidence=0.6), b"c": Reading(doubtful=True)
    }  # fmt: skip
    async with scene.serving():
        await _one_apart_and_two_packed(scene)
        await scene.until(lambda: len(scene.revised()) == 2)
        scene.process.says |= {b"b": reading("two more", confidence=0.9), b"c": reading("three")}
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert [type(request) for request in scene.process.asked] == [Read, ReadTogether, ReadTogether]
    assert [(r.utterance, r.reading, r.raw_text) for r in scene.revised()] == [
        ("u1", 2, "one"), ("u2", 2, "two"), ("u2", 3, "two more"), ("u3", 3, "three"),
    ]  # fmt: skip


async def test_those_whose_window_ends_the_process_are_read_one_by_one(scene: Scene) -> None:
    scene.process.says |= {
        b"a": reading("one"), b"b": reading("two"), b"c": ReaderDiedError("signal 11")
    }  # fmt: skip
    async with scene.serving():
        await _one_is_read_and_two_wait(scene)
        scene.process.free.set()
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert [(r.utterance, r.raw_text) for r in scene.revised()] == [("u1", "one"), ("u2", "two")]
    assert scene.settled() == [RecordSettled(call="CA1", unread=1)]


async def test_of_a_reading_apart_and_one_in_a_window_the_surer_stands(scene: Scene) -> None:
    scene.process.says |= {
        b"a": reading("one", confidence=0.7), b"b": reading("two", confidence=0.7)
    }  # fmt: skip
    async with scene.serving():
        await scene.says("won", sound=b"a")
        await scene.until(lambda: len(scene.revised()) == 1)
        await scene.says("too", utterance="u2", start_ms=3000, sound=b"b")
        await scene.until(lambda: len(scene.revised()) == 2)
        scene.process.says |= {
            b"a": reading("won one", confidence=0.9), b"b": reading("to", confidence=0.72)
        }  # fmt: skip
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert isinstance(scene.process.asked[-1], ReadTogether)
    assert [(r.utterance, r.reading, r.raw_text) for r in scene.revised()] == [
        ("u1", 2, "one"), ("u2", 2, "two"), ("u1", 3, "won one"),
    ]  # fmt: skip


async def test_what_a_window_does_not_bring_is_withdrawn_only_when_it_was_read_by_itself(
    scene: Scene,
) -> None:
    scene.process.says |= {b"a": reading("one"), b"b": Reading(doubtful=True), b"c": reading("two")}
    async with scene.serving():
        await _one_apart_and_two_packed(scene)
        await scene.until(lambda: len(scene.revised()) == 2)
        assert [r.utterance for r in scene.revised()] == ["u1", "u3"]
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert [(r.utterance, r.text) for r in scene.revised()][2:] == [("u2", "")]
    assert scene.settled() == [RecordSettled(call="CA1", unread=0)]


async def test_a_reader_that_dies_is_started_again_and_asked_again(scene: Scene) -> None:
    scene.process.says[b"a"] = ReaderDiedError("signal 11")
    async with scene.serving():
        await scene.says("won", sound=b"a")
        await when(lambda: len(scene.process.asked) >= 2)
        scene.process.says[b"b"] = reading("two")
        await scene.says("too", utterance="u2", start_ms=3000, sound=b"b")
        await scene.until(lambda: len(scene.revised()) == 1)
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert scene.process.starts > 2
    assert [r.utterance for r in scene.revised()] == ["u2"]
    assert scene.settled() == [RecordSettled(call="CA1", unread=1)]


async def test_what_cannot_be_read_keeps_its_first_reading(scene: Scene) -> None:
    scene.process.says[b"a"] = ReaderFailedError("no such language")
    async with scene.serving():
        await scene.says("won", sound=b"a")
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert scene.revised() == []
    assert scene.settled() == [RecordSettled(call="CA1", unread=1)]


async def test_what_a_dead_server_left_is_read_at_the_next_start(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("one")
    scene.process.free.clear()
    async with scene.serving():
        await scene.says("won", sound=b"a")
        await when(lambda: bool(scene.unread.of("CA1")))
    assert scene.revised() == []
    scene.process.free.set()
    async with scene.serving():
        await scene.until(lambda: bool(scene.settled()))
        await when(lambda: not scene.unread.calls())
    assert [(r.raw_text, r.reading) for r in scene.revised()] == [("one", 3)]


async def test_a_new_name_is_used(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("one")
    async with scene.serving():
        await _one_is_read(scene)
        await scene.publish(SpeakerRenamed(call="CA1", leg="CA1", track="inbound", speaker="Frank"))
        for _ in range(20):
            await asyncio.sleep(0)
        scene.process.free.set()
        await scene.until(lambda: bool(scene.revised()))
    assert scene.revised()[0].speaker == "Frank"


async def test_a_reader_that_cannot_be_loaded_is_tried_again(scene: Scene) -> None:
    scene.process.cannot_start = [ModelError("no memory")] * 3
    scene.process.says[b"a"] = reading("one")
    async with scene.serving() as service:
        await scene.says("won", sound=b"a")
        with pytest.raises(ModelError, match="no memory"):
            await service.ready
        await scene.until(lambda: bool(scene.revised()))
    assert scene.slept == [1.0, 2.0, 4.0]


async def test_calls_that_nobody_listened_to_are_none_of_its_business(scene: Scene) -> None:
    async with scene.serving():
        await scene.publish(final("hello"))
        await scene.publish(CallEnded(call="CA1"))
        for _ in range(20):
            await asyncio.sleep(0)
    assert scene.process.asked == []
    assert scene.settled() == []


async def test_a_call_in_which_nobody_spoke_is_settled(scene: Scene) -> None:
    key = TrackKey("CA1", "CA1", "MZ1", "inbound")
    async with scene.serving():
        scene.ears.opened(key, 0)
        scene.ears.closed(key)
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert scene.settled() == [RecordSettled(call="CA1", unread=0)]


async def test_a_deleted_call_is_forgotten(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("one")
    async with scene.serving() as service:
        await _one_is_read(scene)
        await service.forget("CA1")
        assert (scene.unread.calls(), service.unsettled) == ([], [])


async def test_a_call_that_is_deleted_while_it_is_read_leaves_nothing(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("one")
    async with scene.serving() as service:
        await _one_is_read(scene)
        await service.forget("CA1")
        scene.process.free.set()
        key = TrackKey("CA3", "CA1", "MZ3", "inbound")
        scene.ears.opened(key, 0)
        scene.ears.placed(key, 0, b"b" * 16_000)
        await scene.publish(final("two", utterance="u3", call="CA3"))
        await scene.until(lambda: bool(scene.revised()))
        assert [revised.call for revised in scene.revised()] == ["CA3"]
        assert (scene.unread.calls(), service.unsettled) == (["CA3"], ["CA3"])


async def test_memory_stays_bounded_while_there_is_no_reader(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = asyncio.Event()
    start = scene.process.start

    async def late() -> Ready:
        await loaded.wait()
        return await start()

    monkeypatch.setattr(scene.process, "start", late)
    async with scene.serving() as service:
        for i in range(60):
            await scene.says("so it went", utterance=f"u{i}", start_ms=1000 + 2000 * i)
        await when(lambda: len(service._calls.get("CA1", _Call()).said) == 60)
        in_memory = sum(len(kept.sound) for kept in service._calls["CA1"].said.values())
        assert 24_000 * 8 < in_memory < 50_000 * 8
        loaded.set()
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert {revised.utterance for revised in scene.revised()} == {f"u{i}" for i in range(60)}
    assert [settled.unread for settled in scene.settled()] == [0]


async def test_what_the_disk_does_not_take_stays_in_memory(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(scene.unread, "keep", full)
    scene.process.free.clear()
    async with scene.serving():
        for i in range(60):
            await scene.says("so it went", utterance=f"u{i}", start_ms=1000 + 2000 * i)
        await when(lambda: bool(scene.process.asked))
        scene.process.free.set()
        await scene.publish(CallEnded(call="CA1"))
        await scene.until(lambda: bool(scene.settled()))
    assert {revised.utterance for revised in scene.revised()} == {f"u{i}" for i in range(60)}


async def test_what_is_still_being_said_is_read_when_nothing_else_waits(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("i lost my debit card and")
    async with scene.serving() as service:
        scene.sounds(700, 4200)
        heard = partial("i lost my daddy car", 1, 4100)
        await service.pass_on(heard)
        await scene.until(lambda: len(scene.published) == 2)
        assert scene.published[0] == heard
        better = scene.published[1]
        assert isinstance(better, PartialTranscript)
        assert (better.raw_text, better.revision) == ("i lost my debit card and", 2)
    (request,) = scene.process.asked
    assert isinstance(request, Read)
    assert request.new.mulaw == b"a" * 8 * 3400
    assert request.brief


async def test_unfinished_talk_is_not_read_in_a_hurry(scene: Scene) -> None:
    scene.hurried = True
    async with scene.serving() as service:
        await service.ready
        scene.sounds(700, 4200)
        await service.pass_on(partial("so", 1, 4100))
        await scene.says("yes", utterance="u2", start_ms=9000, sound=b"b", track="outbound")
        await scene.until(lambda: bool(scene.revised()))
    assert len(scene.process.asked) == 1


@pytest.mark.parametrize("final_comes", ["after the reading", "while it is read"])
async def test_who_falls_silent_is_read_before_it_is_known_that_the_utterance_is_over(
    scene: Scene, final_comes: str
) -> None:
    scene.process.says[b"a"] = reading("i lost my debit card")
    if final_comes == "while it is read":
        scene.process.free.clear()
    async with scene.serving() as service:
        await service.ready
        scene.sounds(700, 2200)
        await service.pass_on(partial("i lost my daddy car", 2, 2000))
        await when(lambda: bool(scene.process.asked))
        if final_comes == "after the reading":
            await scene.until(lambda: len(scene.published) == 2)  # the better partial
        scene.sounds(2200, 2700)
        said = final("i lost my daddy car")
        await service.pass_on(said)
        scene.process.free.set()
        await scene.until(lambda: bool(scene.revised()))
    (request,) = scene.process.asked
    assert isinstance(request, Read)
    assert request.new.mulaw == b"a" * 8 * 1500
    (revised,) = scene.revised()
    assert revised.raw_text == "i lost my debit card"
    assert [word.start_ms for word in revised.words][:3] == [1000, 1200, 1400]
    (published,) = [event for event in scene.published if isinstance(event, FinalTranscript)]
    assert revised.revision == published.revision + 1


async def test_who_goes_on_after_a_pause_is_read_again_in_the_end(scene: Scene) -> None:
    scene.process.says[b"a"] = reading("i lost my debit card")
    async with scene.serving() as service:
        await service.ready
        scene.sounds(700, 2200)
        await service.pass_on(partial("i lost my daddy car", 2, 2000))
        await scene.until(lambda: len(scene.published) == 2)
        scene.sounds(2200, 3000)
        await service.pass_on(partial("i lost my daddy car and then it", 3, 2900))
        scene.sounds(3000, 3600)
        await service.pass_on(final("i lost my daddy car and then it was"))
        await scene.until(lambda: bool(scene.revised()))
    early, whole = scene.process.asked[:2]
    assert isinstance(early, Read)
    assert isinstance(whole, Read)
    assert not early.brief
    assert len(scene.process.asked) == 2
    assert whole.new.mulaw == b"a" * 8 * (300 + 1800 + 300)


async def test_who_goes_on_after_a_long_utterance_was_divided_is_read_from_there(
    scene: Scene,
) -> None:
    async with scene.serving() as service:
        await service.ready
        await scene.says("it was", utterance="u0", start_ms=500)
        before = [event for event in scene.published if isinstance(event, FinalTranscript)][-1]
        assert before.end_ms == 900
        await scene.until(lambda: bool(scene.revised()))
        scene.sounds(1200, 2200)
        await service.pass_on(partial("my daddy car", 1, 2000))
        await when(lambda: len(scene.process.asked) == 2)
    early = scene.process.asked[1]
    assert isinstance(early, Read)
    # From between the two on, or the end of the first would be read with the second.
    assert len(early.new.mulaw) == 8 * (2200 - 950)


@pytest.mark.parametrize("writes", ["partial", "final"])
async def test_an_early_reading_that_cannot_be_written_costs_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, writes: str
) -> None:
    asked: list[object] = []

    def fail(*arguments: object) -> NoReturn:
        asked.append(arguments)
        raise RuntimeError("a fault of ours")

    async with scene.serving() as service:
        await service.ready
        with monkeypatch.context() as patch:
            patch.setattr(Writer, writes, fail)
            scene.sounds(700, 2200)
            await service.pass_on(partial("i lost my daddy car", 2, 2000))
            await when(lambda: len(scene.process.asked) == 1)
            scene.sounds(2200, 2700)
            await service.pass_on(final("i lost my daddy car"))
            await when(lambda: bool(asked))
        await scene.says("yes", utterance="u2", start_ms=9000, sound=b"b", track="outbound")
        await scene.until(lambda: "u2" in [r.utterance for r in scene.revised()])


async def test_what_was_taken_back_after_it_was_read_leaves_nothing(scene: Scene) -> None:
    async with scene.serving() as service:
        await service.ready
        scene.sounds(700, 2200)
        scene.process.free.clear()
        await service.pass_on(partial("six", 1, 2000))
        await when(lambda: bool(scene.process.asked))
        await service.pass_on(partial("", 2, 2000))
        scene.process.free.set()
        await scene.says("yes", utterance="u2", start_ms=9000, sound=b"b", track="outbound")
        await scene.until(lambda: bool(scene.revised()))
    assert [r.utterance for r in scene.revised()] == ["u2"]
    assert len(scene.process.asked) == 2
