"""Calls of every kind, with everything that goes wrong on the way: late, doubled and lost callbacks, broken sockets,
restarts. Each is a function that plays Twilio's part; its name is that of its golden file.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callscribe.errors import CallscribeError
from tests.wire.serving import Served
from tests.wire.twilio import (
    AGAIN_LEG,
    ALICE,
    BOB,
    BOB_LEG,
    CALL,
    EVE,
    EVE_LEG,
    OURS,
    ROOM,
    Stream,
    Twilio,
)

EXAMPLES = Path(__file__).parents[2].parent / "shared" / "docs" / "twilio-examples"

ANSWER: dict[str, Any] = {}
FORWARD: dict[str, Any] = {"flow": "forward", "to": (BOB,)}
CONFERENCE: dict[str, Any] = {"flow": "conference", "room": "support"}
IN = ("inbound",)

Play = Callable[[Served], Awaitable[None]]


@dataclass
class Scenario:
    """What is played, at what kind of number."""

    name: str
    play: Play
    plan: dict[str, Any]
    api: bool = False
    needs: Path | None = None
    """Skipped when this is not there."""


SCENARIOS: list[Scenario] = []


def scenario(plan: dict[str, Any], **more: Any) -> Callable[[Play], Play]:
    """Lists a scenario. Keyword arguments: `api`, or settings of the flow."""
    api = more.pop("api", False)

    def add(play: Play) -> Play:
        name = play.__name__.removeprefix("_")
        SCENARIOS.append(Scenario(name, play, plan | more, api))
        return play

    return add


async def wish(served: Served, what: str, *args: Any) -> None:
    """Somebody asks the server for something, and hears what is wrong with that."""
    said = f"{what} {' '.join(str(a)[:6] for a in args)}"
    try:
        await getattr(served.registry, what)(*args)
    except CallscribeError as error:
        served.twilio.asked(said, str(error))
    else:
        served.twilio.asked(said)


@dataclass
class RestSide:
    """Twilio's REST API with calls behind it: it opens the streams that it is asked for."""

    twilio: Twilio
    calls: dict[str, dict[str, str]] = field(default_factory=dict)
    until_s: float = 30.0
    """When the streams that it opens stop, in seconds since the beginning."""
    drops_after_s: float | None = None
    """Or how long after opening they break off."""
    streams: dict[str, Stream] = field(default_factory=dict)
    refused: bool = False

    def __post_init__(self) -> None:
        self.twilio.rest = self.answer

    def answer(self, method: str, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        parts = path.removesuffix(".json").split("/")
        if self.refused:
            return 404, {"code": 21220, "message": "Invalid call state", "status": 404}
        if method == "POST" and parts[-1] == "Streams":
            stream = self.twilio.stream(
                form["Url"],
                parts[-2],
                tracks=IN if form["Track"] == "inbound_track" else (*IN, "outbound"),
            )
            self.streams[stream.sid] = stream
            asyncio.get_running_loop().create_task(self._run(stream))
            return 201, {"sid": stream.sid, "status": "in-progress"}
        if method == "POST" and parts[-2] == "Streams":
            stream = self.streams[parts[-1]]
            asyncio.get_running_loop().create_task(stream.stop())
            return 200, {"sid": stream.sid, "status": "stopped"}
        if method == "POST" and parts[-1] == "Calls":
            return 201, {"sid": CALL, "status": "queued"}
        if method == "GET" and parts[-1] in self.calls:
            return 200, {"sid": parts[-1]} | self.calls[parts[-1]]
        return 404, {"code": 20404, "message": f"{parts[-1]} was not found", "status": 404}

    async def _run(self, stream: Stream) -> None:
        await asyncio.sleep(0.2)
        await stream.open()
        if self.drops_after_s is not None:
            await stream.talk(self.twilio.loop.now + self.drops_after_s)
            await stream.drop()
        else:
            await stream.talk(self.until_s)
            if self.twilio.loop.now >= self.until_s - 1e-6:
                await stream.stop()


# Answer


@scenario(ANSWER)
async def answer(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(12.0)
    await stream.stop()
    await t.status("completed", CallDuration="12")
    await asyncio.sleep(30)
    await t.status("completed")
    await stream.report("stream-stopped")
    await t.voice()


@scenario(ANSWER)
async def answer_without_callback(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open(report=False)
    await stream.talk(5.0)
    await stream.stop()
    await asyncio.sleep(30)


@scenario(ANSWER)
async def answer_stop_never_comes(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER)
async def answer_held_to_the_end(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice(CallerName="WIRELESS CALLER"))
    await stream.open()
    await stream.talk(701.0)
    await stream.stop()
    await t.status("completed")
    await asyncio.sleep(10)


@scenario(ANSWER)
async def answer_retried_webhook_and_second_socket(served: Served) -> None:
    t = served.twilio
    first, second = t.stream(await t.voice()), t.stream(await t.voice())
    await first.open()
    await first.talk(2.0)
    await second.open()
    await asyncio.gather(first.talk(6.0), second.talk(6.0))
    await second.stop()
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER)
async def answer_lost_socket(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await stream.drop()
    await asyncio.sleep(60)


@scenario(ANSWER)
async def answer_lost_socket_and_retried_webhook(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await stream.drop()
    await asyncio.sleep(2)
    again = t.stream(await t.voice())
    await again.open()
    await again.talk(12.0)
    await again.stop()
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER, api=True)
async def answer_lost_socket_restarted(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=12.0)
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await stream.drop()
    await t.until(12.5)
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER, api=True)
async def answer_lost_socket_not_restarted(served: Served) -> None:
    t = served.twilio
    RestSide(t, refused=True)
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await stream.drop()
    await asyncio.sleep(60)


@scenario(ANSWER, api=True)
async def answer_every_socket_is_lost(served: Served) -> None:
    t = served.twilio
    RestSide(t, drops_after_s=2.0)
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(2.0)
    await stream.drop()
    await asyncio.sleep(120)


@scenario(ANSWER, api=True)
async def answer_stream_error(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=9.0)
    stream = t.stream(await t.voice())
    await stream.report("stream-error", StreamError="31920: WebSocket handshake failed")
    await t.until(9.5)
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER)
async def answer_socket_never_opens(served: Served) -> None:
    await served.twilio.voice()
    await asyncio.sleep(300)


@scenario(ANSWER)
async def answer_ends_before_any_socket(served: Served) -> None:
    t = served.twilio
    answer = await t.voice()
    await t.status("canceled")
    await asyncio.sleep(1)
    late = t.stream(answer)
    await late.open(report=False)
    await asyncio.sleep(20)


@scenario(ANSWER)
async def answer_tickets(served: Served) -> None:
    """Used twice, for another call, too late."""
    t = served.twilio
    answer = await t.voice()
    wrong = t.stream(answer, EVE_LEG)
    await wrong.open(report=False)
    again = t.stream(answer)
    await again.open(report=False)
    other = await t.voice()
    await asyncio.sleep(90)
    late = t.stream(other)
    await late.open(report=False)
    await asyncio.sleep(90)


@scenario(ANSWER, api=True)
async def answer_paused_named_and_digits(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=14.0)
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(2.0)
    stream.press("5")
    await stream.talk(3.0)
    await wish(served, "rename", CALL, CALL, "outbound", "  Zoe ")
    await wish(served, "swap", CALL)
    await wish(served, "rename", CALL, BOB_LEG, "inbound", "Nobody")
    await wish(served, "pause", CALL)
    await wish(served, "pause", CALL)
    await stream.talk(5.0)
    await stream.drop()
    await t.until(9.0)
    await wish(served, "resume", CALL)
    await t.until(14.5)
    await t.status("completed")
    await asyncio.sleep(30)
    await wish(served, "pause", CALL)


@scenario(ANSWER)
async def answer_server_stops(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(3.0)
    await asyncio.gather(served.close(), t.voice(BOB_LEG))
    await stream.drop()
    await asyncio.sleep(10)


@scenario(ANSWER)
async def answer_unknown_calls(served: Served) -> None:
    t = served.twilio
    await t.status("completed")
    await t.leg("in-progress")
    await t.dial("completed")
    await t.room("participant-join", 1, CALL)
    await t.post("/twilio/whisper", {"CallSid": BOB_LEG, "ParentCallSid": CALL})
    await t.post("/twilio/status", {"CallStatus": "completed"})
    await t.post("/twilio/stream", {"CallSid": CALL, "StreamEvent": "stream-started"})


# Forward


async def ringing(t: Twilio, *, until_s: float = 6.0) -> Stream:
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(1.2)
    await t.leg("initiated")
    await stream.talk(2.3)
    await t.leg("ringing")
    await stream.talk(until_s)
    return stream


async def finish(t: Twilio, stream: Stream) -> None:
    await stream.stop()
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(FORWARD)
async def forward_callee_hangs_up(served: Served) -> None:
    t = served.twilio
    stream = await ringing(t)
    await t.leg("in-progress")
    await stream.talk(20.0)
    await t.leg("completed", CallDuration="14")
    await t.dial("completed", DialCallDuration="14")
    await finish(t, stream)


@scenario(FORWARD)
async def forward_caller_hangs_up(served: Served) -> None:
    t = served.twilio
    stream = await ringing(t)
    await t.leg("in-progress")
    await stream.talk(20.0)
    await stream.stop()
    await t.dial("completed", caller="completed", DialCallDuration="14")
    await t.leg("completed", CallDuration="14")
    await t.status("completed")
    await asyncio.sleep(30)


def _untaken(result: str) -> None:
    async def play(served: Served) -> None:
        t = served.twilio
        stream = await ringing(t)
        await t.leg(result)
        await t.dial(result)
        await stream.talk(25.0)
        await finish(t, stream)

    play.__name__ = f"forward_{result.replace('-', '_')}_then_a_message"
    scenario(FORWARD)(play)

    async def hang(served: Served) -> None:
        t = served.twilio
        stream = await ringing(t)
        await t.leg(result)
        await t.dial(result)
        await finish(t, stream)

    hang.__name__ = f"forward_{result.replace('-', '_')}_then_hangup"
    scenario(FORWARD, no_answer="hangup")(hang)


for _result in ("busy", "no-answer", "failed", "canceled"):
    _untaken(_result)


@scenario(FORWARD)
async def forward_caller_gives_up(served: Served) -> None:
    t = served.twilio
    stream = await ringing(t)
    await stream.stop()
    await t.leg("canceled")
    await t.dial("canceled", caller="completed")
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(FORWARD)
async def forward_only_the_action(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(20.0)
    await t.dial("completed", DialCallDuration="14")
    await finish(t, stream)


@scenario(FORWARD)
async def forward_no_word_at_all(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open(report=False)
    await stream.talk(45.0)
    await stream.stop()
    await asyncio.sleep(30)


@scenario(FORWARD)
async def forward_no_word_and_short(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open(report=False)
    await stream.talk(9.0)
    await stream.stop()
    await asyncio.sleep(30)


@scenario(FORWARD, timeout=10)
async def forward_no_word_until_after_stop(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(15.0)
    await stream.stop()
    await t.status("completed")
    await t.until(16.5)
    await t.leg("in-progress", at_s=6.0)
    await t.leg("completed", at_s=15.0, CallDuration="9")
    await asyncio.sleep(30)


@scenario(FORWARD, timeout=10)
async def forward_waits_in_vain_after_stop(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(15.0)
    await stream.stop()
    await t.status("completed")
    await asyncio.sleep(30)


@scenario({"flow": "forward", "to": (BOB, EVE, "sip:desk@example.test", "client:zoe")})
async def forward_to_several(served: Served) -> None:
    t = served.twilio
    stream = await ringing(t)
    await t.leg("ringing", EVE_LEG, EVE)
    await t.leg("in-progress", EVE_LEG, EVE)
    await t.leg("canceled")
    await stream.talk(20.0)
    await t.leg("completed", EVE_LEG, EVE, CallDuration="14")
    await t.dial("completed", DialCallSid=EVE_LEG, DialCallDuration="14")
    await finish(t, stream)


@scenario(
    FORWARD,
    whisper="A call for you.",
    caller_id=OURS,
    timeout=15,
    answer_on_bridge=False,
    greeting="Hi.",
)
async def forward_settings(served: Served) -> None:
    t = served.twilio
    stream = await ringing(t)
    await t.post("/twilio/whisper", {"CallSid": BOB_LEG, "ParentCallSid": CALL})
    await t.leg("in-progress")
    await stream.talk(20.0)
    await t.dial("completed", DialCallDuration="14")
    await finish(t, stream)


@scenario(FORWARD, tracks="inbound")
async def forward_inbound_only(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice(), tracks=IN)
    await stream.open()
    await stream.talk(6.0)
    await t.leg("in-progress")
    await stream.talk(12.0)
    await finish(t, stream)


@scenario(FORWARD)
async def forward_late_doubled_and_out_of_order(served: Served) -> None:
    t = served.twilio
    stream = await ringing(t, until_s=11.0)
    await t.leg("completed", at_s=10.0, CallDuration="4")
    await t.leg("in-progress", at_s=6.0)
    await t.leg("in-progress", at_s=6.0)
    await t.dial("completed", DialCallDuration="4")
    await t.dial("completed", DialCallDuration="4")
    await stream.stop()
    await t.leg("ringing", at_s=3.0)
    await t.status("completed")
    await t.status("in-progress")
    await asyncio.sleep(30)
    await t.leg("in-progress", at_s=6.0)
    await t.dial("completed", DialCallDuration="4")


@scenario(FORWARD, api=True)
async def forward_socket_lost_while_talking(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=20.0)
    stream = await ringing(t)
    await t.leg("in-progress")
    await stream.talk(10.0)
    await stream.drop()
    await t.until(20.0)
    await t.leg("completed", CallDuration="14")
    await t.dial("completed", DialCallDuration="14")
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(FORWARD, api=True)
async def forward_socket_lost_while_ringing(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=20.0)
    stream = await ringing(t, until_s=4.0)
    await stream.drop()
    await t.until(8.0)
    await t.leg("in-progress", at_s=6.0)
    await t.until(20.0)
    await t.dial("completed", DialCallDuration="14")
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(FORWARD)
async def forward_answer_before_the_socket(served: Served) -> None:
    t = served.twilio
    answer = await t.voice()
    await t.leg("initiated")
    await t.leg("in-progress")
    stream = t.stream(answer)
    await asyncio.sleep(1)
    await stream.open()
    await stream.talk(12.0)
    await t.dial("completed", DialCallDuration="11")
    await finish(t, stream)


@scenario(FORWARD)
async def forward_rings_for_long(served: Served) -> None:
    await served.twilio.voice()
    await asyncio.sleep(1000)


# Conference


async def comes(t: Twilio, sid: str, number: str, until_s: float) -> Stream:
    stream = t.stream(await t.voice(sid, from_=number), sid, tracks=IN)
    await stream.open()
    await stream.talk(until_s)
    return stream


PEOPLE = ((CALL, ALICE), (BOB_LEG, BOB), (EVE_LEG, EVE))


@scenario(CONFERENCE)
async def conference_of_three(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    await t.room("participant-join", 1, CALL)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await t.room("participant-join", 2, BOB_LEG)
    await t.room("conference-start", 3)
    eve = await comes(t, EVE_LEG, EVE, 6.0)
    await t.room("participant-join", 4, EVE_LEG)
    await t.room("participant-mute", 5, BOB_LEG, Muted="true")
    await t.room("participant-hold", 6, CALL, Hold="true")
    await asyncio.gather(*(s.talk(12.0) for s in (alice, bob, eve)))
    await t.room("participant-unhold", 7, CALL)
    await t.room("participant-unmute", 8, BOB_LEG)
    await wish(served, "pause", ROOM)
    await wish(served, "resume", BOB_LEG)
    await wish(served, "rename", CALL, EVE_LEG, "inbound", "Evelyn")
    await asyncio.gather(*(s.talk(15.0) for s in (alice, bob, eve)))
    for sequence, (stream, sid) in enumerate(((alice, CALL), (bob, BOB_LEG), (eve, EVE_LEG)), 9):
        await t.room(
            "participant-leave", sequence, sid, ReasonParticipantLeft="participant_hung_up"
        )
        await stream.stop()
        await t.dial("answered", caller="completed", CallSid=sid)
        await t.status("completed", sid)
        await asyncio.sleep(1)
    await t.room(
        "conference-end",
        12,
        ReasonConferenceEnded="last-participant-left",
        CallSidEndingConference=EVE_LEG,
    )
    await asyncio.sleep(30)


@scenario(CONFERENCE)
async def conference_without_callbacks(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await asyncio.gather(alice.talk(9.0), bob.talk(9.0))
    await alice.stop()
    await bob.talk(15.0)
    await bob.stop()
    await asyncio.sleep(30)


@scenario(
    CONFERENCE,
    beep="false",
    music=False,
    end_on_exit=True,
    start_on_enter=False,
    max_participants=5,
    muted=True,
    label="Guest",
)
async def conference_settings_and_end_on_exit(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await t.room("participant-join", 1, CALL, Muted="true")
    await t.room("participant-join", 2, BOB_LEG, Muted="true")
    await alice.talk(8.0)
    await t.room(
        "participant-leave", 3, CALL, ReasonParticipantLeft="participant_hung_up", Muted="true"
    )
    await t.room(
        "conference-end",
        4,
        CallSidEndingConference=CALL,
        ReasonConferenceEnded="participant-with-end-conference-on-exit-left",
    )
    await alice.stop()
    await bob.stop()
    await asyncio.sleep(30)


@scenario(CONFERENCE)
async def conference_label_taken(served: Served) -> None:
    t = served.twilio
    await comes(t, CALL, ALICE, 2.0)
    await t.dial("failed")
    await t.dial("failed")
    await asyncio.sleep(200)


@scenario(CONFERENCE, api=True)
async def conference_with_strangers(served: Served) -> None:
    t = served.twilio
    rest = RestSide(t, until_s=14.0)
    rest.calls[BOB_LEG] = {
        "from": OURS,
        "to": BOB,
        "direction": "outbound-api",
        "status": "in-progress",
    }
    alice = await comes(t, CALL, ALICE, 2.0)
    await t.room("participant-join", 1, CALL)
    await t.room("participant-join", 2, BOB_LEG)
    await t.room("participant-join", 3, EVE_LEG, ParticipantLabel="Supervisor")
    await alice.talk(14.0)
    await t.room("participant-leave", 4, BOB_LEG, ReasonParticipantLeft="participant_hung_up")
    await t.room("participant-leave", 5, EVE_LEG)
    await t.room("participant-leave", 6, CALL)
    await t.room("conference-end", 7)
    await finish(t, alice)


@scenario(CONFERENCE)
async def conference_with_a_stranger_without_account(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    await t.room("participant-join", 1, CALL)
    await t.room("participant-join", 2, BOB_LEG, ParticipantLabel="Supervisor")
    await alice.talk(9.0)
    await finish(t, alice)


@scenario(CONFERENCE)
async def conference_somebody_leaves_and_comes_back(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await t.room("participant-join", 1, CALL)
    await t.room("participant-join", 2, BOB_LEG)
    await alice.talk(6.0)
    await t.room("participant-leave", 3, CALL)
    await alice.talk(8.0)
    await t.room("participant-join", 4, CALL)
    await bob.stop()
    await t.room("participant-leave", 5, BOB_LEG)
    await t.status("completed", BOB_LEG)
    again = await comes(t, AGAIN_LEG, BOB, 12.0)
    await t.room("participant-join", 6, AGAIN_LEG)
    await again.stop()
    await alice.stop()
    await asyncio.sleep(60)


@scenario(CONFERENCE)
async def conference_two_in_one_room(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    await t.room("participant-join", 1, CALL)
    await t.room("conference-end", 5)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await t.room("participant-mute", 4, CALL, Muted="true")
    await t.room("conference-end", 5)
    await alice.stop()
    await bob.talk(9.0)
    await bob.stop()
    await asyncio.sleep(60)


@scenario(CONFERENCE)
async def conference_one_comes_as_the_last_one_leaves(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    await t.room("participant-join", 1, CALL)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await t.room("participant-leave", 2, CALL)
    await t.room("conference-end", 3)
    await alice.stop()
    other = "CF" + "f6" * 16
    await t.room("participant-join", 1, BOB_LEG, ConferenceSid=other)
    await bob.talk(9.0)
    await t.room("conference-end", 2, ConferenceSid=other)
    await bob.stop()
    await asyncio.sleep(60)


@scenario(CONFERENCE, api=True)
async def conference_a_leg_is_lost_and_restarted(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=12.0)
    alice = await comes(t, CALL, ALICE, 2.0)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await bob.drop()
    await alice.talk(12.0)
    await alice.stop()
    await asyncio.sleep(60)


@scenario(CONFERENCE)
async def conference_a_leg_is_lost_for_good(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await t.room("participant-join", 2, BOB_LEG)
    await bob.drop()
    await alice.talk(30.0)
    await alice.stop()
    await asyncio.sleep(60)


@scenario(CONFERENCE)
async def conference_callbacks_before_sockets(served: Served) -> None:
    t = served.twilio
    answers = [await t.voice(sid, from_=number) for sid, number in PEOPLE]
    for sequence, (sid, _) in enumerate(PEOPLE, 1):
        await t.room("participant-join", sequence, sid)
    await asyncio.sleep(1)
    streams = [t.stream(a, sid, tracks=IN) for a, (sid, _) in zip(answers, PEOPLE, strict=True)]
    for stream in streams:
        await stream.open()
    await asyncio.gather(*(stream.talk(9.0) for stream in streams))
    for sid, _ in PEOPLE:
        await t.status("completed", sid)
    await asyncio.sleep(60)


@scenario(CONFERENCE)
async def conference_server_stops(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    bob = await comes(t, BOB_LEG, BOB, 4.0)
    await served.close()
    await alice.drop()
    await bob.drop()


# Outbound


@scenario(ANSWER, api=True)
async def outbound_answered(served: Served) -> None:
    t = served.twilio
    RestSide(t)
    await wish(served, "dial", ALICE)
    await t.status("initiated")
    await t.status("ringing")
    await asyncio.sleep(4)
    twiml = await t.voice(from_=OURS, to=ALICE, Direction="outbound-api", CallStatus="in-progress")
    await t.status("in-progress")
    stream = t.stream(twiml)
    await stream.open()
    await stream.talk(12.0)
    await finish(t, stream)


def _not_taken(result: str) -> None:
    async def play(served: Served) -> None:
        t = served.twilio
        RestSide(t)
        await wish(served, "dial", ALICE)
        await t.status("ringing")
        await asyncio.sleep(4)
        await t.status(result)
        await asyncio.sleep(30)

    play.__name__ = f"outbound_{result.replace('-', '_')}"
    scenario(ANSWER, api=True)(play)


for _result in ("busy", "no-answer", "failed", "canceled"):
    _not_taken(_result)


@scenario(ANSWER, api=True)
async def outbound_voice_request_only(served: Served) -> None:
    t = served.twilio
    RestSide(t)
    twiml = await t.voice(from_=OURS, to=ALICE, Direction="outbound-api", CallStatus="in-progress")
    await wish(served, "dial", ALICE)
    stream = t.stream(twiml)
    await stream.open()
    await stream.talk(5.0)
    await finish(t, stream)


async def _connected(served: Served, dial: str) -> None:
    t = served.twilio
    RestSide(t)
    await wish(served, "dial", ALICE, BOB)
    await t.status("ringing")
    await asyncio.sleep(3)
    twiml = await t.voice(
        from_=OURS,
        to=ALICE,
        Direction="outbound-api",
        CallStatus="in-progress",
        query="?connect=%2B15005550020",
    )
    stream = t.stream(twiml)
    await stream.open()
    await t.leg("ringing")
    await stream.talk(8.0)
    await t.leg("in-progress" if dial == "completed" else dial)
    await stream.talk(14.0)
    await t.dial(dial)
    await finish(t, stream)


@scenario(ANSWER, api=True)
async def outbound_connected(served: Served) -> None:
    await _connected(served, "completed")


@scenario(ANSWER, api=True)
async def outbound_not_connected(served: Served) -> None:
    await _connected(served, "no-answer")


@scenario(ANSWER)
async def outbound_without_account(served: Served) -> None:
    for what, args in (("dial", (ALICE,)), ("attach", (CALL,)), ("detach", (CALL,))):
        await wish(served, what, *args)


# Attach


UP = {"from": ALICE, "to": OURS, "direction": "inbound", "status": "in-progress"}


@scenario(ANSWER, api=True)
async def attach_detach_and_attach_again(served: Served) -> None:
    t = served.twilio
    rest = RestSide(t)
    await wish(served, "attach", CALL)
    rest.calls[CALL] = UP
    await wish(served, "attach", CALL)
    await asyncio.sleep(3)
    await wish(served, "attach", CALL)
    await wish(served, "rename", CALL, CALL, "inbound", "Zoe")
    await wish(served, "detach", CALL)
    await asyncio.sleep(7)
    rest.until_s = 20.0
    await wish(served, "attach", CALL)
    await t.until(25.0)
    await wish(served, "detach", CALL)
    await asyncio.sleep(30)


@scenario(ANSWER, api=True)
async def attach_refused(served: Served) -> None:
    t = served.twilio
    rest = RestSide(t)
    for status in ("queued", "ringing", "completed", "busy"):
        rest.calls[CALL] = UP | {"status": status}
        await wish(served, "attach", CALL)
    rest.calls[CALL] = UP
    whole = rest.answer

    def no_streams(method: str, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if "Streams" in path:
            return 404, {"code": 21220, "message": "Invalid call state", "status": 404}
        return whole(method, path, form)

    t.rest = no_streams
    await wish(served, "attach", CALL)
    await asyncio.sleep(30)


@scenario(ANSWER, api=True)
async def attach_to_a_call_that_lost_its_socket(served: Served) -> None:
    t = served.twilio
    RestSide(t, until_s=12.0)
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(3.0)
    await stream.drop()
    await wish(served, "attach", CALL)
    await t.until(12.5)
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER, api=True)
async def attach_after_a_restart(served: Served) -> None:
    t = served.twilio
    rest = RestSide(t, until_s=20.0)
    rest.calls[CALL] = UP
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await wish(served, "rename", CALL, CALL, "inbound", "Zoe")
    served.restart()
    await stream.drop()
    await asyncio.sleep(3)
    await wish(served, "attach", CALL)
    await t.until(20.5)
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(FORWARD, api=True)
async def attach_to_a_forwarded_call_after_a_restart(served: Served) -> None:
    t = served.twilio
    rest = RestSide(t, until_s=20.0)
    rest.calls[CALL] = UP
    stream = await ringing(t)
    await t.leg("in-progress")
    await stream.talk(9.0)
    served.restart()
    await stream.drop()
    await asyncio.sleep(2)
    await wish(served, "attach", CALL)
    await t.until(20.0)
    await t.leg("completed", CallDuration="14")
    await t.dial("completed", DialCallDuration="14")
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(FORWARD, api=True)
async def restart_and_late_callbacks(served: Served) -> None:
    t = served.twilio
    RestSide(t)
    stream = await ringing(t)
    served.restart()
    await stream.drop()
    await t.leg("in-progress")
    await asyncio.sleep(10)
    await t.leg("completed", CallDuration="14")
    await t.dial("completed", DialCallDuration="14")
    await t.status("completed")
    await asyncio.sleep(30)


@scenario(ANSWER)
async def restart_and_an_old_voice_request_again(served: Served) -> None:
    t = served.twilio
    stream = t.stream(await t.voice())
    await stream.open()
    await stream.talk(5.0)
    await finish(t, stream)
    served.restart()
    await t.voice()
    await asyncio.sleep(300)


@scenario(CONFERENCE)
async def restart_and_people_come_to_the_room(served: Served) -> None:
    t = served.twilio
    alice = await comes(t, CALL, ALICE, 2.0)
    await t.room("participant-join", 1, CALL)
    served.restart()
    await alice.drop()
    bob = await comes(t, BOB_LEG, BOB, 6.0)
    await t.room("participant-join", 2, BOB_LEG)
    await t.room("participant-mute", 3, CALL, Muted="true")
    await bob.talk(9.0)
    await bob.stop()
    await t.status("completed", BOB_LEG)
    await asyncio.sleep(60)


# Recorded requests

PATHS = {
    "voice": "/twilio/voice",
    "leg": "/twilio/leg",
    "dial-done": "/twilio/dial",
    "stream-status": "/twilio/stream",
    "call-status": "/twilio/status",
    "conf": "/twilio/conference",
}


def recorded(name: str) -> list[dict[str, Any]]:
    """The entries of an example log."""
    return [json.loads(line) for line in (EXAMPLES / f"{name}.jsonl").read_text().splitlines()]


def _forms(name: str) -> list[tuple[str, dict[str, str]]]:
    entries = [entry for entry in recorded(name) if "form" in entry]
    found = [(entry["url"].rpartition("/")[2], entry["form"]) for entry in entries]
    return [(PATHS[path], form) for path, form in found if path in PATHS]


async def _recorded_forward(served: Served) -> None:
    t = served.twilio
    (path, form), *rest = _forms("03_http_forwarded_call")
    await asyncio.sleep(1.2)
    stream = t.stream(await t.post(path, form), form["CallSid"])
    stream.sid = "MZ" + "c3" * 16
    await stream.open(report=False)
    talking = asyncio.ensure_future(stream.talk(49.0))
    for path, form in rest:
        if path == "/twilio/status":
            await talking
            await stream.stop()
        await asyncio.sleep(0.3)
        await t.post(path, form)
    await asyncio.sleep(30)


async def _recorded_conference(served: Served) -> None:
    t = served.twilio
    await t.until(3600.0)
    streams = []
    for sid, number in ((CALL, ALICE), (BOB_LEG, "+15005550011")):
        streams.append(await comes(t, sid, number, t.loop.now + 1.0))
    for path, form in _forms("04_http_conference_and_rtt"):
        await asyncio.gather(*(stream.talk(t.loop.now + 1.0) for stream in streams))
        await t.post(path, form)
    for stream in streams:
        await stream.stop()
    await asyncio.sleep(30)


def _recorded_media(name: str) -> None:
    async def play(served: Served) -> None:
        t = served.twilio
        entries = [e.get("msg", e) for e in recorded(name) if e.get("dir") != "server->twilio"]
        frames = [entry for entry in entries if isinstance(entry.get("event"), str)]
        start = next(frame for frame in frames if frame["event"] == "start")
        stream = t.stream(await t.voice(start["start"]["callSid"]), start["start"]["callSid"])
        stream.sid = start["start"]["streamSid"]
        await stream.open_with(frames)
        await asyncio.sleep(30)

    play.__name__ = f"recorded_{name}"
    SCENARIOS.append(Scenario(play.__name__, play, ANSWER, needs=EXAMPLES))


for _name in ("01_start_stream_both_tracks", "02_connect_stream_bidirectional"):
    _recorded_media(_name)
SCENARIOS += [
    Scenario(
        "recorded_03_forwarded_call",
        _recorded_forward,
        FORWARD | {"to": ("+15005550011",)},
        needs=EXAMPLES,
    ),
    Scenario(
        "recorded_04_conference",
        _recorded_conference,
        CONFERENCE | {"room": "room-7"},
        needs=EXAMPLES,
    ),
]


# Whatever can happen, by the throw of dice


def _thrown(kind: str, seed: int) -> Play:
    async def play(served: Served) -> None:
        t = served.twilio
        dice = random.Random(f"{kind} {seed}")
        RestSide(t, until_s=16.0).calls[EVE_LEG] = UP | {"from": EVE}
        doings: list[tuple[float, Callable[[], Awaitable[Any]]]] = []

        def callback(at_s: float, post: Callable[[], Awaitable[Any]]) -> None:
            """Comes in time, late, twice or never."""
            for _ in range(dice.choice((0, 1, 1, 1, 1, 2))):
                doings.append((at_s + dice.choice((0.0, 0.05, 0.4, 3.0, 12.0)), post))

        async def audio(sid: str, twiml: str, tracks: tuple[str, ...]) -> None:
            own = random.Random(f"{kind} {seed} {sid}")
            await asyncio.sleep(own.choice((0.1, 0.2, 1.5)))
            stream = t.stream(twiml, sid, tracks=tracks)
            await stream.open(report=own.random() < 0.7)
            if own.random() < 0.35:
                await stream.talk(t.loop.now + own.choice((0.0, 0.1, 3.0)))
                await stream.drop()
            else:
                await stream.talk(16.0)
                await (stream.stop() if own.random() < 0.8 else stream.drop())

        people = PEOPLE if kind == "conference" else PEOPLE[:1]
        sockets = []
        for sid, number in people:
            twiml = await t.voice(sid, from_=number)
            if dice.random() < 0.25:
                twiml = await t.voice(sid, from_=number)
            tracks = IN if kind == "conference" else (*IN, "outbound")
            sockets.append(asyncio.ensure_future(audio(sid, twiml, tracks)))
            await asyncio.sleep(0.5)
            callback(16.2, lambda sid=sid: t.status("completed", sid))  # type: ignore[misc]
        if kind == "forward":
            result = dice.choice(("completed", "completed", "busy", "no-answer"))
            for at_s, status in ((1.2, "initiated"), (2.2, "ringing")):
                callback(at_s, lambda s=status, a=at_s: t.leg(s, at_s=a))  # type: ignore[misc]
            if result == "completed":
                callback(6.3, lambda: t.leg("in-progress", at_s=6.3))
                callback(16.0, lambda: t.leg("completed", at_s=16.0, CallDuration="10"))
                callback(16.0, lambda: t.dial("completed", DialCallDuration="10"))
            else:
                callback(8.0, lambda: t.leg(result, at_s=8.0))
                callback(8.0, lambda: t.dial(result))
        if kind == "conference":
            for n, (sid, _) in enumerate(people):
                callback(1.0 + n, lambda n=n, s=sid: t.room("participant-join", n + 1, s))  # type: ignore[misc]
                callback(14.0 + n / 4, lambda n=n, s=sid: t.room("participant-leave", n + 7, s))  # type: ignore[misc]
            callback(5.0, lambda: t.room("participant-mute", 4, BOB_LEG, Muted="true"))
            callback(7.0, lambda: t.room("participant-unmute", 5, BOB_LEG))
            callback(8.0, lambda: t.room("participant-join", 6, AGAIN_LEG))
            callback(16.3, lambda: t.room("conference-end", 11))
        doings.sort(key=lambda doing: doing[0])
        for at_s, doing in doings:
            await t.until(at_s)
            await doing()
        await asyncio.gather(*sockets)
        await asyncio.sleep(200)

    return play


for _kind, _plan in (("answer", ANSWER), ("forward", FORWARD), ("conference", CONFERENCE)):
    for _seed in range(12):
        SCENARIOS.append(Scenario(f"dice_{_kind}_{_seed}", _thrown(_kind, _seed), _plan, api=True))
