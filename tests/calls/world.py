"""The machine with a world around it: everything it wants is done at once, and the clock is in hand. Never sleeps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from callscribe.calls.call import Call
from callscribe.calls.commands import (
    AnyCommand,
    CloseSession,
    CloseSocket,
    Forget,
    LookUp,
    OpenSession,
    PauseSession,
    Publish,
    Release,
    ResumeSession,
    StartStream,
    Tell,
)
from callscribe.calls.exchange import Exchange
from callscribe.calls.facts import (
    AnyFact,
    DigitPressed,
    LookedUp,
    Now,
    SessionClosed,
    SessionOpened,
    SessionRefused,
    SocketClosed,
    SocketOpened,
    SocketSettled,
)
from callscribe.calls.plans import Flows, NumberFlow
from callscribe.calls.setup import RegistryOptions, Setup
from callscribe.calls.speakers import Contacts
from callscribe.calls.streams import Stream
from callscribe.carriers.base import (
    Answer,
    CallCame,
    CallInfo,
    LegChanged,
    Listen,
    StreamReported,
)
from callscribe.events import (
    AnyEvent,
    CallEnded,
    FinalTranscript,
    StreamCounters,
    StreamEnded,
    StreamStarted,
    Track,
)

CALL = "CA" + "a1" * 16
LEG = "CA" + "b2" * 16
THIRD = "CA" + "c3" * 16
FOURTH = "CA" + "d4" * 16
ALICE, BOB, EVE, OURS = "+15005550010", "+15005550020", "+15005550021", "+15005550006"
ZERO = dt.datetime(2026, 1, 15, 12, 0, 0, tzinfo=dt.UTC)
IN: tuple[Track, ...] = ("inbound",)
BOTH: tuple[Track, ...] = ("inbound", "outbound")

E = TypeVar("E", bound=AnyEvent)


@dataclass
class Heard:
    """What became of one stream's audio."""

    wanted: OpenSession
    frames: list[tuple[Track, int]] = field(default_factory=list)
    held: set[Track] = field(default_factory=set)
    released: dict[Track, int] = field(default_factory=dict)
    paused: bool = False
    closed: str = ""

    @property
    def offset_ms(self) -> int:
        return self.wanted.offset_ms

    @property
    def plan(self) -> NumberFlow:
        return self.wanted.plan

    def speakers(self, track: Track) -> str:
        return self.wanted.speakers(track)


class World:
    """An exchange, and everybody it deals with."""

    def __init__(
        self,
        *,
        flows: Flows | None = None,
        contacts: dict[str, str] | None = None,
        api: bool = False,
        options: RegistryOptions | None = None,
    ) -> None:
        self._tickets = 0
        setup = Setup(
            flows=flows or Flows(),
            contacts=Contacts(contacts),
            own_number=OURS,
            can_ask=api,
            options=options or RegistryOptions(),
        )
        self.exchange = Exchange(setup, self._draw)
        self.now_s = 1000.0
        self.events: list[AnyEvent] = []
        self.heard: list[Heard] = []
        self.asked: list[StartStream] = []
        """Streams that the carrier was asked for."""
        self.info: dict[str, CallInfo] = {}
        """What the carrier knows of legs."""
        self.unwanted: set[tuple[str, str]] = set()
        """Streams whose sockets should be closed."""
        self.broken = False
        """Nothing can take audio."""
        self.slow = False
        """Last words take until `finish`."""
        self._sessions: dict[tuple[str, str], Heard] = {}
        self._waiting: dict[str, list[tuple[Track, int]]] = {}
        self._closing: list[tuple[str, str, str]] = []
        self._streams = 0

    def _draw(self) -> str:
        self._tickets += 1
        return f"ticket-{self._tickets}"

    # Time

    @property
    def now(self) -> Now:
        return Now(self.now_s, ZERO + dt.timedelta(seconds=self.now_s - 1000.0))

    def wait(self, seconds: float) -> None:
        """Let time pass, with everything that is due on the way."""
        until_s = self.now_s + seconds
        while (next_s := self.exchange.next_s) is not None and next_s <= until_s:
            self.now_s = max(self.now_s, next_s)
            self._carry_out(self.exchange.pass_time(self.now))
        self.now_s = until_s

    def ended(self) -> CallEnded:
        """Wait for the end of the (only) record."""
        for _ in range(100):
            if self.of(CallEnded):
                break
            assert self.exchange.next_s is not None, "nothing will ever end this call"
            self.wait(max(0.0, self.exchange.next_s - self.now_s))
        (end,) = self.of(CallEnded)
        assert isinstance(self.events[-1], CallEnded), "something came after the end"
        assert not list(self.exchange)
        return end

    # Telling it

    def tell(self, *facts: AnyFact) -> Answer:
        """These happen; the answer to the last one."""
        answer: Answer = ()
        for fact in facts:
            answer = self._carry_out(self.exchange.receive(fact, self.now))
        return answer

    def call(self, leg: str = CALL, *, from_: str = ALICE, to: str = OURS, **more: Any) -> Answer:
        """The carrier asks what to do with a call."""
        return self.tell(CallCame(leg=leg, from_=from_, to=to, **more))

    def says(self, status: str, leg: str = CALL) -> None:
        """The carrier's word of a leg."""
        self.tell(LegChanged(leg=leg, status=status))

    def socket(
        self,
        shown: Answer | str,
        leg: str = CALL,
        tracks: tuple[Track, ...] = BOTH,
        *,
        sid: str = "",
    ) -> Stream:
        """A media socket opens with the ticket of an answer."""
        admitted = self.exchange.redeem(ticket_in(shown), self.now)
        assert admitted is not None, "the ticket is no good"
        self._streams += 1
        sid = sid or f"MZ{self._streams:032x}"
        fact = SocketOpened(admitted=admitted, leg=leg, stream=sid, tracks=tracks)
        commands = self.exchange.receive(fact, self.now)
        stream = self.exchange.newest_stream(leg)
        self._waiting[stream.key] = []
        self._carry_out(commands)
        return stream

    def report(self, leg: str = CALL, at: dt.datetime = ZERO) -> None:
        """The carrier's own time of a stream's beginning."""
        self.tell(StreamReported(leg=leg, event="started", at=at))

    def speak(
        self, stream: Stream, from_ms: int, to_ms: int, *tracks: Track, step_ms: int = 20
    ) -> None:
        """Frames in time; the clock goes along, and whatever is due happens."""
        began_s = self.now_s - from_ms / 1000
        for timestamp_ms in range(from_ms, to_ms, step_ms):
            self.wait(max(0.0, began_s + timestamp_ms / 1000 - self.now_s))
            for track in tracks or IN:
                self.frame(stream, track, timestamp_ms, step_ms)

    def frame(self, stream: Stream, track: Track, timestamp_ms: int, length_ms: int = 20) -> None:
        """One frame."""
        stream.frame(self.now.ms, timestamp_ms, length_ms * 8)
        call = self.exchange.of_leg(stream.leg)
        heard = self._sessions.get((call.id, stream.key)) if call else None
        if heard is not None:
            if stream.taking:
                assert not heard.closed
                heard.frames.append((track, timestamp_ms))
        elif call is not None:
            self._waiting[stream.key].append((track, timestamp_ms))
            settled_ms = stream.settled_ms
            if settled_ms is not None and self.now.ms >= settled_ms:
                self.tell(SocketSettled(call=call.id, stream=stream.key))

    def stop(self, stream: Stream) -> None:
        """The stream ends in good order."""
        self._close(stream, "stop")

    def lose(self, stream: Stream) -> None:
        """The socket breaks off."""
        self._close(stream, "socket-lost")

    def _close(self, stream: Stream, reason: str) -> None:
        call = self.exchange.of_leg(stream.leg)
        if call is not None:
            self.tell(SocketClosed(call=call.id, stream=stream.key, reason=reason))

    def press(self, stream: Stream, digit: str) -> None:
        """A key."""
        self.tell(
            DigitPressed(
                call=self.record(stream.leg).id, stream=stream.key, track="inbound", digit=digit
            )
        )

    def finish(self) -> None:
        """Last words that were slow are published."""
        self.slow = False
        closing, self._closing = self._closing, []
        for call, stream, reason in closing:
            self._last_words(call, stream, reason)

    # Seeing

    def of(self, kind: type[E]) -> list[E]:
        """All events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def record(self, leg: str = CALL) -> Call:
        """The live record of a leg."""
        call = self.exchange.of_leg(leg)
        assert call is not None
        return call

    # Doing what it wants

    def _carry_out(self, commands: Sequence[AnyCommand]) -> Answer:
        answer: Answer = ()
        queue = list(commands)
        opened: list[str] = []
        while queue:
            command = queue.pop(0)
            match command:
                case Tell():
                    answer = command.answer
                case Publish():
                    assert command.event.call == command.call
                    self.events.append(command.event)
                case OpenSession():
                    queue[:0] = self.exchange.receive(self._open(command), self.now)
                    opened.append(command.stream)
                case Release():
                    heard = self._sessions[command.call, command.stream]
                    heard.held.discard(command.track)
                    heard.released[command.track] = command.from_ms
                case PauseSession():
                    self._sessions[command.call, command.stream].paused = True
                case ResumeSession():
                    self._sessions[command.call, command.stream].paused = False
                case CloseSocket():
                    self.unwanted.add((command.call, command.stream))
                case CloseSession():
                    self._flow(command.call, command.stream)
                    if self.slow:
                        self._closing.append((command.call, command.stream, command.reason))
                    else:
                        queue += self._words(command.call, command.stream, command.reason)
                case StartStream():
                    self.asked.append(command)
                case LookUp():
                    fact = LookedUp(leg=command.leg, info=self.info.get(command.leg))
                    queue += self.exchange.receive(fact, self.now)
                case Forget():
                    pass
        for stream in opened:
            for call, key in list(self._sessions):
                if key == stream:
                    self._flow(call, key)
        return answer

    def _open(self, wanted: OpenSession) -> SessionOpened | SessionRefused:
        if self.broken:
            return SessionRefused(call=wanted.call, stream=wanted.stream)
        key = (wanted.call, wanted.stream)
        assert key not in self._sessions, "opened twice"
        heard = Heard(wanted, held=set(wanted.hold_back), paused=wanted.paused)
        self._sessions[key] = heard
        self.heard.append(heard)
        self.events.append(
            StreamStarted(
                call=wanted.call,
                leg=wanted.leg,
                stream=wanted.stream,
                tracks=wanted.tracks,
                offset_ms=wanted.offset_ms,
            )
        )
        return SessionOpened(call=wanted.call, stream=wanted.stream)

    def _flow(self, call: str, stream: str) -> None:
        heard = self._sessions.get((call, stream))
        if heard is not None:
            heard.frames += self._waiting.pop(stream, [])

    def _last_words(self, call: str, stream: str, reason: str) -> None:
        self._carry_out(self._words(call, stream, reason))

    def _words(self, call: str, stream: str, reason: str) -> list[AnyCommand]:
        heard = self._sessions.get((call, stream))
        if heard is not None:
            assert not heard.closed, "closed twice"
            heard.closed = reason
            for track in dict.fromkeys(track for track, _ in heard.frames):
                if track not in heard.held:
                    self.events.append(self._final(heard, track))
            counters = StreamCounters(frames=len(heard.frames))
            self.events.append(
                StreamEnded(
                    call=call,
                    leg=heard.wanted.leg,
                    stream=stream,
                    reason=reason,
                    counters=counters,
                )
            )
        return self.exchange.receive(SessionClosed(call=call, stream=stream), self.now)

    def _final(self, heard: Heard, track: Track) -> FinalTranscript:
        return FinalTranscript(
            call=heard.wanted.call,
            leg=heard.wanted.leg,
            track=track,
            speaker=heard.speakers(track),
            utterance=f"{heard.wanted.stream}-{track}",
            revision=1,
            text="last words",
            raw_text="last words",
            start_ms=heard.offset_ms,
            end_ms=heard.offset_ms + 20,
            words=(),
        )


def ticket_in(shown: Answer | str) -> str:
    """The ticket of an answer's `Listen`."""
    if isinstance(shown, str):
        return shown
    return next(each.ticket for each in shown if isinstance(each, Listen))


def words(answer: Answer) -> list[str]:
    """The kinds of an answer's instructions."""
    return [type(each).__name__ for each in answer]
