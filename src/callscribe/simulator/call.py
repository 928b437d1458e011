"""One call leg: it executes TwiML, carries audio on two lines, and is streamed to the server."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from callscribe.simulator import dialing, interpreter, params, twiml
from callscribe.simulator.conversation import Conversation
from callscribe.simulator.frames import Faults
from callscribe.simulator.interpreter import (
    DialNumbers,
    EndStream,
    Fetch,
    HangUp,
    Hold,
    JoinConference,
    Outcome,
    Speak,
    StartStream,
    Step,
    Warn,
)
from callscribe.simulator.params import CallFacts
from callscribe.simulator.report import CallReport
from callscribe.simulator.script import CallbackPlan, Party, VoiceUrl
from callscribe.simulator.stream import MediaStream
from callscribe.simulator.timeline import Clip, Idle, Line, Mix

if TYPE_CHECKING:
    from callscribe.simulator.world import World

MAX_STREAM_TRACKS = 4
"""Tracks that may be streamed from one call at a time (Twilio docs, `<Stream>`)."""

_AUDIO_TYPES = ("audio/",)
_XML_TYPES = ("text/xml", "application/xml", "text/html")


Program = twiml.Document | VoiceUrl | Callable[[], Awaitable[None]]
"""What a leg does: a document, an address to fetch one from, or steps of our own."""


class Call:
    """A leg of a call.

    Args:
        party: the person at the other end.
        conversation: what that person takes part in; None says nothing.
    """

    def __init__(
        self,
        world: World,
        facts: CallFacts,
        party: Party,
        *,
        conversation: Conversation | None = None,
        callbacks: CallbackPlan | None = None,
        faults: Faults | None = None,
    ) -> None:
        self.world = world
        self.facts = facts
        self.party = party
        self.conversation = conversation
        self.callbacks = callbacks or CallbackPlan()
        self.faults = faults or Faults()
        self.report = CallReport(
            sid=facts.call_sid,
            from_=facts.from_,
            to=facts.to,
            direction=facts.direction,
            parent=facts.parent_call_sid,
        )
        self.inbound = Line()
        self.outbound = Line()
        self.streams: list[MediaStream] = []
        self.status = "queued"
        self.created_at = world.clock.rfc2822()
        self.started_at = ""
        self.ended_at = ""
        self.answered_ms: float | None = None
        self.ended_ms: float | None = None
        self.bridged_to: Call | None = None
        self.over = asyncio.Event()
        self.webhook_times = 1
        self._interrupt: asyncio.Future[Program | None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._sequence = 0
        self._final_status = "completed"
        self._cancelled = False
        self._left_by_callee = False
        self._bridge: Callable[[int], None] | None = None
        world.calls[self.sid] = self

    @property
    def sid(self) -> str:
        return self.facts.call_sid

    @property
    def live(self) -> bool:
        return not self.over.is_set()

    # Life.

    async def run(self, program: Program) -> None:
        """The leg's whole life. Returns when it is over and everything about it has been sent."""
        following: Program | None = None if self._cancelled else program
        while following is not None:
            self._interrupt = asyncio.get_running_loop().create_future()
            running = asyncio.ensure_future(self._run(following))
            either: set[asyncio.Future[Any]] = {running, self._interrupt}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            following = self._interrupt.result() if self._interrupt.done() else None
            if not running.done():
                running.cancel()
            await asyncio.wait({running})
            if not running.cancelled() and (error := running.exception()) is not None:
                self._finish()
                raise error
        self._finish()
        await asyncio.gather(*self._tasks)

    def hang_up(self, by: str, status: str = "completed") -> None:
        """Ends the leg. `by` is `caller`, `callee`, `server` or `carrier`."""
        if self._interrupt is None:
            self._cancelled = True  # before it began
            return
        if self.ended_ms is not None or self._interrupt.done():
            return
        self.report.ended_by = by
        self._final_status = status
        self._interrupt.set_result(None)

    def fail(self, status: str) -> None:
        """The leg was never answered: `busy`, `no-answer` or `failed`."""
        self._final_status = status
        self.report.ended_by = "carrier"

    def redirect(self, program: Program) -> None:
        """The leg leaves what it is doing and goes on with `program` (REST: Calls update)."""
        if self._interrupt is not None and not self._interrupt.done():
            self._interrupt.set_result(program)

    def answer(self) -> None:
        """The leg is picked up: it is in progress and its party's line is open."""
        if self.answered_ms is not None:
            return
        self.answered_ms = self.world.clock.now_ms()
        self.status = "in-progress"
        self.started_at = self.world.clock.rfc2822()
        self.inbound.play(Idle(), math.ceil(self.answered_ms))
        if self.conversation is not None and self.conversation.start_ms is not None:
            self.conversation.attach(self)

    def set_status(self, event: str, status: str, sip_code: int | None = None) -> None:
        """A step in the leg's progress, with its callback when one is wanted."""
        self.status = status
        self.event(event, status, sip_code=sip_code)

    def event(
        self, event: str, status: str, *, duration_s: int | None = None, sip_code: int | None = None
    ) -> None:
        """Sends the status callback `event` if it was asked for."""
        plan = self.callbacks
        if not plan.url or event not in plan.events:
            return
        form = params.call_status_params(
            self.facts,
            status,
            timestamp=self.world.clock.rfc2822(),
            sequence=self._sequence,
            duration_s=duration_s,
            sip_code=sip_code,
        )
        self._sequence += 1
        self.world.callback(self.report, f"{plan.what} {status}", plan.method, plan.url, form)

    def _finish(self) -> None:
        now = self.world.clock.now_ms()
        self.ended_ms = now
        self.ended_at = self.world.clock.rfc2822()
        if self.answered_ms is None and self._final_status == "completed":
            self._final_status = "no-answer" if self.facts.direction == "inbound" else "canceled"
        self.status = self._final_status
        began = self.answered_ms if self.answered_ms is not None else now
        duration = round((now - began) / 1000)
        self.report.status, self.report.duration_s = self.status, duration
        for line in (self.inbound, self.outbound):
            line.cut(math.ceil(now))
        for stream in self.streams:
            stream.stop(now)
        if self.conversation is not None:
            self.conversation.detach(self)
        sip = None
        if self.facts.direction != "inbound":
            sip = {"busy": 486, "no-answer": 480, "failed": 404, "canceled": 487}.get(
                self.status, 200
            )
        self.event("completed", self.status, duration_s=duration, sip_code=sip)
        self.over.set()

    # TwiML.

    async def _run(self, program: Program) -> None:
        if callable(program):
            await program()
        else:
            await self.follow(program)

    async def follow(self, program: twiml.Document | VoiceUrl) -> None:
        """Executes TwiML to its end, which ends the leg."""
        if isinstance(program, VoiceUrl):
            document = await self._voice(program)
            if document is None:
                self._final_status = "failed" if self.answered_ms is None else "completed"
                self.report.ended_by = self.report.ended_by or "carrier"
                return
            program = document
        end = await self._execute(program)
        self._final_status = end.status
        if not self.report.ended_by:
            by_callee = self._left_by_callee and not end.explicit
            self.report.ended_by = "callee" if by_callee else "server"

    async def whisper(self, url: str, method: str) -> bool:
        """TwiML run on a dialled leg before it is connected; False when it ends the leg."""
        document = await self._fetch("whisper", method, url, ())
        if document is None or (await self._execute(document)).explicit:
            self.report.ended_by = "server"
            return False
        return True

    async def _execute(self, document: twiml.Document) -> HangUp:
        steps = interpreter.interpret(document)
        outcome: Outcome = None
        while True:
            step = steps.send(outcome)
            if isinstance(step, HangUp):
                self.report.verbs.append("Hangup" if step.why == "<Hangup>" else f"({step.why})")
                return step
            outcome = await self._step(step)

    async def _step(self, step: Step) -> Outcome:
        match step:
            case Fetch():
                self.report.verbs.append(f"({step.what})")
                return await self._fetch(step.what, step.method, step.url, step.extra)
            case Speak():
                self.report.verbs.append(step.verb)
                await self._speak(step.duration_ms)
            case Hold():
                self.report.verbs.append(step.verb)
                await self._hold(step.duration_ms)
            case StartStream():
                self.report.verbs.append("Start Stream")
                self.start_stream(step.stream)
            case EndStream():
                self.report.verbs.append("Stop Stream")
                if not self.stop_stream(step.name):
                    self.report.notify(
                        12200, f'<Stop><Stream name="{step.name}">: no such stream runs.'
                    )
            case DialNumbers():
                self.report.verbs.append("Dial")
                outcome = await dialing.dial_numbers(self, step)
                self.report.dial_status = outcome.status
                self._left_by_callee = outcome.left_by_callee
                return outcome
            case JoinConference():
                self.report.verbs.append("Dial Conference")
                self.answer()
                room = self.world.room(step.conference.name, step.conference)
                return await room.stay(self, step.conference)
            case Warn():
                self.report.notify(step.code, step.message)
            case HangUp():
                raise TypeError("the last step is not executed")
        return None

    async def _voice(self, voice: VoiceUrl) -> twiml.Document | None:
        document = await self._fetch("voice", voice.method, voice.url, (), self.webhook_times)
        if document is None and voice.fallback_url:
            error = self.report.notifications[-1] if self.report.notifications else None
            extra = [("ErrorCode", str(error.code)), ("ErrorUrl", voice.url)] if error else []
            return await self._fetch(
                "voice fallback", voice.fallback_method, voice.fallback_url, tuple(extra)
            )
        return document

    async def _fetch(
        self,
        what: str,
        method: str,
        url: str,
        extra: tuple[tuple[str, str], ...],
        times: int = 1,
    ) -> twiml.Document | None:
        status = "in-progress" if self.answered_ms is not None else self.status
        form = [*params.call_params(self.facts, status), *extra]
        answer = await self.world.webhooks.request(
            self.report, what, method, url, form, times=times
        )
        if answer is None or not 200 <= answer.status < 300:
            return None
        kind = answer.content_type
        if kind.startswith(_AUDIO_TYPES):
            return twiml.Document((twiml.Play(answer.url),))
        if kind not in (*_XML_TYPES, "text/plain"):
            self.report.notify(
                12300, f'The answer to {what} has the type "{kind}"; TwiML is text/xml.', answer.url
            )
            return None
        try:
            return twiml.parse(answer.text, answer.url)
        except twiml.TwimlError as error:
            if kind == "text/plain" and answer.text.strip():
                return twiml.Document((twiml.Say(answer.text.strip()),))
            self.report.notify(error.code, str(error), answer.url)
            return None

    async def _speak(self, duration_ms: int) -> None:
        self.answer()
        begin = math.ceil(self.world.clock.now_ms())
        end = begin + duration_ms
        self.outbound.play(self.world.prompt(), begin, end)
        await self.world.clock.until(end)
        if self._bridge is not None:
            self._bridge(end)

    async def _hold(self, duration_ms: int) -> None:
        self.answer()
        begin = self.world.clock.now_ms()
        if self.conversation is not None and not self.facts.parent_call_sid:
            held = self.conversation.held_callee()
            if held is not None and self._bridge is None:
                self._bridge = self._hear_held(held)
            await self.conversation.ready(self)
            if self._bridge is not None:
                self._bridge(math.ceil(self.world.clock.now_ms()))
        await self.world.clock.until(begin + duration_ms)

    def _hear_held(self, party: Party) -> Callable[[int], None]:
        """The callee's recording on the outbound track of a call that is only held."""

        def play(at_ms: int) -> None:
            start = self.conversation.start_ms if self.conversation is not None else None
            if start is not None:
                begin = max(at_ms, start)
                self.outbound.play(Clip(party.audio, skip_ms=begin - start), begin)

        return play

    # Talking.

    def talk(self, start_ms: int) -> None:
        """The party's recording is heard, its first sample at `start_ms`."""
        begin = max(start_ms, math.ceil(self.world.clock.now_ms()))
        clip = Clip(self.party.audio, skip_ms=begin - start_ms, then_silence=True)
        self.inbound.play(clip, begin)
        for stream in self.streams:
            stream.mark_conversation(start_ms)

    def hear(self, *lines: Line) -> None:
        """From now on the party hears these lines."""
        now = math.ceil(self.world.clock.now_ms())
        self.outbound.play(Mix(lambda: lines, now), now)

    def hear_nothing(self) -> None:
        self.outbound.cut(math.ceil(self.world.clock.now_ms()))

    # Streams.

    def start_stream(self, spec: twiml.Stream) -> MediaStream | None:
        """Opens a media stream on this leg; None, and a note in the report, when the carrier would not."""
        running = [s for s in self.streams if s.running]
        if spec.name and any(s.name == spec.name for s in running):
            self.report.notify(
                31940, f'A stream named "{spec.name}" already runs on this call.', spec.url
            )
            return None
        tracks = sum(len(s.spec.tracks) for s in running) + len(spec.tracks)
        if tracks > MAX_STREAM_TRACKS:
            self.report.notify(
                31940,
                f"At most {MAX_STREAM_TRACKS} tracks of a call are streamed at a time.",
                spec.url,
            )
            return None
        stream = MediaStream(
            self.world.stream_context,
            self.facts,
            spec,
            inbound=self.inbound,
            outbound=self.outbound,
            faults=self.faults,
            report=self.report,
        )
        self.streams.append(stream)
        self._tasks.append(asyncio.create_task(self._stream(stream)))
        return stream

    async def _stream(self, stream: MediaStream) -> None:
        running = asyncio.create_task(stream.run())
        await stream.opened.wait()
        if stream.running and self.conversation is not None:
            start = self.conversation.start_ms
            if start is not None:
                stream.mark_conversation(start)
        await running

    def stop_stream(self, name: str) -> bool:
        """Stops a running stream by name or SID; False when there is none."""
        for stream in self.streams:
            if stream.running and name in {stream.name, stream.sid}:
                stream.stop(self.world.clock.now_ms())
                return True
        return False

    async def streams_settled(self) -> None:
        """Every stream of the leg is open, or will never be."""
        for stream in self.streams:
            await stream.opened.wait()
