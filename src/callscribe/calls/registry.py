"""The one shell around the machine: tells it what happens, and carries out what it wants done. Event loop only.

It decides nothing. Requests and the ends of streams take time and come back to the machine as facts; events are
published one after the other per record (`Jobs`): a stalled disk holds up what is shown, and no answer to a carrier.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

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
    AttachWanted,
    CallPlaced,
    Detached,
    Kept,
    LookedUp,
    Now,
    PauseWanted,
    RenameWanted,
    ResumeWanted,
    SessionClosed,
    SessionOpened,
    SessionRefused,
    Shutdown,
    SocketOpened,
    StreamRefused,
    SwapWanted,
)
from callscribe.calls.feeds import OpenFeed
from callscribe.calls.interfaces import OpenSession as MakeSession
from callscribe.calls.interfaces import Publish as PublishEvent
from callscribe.calls.interfaces import Recall, Session
from callscribe.calls.jobs import Jobs
from callscribe.calls.names import renamed, swapped
from callscribe.calls.setup import Setup
from callscribe.carriers.base import (
    Answer,
    CallCame,
    CallInfo,
    CarrierApi,
    CarrierFact,
    DialOver,
    Pass,
    WhisperAsked,
)
from callscribe.carriers.base import StreamReported as Reported
from callscribe.errors import CallscribeError, NotLiveError
from callscribe.events import Track
from callscribe.records import CallRecord

log = structlog.get_logger(__name__)

RECALL_S = 1.0
"""The longest that a call waits for the store to say whether it is an old one."""
SHOWN_S = 2.0
"""The longest that people wait for what they asked for to be written down; it is done in any case."""

NO_API = "This needs Twilio's REST API. Set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."


@dataclass(slots=True)
class _Outcome:
    """What carrying out some commands led to."""

    answer: Answer = ()
    call: str = ""
    """The record that something was published about."""
    requests: list[asyncio.Task[CallscribeError | None]] = field(default_factory=list)
    pauses: list[asyncio.Task[None]] = field(default_factory=list)


class CallRegistry:
    """The live calls.

    Args:
        setup: what happens to whom. Whether the carrier can be asked follows from `api`.
        publish: the journal's.
        open_session: makes a session for a stream.
        api: the carrier's REST API; None when no account is configured.
        recall: what has been kept of a call, for those that are taken up again after a restart.
        clock: monotonic seconds.
        wall: the present by the wall clock.
    """

    def __init__(
        self,
        setup: Setup,
        *,
        publish: PublishEvent,
        open_session: MakeSession,
        api: CarrierApi | None = None,
        recall: Recall | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        setup = replace(setup, can_ask=api is not None)
        self._exchange = Exchange(setup, lambda: secrets.token_urlsafe(24))
        self._own_number = setup.own_number
        self._publish = publish
        self._open_session = open_session
        self._api = api
        self._recall = recall
        self.clock, self._wall = clock, wall
        self._jobs: dict[str, Jobs] = {}
        self._feeds: dict[tuple[str, str], OpenFeed] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unanswered: set[asyncio.Future[CallRecord | None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    # What the carrier says (`carriers.base.Calls`)

    async def tell(self, fact: CarrierFact) -> Answer:
        """Something has happened; what to do now, for facts that are questions. Waits for no disk but for a moment."""
        if isinstance(fact, Reported) and fact.event == "failed":
            log.warning(
                "Twilio could not stream a call's audio",
                call=fact.leg,
                error=fact.error,
                cure=fact.cure,
            )
        if isinstance(fact, CallCame):
            await self._remember(fact.leg)
        outcome = self.heard(fact)
        if outcome.call and not isinstance(fact, CallCame | DialOver | WhisperAsked):
            # News is acknowledged once it is written down; nobody waits for the acknowledgement.
            await self._shown(outcome.call)
        return outcome.answer

    def admit(self, ticket: str) -> Pass | None:
        """Whether the socket that shows this ticket may come in."""
        return self._exchange.redeem(ticket, self.now())

    def stream_opened(
        self, admitted: Pass, *, leg: str, stream: str, tracks: Sequence[Track]
    ) -> OpenFeed:
        """A socket has said which leg's stream it brings.

        Raises:
            ProtocolError: the ticket was for another leg, or the call is over.
            CallscribeError: nothing can take its audio.
        """
        fact = SocketOpened(admitted=admitted, leg=leg, stream=stream, tracks=tuple(tracks))
        commands = self._exchange.receive(fact, self.now())
        opened = self._exchange.newest_stream(leg)
        feed = self._feeds[admitted.call, opened.key] = OpenFeed(self, admitted.call, opened)
        self._carry_out(commands)
        self._wind()
        if feed.error is not None:
            raise feed.error
        return feed

    # What people ask for

    async def pause(self, call: str, by: str = "") -> None:
        """Stop transcribing: from now on audio is neither decoded nor kept.

        Raises:
            NotLiveError: no such live call.
        """
        outcome = self.heard(PauseWanted(call=call, by=by))
        await asyncio.gather(*outcome.pauses)
        await self._shown(call)

    async def resume(self, call: str, by: str = "") -> None:
        """Transcribe again.

        Raises:
            NotLiveError: no such live call.
        """
        self.heard(ResumeWanted(call=call, by=by))
        await self._shown(call)

    async def rename(self, call: str, leg: str, track: Track, speaker: str) -> None:
        """Call a speaker by another name, for what was said and what will be; in a call that is over too.

        Raises:
            NotLiveError: no such call.
            CallscribeError: no such speaker, no name, or somebody else's.
        """
        try:
            self.heard(RenameWanted(call=call, leg=leg, track=track, name=speaker))
        except NotLiveError:
            record = await self._kept(call)
            if (
                self._exchange.of_leg(record.call.id) is not None
            ):  # called by the beginning of its name
                await self.rename(record.call.id, leg, track, speaker)
            else:
                await self._publish(renamed(record, leg, track, speaker))
        else:
            await self._shown(call)

    async def swap(self, call: str) -> None:
        """Exchange the names of a call's two speakers; in a call that is over too.

        Raises:
            NotLiveError: no such call.
            CallscribeError: it has not exactly two speakers.
        """
        try:
            self.heard(SwapWanted(call=call))
        except NotLiveError:
            record = await self._kept(call)
            if self._exchange.of_leg(record.call.id) is not None:
                await self.swap(record.call.id)
                return
            for event in swapped(record):
                await self._publish(event)
        else:
            await self._shown(call)

    async def dial(self, to: str, connect: str = "") -> str:
        """Place a call; when it is answered it is transcribed, and connected with `connect` if given.

        Returns:
            The record's id, the leg.

        Raises:
            CallscribeError: no REST API configured, or no number to call from.
            CarrierError: the carrier refused.
        """
        api = self._need_api()
        own = self._own_number
        if not own:
            raise CallscribeError(
                "There is no number to call from. Set `number`, e.g. +15005550006."
            )
        leg = await asyncio.to_thread(api.place_call, to=to, from_=own, connect=connect)
        self.heard(CallPlaced(leg=leg, to=to, connect=connect))
        await self._shown(leg)
        return leg

    async def attach(self, call_sid: str) -> str:
        """Start transcribing a call that is already up.

        Returns:
            The record's id.

        Raises:
            CallscribeError: it is being transcribed already, it is not in progress, or no REST API is configured.
            CarrierError: the carrier refused; there is no such call.
        """
        api = self._need_api()
        info: CallInfo | None = None
        if self._exchange.of_leg(call_sid) is None:
            info = await asyncio.to_thread(api.fetch_call, call_sid)
            await self._remember(call_sid)
        outcome = self.heard(AttachWanted(leg=call_sid, info=info))
        call = self._exchange.of_leg(call_sid)
        for refused in await asyncio.gather(*outcome.requests):
            if refused is not None:
                await self._shown(call_sid)
                raise refused
        await self._shown(call_sid)
        return call.id if call is not None else call_sid

    async def attachable(self) -> list[CallInfo]:
        """The account's calls that are up and not being transcribed, the newest first.

        Raises:
            CallscribeError: no REST API is configured.
            CarrierError: the carrier refused.
        """
        found = await asyncio.to_thread(self._need_api().live_calls)
        return [info for info in found if self._exchange.of_leg(info.leg) is None]

    async def detach(self, call_sid: str) -> None:
        """Stop transcribing a call; the call continues.

        Raises:
            CallscribeError: it is not being transcribed, or no REST API is configured.
            CarrierError: the carrier refused.
        """
        api = self._need_api()
        call = self._exchange.find(call_sid)
        stream = call.legs.get(call_sid, call.leg).stream
        if stream is None:
            raise CallscribeError(f"{call_sid} is not being transcribed.")
        await asyncio.to_thread(api.stop_stream, stream.leg, stream.sid)
        self.heard(Detached(call=call.id))

    async def hang_up(self, call: str) -> None:
        """End a call for everybody on it.

        Raises:
            NotLiveError: it is not live.
            CallscribeError: no REST API is configured.
            CarrierError: the carrier refused.
        """
        api = self._need_api()
        found = self._exchange.find(call)
        legs = [found.leg.sid]
        if found.flow.kind == "conference":
            legs = [leg.sid for leg in found.legs.values() if leg.state != "gone"]
        ended = await asyncio.gather(
            *(asyncio.to_thread(api.end_call, leg) for leg in legs), return_exceptions=True
        )
        refusals = [error for error in ended if isinstance(error, BaseException)]
        if len(refusals) == len(legs):  # some of a room may just have left by themselves
            raise refusals[0]

    async def close(self) -> None:
        """Refuse new calls, publish what is being said, end all records. For the end of the process."""
        self.heard(Shutdown())
        await asyncio.gather(*(jobs.finished() for jobs in list(self._jobs.values())))
        if self._timer is not None:
            self._timer.cancel()
        for task in (*self._tasks, *self._unanswered):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """Stop here and now, as a process that dies: nothing more is asked or said."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        for jobs in self._jobs.values():
            jobs.kill()

    # The machine

    def now(self) -> Now:
        """The present."""
        return Now(self.clock(), self._wall())

    def heard(self, fact: AnyFact) -> _Outcome:
        """Tell the machine, and do what it wants."""
        outcome = self._carry_out(self._exchange.receive(fact, self.now()))
        self._wind()
        return outcome

    def _tick(self) -> None:
        self._timer = None
        self._carry_out(self._exchange.pass_time(self.now()))
        self._wind()

    def _wind(self) -> None:
        """Wake up for the machine's next timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        next_s = self._exchange.next_s
        if next_s is not None:
            delay_s = max(0.0, next_s - self.clock())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._tick)

    def _carry_out(self, commands: Sequence[AnyCommand]) -> _Outcome:
        outcome = _Outcome()
        queue = deque(commands)
        opened: list[OpenFeed] = []
        while queue:
            command = queue.popleft()
            match command:
                case OpenSession():
                    feed, fact = self._open(command)
                    if feed.session is not None and not command.paused:
                        opened.append(feed)
                    queue.extendleft(reversed(self._exchange.receive(fact, self.now())))
                case _:
                    self._do(command, outcome)
        for feed in opened:
            feed.flow()
        return outcome

    def _do(self, command: AnyCommand, outcome: _Outcome) -> None:
        match command:
            case Tell():
                outcome.answer = command.answer
            case Publish(event=event):
                outcome.call = command.call
                self._jobs_of(command.call).add(lambda: self._publish(event))
            case Release():
                session = self._session(command.call, command.stream)
                if session is not None:
                    session.release(command.track, command.from_ms)
            case PauseSession():
                session = self._session(command.call, command.stream)
                if session is not None:
                    outcome.pauses.append(self._beside(session.pause()))
            case ResumeSession():
                session = self._session(command.call, command.stream)
                if session is not None:
                    self._jobs_of(command.call).add(session.resume)
            case CloseSocket():
                feed = self._feeds.get((command.call, command.stream))
                if feed is not None:
                    feed.unwanted.set()
            case CloseSession():
                feed = self._feeds.get((command.call, command.stream))
                if feed is not None:
                    feed.flow()
                    self._beside(self._close(feed, command.reason))
            case StartStream():
                outcome.requests.append(self._beside(self._start_stream(command)))
            case LookUp():
                self._beside(self._look_up(command.leg))
            case Forget():
                jobs = self._jobs_of(command.call)
                jobs.finish()
                self._beside(self._forget(command.call, jobs))
            case OpenSession():
                raise AssertionError("opened where it was wanted")

    def _jobs_of(self, call: str) -> Jobs:
        jobs = self._jobs.get(call)
        if jobs is None or jobs.closing:
            # A record that is taken up again goes on after what is still being said of it.
            jobs = self._jobs[call] = Jobs(after=jobs)
        return jobs

    def _session(self, call: str, stream: str) -> Session | None:
        feed = self._feeds.get((call, stream))
        return feed.session if feed is not None else None

    def _beside(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside, kept from garbage collection."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Carrying out

    def _open(self, wanted: OpenSession) -> tuple[OpenFeed, SessionOpened | SessionRefused]:
        feed = self._feeds[wanted.call, wanted.stream]
        try:
            session = self._open_session(
                call=wanted.call,
                leg=wanted.leg,
                stream=wanted.stream,
                tracks=wanted.tracks,
                speakers=wanted.speakers,
                offset_ms=wanted.offset_ms,
                plan=wanted.plan,
            )
        except CallscribeError as error:
            log.warning("a stream's audio could not be taken", leg=wanted.leg, reason=str(error))
            feed.error = error
            feed.over.set()
            self._feeds.pop((wanted.call, wanted.stream), None)
            return feed, SessionRefused(call=wanted.call, stream=wanted.stream)
        feed.session = session
        for track in wanted.hold_back:
            session.hold_back(track)
        self._jobs_of(wanted.call).add(session.start)
        if wanted.paused:
            self._beside(session.pause())
            # After the pause's first step, so that nothing slips through.
            asyncio.get_running_loop().call_soon(feed.flow)
        return feed, SessionOpened(call=wanted.call, stream=wanted.stream)

    async def _close(self, feed: OpenFeed, reason: str) -> None:
        try:
            # Whatever was known before its last words is known before them.
            await self._jobs_of(feed.call).empty()
            if feed.session is not None:
                await feed.session.close(reason)
        except Exception:
            log.exception("a stream could not be closed", call=feed.call)
        self._feeds.pop((feed.call, feed.stream.key), None)
        self.heard(SessionClosed(call=feed.call, stream=feed.stream.key))
        feed.over.set()

    async def _start_stream(self, wanted: StartStream) -> CallscribeError | None:
        try:
            await asyncio.to_thread(
                self._need_api().start_stream,
                wanted.leg,
                ticket=wanted.ticket,
                track=wanted.track,
                name=wanted.name,
            )
        except CallscribeError as error:
            log.warning(
                "a media stream could not be started",
                call=wanted.call,
                leg=wanted.leg,
                reason=str(error),
            )
            self.heard(StreamRefused(leg=wanted.leg, reason=str(error)))
            return error
        return None

    async def _look_up(self, leg: str) -> None:
        info: CallInfo | None = None
        try:
            info = await asyncio.to_thread(self._need_api().fetch_call, leg)
        except CallscribeError as error:
            log.warning("a participant's number is not known", call=leg, reason=str(error))
        self.heard(LookedUp(leg=leg, info=info))

    async def _forget(self, call: str, jobs: Jobs) -> None:
        await jobs.finished()
        if self._jobs.get(call) is jobs:
            del self._jobs[call]

    # The store

    async def _remember(self, leg: str) -> None:
        """Look up whether a leg that we don't know was here before: in this process, or in one that kept a record."""
        if self._recall is None or self._exchange.knows(leg) or self._unanswered:
            return
        asking = asyncio.ensure_future(self._recall(leg))
        answered, _ = await asyncio.wait((asking,), timeout=RECALL_S)
        if not answered:
            # The next calls don't wait for it too.
            self._unanswered.add(asking)
            asking.add_done_callback(self._answered)
            log.warning("the store does not answer; a call is taken for a new one", call=leg)
            return
        try:
            record = asking.result()
        except Exception as error:  # whatever the store's fault is, the caller is answered
            reason = str(error) or type(error).__name__
            log.warning("the call's record cannot be read", call=leg, reason=reason)
            return
        if record is not None:
            self.heard(Kept(record=record))

    def _answered(self, asking: asyncio.Future[CallRecord | None]) -> None:
        self._unanswered.discard(asking)
        if not asking.cancelled():
            asking.exception()  # seen: nobody waits for it any more

    async def _kept(self, call: str) -> CallRecord:
        record = await self._recall(call) if self._recall else None
        if record is None:
            raise NotLiveError(f"There is no call {call}.")
        return record

    async def _shown(self, call: str) -> None:
        """Wait a moment until what was just asked for is known to all."""
        with contextlib.suppress(NotLiveError):
            call = self._exchange.find(call, ending=True).id
        jobs = self._jobs.get(call)
        if jobs is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHOWN_S):
                    await jobs.empty()

    def _need_api(self) -> CarrierApi:
        if self._api is None:
            raise CallscribeError(NO_API)
        return self._api
