"""One record while its call is up: its legs, people, streams and timers, and what every flow may do with them. Pure.

A record is one call, or one conference with all its legs. What differs from flow to flow is its `Flow`'s affair.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from callscribe.calls.commands import (
    AnyCommand,
    CloseSession,
    CloseSocket,
    Forget,
    OpenSession,
    Publish,
    Release,
    StartStream,
)
from callscribe.calls.facts import Now
from callscribe.calls.past import Past
from callscribe.calls.plans import NumberFlow
from callscribe.calls.presence import ParticipantTracker
from callscribe.calls.recordline import RecordLine
from callscribe.calls.setup import Setup
from callscribe.calls.streams import Stream
from callscribe.calls.tickets import TicketBook
from callscribe.carriers.base import TERMINAL, Listen, Pass, PersonInRoom
from callscribe.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CallStatus,
    CallUpdated,
    Direction,
    GapDetected,
    ParticipantJoined,
    ParticipantLeft,
    SpeakerRenamed,
    Track,
)

if TYPE_CHECKING:
    from callscribe.calls.flows.base import Flow

GAP_MS = 250
"""A hole between two streams of a leg that is worth showing."""


@dataclass(slots=True)
class Leg:
    """One phone's connection whose audio we want."""

    sid: str
    number: str = ""
    called_ms: int = 0
    """When it turned up, on the record's line."""
    state: Literal["expected", "heard", "lost", "stopped", "gone"] = "expected"
    """expected: its first stream is to open; heard: a stream is open; lost: it broke off, and another may come;
    stopped: it ended in good order, and no other has begun; gone: nothing more is to be expected of it."""
    status: str = "queued"
    """The carrier's newest word about it."""
    stream: Stream | None = None
    """The open one."""
    end_ms: int | None = None
    """Where its audio ended in good order, on the record's line."""
    lost: Stream | None = None
    """The stream that broke off, until another takes its place: since when nothing is heard."""
    opened: int = 0
    """Streams so far."""
    asked: int = 0
    """Streams asked of the carrier; their names count up."""
    restarts: int = 0
    stranger: bool = False
    """Somebody else added it to the conference: we get no word of its call."""
    tried_again: bool = False
    """The room did not take it once; it was sent there again under another name."""
    conference: str = ""
    """The one that the carrier's word of it is about."""
    presence: ParticipantTracker = field(default_factory=ParticipantTracker)
    unread: list[PersonInRoom] | None = None
    """What the room said of it while we ask who it is."""

    def lose(self, stream: Stream) -> None:
        """A stream broke off. One that carried nothing does not hide where the audio really did."""
        if self.lost is None or stream.first_ms is not None:
            self.lost = stream

    @property
    def gone(self) -> bool:
        """Nothing more is to be expected of it."""
        return self.state == "gone" or (self.stranger and self.stream is None)

    @property
    def has_left(self) -> bool:
        """Whoever was on it is not on the call any more, as far as anybody has said."""
        left_room = self.presence.seen and not self.presence.present
        return self.state == "gone" or self.status in TERMINAL or left_room


@dataclass(slots=True)
class Person:
    """Whoever is heard on one track of a leg."""

    leg: str
    track: Track
    name: str
    joined_ms: int | None = None
    """Since when they are on the call; None: they are not."""
    given: bool = False
    """People chose the name: nothing but people changes it."""


class Work:
    """What is being done about one fact: the time, and the commands so far."""

    def __init__(self, setup: Setup, tickets: TicketBook) -> None:
        self.setup = setup
        self.tickets = tickets
        self.closing = False
        """No new calls are taken: the process is about to end."""
        self._now: Now | None = None
        self._out: list[AnyCommand] = []

    @property
    def now(self) -> Now:
        assert self._now is not None
        return self._now

    def begin(self, now: Now) -> None:
        """Another fact has come."""
        self._now = now

    def do(self, command: AnyCommand) -> None:
        """This is to be done."""
        self._out.append(command)

    def done(self) -> list[AnyCommand]:
        """All that is to be done."""
        out, self._out = self._out, []
        return out


class Call:
    """One live record."""

    def __init__(
        self,
        work: Work,
        *,
        id: str,
        plan: NumberFlow,
        direction: Direction,
        from_: str,
        to: str,
        from_name: str = "",
        to_name: str = "",
        line: RecordLine | None = None,
        used: frozenset[str] = frozenset(),
    ) -> None:
        self.work = work
        self.id = id
        self.plan = plan
        self.direction = direction
        self.from_, self.to = from_, to
        self.from_name, self.to_name = from_name, to_name
        self.flow: Flow
        """Set by whoever makes the record."""
        self.state: Literal["up", "ending", "over"] = "up"
        """ending: the last words of its streams are being decoded; over: `CallEnded` has been published."""
        self.status: CallStatus = "in-progress"
        self.began_s = work.now.s
        self.legs: dict[str, Leg] = {}
        self.people: dict[tuple[str, Track], Person] = {}
        self.streams: dict[str, Stream] = {}
        """Open, or their last words are being decoded."""
        self.line = line or RecordLine()
        self.taken_up = False
        """Another process had it before, and died."""
        self.paused = False
        self.conference = ""
        """The carrier's name of it, once known."""
        self.final_status: CallStatus | None = None
        """How the call ended, once the carrier has said so."""
        self.ended_by = ""
        self.end_reason = ""
        self.end_ms = 0
        """End of the audio of streams that are gone, on the record's line."""
        self._used = set(used)
        self._heard_before = bool(used)
        self._moments: dict[dt.datetime, int] = {}
        self._timers: dict[str, tuple[float, Callable[[], None]]] = {}
        self._end: tuple[CallStatus, str, str] = ("completed", "", "")

    # What it is

    @property
    def leg(self) -> Leg:
        """The first leg; a plain call's only one."""
        return next(iter(self.legs.values()))

    @property
    def up(self) -> bool:
        return self.state == "up"

    def name_of(self, leg: str, track: Track) -> str:
        """What a speaker is called now; empty when there is none."""
        person = self.people.get((leg, track))
        return person.name if person else ""

    def number_of(self, person: Person) -> str:
        """Of whoever is heard on a track; empty when unknown."""
        return self.legs[person.leg].number if person.track == "inbound" else ""

    def past(self, leg: str) -> Past:
        """What is to be remembered of a leg once the call is over."""
        names = {track: p.name for (of, track), p in self.people.items() if of == leg}
        return Past(self.line, names, self._end[0], self.flow.told_dial, frozenset(self._used))

    @property
    def now_ms(self) -> int:
        """The present on the record's line."""
        return self.line.now_ms(self.work.now.ms)

    def at_ms(self, moment: dt.datetime | None) -> int:
        """A moment by the carrier's clock on the record's line; what was said of it first, stays."""
        if moment is None:
            return self.now_ms
        if moment not in self._moments and self.line.begun:
            self._moments[moment] = self.line.at_ms(moment, self.work.now.ms)
        return self._moments.get(moment, 0)

    def earliest_ms(self, moment: dt.datetime | None) -> int:
        """The earliest that a moment cut to the second can mean, on the record's line."""
        return self.line.earliest_ms(moment, self.work.now.ms)

    # Telling

    def say(self, event: AnyEvent) -> None:
        """Publish."""
        self.work.do(Publish(call=self.id, event=event))

    def begin(self) -> None:
        """Say that it has begun."""
        self.say(
            CallStarted(
                call=self.id,
                at=self._wall(),
                from_=self.from_,
                to=self.to,
                direction=self.direction,
                flow=self.flow.kind,
                status=self.status,
                from_name=self.from_name,
                to_name=self.to_name,
                room=self.flow.room,
            )
        )

    def update_status(self, status: CallStatus) -> None:
        """The call itself is in another state."""
        if self.status != status and self.up:
            self.status = status
            self.say(CallUpdated(call=self.id, status=status))

    # People

    def put(self, leg: str, track: Track, name: str, *, given: bool = False) -> None:
        """Name a speaker before anybody has been told of them."""
        self.people[leg, track] = Person(leg, track, name, given=given)

    def rename(self, leg: str, track: Track, name: str) -> None:
        """A speaker has another name."""
        person = self.people[leg, track]
        if person.name != name:
            person.name = name
            self.say(SpeakerRenamed(call=self.id, leg=leg, track=track, speaker=name))

    def joined(
        self,
        leg: Leg,
        track: Track,
        joined_ms: int,
        *,
        number: str = "",
        muted: bool = False,
        on_hold: bool = False,
    ) -> None:
        """Say that somebody is on the call from this moment; nothing when that has been said."""
        person = self.people[leg.sid, track]
        if person.joined_ms is not None:
            return
        person.joined_ms = joined_ms
        self.say(
            ParticipantJoined(
                call=self.id,
                leg=leg.sid,
                track=track,
                speaker=person.name,
                joined_ms=joined_ms,
                number=number or (leg.number if track == "inbound" else self.flow.other_number),
                muted=muted,
                on_hold=on_hold,
            )
        )

    def left(self, leg: Leg, track: Track, left_ms: int, reason: str = "") -> None:
        """Say that somebody has gone; nothing when they were not there."""
        person = self.people.get((leg.sid, track))
        if person is None or person.joined_ms is None:
            return
        joined_ms, person.joined_ms = person.joined_ms, None
        if leg.end_ms is not None:
            # Nobody stays longer than they can be heard; callbacks are late and cut to the second.
            left_ms = min(left_ms, leg.end_ms)
        self.say(
            ParticipantLeft(
                call=self.id,
                leg=leg.sid,
                track=track,
                left_ms=max(left_ms, joined_ms),
                reason=reason,
            )
        )

    # Legs

    def add_leg(self, sid: str, number: str) -> Leg:
        """Another leg."""
        leg = self.legs[sid] = Leg(sid, number, called_ms=self.now_ms)
        return leg

    def expect_stream(self, leg: Leg) -> None:
        """A leg's socket is about to open; take the leg for gone when it does not."""

        def give_up() -> None:
            self.flow.never_heard(leg)
            self.flow.leg_over(leg)

        options = self.work.setup.options
        ringing_s = options.ringing_s if self.status == "ringing" else 0.0
        self.arm(f"no stream of {leg.sid}", options.no_stream_s + ringing_s, give_up)

    def expect_end(self, leg: Leg, why: str, delay_s: float) -> None:
        """Take a leg for gone unless something is heard of it before."""
        self.arm(f"{why} {leg.sid}", delay_s, lambda: self.flow.leg_over(leg))

    def listen(self, leg: Leg) -> Listen:
        """The instruction to stream a leg to us, with a fresh ticket."""
        ticket = self.work.tickets.issue(Pass(self.id, leg.sid), self.work.now.s)
        both = any(track == "outbound" for _, track in self.people) and not self.flow.has_room
        return Listen(ticket, "both" if both else "inbound")

    def ask_stream(self, leg: Leg) -> None:
        """Have the carrier asked to stream a leg to us."""
        leg.asked += 1
        listen = self.listen(leg)
        self.work.do(
            StartStream(
                call=self.id,
                leg=leg.sid,
                ticket=listen.ticket,
                track=listen.track,
                name=f"callscribe-{leg.asked}",
            )
        )

    def ask_again(self, leg: Leg) -> None:
        """A stream is missing: have another asked for soon, unless the call turns out to be over."""
        options = self.work.setup.options
        name = f"restart of {leg.sid}"
        if not self.work.setup.can_ask or leg.restarts >= options.max_restarts:
            return

        def restart() -> None:
            if leg.state == "gone" or leg.stream is not None or leg.status in TERMINAL:
                return
            if self.up and not self.work.closing:
                leg.restarts += 1
                self.ask_stream(leg)

        if name not in self._timers:
            self.arm(name, options.restart_s, restart)

    # Streams

    def open_stream(self, leg: Leg, sid: str, tracks: tuple[Track, ...]) -> Stream:
        """A leg's socket has opened. Outside names are no keys: one that came before gets a number behind."""
        key, count = sid, 2
        while key in self._used:
            key, count = f"{sid}.{count}", count + 1
        self._used.add(key)
        stream = Stream(key, sid, leg.sid, tracks, self.work.now.ms)
        older, leg.stream = leg.stream, stream
        self.streams[key] = stream
        leg.opened += 1
        leg.state, leg.end_ms = "heard", None
        self.disarm(*(f"{why} {leg.sid}" for why in ("no stream of", "lost", "stop")))
        if older is not None:
            leg.lose(older)
            self.work.do(CloseSocket(call=self.id, stream=older.key))
            self.close_stream(older, "taken-over")
        if not self.line.begun:
            self.line.begin(stream.zero, self.work.now.wall)
            self.start(stream)
        return stream

    def start(self, stream: Stream) -> None:
        """It is known where a stream lies on the line: its audio is turned into text from now on, if anything can."""
        leg = self.legs[stream.leg]
        stream.state = "opening"
        stream.offset_ms = self.line.offset_of(stream.zero)
        for track in stream.tracks:
            if (leg.sid, track) not in self.people:
                self.put(leg.sid, track, track.capitalize())
        stream.held = "outbound" in stream.tracks and self.flow.holds_back()

        def speaker(track: Track) -> str:
            return self.name_of(leg.sid, track) or track.capitalize()

        self.work.do(
            OpenSession(
                call=self.id,
                leg=leg.sid,
                stream=stream.key,
                tracks=stream.tracks,
                offset_ms=stream.offset_ms,
                plan=self.plan,
                speakers=speaker,
                hold_back=("outbound",) if stream.held else (),
                paused=self.paused,
            )
        )

    def opened(self, stream: Stream) -> None:
        """A stream's session takes its audio."""
        if stream.state != "opening":
            return
        stream.state = "open"
        leg = self.legs[stream.leg]
        self.flow.stream_held(stream)
        self._show_gap(leg, stream)
        self.flow.stream_began(leg, stream)
        if stream.reason:
            self._close(stream)

    def refuse(self, stream: Stream) -> None:
        """Nothing can take a stream's audio; the call may still be given another one."""
        self.streams.pop(stream.key, None)
        leg = self.legs[stream.leg]
        if leg.stream is stream:
            leg.stream = None
            leg.state = "lost"
            if self.up:
                self.expect_end(leg, "lost", self.work.setup.options.lost_grace_s)
        self._finish_if_silent()

    def release(self, from_ms: int) -> None:
        """Somebody has answered: decode what was held back from this moment on."""
        for stream in self.streams.values():
            if stream.held and stream.taking:
                stream.held = False
                self.work.do(
                    Release(call=self.id, stream=stream.key, track="outbound", from_ms=from_ms)
                )

    def socket_closed(self, stream: Stream, reason: str) -> None:
        """A stream's socket is gone."""
        leg = self.legs[stream.leg]
        options = self.work.setup.options
        if leg.stream is stream:
            stream.was_current = True
            leg.stream = None
            if reason == "stop":
                leg.state, leg.end_ms = "stopped", stream.end_ms or None
                if self.up:
                    self.expect_end(leg, "stop", options.stop_grace_s)
            elif self.final_status is None and leg.state != "gone":
                leg.lose(stream)
                leg.state = "lost"
                if self.up:
                    self.expect_end(leg, "lost", options.lost_grace_s)
                    self.ask_again(leg)
        self.close_stream(stream, reason)

    def close_stream(self, stream: Stream, reason: str) -> None:
        """Decode and publish what has arrived on a stream; a little later when word of an answer may still come."""
        at_once = reason in ("shutdown", "taken-over")
        stream.reason = stream.reason or reason
        match stream.state:
            case "settling":
                self.start(stream)
            case "open" if stream.held and not at_once and self.flow.awaits_word():
                stream.state = "waiting"
                delay_s = self.work.setup.options.hold_grace_s
                self.arm(f"word for {stream.key}", delay_s, lambda: self._waited(stream))
            case "open":
                self._close(stream)
            case "waiting" if at_once:
                self._close(stream)
            case _:
                pass  # it will be, as soon as it can

    def _waited(self, stream: Stream) -> None:
        self.flow.waited_in_vain(stream)
        if stream.state == "waiting":
            self._close(stream)

    def _close(self, stream: Stream) -> None:
        stream.state = "closing"
        self.disarm(f"word for {stream.key}")
        self.work.do(CloseSession(call=self.id, stream=stream.key, reason=stream.reason))

    def word_came(self) -> None:
        """It is known whether somebody has answered: nothing is waited for any more."""
        for stream in list(self.streams.values()):
            if stream.state == "waiting":
                self._close(stream)

    def drop(self, leg: Leg) -> None:
        """A leg is gone whose stream is still open: that is closed too."""
        stream, leg.stream = leg.stream, None
        if stream is not None:
            self.work.do(CloseSocket(call=self.id, stream=stream.key))
            self.close_stream(stream, "stop" if leg.status in TERMINAL else "socket-lost")

    def stream_over(self, stream: Stream) -> None:
        """A stream's last words are published."""
        if self.streams.pop(stream.key, None) is None:
            return
        self.end_ms = max(self.end_ms, stream.end_ms)
        # The line goes on by a stream that is still there.
        for other in self.streams.values():
            if other.state == "open":
                self.line.anchor(other.zero, other.offset_ms)
                break
        leg = self.legs[stream.leg]
        over = self.final_status is not None or leg.status in TERMINAL
        if self.up and stream.was_current and over:
            self.flow.leg_over(leg)
        self._finish_if_silent()

    def _show_gap(self, leg: Leg, stream: Stream) -> None:
        """Say what was not heard between this stream and the one before it, in this process or in one that died."""
        first_ms = stream.offset_ms + (stream.first_ms or 0)
        if leg.lost is not None and leg.lost.first_ms is not None and stream.first_ms is not None:
            start, end = leg.lost.end_ms, first_ms
            leg.lost = None
        elif self.taken_up and self._heard_before and leg.opened == 1 and leg is self.leg:
            start, end = self.line.past_ms, first_ms
        else:
            return
        if end - start < GAP_MS:
            return
        for track in stream.tracks:
            self.say(
                GapDetected(
                    call=self.id,
                    leg=leg.sid,
                    track=track,
                    start_ms=start,
                    end_ms=end,
                    reason="socket-lost",
                )
            )

    # The end

    def end(self, status: CallStatus, *, by: str = "", reason: str = "") -> None:
        """Close all streams, then publish `CallEnded`. The first one counts."""
        if not self.up:
            return
        self.state = "ending"
        self._end = (status, by, reason)
        self.work.tickets.revoke(self.id)
        waiting = {f"word for {s.key}" for s in self.streams.values() if s.state == "waiting"}
        self.disarm(*(self._timers.keys() - waiting))
        why = "shutdown" if by == "server" else "stop" if self.final_status else "socket-lost"
        for stream in list(self.streams.values()):
            if self.legs[stream.leg].stream is stream:
                self.work.do(CloseSocket(call=self.id, stream=stream.key))
            self.close_stream(stream, why)
        self._finish_if_silent()

    def _finish_if_silent(self) -> None:
        if self.state != "ending" or self.streams:
            return
        self.state = "over"
        status, by, reason = self._end
        end_ms = self.end_ms or self.now_ms
        for leg in self.legs.values():
            tracks: tuple[Track, Track] = ("inbound", "outbound")
            for track in tracks:
                self.left(leg, track, end_ms)
        self.say(
            CallEnded(
                call=self.id,
                status=status,
                duration_ms=end_ms or round((self.work.now.s - self.began_s) * 1000),
                ended_by=by or self.ended_by,
                reason=reason or self.end_reason,
            )
        )
        self.disarm(*list(self._timers))
        self.work.do(Forget(call=self.id))

    def _wall(self) -> str:
        wall = self.work.now.wall.isoformat(timespec="milliseconds")
        return wall.replace("+00:00", "Z")

    # Timers

    def arm(self, name: str, delay_s: float, then: Callable[[], None]) -> None:
        """Do something later unless the record ends before; a timer of the same name is replaced."""
        self._timers[name] = (self.work.now.s + delay_s, then)

    def armed(self, name: str) -> bool:
        return name in self._timers

    def disarm(self, *names: str) -> None:
        """Drop timers."""
        for name in names:
            self._timers.pop(name, None)

    @property
    def next_s(self) -> float | None:
        """When the next timer is due, in monotonic seconds."""
        return min((due for due, _ in self._timers.values()), default=None)

    def pass_time(self) -> None:
        """Do what is due."""
        while True:
            due = [(at, name) for name, (at, _) in self._timers.items() if at <= self.work.now.s]
            if not due:
                return
            _, then = self._timers.pop(min(due)[1])
            then()
