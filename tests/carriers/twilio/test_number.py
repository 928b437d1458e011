from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callscribe.carriers.twilio.client import ApiError, CarrierClient
from callscribe.carriers.twilio.number import (
    Routing,
    choose,
    choose_all,
    connect,
    ignored_because,
    repair,
)
from callscribe.errors import CarrierError
from tests.carriers.twilio.fake import Api, Request, error, number

VOICE, STATUS = (
    "https://calls.example.test/twilio/voice",
    "https://calls.example.test/twilio/status",
)
MakeClient = Callable[..., CarrierClient]


def test_the_only_number_is_taken(api: Api, client: CarrierClient) -> None:
    api.numbers = [number(1), number(2, capabilities={"voice": False, "sms": True})]
    assert choose(client).number == "+15005550001"


def test_of_several_one_must_be_named(api: Api, client: CarrierClient) -> None:
    api.numbers = [number(n) for n in range(1, 5)]
    with pytest.raises(CarrierError) as caught:
        choose(client)
    assert "4 numbers" in str(caught.value)
    assert "--number" in str(caught.value)
    assert "  +15005550003  Line 3" in str(caught.value)
    assert choose(client, "+1 (500) 555-0003").sid == number(3)["sid"]


def test_all_numbers_with_a_flow_of_their_own(api: Api, client: CarrierClient) -> None:
    api.numbers = [number(n) for n in range(1, 5)]
    configured = ["+15005550002", "+15005550004"]
    assert [n.number for n in choose_all(client, "", configured)] == configured
    assert [n.number for n in choose_all(client, "+15005550001", configured)] == ["+15005550001"]
    with pytest.raises(CarrierError, match="not one of the account's numbers"):
        choose_all(client, "", ["+15005550009"])


def test_a_long_list_is_cut(api: Api, client: CarrierClient) -> None:
    api.numbers = [number(n) for n in range(30)]
    with pytest.raises(CarrierError, match=r"and 10 more$"):
        choose(client)


@pytest.mark.parametrize(
    ("numbers", "wanted", "words"),
    [
        ([], "", "Buy a number"),
        ([], "+15005550009", "The account has none"),
        ([number(1)], "+15005550009", r"not one of.*\n  \+15005550001"),
        ([number(1)], "05005550009", "international form"),
        ([number(1, capabilities={"voice": False})], "", "None of the account's numbers"),
        ([number(1, capabilities={"voice": False})], "+15005550001", "cannot take voice"),
    ],
)
def test_what_cannot_be_chosen(
    api: Api, client: CarrierClient, numbers: list[Any], wanted: str, words: str
) -> None:
    api.numbers = numbers
    with pytest.raises(CarrierError, match=words):
        choose(client, wanted)


def test_connect_and_put_back_exactly(api: Api, client: CarrierClient, tmp_path: Path) -> None:
    api.numbers = [number(1, voice_url="", voice_method="POST", status_callback="https://old/s")]
    before = dict(api.numbers[0])
    connected = connect(client, tmp_path / "carrier", choose(client), VOICE, STATUS)
    assert connected.number == "+15005550001"
    now = api.numbers[0]
    assert (now["voice_url"], now["voice_method"]) == (VOICE, "POST")
    assert (now["status_callback"], now["status_callback_method"]) == (STATUS, "POST")
    assert connected.restore() == ""
    assert api.numbers[0] == before
    assert list((tmp_path / "carrier").iterdir()) == []
    asked = len(api.requests)
    connected.restore()
    assert len(api.requests) == asked


def test_after_a_hard_kill_the_next_start_repairs(
    api: Api, make_client: MakeClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    before = dict(api.numbers[0])
    connect(make_client(), tmp_path, choose(make_client()), VOICE, STATUS)
    # killed here; a new process:
    client = make_client()
    assert repair(client, tmp_path) == [
        "+15005550001: restored to what it was before a server was killed."
    ]
    assert api.numbers[0] == before
    again = connect(client, tmp_path, choose(client), "https://new.example/v", STATUS)
    assert again.before.voice_url == "https://before.example/voice"
    again.restore()
    assert api.numbers[0] == before
    assert repair(client, tmp_path) == []


def test_what_somebody_else_changed_is_left_alone(
    api: Api, client: CarrierClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    connected = connect(client, tmp_path, choose(client), VOICE, STATUS)
    api.numbers[0]["voice_url"] = "https://someone.example/else"
    assert "changed by somebody else" in connected.restore()
    assert api.numbers[0]["voice_url"] == "https://someone.example/else"
    assert api.numbers[0]["status_callback"] == ""
    assert list(tmp_path.iterdir()) == []


def test_a_restore_that_fails_can_be_done_by_the_next_start(
    api: Api, client: CarrierClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    connected = connect(client, tmp_path, choose(client), VOICE, STATUS)
    api.trouble = lambda _: error(500, 20500, "Internal")
    with pytest.raises(ApiError, match="The next start with the same data folder puts it back"):
        connected.restore()
    api.trouble = None
    assert len(repair(client, tmp_path)) == 1
    assert api.numbers[0]["voice_url"] == "https://before.example/voice"


def test_a_refused_change_leaves_nothing_behind(
    api: Api, client: CarrierClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    chosen = choose(client)
    api.trouble = lambda r: error(400, 21502, "bad") if r.method == "POST" else None
    with pytest.raises(ApiError, match="public_url"):
        connect(client, tmp_path, chosen, "not-a-url", STATUS)
    assert list(tmp_path.iterdir()) == []


def test_a_change_of_unknown_outcome_is_undone(
    api: Api, client: CarrierClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    chosen = choose(client)
    done: list[str] = []

    def trouble(request: Request) -> Any:
        if request.method == "POST" and not done:
            done.append("done, but nobody heard")
            api.numbers[0] |= {"voice_url": VOICE, "status_callback": STATUS}
            return error(500, 20500, "Internal")
        return None

    api.trouble = trouble
    with pytest.raises(ApiError):
        connect(client, tmp_path, chosen, VOICE, STATUS)
    assert api.numbers[0]["voice_url"] == "https://before.example/voice"
    assert list(tmp_path.iterdir()) == []


def test_the_note_is_on_disk_before_anything_changes(
    api: Api, client: CarrierClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    chosen = choose(client)
    seen: list[list[Path]] = []

    def trouble(request: Request) -> None:
        if request.method == "POST":
            seen.append(list(tmp_path.iterdir()))

    api.trouble = trouble
    connect(client, tmp_path, chosen, VOICE, STATUS)
    assert seen == [[tmp_path / f"{chosen.sid}.json"]]


def test_an_unwritable_folder_changes_nothing(
    api: Api, client: CarrierClient, tmp_path: Path
) -> None:
    api.numbers = [number(1)]
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CarrierError, match="nothing was changed"):
        connect(client, tmp_path / "file", choose(client), VOICE, STATUS)
    assert {request.method for request in api.requests} == {"GET"}


def test_notes_that_are_not_ours_to_repair(
    api: Api, make_client: MakeClient, tmp_path: Path
) -> None:
    api.numbers = [number(1), number(2)]
    client = make_client()
    connect(client, tmp_path, choose(client, "+15005550001"), VOICE, STATUS)
    connect(client, tmp_path, choose(client, "+15005550002"), VOICE, STATUS)
    (tmp_path / "PNbroken.json").write_text("{")
    del api.numbers[1]
    other = make_client(sid="AC" + "f" * 32)
    said = repair(other, tmp_path)
    assert len([line for line in said if "start once with that account" in line]) == 2
    said = repair(client, tmp_path)
    assert any("no longer one of the account's numbers" in line for line in said)
    assert any("PNbroken.json cannot be read" in line for line in said)
    assert [file.name for file in tmp_path.iterdir()] == ["PNbroken.json"]


def test_dry_run_says_what_would_change() -> None:
    now = Routing("https://before.example/voice", "GET", "", "POST")
    assert now.changes(Routing.to(VOICE, STATUS)) == [
        f"voice URL: https://before.example/voice -> {VOICE}",
        "voice method: GET -> POST",
        f"status callback: (none) -> {STATUS}",
    ]
    assert now.changes(now) == []


def test_a_number_whose_voice_url_is_ignored(api: Api, client: CarrierClient) -> None:
    api.numbers = [number(1, voice_application_sid="AP" + "1" * 32)]
    assert "TwiML app AP1" in ignored_because(choose(client))
    api.numbers = [number(1, trunk_sid="TK" + "1" * 32)]
    assert "SIP trunk TK1" in ignored_because(choose(client))
    api.numbers = [number(1)]
    assert ignored_because(choose(client)) == ""
