"""The REST client and the simulated carrier's API, which other tests hold to the published description."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from callscribe.carriers.twilio.client import ApiError, CarrierClient
from callscribe.carriers.twilio.number import choose, connect, repair
from callscribe.simulator.rest_server import RunningRest, rest_in_thread

TOKEN = "0123456789abcdef0123456789abcdef"
OURS = "+15005550006"
VOICE, STATUS = (
    "https://calls.example.test/twilio/voice",
    "https://calls.example.test/twilio/status",
)


@pytest.fixture
def rest(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningRest]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with rest_in_thread(auth_token=TOKEN, seed=1) as running:
        running.world.add_number(OURS, voice_url="https://old.example.test/v", voice_method="GET")
        yield running


@pytest.fixture
def client(rest: RunningRest) -> Iterator[CarrierClient]:
    client = CarrierClient(
        rest.world.account_sid, TOKEN, base_url=rest.url, wait=lambda _: None, jitter=lambda: 0.0
    )
    yield client
    client.close()


def test_a_number_is_taken_and_given_back(
    rest: RunningRest, client: CarrierClient, tmp_path: Path
) -> None:
    before = choose(client)
    connected = connect(client, tmp_path, before, VOICE, STATUS)
    now = rest.world.number(OURS)
    assert now is not None
    assert (now.voice_url, now.voice_method, now.status_callback) == (VOICE, "POST", STATUS)
    rest.api.too_many_requests(2)
    connected.restore()
    assert choose(client) == before


def test_killed_and_repaired(rest: RunningRest, client: CarrierClient, tmp_path: Path) -> None:
    before = choose(client)
    connect(client, tmp_path, before, VOICE, STATUS)
    assert len(repair(client, tmp_path)) == 1
    assert choose(client) == before


def test_one_of_many_numbers(rest: RunningRest, client: CarrierClient) -> None:
    for index in range(250):
        rest.world.add_number(f"+150055510{index:02}")
    assert len(client.numbers()) == 251
    assert choose(client, OURS).number == OURS


def test_refusals(rest: RunningRest, client: CarrierClient, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="public_url"):
        connect(client, tmp_path, choose(client), "nonsense", STATUS)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ApiError) as missing:
        client.fetch_call("CA" + "0" * 32)
    assert missing.value.status == 404
    with pytest.raises(ApiError, match="TWILIO_AUTH_TOKEN"):
        CarrierClient(rest.world.account_sid, "wrong", base_url=rest.url).account()
    assert client.account().status == "active"
