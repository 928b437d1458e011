"""Watching the page in a real browser, and what the tests of it share."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from callscribe.events import (
    AnyEvent,
    CallUpdated,
    Dial,
    DtmfReceived,
    GapDetected,
    LagChanged,
    NoteChanged,
    ParticipantLeft,
    ParticipantUpdated,
    RecordSettled,
    SpeakerRenamed,
    StoreFailed,
    StreamCounters,
    StreamEnded,
    TagsChanged,
    TranscriptionPaused,
    TranscriptionResumed,
    TranscriptionWaits,
    UtteranceCorrected,
)
from tests.web.script import Call
from tests.web.serving import Serving


def looks(page: Page) -> dict[str, list[str]]:
    """The page's DOM as it stands, an element a line: attributes sorted, empty text left out, lengths that tick too."""
    found: dict[str, list[str]] = page.evaluate(
        """() => {
          const lines = (node, depth, out) => {
            if (node.nodeType === Node.TEXT_NODE) {
              if (node.data.trim()) out.push(" ".repeat(depth) + JSON.stringify(node.data));
              return out;
            }
            const attributes = [...node.attributes].map((a) => `${a.name}="${a.value}"`).sort();
            out.push(" ".repeat(depth) + [node.nodeName.toLowerCase(), ...attributes].join(" "));
            if ("since" in node.dataset) return out;
            for (const child of node.childNodes) lines(child, depth + 1, out);
            return out;
          };
          const ids = ["talk", "title", "status", "people", "pause", "swap", "remarks", "waiting", "ending", "talked",
            "trouble", "recording", "list"];
          return Object.fromEntries(ids.map((id) => [id, lines(document.getElementById(id), 0, [])]));
        }"""
    )
    return found


def transcript(page: Page) -> list[str]:
    """What stands on the page, one line a paragraph or note, as a person reads it."""
    lines: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("#talk > *")].map((row) =>
          [row.className, ...[...row.children].map((each) => each.textContent)].join(" / "))"""
    )
    return [re.sub(r"\s+", " ", line).strip() for line in lines]


def opened(page: Page, server: Serving, call: Call) -> None:
    with page.expect_response("**/live?*"):
        page.goto(f"{server.url}/calls/{call.sid}")


def until(page: Page, expression: str) -> None:
    """Waits for something to be true; Playwright's own way needs `eval`, which the policy forbids."""
    for _ in range(400):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def said(page: Page, words: str) -> None:
    expect(page.locator("#talk")).to_contain_text(words)


def at(page: Page, address: str) -> None:
    """Waits for a page to be there, scripts and all."""
    expect(page).to_have_url(address)
    page.wait_for_load_state()


def long(call: Call, count: int = 40) -> list[AnyEvent]:
    return [
        call.final(("Alice Adams", "Support")[n % 2], f"This is sentence number {n}.")
        for n in range(count)
    ]


def everything(call: Call) -> list[AnyEvent]:
    """A conference in which every event happens, and every gap."""
    ann, track = call.place("Ann")
    ben, _ = call.place("Ben")

    def gap(reason: str, start_ms: int, end_ms: int) -> GapDetected:
        return GapDetected(
            call=call.sid,
            leg=ann,
            track=track,
            start_ms=start_ms,
            end_ms=end_ms,
            reason=reason,  # type: ignore[arg-type]
        )

    shall = call.final("Ann", "Shall we, um, start?", fillers=("um",), start_ms=5200)
    think = call.final("Ann", "I think so.", start_ms=9500)
    noise = call.final("Cleo", "Mhm.", start_ms=9800)
    please = call.final("Cleo", "Yes, please.", start_ms=9100)
    return [
        *call.spoken("Ann", "Good morning to all of you.", start_ms=2500),
        *call.spoken("Ben", "Morning.", start_ms=3100),
        shall,
        think,
        noise,
        please,
        call.revised(think, "I thought so."),
        call.revised(noise, ""),
        ParticipantUpdated(call=call.sid, leg=ben, at_ms=10_000, muted=True),
        gap("missing", 11_000, 14_600),
        gap("overload", 15_000, 15_400),
        gap("failed", 15_500, 15_900),
        TranscriptionPaused(call=call.sid, at_ms=16_000),
        gap("paused", 16_000, 81_000),
        TranscriptionResumed(call=call.sid, at_ms=81_000),
        DtmfReceived(call=call.sid, leg=ben, track="inbound", digit="4", at_ms=82_000),
        DtmfReceived(call=call.sid, leg=ben, track="inbound", digit="2", at_ms=83_000),
        SpeakerRenamed(call=call.sid, leg=ben, track="inbound", speaker="Benedict"),
        CallUpdated(call=call.sid, on_hold=True),
        CallUpdated(call=call.sid, on_hold=False),
        CallUpdated(call=call.sid, dial=Dial(status="ringing", to="+15005550020")),
        CallUpdated(call=call.sid, dial=Dial(status="busy", to="+15005550020")),
        gap("socket-lost", 84_000, 85_000),
        LagChanged(call=call.sid, leg=ann, track=track, lag_ms=8200),
        StoreFailed(call="", message="The record cannot be written: disk full."),
        StoreFailed(call="", message="It works again.", resolved=True),
        *call.people("Dora", joined_ms=86_000),
        call.final("Dora", "Sorry, I'm late. " * 6, start_ms=87_000, end_ms=110_000),
        call.final("Dora", "I was in a meeting. " * 6, start_ms=111_000, end_ms=140_000),
        call.final("Dora", "It went on and on.", start_ms=141_000, end_ms=142_000),
        *call.spoken("Ann", "Never mind", start_ms=142_500, end=False),
        TranscriptionWaits(
            call=call.sid, leg=ben, stream="MZ8", tracks=("inbound",), at_ms=142_600
        ),
        StreamEnded(
            call=call.sid,
            leg=ben,
            stream="MZ9",
            reason="refused: 16 kHz",
            counters=StreamCounters(missing_ms=40),
        ),
        ParticipantLeft(call=call.sid, leg=ben, left_ms=143_000),
        *call.end(ended_by="Ann"),
        # Over, but what waited is still transcribed, and people read and correct it.
        StreamEnded(call=call.sid, leg=ben, stream="MZ8", reason="stop", counters=StreamCounters()),
        call.revised(shall, "Shall we start?"),
        SpeakerRenamed(call=call.sid, leg=ann, track=track, speaker="Ann-Sophie"),
        RecordSettled(call=call.sid, unread=1),
        UtteranceCorrected(
            call=call.sid,
            leg=please.leg,
            track=please.track,
            utterance=please.utterance,
            text="Yes, thank you.",
            by="page",
        ),
        NoteChanged(call=call.sid, text="Ask Ben about the minutes.", by="page"),
        TagsChanged(call=call.sid, tags=("standup", "weekly"), by="page"),
    ]
