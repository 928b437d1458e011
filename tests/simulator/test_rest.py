"""The REST fake, through the official client where that is what people use, and against the published description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import httpx
import pytest
import pytest_asyncio
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from callscribe.simulator.rest import RestApi
from callscribe.simulator.rest_server import RunningRest, rest_in_thread, serving
from callscribe.simulator.script import Party
from callscribe.simulator.webhooks import Target
from callscribe.simulator.world import World
from tests.simulator import openapi
from tests.simulator.server import FakeServer, until

TOKEN = "0123456789abcdef0123456789abcdef"
OURS, THEIRS = "+15005550006", "+15005550020"


@pytest.fixture
def rest() -> Iterator[RunningRest]:
    with rest_in_thread(auth_token=TOKEN, seed=1) as running:
        running.world.add_number(OURS, voice_url="https://old.example.test/voice")
        yield running


@pytest.fixture
def client(rest: RunningRest) -> Iterator[Client]:
    client = Client(rest.world.account_sid, TOKEN)
    client.api.base_url = rest.url
    yield client
    client.http_client.session.close()


def test_a_number_is_found_changed_and_read_back(rest: RunningRest, client: Client) -> None:
    (number,) = client.incoming_phone_numbers.list()
    assert number.voice_url == "https://old.example.test/voice"
    assert number.capabilities == {"voice": True, "sms": True, "mms": True, "fax": False}
    changed = client.incoming_phone_numbers(str(number.sid)).update(
        voice_url="https://new.example.test/voice?x=1&y=2", voice_method="GET"
    )
    assert changed.voice_url == "https://new.example.test/voice?x=1&y=2"
    again = client.incoming_phone_numbers(str(number.sid)).fetch()
    assert (again.voice_url, again.voice_method) == (changed.voice_url, "GET")
    assert again.status_callback == ""


def test_numbers_are_listed_in_pages_and_filtered(rest: RunningRest, client: Client) -> None:
    for index in range(7):
        rest.world.add_number(f"+1500555010{index}", friendly_name=f"Line {index}")
    everything = client.incoming_phone_numbers.list(page_size=3)
    assert len({n.sid for n in everything}) == 8
    asked = [r for r in rest.api.requests if r.path.endswith("IncomingPhoneNumbers.json")]
    assert len(asked) == 3
    assert [n.phone_number for n in client.incoming_phone_numbers.list(phone_number=OURS)] == [OURS]
    named = client.incoming_phone_numbers.list(friendly_name="Line 4")
    assert [n.phone_number for n in named] == ["+15005550104"]


def test_errors_have_the_carriers_form(rest: RunningRest, client: Client) -> None:
    with pytest.raises(TwilioRestException) as missing:
        client.incoming_phone_numbers("PN" + "0" * 32).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)

    number = next(iter(rest.world.numbers))
    with pytest.raises(TwilioRestException) as bad:
        client.incoming_phone_numbers(number).update(voice_url="nonsense")
    assert (bad.value.status, bad.value.code) == (400, 21502)

    rest.api.too_many_requests(2)
    for _ in range(2):
        with pytest.raises(TwilioRestException) as limited:
            client.incoming_phone_numbers(number).fetch()
        assert (limited.value.status, limited.value.code) == (429, 20429)
    assert len(client.incoming_phone_numbers.list()) == 1

    stranger = Client(rest.world.account_sid, "wrong")
    stranger.api.base_url = rest.url
    with pytest.raises(TwilioRestException) as refused:
        stranger.incoming_phone_numbers(number).fetch()
    stranger.http_client.session.close()
    assert (refused.value.status, refused.value.code) == (401, 20003)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": "12", "From": OURS, "Url": "https://a.example/v"}, 21211),
        ({"To": THEIRS, "From": "+15005559999", "Url": "https://a.example/v"}, 21210),
        ({"To": THEIRS, "From": "me", "Url": "https://a.example/v"}, 21212),
        ({"To": THEIRS, "From": OURS, "Url": "nonsense"}, 21205),
        ({"To": THEIRS, "From": OURS}, 21205),
        ({"From": OURS, "Url": "https://a.example/v"}, 21201),
    ],
)
def test_calls_that_cannot_be_placed(rest: RunningRest, form: dict[str, str], code: int) -> None:
    path = f"{rest.url}/2010-04-01/Accounts/{rest.world.account_sid}/Calls.json"
    answer = httpx.post(path, data=form, auth=(rest.world.account_sid, TOKEN))
    assert answer.status_code == 400
    assert answer.json()["code"] == code


class Api:
    """A world, its API and a plain client in one event loop. Every answer is checked against the description."""

    def __init__(self, world: World, api: RestApi, client: httpx.AsyncClient) -> None:
        self.world, self.api, self._client = world, api, client
        self.problems: list[str] = []

    async def __call__(self, method: str, path: str, /, *, ok: bool = True, **form: str) -> object:
        whole = f"/2010-04-01/Accounts/{self.world.account_sid}{path}"
        data = {name.replace("__", "."): value for name, value in form.items()}
        response = await (
            self._client.post(whole, data=data)
            if method == "POST"
            else self._client.request(method, whole, params=data)
        )
        assert response.is_success is ok, response.text
        body: object = response.json() if response.content else None
        if ok and openapi.DESCRIPTION.exists():
            schema = openapi.answer_schema(method, whole, response.status_code)
            if schema is not None:
                self.problems += openapi.problems(schema, body, f"{method} {path}")
        return body


@pytest_asyncio.fixture
async def api(server: FakeServer) -> AsyncIterator[Api]:
    async with World(Target(server.url), auth_token=TOKEN, speed=10, seed=1) as world:
        world.add_number(OURS, voice_url=server.url + "/voice")
        rest = RestApi(world)
        async with (
            serving(rest) as url,
            httpx.AsyncClient(base_url=url, auth=(world.account_sid, TOKEN)) as client,
        ):
            api = Api(world, rest, client)
            yield api
            assert api.problems == []
        for call in world.calls.values():
            call.hang_up("carrier")


async def test_a_call_placed_by_rest_rings_and_streams_on_request(
    api: Api, server: FakeServer
) -> None:
    api.world.parties[THEIRS] = Party(THEIRS, bytes(range(256)) * 63, rings_s=0.2)
    made = await api(
        "POST",
        "/Calls.json",
        To=THEIRS,
        From=OURS,
        Twiml="<Response><Pause length='30'/></Response>",
        StatusCallback=server.url + "/status",
    )
    assert isinstance(made, dict)
    assert (made["status"], made["direction"]) == ("queued", "outbound-api")
    sid = made["sid"]
    await api("POST", f"/Calls/{sid}/Streams.json", ok=False, Url="wss://x.example/media")
    await until(lambda: api.world.calls[sid].answered_ms is not None)

    stream = await api(
        "POST",
        f"/Calls/{sid}/Streams.json",
        Url=server.url.replace("http", "ws") + "/media/late",
        Name="late",
        Track="inbound_track",
        Parameter1__Name="role",
        Parameter1__Value="callee",
        StatusCallback=server.url + "/stream",
    )
    assert isinstance(stream, dict)
    await until(lambda: bool(server.sockets and len(server.sockets[0].media("inbound")) > 10))
    stopped = await api("POST", f"/Calls/{sid}/Streams/late.json", Status="stopped")
    assert isinstance(stopped, dict)
    assert stopped["status"] == "stopped"
    await until(lambda: server.sockets[0].code is not None)
    socket = server.sockets[0]
    assert socket.path == "/media/late"
    assert socket.messages[1]["start"]["callSid"] == sid
    assert socket.messages[1]["start"]["customParameters"] == {"role": "callee"}
    assert socket.messages[-1]["event"] == "stop"
    await until(lambda: len(server.to("/stream")) == 2)
    assert [r.fields["StreamEvent"] for r in server.to("/stream")] == [
        "stream-started",
        "stream-stopped",
    ]

    ended = await api("POST", f"/Calls/{sid}.json", Status="completed")
    assert isinstance(ended, dict)
    assert ended["status"] == "completed"
    assert isinstance(ended["duration"], str)
    refused = await api("POST", f"/Calls/{sid}.json", ok=False, Status="completed")
    assert isinstance(refused, dict)
    assert refused["code"] == 21220
    listed = await api("GET", "/Calls.json", Status="completed")
    assert isinstance(listed, dict)
    assert [c["sid"] for c in listed["calls"]] == [sid]
    await api.world.settled()
    assert server.to("/status")[-1].fields["CallStatus"] == "completed"


async def test_a_live_call_is_redirected(api: Api, server: FakeServer) -> None:
    server.answers["/other"] = "<Response><Say>Bye.</Say><Hangup/></Response>"
    api.world.parties[THEIRS] = Party(THEIRS, rings_s=0.1)
    made = await api(
        "POST",
        "/Calls.json",
        To=THEIRS,
        From=OURS,
        Twiml="<Response><Pause length='60'/></Response>",
    )
    assert isinstance(made, dict)
    call = api.world.calls[made["sid"]]
    await until(lambda: bool(call.report.verbs))
    await api("POST", f"/Calls/{call.sid}.json", Url=server.url + "/other", Method="POST")
    await call.over.wait()
    assert call.report.verbs == ["Pause", "Say", "Hangup"]
    assert server.to("/other")[0].fields["CallStatus"] == "in-progress"


async def test_a_conference_is_made_joined_muted_held_and_ended(
    api: Api, server: FakeServer
) -> None:
    people = ("+15005550021", "+15005550022", "+15005550023")
    for number in people:
        api.world.parties[number] = Party(number, rings_s=0.1)
    for place, number in enumerate(people):
        await api(
            "POST",
            "/Conferences/team/Participants.json",
            From=OURS,
            To=number,
            Label=f"p{place}",
            ConferenceStatusCallback=server.url + "/conf",
            ConferenceStatusCallbackEvent="start end join leave mute hold",
        )
    (room,) = api.world.conferences.values()
    await until(lambda: len(room.participants) == 3)
    listed = await api("GET", f"/Conferences/{room.sid}/Participants.json")
    assert isinstance(listed, dict)
    assert [p["label"] for p in listed["participants"]] == ["p0", "p1", "p2"]

    path = f"/Conferences/{room.sid}/Participants"
    muted = await api("POST", f"{path}/p1.json", Muted="true")
    assert isinstance(muted, dict)
    assert muted["muted"] is True
    await api("POST", f"{path}/p2.json", Hold="true")
    on_hold = await api("GET", f"{path}.json", Hold="true")
    assert isinstance(on_hold, dict)
    assert [p["label"] for p in on_hold["participants"]] == ["p2"]
    await api("DELETE", f"{path}/p0.json")
    await until(lambda: len(room.participants) == 2)
    await api("GET", f"{path}/p0.json", ok=False)
    ended = await api("POST", f"/Conferences/{room.sid}.json", Status="completed")
    assert isinstance(ended, dict)
    assert (ended["status"], ended["reason_conference_ended"]) == (
        "completed",
        "conference-ended-via-api",
    )
    finished = await api("GET", "/Conferences.json", Status="completed")
    assert isinstance(finished, dict)
    assert [c["sid"] for c in finished["conferences"]] == [room.sid]
    await api.world.settled()
    events = [
        r.fields["StatusCallbackEvent"]
        for r in sorted(server.to("/conf"), key=lambda r: int(r.fields["SequenceNumber"]))
    ]
    assert events == [
        "participant-join",
        "conference-start",
        "participant-join",
        "participant-join",
        "participant-mute",
        "participant-hold",
        "participant-leave",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]


async def test_every_answer_fits_the_published_description(api: Api) -> None:
    if not openapi.DESCRIPTION.exists():
        pytest.skip("needs ../shared/data/twilio-openapi")
    number = next(iter(api.world.numbers))
    await api("GET", ".json")
    await api("GET", "/IncomingPhoneNumbers.json", PageSize="1")
    await api("GET", f"/IncomingPhoneNumbers/{number}.json")
    await api(
        "POST",
        f"/IncomingPhoneNumbers/{number}.json",
        VoiceUrl="https://a.example/voice",
        StatusCallback="https://a.example/status",
    )
    api.world.parties[THEIRS] = replace(Party(THEIRS), rings_s=0.1)
    made = await api(
        "POST", "/Calls.json", To=THEIRS, From=OURS, Twiml="<Response><Pause/></Response>"
    )
    assert isinstance(made, dict)
    await api("GET", f"/Calls/{made['sid']}.json")
    await api("GET", "/Calls.json")
    await api("GET", "/Conferences.json")
    assert api.problems == []
