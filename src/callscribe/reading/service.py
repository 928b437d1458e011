"""The second reading service: follows the journal, has every utterance read again, publishes the better readings.

It never stands in the way. Sound comes to it by the tap, finals by the journal; reading happens in another process at
the lowest priority. When that process dies it is started again, and the first readings stand meanwhile. What is
unread is on disk, and is read after a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec
import structlog

from callscribe.audio.mulaw import SAMPLES_PER_MS
from callscribe.errors import ModelError
from callscribe.events import (
    AnyEvent,
    CallDeleted,
    CallEnded,
    CallStarted,
    FinalTranscript,
    PartialTranscript,
    RecordSettled,
    SpeakerRenamed,
    StreamEnded,
    StreamStarted,
    TextDeleted,
)
from callscribe.journal.follow import Follower
from callscribe.journal.thread import JobThread
from callscribe.reading import judge
from callscribe.reading.agenda import Agenda, Doubt, Kind, Task, is_after, is_apart
from callscribe.reading.ears import Ears
from callscribe.reading.excerpts import MARGIN_MS, context, stretch
from callscribe.reading.meanwhile import Early, Meanwhile
from callscribe.reading.process import ReaderDiedError, ReaderFailedError
from callscribe.reading.protocol import Read, Readings, ReadTogether, Ready, Request, Sound
from callscribe.reading.unread import Kept, Unread
from callscribe.recognition.base import Reading
from callscribe.recognition.windows import CONTEXT_MS
from callscribe.speech.track import TextWriter

_BEHIND_MS: Final = 30_000
"""Sound that waits from which on it is said that the reader is behind."""
_CAUGHT_UP_MS: Final = 5_000
_ROOMY_S: Final = 0.9
"""The processor time of a whole window, times the calls that go on, above which all are read briefly. A two-way call
has an utterance in four seconds, which takes nearly two windows' time with all that was said before: this is two fifths
of a core, and who has to wait for another then still has the reading in time."""
_LATE_MS: Final = 1000
"""After so long what was said is read briefly, so that it comes within two seconds."""
_FIRST_RETRY_S: Final = 1.0
_LONGEST_RETRY_S: Final = 60.0
_PUT_OFF_S: Final = 0.5
"""So often is looked whether the first reading still needs the whole machine."""
_TRIES: Final = 2
"""What has ended the process so many times is not tried again."""
_log = structlog.get_logger(__name__)


class Process(Protocol):
    """`callscribe.reading.process.ReaderProcess`."""

    async def start(self) -> Ready: ...
    async def ask(self, request: Request) -> Readings: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call is read with."""

    hints: tuple[str, ...] = ()
    """Words and names that may come."""
    language: str = ""
    """BCP 47; empty: the reader's own."""


@dataclass(slots=True)
class _Call:
    said: dict[str, Kept] = field(default_factory=dict)
    """Utterances by id. Those of long ago are without their sound, which is kept elsewhere."""
    speakers: dict[tuple[str, str], str] = field(default_factory=dict)
    """Names given since, by leg and track."""
    unread: set[str] = field(default_factory=set)
    """Utterances that have only their first reading."""
    unkept: set[str] = field(default_factory=set)
    """Utterances whose sound is in memory alone, since the disk did not take it."""
    delays: dict[str, int] = field(default_factory=dict)
    """From the end of an utterance to its final, milliseconds."""


class ReadingService:
    """All calls' second readings. Event loop only."""

    def __init__(
        self,
        process: Process,
        follower: Follower,
        *,
        publish: Callable[[AnyEvent], Awaitable[None]],
        ears: Ears,
        unread: Unread,
        write: TextWriter,
        agenda: Agenda,
        hurried: Callable[[], bool] = lambda: False,
        put_off: Callable[[], bool] = lambda: False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        """
        Args:
            process: the reader.
            follower: the journal from now on.
            publish: takes every event.
            ears: gets the tracks' sound; what it has not heard is not read.
            unread: where unread sound is kept.
            write: makes words readable.
            agenda: what to read next.
            hurried: whether the machine has no room now for reading what is still being said.
            put_off: whether the first reading needs the whole machine now, so that nothing is to be begun.
            sleep: waits between tries to start the reader, seconds.
            now: the wall clock.
        """
        self._process = process
        self._follower = follower
        self._publish = publish
        self._ears = ears
        self._unread = unread
        self._write = write
        self._agenda = agenda
        self._hurried = hurried
        self._meanwhile = Meanwhile(write)
        self._put_off = put_off
        self._streams: dict[str, set[str]] = {}
        """Of each call those that are not decoded to their end."""
        self._ended: set[str] = set()
        """Calls that are over, but not decoded to their end."""
        self._expected: dict[str, Expected] = {}
        self._sleep = sleep
        self._now = now
        self._disk = JobThread("unread sound")
        self._calls: dict[str, _Call] = {}
        self._window_s = 0.0
        """Processor time that a whole window takes."""
        self._new: list[tuple[str, str]] = []
        """Utterances, by call and id, that may have been read before they were over."""
        self._wake = asyncio.Event()
        self._behind = False
        self.ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
        """What the reader says of itself once it is loaded; a `ModelError` when it cannot be."""

    async def run(self) -> None:
        """Serve until cancelled, or until the journal's hub is closed."""
        await self._take_up()  # before anything new is kept beside it
        following = asyncio.create_task(self._follow(), name="finals to read")
        try:
            ready = await self._start()
            while True:
                await self._work(ready.name)
                await self._wake.wait()
                self._wake.clear()
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await self._process.stop()
            self._disk.close()

    def expect(self, call: str, expected: Expected) -> None:
        """What a call is to be read with, from now on."""
        self._expected[call] = expected

    async def pass_on(self, event: AnyEvent) -> None:
        """Publish what a track says (`callscribe.speech.session.StreamSession`), with what is known better already."""
        if isinstance(event, PartialTranscript | FinalTranscript):
            event = self._meanwhile.pass_on(
                event, self._ears.now_ms(event.call, event.leg, event.track)
            )
        await self._publish(event)
        if isinstance(event, PartialTranscript) and self._meanwhile.is_due:
            self._wake.set()

    def expect_rest(self, call: str, stream: str) -> None:
        """A process before this one left some of a stream undecoded, whose call is over. Before `run`."""
        self._streams.setdefault(call, set()).add(stream)
        self._ended.add(call)

    async def forget(self, call: str) -> None:
        """The call was deleted: nothing of it is read or kept any more."""
        self._agenda.forget(call)
        self._meanwhile.forget(call)
        self._calls.pop(call, None)
        self._expected.pop(call, None)
        self._streams.pop(call, None)
        self._ended.discard(call)
        self._ears.forget(call)
        await self._disk.run(lambda: self._unread.drop_call(call))

    @property
    def unsettled(self) -> list[str]:
        """The calls that are not read to the end."""
        return list(self._calls)

    def rereads(self, call: str) -> bool:
        """Whether more of this call is going to be read again."""
        return call in self._calls or self._ears.knows(call)

    # -- what happens on calls

    async def _follow(self) -> None:
        async for published in self._follower:
            try:
                await self._note(published.event)
            except Exception:
                _log.exception("an utterance will not be read again")

    async def _note(self, event: AnyEvent) -> None:
        match event:
            case FinalTranscript():
                await self._final(event)
            case CallDeleted() | TextDeleted():
                await self.forget(event.call)
            case SpeakerRenamed() if event.call in self._calls:
                self._calls[event.call].speakers[event.leg, event.track] = event.speaker
            case CallStarted():
                self._ended.discard(event.call)
                if event.call in self._calls:
                    self._agenda.resume(event.call)
            case StreamStarted():
                self._streams.setdefault(event.call, set()).add(event.stream)
            case StreamEnded():
                self._streams.get(event.call, set()).discard(event.stream)
                if event.call in self._ended:
                    self._end(event.call)
            case CallEnded():
                self._meanwhile.forget(event.call)
                self._ended.add(event.call)
                self._end(event.call)
            case _:
                pass

    def _end(self, call: str) -> None:
        """The call is over: once all of it is decoded, it is read to the end."""
        if self._streams.get(call):
            return
        self._streams.pop(call, None)
        self._ended.discard(call)
        if call not in self._calls and not self._ears.knows(call):
            return
        self._calls.setdefault(call, _Call())
        self._ears.forget(call)
        self._agenda.end(call)
        self._wake.set()

    async def _final(self, final: FinalTranscript) -> None:
        call = self._calls.get(final.call)
        place = stretch(final, _finals(call))
        sound = self._ears.cut(final.call, final.leg, final.track, place.start_ms, place.end_ms)
        if not sound:
            return
        expected = self._expected.get(final.call, Expected())
        kept = Kept(
            final=final,
            at_ms=place.start_ms,
            sound=sound,
            revision=final.revision,
            hints=expected.hints,
            language=expected.language,
        )
        call = self._calls.setdefault(final.call, _Call())
        call.said[final.utterance] = kept
        call.unread.add(final.utterance)
        heard_ms = self._ears.now_ms(final.call)
        call.delays[final.utterance] = final.lag_ms + (
            0 if heard_ms is None else max(0, heard_ms - final.end_ms)
        )
        await self._keep(call, kept)
        self._let_go(call)
        self._agenda.add(final.call, final.utterance, len(sound) // SAMPLES_PER_MS)
        self._new.append((final.call, final.utterance))
        self._tell_whether_behind()
        self._wake.set()

    async def _keep(self, call: _Call, kept: Kept) -> None:
        try:
            await self._disk.run(lambda: self._unread.keep(kept))
            call.unkept.discard(kept.final.utterance)
        except OSError as error:
            call.unkept.add(kept.final.utterance)
            _log.warning(
                "unread audio cannot be kept; it is lost if this process dies", error=str(error)
            )

    async def _take_up(self) -> None:
        """What a process that died has left unread; its calls are over."""
        for call in await self._disk.run(self._unread.calls):
            left = await self._disk.run(lambda call=call: self._unread.of(call))  # type: ignore[misc]
            state = self._calls.setdefault(call, _Call())
            for kept in left:
                utterance = kept.final.utterance
                if utterance in state.said:
                    continue
                state.said[utterance] = msgspec.structs.replace(kept, sound=b"")
                if kept.reading is None:
                    state.unread.add(utterance)
                self._agenda.remember(
                    call,
                    utterance,
                    len(kept.sound) // SAMPLES_PER_MS,
                    apart=kept.alone,
                    together=kept.together,
                )
                if kept.together:
                    self._agenda.doubt(call, utterance, _doubt(kept.reading))
            if call not in self._ended:
                self._agenda.end(call)
        if self._calls:
            _log.info("reading what was left unread", calls=len(self._calls))

    # -- reading

    async def _start(self) -> Ready:
        """The loaded reader. One that cannot be loaded is told once, and tried again: memory may be free later."""
        wait = _FIRST_RETRY_S
        while True:
            try:
                ready = await self._process.start()
            except ModelError as error:
                if not self.ready.done():
                    self.ready.set_exception(error)
                    self.ready.exception()  # nobody need ask
                    _log.error("no second reader; the first goes on alone", reason=str(error))
            else:
                self._window_s = ready.window_s
                if not self.ready.done():
                    self.ready.set_result(ready)
                return ready
            await self._sleep(wait)
            wait = min(wait * 2, _LONGEST_RETRY_S)

    async def _work(self, reader: str) -> None:
        """Everything that can be read now."""
        while True:
            await self._settle()
            await self._take_early(reader)
            if self._put_off():
                await self._sleep(_PUT_OFF_S)
                continue
            task = self._agenda.next()
            if task is None:
                await self._settle()
                try:
                    if await self._read_meanwhile():
                        continue
                except Exception:
                    _log.exception("what is being said is not read meanwhile")
                    continue
                return
            try:
                await self._carry_out(task, reader)
            except Exception:
                _log.exception("utterances keep their first reading", call=task.call)
            self._tell_whether_behind()

    async def _take_early(self, reader: str) -> None:
        """What was read before it was known to be an utterance need not be read again."""
        while self._new:
            name, utterance = self._new.pop(0)
            call = self._calls.get(name)
            kept = call.said.get(utterance) if call else None
            if call is None or kept is None:
                continue
            early = self._meanwhile.early(kept.final)
            if early is None or not self._agenda.read(name, utterance):
                continue
            kept = msgspec.structs.replace(kept, at_ms=early.start_ms, sound=early.sound)
            try:
                await self._take(call, kept, early.reading, reader, "live")
            except Exception:
                _log.exception("an utterance keeps its first reading", call=name)
            self._let_go(call)

    async def _read_meanwhile(self) -> bool:
        """Read what is still being said, when nothing else waits and there is room; false when there is nothing."""
        if self._hurried():
            return False
        talk = self._meanwhile.fallen_silent()
        may_be_over = talk is not None
        if talk is not None:
            heard_ms = self._ears.now_ms(talk.call, talk.leg, talk.track) or talk.end_ms
            end_ms = max(talk.end_ms, min(heard_ms, talk.end_ms + MARGIN_MS))
            talk = msgspec.structs.replace(talk, end_ms=end_ms)
        else:
            talk = self._meanwhile.next()
        if talk is None:
            return False
        self._meanwhile.ask(talk)
        call, expected = self._calls.get(talk.call), self._expected.get(talk.call, Expected())
        start_ms = stretch(talk, _finals(call)).start_ms
        sound = self._ears.cut(talk.call, talk.leg, talk.track, start_ms, talk.end_ms)
        if not sound:
            return True
        request = Read(
            new=Sound(sound),
            before=self._context(call, talk.start_ms) if call else (),
            hints=expected.hints,
            language=expected.language,
            # Who goes on talking is read again anyway; who falls silent meanwhile should not have to wait for it.
            brief=not may_be_over or self._is_crowded,
        )
        began = time.monotonic()
        readings = await self._ask(request)
        took_ms = round((time.monotonic() - began) * 1000)
        for reading in readings or ():
            self._meanwhile.keep(talk, Early(start_ms, talk.end_ms, sound, reading))
            words = () if reading.doubtful else judge.on_line(reading, start_ms)
            better = self._meanwhile.put(talk, words, took_ms)
            if better is not None:
                await self._publish(better)
        return True

    async def _carry_out(self, task: Task, reader: str) -> None:
        call = self._calls.get(task.call)
        if call is None:
            return
        await self._bring_back(call, task)
        wanted = [call.said[u] for u in task.utterances if u in call.said and call.said[u].sound]
        readings = await self._ask(self._request(task, call, wanted)) if wanted else ()
        if readings is None and not is_apart(task.kind):
            for kept in wanted:  # one of them ends the process; the others can be read
                self._agenda.doubt(task.call, kept.final.utterance, _doubt(kept.reading))
        for kept, reading in zip(wanted, readings or (), strict=False):
            await self._take(call, kept, reading, reader, task.kind)
        self._let_go(call)

    def _request(self, task: Task, call: _Call, wanted: Sequence[Kept]) -> Request:
        first = wanted[0]
        if is_apart(task.kind):
            return Read(
                new=Sound(first.sound),
                before=self._context(call, first.final.start_ms),
                hints=first.hints,
                language=first.language,
                brief=task.kind == "live"
                and (self._is_crowded or self._lag_ms(call, first.final) > _LATE_MS),
            )
        return ReadTogether(
            excerpts=tuple(Sound(kept.sound) for kept in wanted),
            hints=first.hints,
            language=first.language,
        )

    @property
    def _is_crowded(self) -> bool:
        """Whether others wait, or are likely to."""
        calls = sum(bool(streams) for streams in self._streams.values())
        return self._agenda.waiting_ms > 0 or calls * self._window_s > _ROOMY_S

    def _context(self, call: _Call, start_ms: int) -> tuple[Sound, ...]:
        """What both people said before, in order, as far as it has been read."""
        before = [
            (
                kept.final.start_ms,
                len(kept.sound) // SAMPLES_PER_MS,
                Sound(kept.sound, kept.reading.text),
            )
            for kept in call.said.values()
            if kept.sound and kept.reading is not None
        ]
        return tuple(context(before, start_ms))

    async def _ask(self, request: Request) -> Sequence[Reading] | None:
        """The readings; empty when it cannot be done, None when doing it ends the process."""
        for _ in range(_TRIES):
            try:
                return (await self._process.ask(request)).readings
            except ReaderFailedError as error:
                _log.error("utterances keep their first reading", reason=str(error))
                return ()
            except ReaderDiedError as error:
                _log.error("the second reader's process ended; starting it again", why=str(error))
                await self._start()
        _log.error("utterances keep their first reading: reading them ends the reader's process")
        return None

    async def _take(
        self, call: _Call, kept: Kept, reading: Reading, reader: str, kind: Kind
    ) -> None:
        """Publish what a reading says, if it is better than what was known."""
        final, apart = kept.final, is_apart(kind)
        if self._calls.get(final.call) is not call:
            return  # deleted while it was read
        old = kept.reading
        stands = reading if judge.better(old, reading, apart=apart) else old
        if not apart:
            self._agenda.doubt(final.call, final.utterance, _doubt(stands))
        if not apart and not reading.words:
            return  # by itself it may yet be heard
        call.unread.discard(final.utterance)
        kept = msgspec.structs.replace(
            kept, alone=kept.alone or apart, together=kept.together or not apart
        )
        if stands is reading:
            kept = msgspec.structs.replace(kept, reading=reading)
            if old is None or not _same_words(old, reading):
                revised = judge.revise(
                    final,
                    reading,
                    at_ms=kept.at_ms,
                    speaker=call.speakers.get((final.leg, final.track), final.speaker),
                    revision=kept.revision + 1,
                    number=3 if is_after(kind) else 2,
                    reader=reader,
                    write=self._write,
                    lag_ms=self._lag_ms(call, final),
                )
                await self._publish(revised)
                if self._calls.get(final.call) is not call:
                    return
                if not revised.words:
                    call.said.pop(final.utterance, None)
                    self._agenda.drop(final.call, final.utterance)
                    await self._disk.run(lambda: self._unread.drop(final.call, final.utterance))
                    return
                kept = msgspec.structs.replace(kept, revision=revised.revision)
        call.said[final.utterance] = kept
        await self._keep(call, kept)

    def _lag_ms(self, call: _Call, final: FinalTranscript) -> int:
        delay = call.delays.get(final.utterance, final.lag_ms)
        with contextlib.suppress(ValueError):
            since = self._now() - datetime.datetime.fromisoformat(final.at)
            delay += round(since.total_seconds() * 1000)
        return max(0, delay)

    async def _bring_back(self, call: _Call, task: Task) -> None:
        """The sound of utterances that were let go, and of what was said before one that is read apart."""
        wanted = set(task.utterances)
        if is_apart(task.kind):
            first = call.said.get(task.utterances[0])
            if first is not None:
                wanted.update(_before(call, first.final.start_ms))
        missing = {u for u in wanted if u in call.said and not call.said[u].sound}
        if not missing:
            return
        for kept in await self._disk.run(lambda: self._unread.of(task.call, missing)):
            utterance = kept.final.utterance
            call.said[utterance] = msgspec.structs.replace(call.said[utterance], sound=kept.sound)

    def _let_go(self, call: _Call) -> None:
        """Keep in memory only the sound of what may be context; what waits is brought back from the disk."""
        room_ms = 2 * CONTEXT_MS
        for utterance, kept in reversed(call.said.items()):
            if not kept.sound:
                continue
            room_ms -= len(kept.sound) // SAMPLES_PER_MS
            if room_ms < 0 and utterance not in call.unkept:
                call.said[utterance] = msgspec.structs.replace(kept, sound=b"")

    async def _settle(self) -> None:
        """Close the calls that are over and read to the end."""
        for name in self._agenda.settled():
            call = self._calls.pop(name)
            self._expected.pop(name, None)
            self._agenda.forget(name)
            await self._publish(RecordSettled(call=name, unread=len(call.unread)))
            await self._disk.run(lambda name=name: self._unread.drop_call(name))  # type: ignore[misc]

    def _tell_whether_behind(self) -> None:
        waiting_ms = self._agenda.waiting_ms
        if not self._behind and waiting_ms > _BEHIND_MS:
            self._behind = True
            _log.warning("the second reader is behind", seconds=waiting_ms // 1000)
        elif self._behind and waiting_ms < _CAUGHT_UP_MS:
            self._behind = False
            _log.warning("the second reader has caught up")


def _finals(call: _Call | None) -> list[FinalTranscript]:
    """What was said on a call so far."""
    return [kept.final for kept in call.said.values()] if call is not None else []


def _before(call: _Call, start_ms: int) -> list[str]:
    """The utterances that may be heard again before one that begins at `start_ms`."""
    before = [
        (kept.final.start_ms, kept.final.end_ms - kept.final.start_ms, utterance)
        for utterance, kept in call.said.items()
        if kept.reading is not None
    ]
    return context(before, start_ms)


def _doubt(reading: Reading | None) -> Doubt:
    """Whether what stands of an utterance after a window is sure enough to stand alone."""
    if reading is None:
        return "unheard"
    return "unsure" if judge.sureness(reading) < judge.SURE_ENOUGH else "none"


def _same_words(one: Reading, other: Reading) -> bool:
    return [word.text for word in one.words] == [word.text for word in other.words]
