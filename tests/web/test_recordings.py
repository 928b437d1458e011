"""Recordings over the API, as a player asks for them."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile

from callscribe.events import CallEnded, CallStarted, StreamStarted
from tests.recordings.made import CALL, Key, record, tone
from tests.web.serving import Serving

OTHER = "CA" + "2" * 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = Path(tmp_path_factory.mktemp("recordings"))
    asyncio.run(
        record(
            data / "recordings",
            (Key(), 0, [(0, tone(1000))]),
            (Key(track="outbound"), 0, [(500, tone(1000, 300))]),
        )
    )
    with Serving(data) as serving:
        serving.publish(
            CallStarted(call=CALL, from_="+15005550010", from_name="Alice"),
            StreamStarted(call=CALL, leg=CALL, stream="MZ1", tracks=("inbound", "outbound")),
            CallEnded(call=CALL),
            CallStarted(call=OTHER),
        )
        yield serving


def get(server: Serving, path: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{server.url}/api/calls/{path}", headers=headers)


def test_what_there_is(server: Serving) -> None:
    found = get(server, f"{CALL}/recording").json()
    assert found["end_ms"] == 1500
    assert [len(voice["tracks"]) for voice in found["voices"]] == [2]
    peaks = get(server, f"{CALL}/peaks").json()
    assert peaks["peak_ms"] == 50
    assert len(peaks["voices"][0]["peaks"]) == 30


def test_the_sound_whole_and_in_ranges(server: Serving) -> None:
    whole = get(server, f"{CALL}/audio.wav")
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/wav")
    assert whole.headers["accept-ranges"] == "bytes"
    assert int(whole.headers["content-length"]) == len(whole.content)
    size = len(whole.content)
    for asked, first, stop in (
        ("bytes=0-0", 0, 1),
        ("bytes=100-", 100, size),
        ("bytes=40-99999999", 40, size),
        ("bytes=-10", size - 10, size),
    ):
        part = get(server, f"{CALL}/audio.wav", Range=asked)
        assert (part.status_code, part.content) == (206, whole.content[first:stop]), asked
        assert part.headers["content-range"] == f"bytes {first}-{stop - 1}/{size}"
    assert get(server, f"{CALL}/audio.wav", Range=f"bytes={size}-").status_code == 416
    assert get(server, f"{CALL}/audio.wav", Range="bytes=0-1,5-6").status_code == 200
    head = httpx.head(f"{server.url}/api/calls/{CALL}/audio.wav")
    assert (head.status_code, int(head.headers["content-length"])) == (200, size)


def test_parts_of_what_was_there_before_are_not_joined_with_others(server: Serving) -> None:
    url = f"{server.url}/api/calls/{CALL}/audio.wav"
    whole = httpx.get(url)
    tag = whole.headers["etag"]
    assert httpx.get(f"{url}?mix=true").headers["etag"] != tag
    part = {"Range": "bytes=0-9"}
    assert httpx.get(url, headers={**part, "If-Range": tag}).status_code == 206
    for other in ('"other"', f"W/{tag}", "Wed, 21 Oct 2026 07:28:00 GMT"):
        answer = httpx.get(url, headers={**part, "If-Range": other})
        assert (answer.status_code, answer.content) == (200, whole.content)
    for known in (tag, f'"other", {tag}', "*"):
        answer = httpx.get(url, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")


def test_a_stretch_and_flac(server: Serving) -> None:
    for kind in ("wav", "flac"):
        answer = get(server, f"{CALL}/audio.{kind}?from=0.5&to=1&mix=true")
        heard, rate = soundfile.read(io.BytesIO(answer.content), always_2d=True)
        assert (rate, heard.shape) == (8000, (4000, 1))


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("CAnobody/audio.wav", 404, "not-found"),
        (f"{OTHER}/audio.wav", 404, "not-recorded"),
        (f"{OTHER}/recording", 404, "not-recorded"),
        (f"{CALL}/audio.wav?person=Nobody", 422, "no-audio"),
        (f"{CALL}/audio.wav?from=5", 422, "no-audio"),
        (f"{CALL}/audio.flac?from=x", 400, "bad-time"),
        (f"{CALL}/audio.flac?mix=x", 400, "bad-mix"),
    ],
)
def test_nonsense_is_explained(server: Serving, path: str, status: int, name: str) -> None:
    answer = get(server, path)
    assert (answer.status_code, answer.json()["error"]) == (status, name)
