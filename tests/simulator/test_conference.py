"""Rooms: who hears whom, what is told, and the faults of status callbacks."""

from __future__ import annotations

import base64

from callscribe.simulator.report import CallReport
from callscribe.simulator.run import Server, simulate_call
from callscribe.simulator.script import CallbackFaults, CallScript, Move, Party
from tests.simulator.server import FakeServer, Seen

SPEED = 10.0
ANNA, BEN, CRAIG = "+15005550031", "+15005550032", "+15005550033"


def room(attributes: str = "", track: str = "inbound_track") -> str:
    return (
        f'<Response><Start><Stream url="/media" track="{track}"/></Start><Dial><Conference '
        f'statusCallback="/conf" statusCallbackEvent="start end join leave mute hold" {attributes}>'
        "room</Conference></Dial></Response>"
    )


def script(*moves: Move, seconds: int = 2) -> CallScript:
    people = [
        Party(ANNA, bytes([0x11]) * 8000 * seconds),
        Party(BEN, bytes([0x12]) * 8000 * seconds, moves=moves),
        Party(CRAIG, b""),
    ]
    return CallScript(people[0], others=tuple(people[1:]), conference=True)


async def meet(server: FakeServer, *moves: Move, seconds: int = 2) -> CallReport:
    return await simulate_call(script(*moves, seconds=seconds), Server(server.url), speed=SPEED)


def told(server: FakeServer) -> list[Seen]:
    return sorted(server.to("/conf"), key=lambda r: int(r.fields["SequenceNumber"]))


def names(server: FakeServer) -> list[str]:
    return [r.fields["StatusCallbackEvent"] for r in told(server)]


async def test_everybody_hears_the_others_and_not_themselves(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = room('beep="false" waitUrl=""', "both_tracks")
    report = await meet(server)
    assert report.errors == []
    heard = {}
    for call in (report, *report.legs):
        socket = next(s for s in server.sockets if s.messages[1]["start"]["callSid"] == call.sid)
        outbound = socket.media("outbound")
        heard[call.from_] = set(b"".join(base64.b64decode(m["payload"]) for m in outbound))
    idle = {0xFF, 0x7F}
    assert heard[ANNA] - idle == {0x12}
    assert heard[BEN] - idle == {0x11}
    assert len(heard[CRAIG] - idle) == 1  # both at once: one louder, constant value
    assert not heard[CRAIG] & {0x11, 0x12}


async def test_the_order_and_the_words_of_the_callbacks(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = room('participantLabel="x"').replace(
        'participantLabel="x"', ""
    )
    await meet(server, Move(0.5, "mute"), Move(0.8, "unmute"), Move(1.0, "hold"))
    found = names(server)
    assert found[:4] == [
        "participant-join",
        "conference-start",
        "participant-join",
        "participant-join",
    ]
    assert found[4:7] == ["participant-mute", "participant-unmute", "participant-hold"]
    assert sorted(found[7:]) == ["conference-end"] + ["participant-leave"] * 3
    assert found[-1] == "conference-end"
    mute = told(server)[4].fields
    assert (mute["Muted"], mute["Hold"], mute["FriendlyName"]) == ("true", "false", "room")
    leave = told(server)[7].fields
    assert leave["ReasonParticipantLeft"] == "participant_hung_up"
    assert told(server)[-1].fields["ReasonConferenceEnded"] == "last-participant-left"


async def test_someone_leaves_and_comes_back_as_another_leg(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = room()
    report = await meet(server, Move(0.5, "leave"), Move(1.0, "return"), seconds=3)
    bens = [leg for leg in report.legs if leg.from_ == BEN]
    assert len({leg.sid for leg in bens}) == 2
    assert bens[0].ended_by == "participant"
    again = bens[1].streams[0]
    first = bens[0].streams[0]
    assert again.conversation_ms is not None
    assert first.conversation_ms is not None
    # Back on the same conversation: it began before this stream did.
    assert again.conversation_ms < 0 < first.conversation_ms
    assert names(server).count("participant-leave") == 4


async def test_the_room_ends_with_the_one_who_may_end_it(server: FakeServer) -> None:
    def answer(form: dict[str, str]) -> str:
        return room('endConferenceOnExit="true"' if form["From"] == BEN else "")

    server.answers["/twilio/voice"] = answer
    report = await meet(server, Move(0.5, "leave"), seconds=3)
    leaves = [
        r.fields for r in told(server) if r.fields["StatusCallbackEvent"] == "participant-leave"
    ]
    assert [f["ReasonParticipantLeft"] for f in leaves] == [
        "participant_hung_up",
        "moderator_ended_conference",
        "moderator_ended_conference",
    ]
    end = told(server)[-1].fields
    assert end["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
    assert end["CallSidEndingConference"] == leaves[0]["CallSid"]
    assert report.ended_by == "server"  # the TwiML of the others came to its end


async def test_a_label_that_is_taken_is_16025_and_the_leg_goes_on(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = room('participantLabel="same"')
    report = await meet(server)
    assert [e.code for e in report.errors] == [16025, 16025]


async def test_callbacks_late_repeated_and_missing(server: FakeServer) -> None:
    server.answers["/twilio/voice"] = room()
    orders = set()
    for seed in range(3):
        server.requests.clear()
        await simulate_call(
            script(),
            Server(server.url),
            speed=SPEED,
            seed=seed,
            callback_faults=CallbackFaults(delay_s=5, repeat=0.5),
        )
        numbers = [int(r.fields["SequenceNumber"]) for r in server.to("/conf")]
        assert set(numbers) == set(range(1, 9))
        assert len(numbers) > 8
        orders.add(tuple(numbers))
    assert all(list(order) != sorted(order) for order in orders)

    server.requests.clear()
    await simulate_call(
        script(), Server(server.url), speed=SPEED, callback_faults=CallbackFaults(drop=1)
    )
    assert server.to("/conf") == server.to("/twilio/status") == []
