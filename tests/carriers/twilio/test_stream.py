from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.carriers.twilio.stream import (
    Connected,
    Dtmf,
    Mark,
    Media,
    MediaEvent,
    MediaStream,
    Started,
    State,
    Stopped,
)
from callscribe.errors import ProtocolError

EXAMPLES = Path(__file__).parents[3].parent / "shared" / "docs" / "twilio-examples"
CALL = "CA" + "a1" * 16
STREAM = "MZ" + "c3" * 16


def message(event: str, **keys: object) -> str:
    return json.dumps({"event": event, "streamSid": STREAM, **keys})


def start(**keys: object) -> str:
    body = {
        "accountSid": "AC" + "00" * 16,
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"role": "caller"},
    }
    return message("start", sequenceNumber="1", start=body | keys)


def media(payload: bytes = b"\xff" * 160, timestamp: object = "158", **keys: object) -> str:
    body = {"track": "inbound", "chunk": "1", "timestamp": timestamp}
    return message("media", media=body | {"payload": base64.b64encode(payload).decode()} | keys)


def opened(**keys: object) -> MediaStream:
    stream = MediaStream()
    stream.receive_text('{"event":"connected","protocol":"Call","version":"1.0.0"}')
    stream.receive_text(start(**keys))
    return stream


def test_the_usual_life_of_a_stream() -> None:
    stream = MediaStream()
    assert stream.receive_text('{"event":"connected","protocol":"Call","version":"1.0.0"}') == (
        Connected("Call", "1.0.0"),
    )
    started = Started(STREAM, CALL, "AC" + "00" * 16, ("inbound", "outbound"), {"role": "caller"})
    assert stream.receive_text(start()) == (started,)
    assert stream.started == started
    assert stream.receive_text(media(b"\x7f\xff")) == (Media("inbound", 158, b"\x7f\xff", 1),)
    assert stream.receive_text(message("stop", stop={"callSid": CALL})) == (Stopped(CALL),)
    assert stream.state is State.STOPPED
    assert stream.receive_text(media()) == ()
    assert stream.ignored == 1


def test_dtmf_names_its_track_with_the_suffix() -> None:
    stream = opened()
    assert stream.receive_text(
        message("dtmf", sequenceNumber="18", dtmf={"track": "inbound_track", "digit": "#"})
    ) == (Dtmf("inbound", "#"),)
    assert stream.receive_text(message("mark", mark={"name": "m"})) == (Mark("m"),)


@pytest.mark.parametrize("value", ["1593", 1593, 1593.0])
def test_counters_come_as_strings_or_numbers(value: object) -> None:
    (event,) = opened().receive_text(media(timestamp=value, chunk=value))
    assert isinstance(event, Media)
    assert (event.timestamp_ms, event.chunk) == (1593, 1593)


@pytest.mark.parametrize("length", [1, 159, 160, 8000, 100_000])
def test_frames_of_any_length(length: int) -> None:
    payload = bytes(i % 256 for i in range(length))
    (event,) = opened().receive_text(media(payload))
    assert isinstance(event, Media)
    assert event.payload == payload


def test_a_missing_chunk_format_or_parameters_is_fine() -> None:
    stream = MediaStream()
    bare = {"callSid": CALL, "streamSid": STREAM}
    (started,) = stream.receive_text(json.dumps({"event": "start", "start": bare}))
    assert isinstance(started, Started)
    assert (started.tracks, started.parameters) == (("inbound",), {})
    (event,) = stream.receive_text(
        json.dumps({"event": "media", "media": {"payload": "/w==", "timestamp": 5}})
    )
    assert event == Media("inbound", 5, b"\xff", None)


def test_unknown_events_keys_and_tracks_are_passed_over() -> None:
    stream = opened(tracks=["inbound"], novelty={"deep": [1]})
    assert stream.receive_text(message("novelty", media="not even an object")) == ()
    assert stream.receive_text(media(track="outbound")) == ()
    assert stream.ignored == 2
    assert stream.receive_text(media(b"")) == ()
    assert len(stream.receive_text(media(novelty=1))) == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"encoding": "audio/x-l16"}, "audio/x-l16"),
        ({"encoding": "audio/x-mulaw", "sampleRate": 16000}, "16000 Hz"),
        ({"encoding": "audio/x-mulaw", "sampleRate": "8000", "channels": 2}, "2 channel"),
    ],
)
def test_an_unsupported_format_is_refused_with_the_reason(form: object, said: str) -> None:
    with pytest.raises(ProtocolError, match=said) as raised:
        MediaStream().receive_text(start(mediaFormat=form))
    assert raised.value.close_code == 1003


@pytest.mark.parametrize(
    ("frame", "code", "said"),
    [
        ("hello", 1003, "not a JSON message"),
        (b"\xff\xfe", 1003, "not a JSON message"),
        ("\ud800", 1003, "not a JSON message"),
        ('{"event":"x","a":' + "[" * 100_000 + "]" * 100_000 + "}", 1003, "not a JSON message"),
        ("[]", 1003, "expected a JSON object"),
        ('{"event":1}', 1003, "expected a JSON object"),
        ('{"event":"media"}', 1002, "without its 'media' object"),
        (message("media", media={"timestamp": "1"}), 1002, "payload"),
        (message("media", media={"timestamp": "1", "payload": "%%%"}), 1002, "base64"),
        (message("media", media={"payload": "//8="}), 1002, "timestamp"),
        (media(timestamp="soon"), 1002, "whole number"),
        (media(timestamp="-1"), 1002, "whole number"),
        (media(timestamp=0.5), 1002, "whole number"),
        (media(timestamp="9" * 21), 1002, "whole number"),
        (media(timestamp="9" * 15), 1002, "more than a week"),
        (media(chunk="x"), 1002, "chunk"),
        (media(track="sideways"), 1002, "track"),
        (media().replace(STREAM, "MZ" + "00" * 16), 1008, "another stream"),
        (start(), 1002, "second 'start'"),
        ('{"event":"connected"}', 1002, "came again"),
        (message("dtmf", dtmf={"digit": ""}), 1002, "without a digit"),
        (media(b"\xff" * 300_000), 1009, "the limit is"),
    ],
)
def test_malformed_input_says_what_is_wrong(frame: str | bytes, code: int, said: str) -> None:
    stream = opened()
    with pytest.raises(ProtocolError, match=said) as raised:
        stream.receive_text(frame)
    assert raised.value.close_code == code


@pytest.mark.parametrize("frame", [media(), message("stop"), message("mark"), message("dtmf")])
def test_nothing_comes_before_start(frame: str) -> None:
    with pytest.raises(ProtocolError, match="before 'start'"):
        MediaStream().receive_text(frame)


@pytest.mark.parametrize("keys", [{"callSid": ""}, {"callSid": "a" * 200}, {"tracks": []}])
def test_a_start_that_says_too_little_is_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ProtocolError, match="'start'"):
        MediaStream().receive_text(start(**keys))


def feed(stream: MediaStream, frame: str | bytes) -> list[MediaEvent]:
    """ProtocolError is the only way out that is not a list of events."""
    try:
        return list(stream.receive_text(frame))
    except ProtocolError as raised:
        error = raised
    assert str(error)
    assert error.close_code in {1002, 1003, 1008, 1009}
    return []


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(), st.binary()), max_size=5))
def test_no_bytes_can_crash_it(frames: list[str | bytes]) -> None:
    stream = opened()
    for frame in frames:
        feed(stream, frame)
        feed(MediaStream(), frame)


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "event",
        "streamSid",
        "media",
        "start",
        "stop",
        "dtmf",
        "mark",
        "track",
        "chunk",
        "timestamp",
        "payload",
        "callSid",
        "tracks",
        "mediaFormat",
        "sampleRate",
        "digit",
    ]
)
kinds = st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "other"])


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            lambda kind, keys, inner: json.dumps({**keys, "event": kind, kind: inner}),
            kinds,
            st.dictionaries(names, values, max_size=4),
            st.one_of(values, st.dictionaries(names, values, max_size=5)),
        ),
        max_size=6,
    )
)
def test_no_json_can_crash_it(frames: list[str]) -> None:
    stream = MediaStream()
    for frame in frames:
        feed(stream, frame)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=2000), st.integers(0, 10**8), st.integers(1, 10**6))
def test_what_was_sent_is_what_is_read(payload: bytes, timestamp_ms: int, chunk: int) -> None:
    frame = media(payload, str(timestamp_ms), chunk=str(chunk))
    for given_as in (frame, frame.encode()):
        assert feed(opened(), given_as) == [Media("inbound", timestamp_ms, payload, chunk)]


needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="../shared/docs/twilio-examples is not here"
)


@needs_examples
def test_replays_a_unidirectional_log() -> None:
    stream = MediaStream()
    lines = (EXAMPLES / "01_start_stream_both_tracks.jsonl").read_text().splitlines()
    events = [event for line in lines for event in stream.receive_text(line)]
    assert len(events) == len(lines)
    assert stream.state is State.STOPPED
    heard = [event for event in events if isinstance(event, Media)]
    assert {event.track for event in heard} == {"inbound", "outbound"}
    assert all(len(event.payload) == 160 for event in heard)
    for track in ("inbound", "outbound"):
        times = [event.timestamp_ms for event in heard if event.track == track]
        assert times == sorted(times)


@needs_examples
def test_replays_a_bidirectional_log() -> None:
    stream = MediaStream()
    lines = (EXAMPLES / "02_connect_stream_bidirectional.jsonl").read_text().splitlines()
    arrived = [
        json.dumps(entry["msg"])
        for entry in map(json.loads, lines)
        if entry["dir"] == "twilio->server"
    ]
    events = [event for frame in arrived for event in stream.receive_text(frame)]
    assert len(events) == len(arrived)
    assert Dtmf("inbound", "5") in events
    assert [e.name for e in events if isinstance(e, Mark)] == ["greeting-1", "prompt-2"]
