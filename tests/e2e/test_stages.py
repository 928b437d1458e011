"""What a stage takes out is known to nobody: not to the record, nor to any view, page, program or other machine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import httpx
import msgspec

from callscribe.events import (
    AnyEvent,
    DtmfReceived,
    PartialTranscript,
    RecordSettled,
    SpeakerRenamed,
    Token,
    Word,
    from_json,
    to_json,
)
from callscribe.journal.stages import Stage
from tests.cli.test_watch import Lines, Screen
from tests.said import reread
from tests.web.script import Call
from tests.web.serving import TOKEN, Serving

SECRET = "xyzzy"
REMOVED = "plugh"


class Censor(Stage):
    """Takes a word out of every field of every event, and keeps partials with it back altogether."""

    def take(self, event: AnyEvent) -> Iterable[AnyEvent]:
        if SECRET.encode() not in to_json(event):
            return (event,)
        if isinstance(event, PartialTranscript):
            return ()
        return (from_json(to_json(event).replace(SECRET.encode(), REMOVED.encode())),)


def secrets(call: Call) -> list[AnyEvent]:
    """The word in everything that can hold words."""
    partial = call.partial(
        f"Ann {SECRET}", f"so {SECRET}", utterance="u1", revision=1, start_ms=900
    )
    final = msgspec.structs.replace(
        call.final(f"Ann {SECRET}", f"So, {SECRET}.", start_ms=900, utterance="u1"),
        words=(Word(SECRET, 900, 1200, 0.9),),
        tokens=(Token(f"{SECRET}.", 0, 1),),
    )
    revised = reread(final, revision=99, text=f"Well, {SECRET}!")
    renamed = SpeakerRenamed(
        call=call.sid, leg=final.leg, track=final.track, speaker=f"Al {SECRET}"
    )
    digit = DtmfReceived(call=call.sid, leg=final.leg, track=final.track, digit=SECRET, at_ms=2000)
    return [partial, final, renamed, digit, revised]


def until(stream: httpx.Response, words: bytes) -> bytes:
    """What a stream gives, up to `words`."""
    found = b""
    for chunk in stream.iter_raw():
        found += chunk
        if words in found:
            return found
    raise AssertionError(f"it ended: {found!r}")


def test_nothing_gets_past_a_stage_on_any_way_out(tmp_path: Path) -> None:
    outlets: dict[str, bytes] = {}
    with (
        Serving(tmp_path / "data", stages=[Censor()]) as server,
        httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60
        ) as http,
    ):
        lines, screen = Lines(server.url), Screen(server.url)
        lines.connected(server)
        screen.until("Alice Adams", "ping")
        call = Call(1)
        server.publish(call.start(from_name=f"Ann {SECRET}"), *call.people(f"Ann {SECRET}", "B"))
        with (
            http.stream("GET", "/api/events") as events,
            http.stream("GET", "/api/v1/events/stream") as stream,
            http.stream("GET", f"/live?call={call.sid}&list=yes") as page,
        ):
            server.publish(*secrets(call), *call.end(), RecordSettled(call=call.sid))
            outlets["page, live"] = until(page, REMOVED.encode())
            outlets["event stream"] = until(events, b'"record_settled"')
            outlets["event stream of the API"] = until(stream, b'"record_settled"')
        json_lines: list[dict[str, object]] = []
        while not any(line["type"] == "record_settled" for line in json_lines):
            json_lines += lines.take(1)
        outlets["watch --json"] = json.dumps(json_lines).encode()
        outlets["watch"] = "\n".join(screen.until(REMOVED, "Ended")).encode()
        lines.stop()
        screen.interrupt()
        for path in (
            "/",
            f"/calls/{call.sid}",
            f"/calls/{call.sid}/captions",
            f"/api/calls/{call.sid}",
            "/api/calls",
            "/api/v1/events",
        ):
            answer = http.get(path)
            assert answer.is_success, path
            outlets[path] = answer.content
    outlets["record"] = b"".join(
        file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()
    )
    for name, shown in outlets.items():
        assert SECRET.encode() not in shown, name
        assert REMOVED.encode() in shown, f"{name} shows nothing, so it proves nothing"
