"""The page in a real browser, over a real server, fed by a script."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from callscribe.events import (
    AnyEvent,
    CallDeleted,
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
    TextDeleted,
    TranscriptionPaused,
    TranscriptionResumed,
    TranscriptionWaits,
    UtteranceCorrected,
)
from callscribe.web.services import WebSettings
from tests.web.scenes import SCENES
from tests.web.script import SID, Call, bank
from tests.web.serving import TOKEN, Serving


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
          const ids = ["talk", "title", "status", "people", "pause", "swap", "waiting", "ending", "trouble", "list"];
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
    return [re.sub(r"\\s+", " ", line).strip() for line in lines]


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


# First paint


def test_the_transcript_is_in_the_html(server: Serving, browser: Browser) -> None:
    call, events = bank()
    growing = call.partial(
        "Support", "It is", utterance="p", revision=3, settled=2, start_ms=call.ms
    )
    server.publish(*events, growing)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}/calls/{call.sid}")
    said(page, "I'd like to check the balance")
    assert page.locator(".partial > span").all_text_contents() == ["It", "is"]
    assert page.locator(".partial .open").text_content() == "is"
    assert page.locator(".filler").text_content() == "um,"
    context.close()


def test_nothing_comes_from_elsewhere(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, server, call)
    assert asked
    assert all(address.startswith(server.url) for address in asked)


# Live


def test_words_appear_while_they_are_said(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    script = list(call.spoken("Support", "Your balance is fine.", start_ms=call.ms + 3000))
    server.publish(*script[:3])
    partial = page.locator(".u.partial")
    expect(partial).to_have_text("Your balance is")
    expect(partial.locator(".open")).to_have_text(["balance", "is"])
    server.publish(*script[3:])
    expect(page.locator(".u").last).to_have_class("u")
    expect(page.locator(".u").last).to_have_text("Your balance is fine.")
    expect(page.locator(".list .last").first).to_have_text("Your balance is fine.")


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


def test_everything_is_every_event_and_every_gap() -> None:
    call = Call(1, flow="conference")
    events = [call.start(), *call.people("Ann", "Ben", "Cleo"), *everything(call)]
    # A call that is deleted has no page any more; one whose text is deleted is shown anew.
    gone = {CallDeleted, TextDeleted}
    assert {type(event) for event in events} == {*typing.get_args(AnyEvent)} - gone
    reasons = {event.reason for event in events if isinstance(event, GapDetected)}
    hints = typing.get_type_hints(GapDetected)
    assert reasons == {*typing.get_args(hints["reason"])}


@pytest.mark.parametrize("seed", [0, 9, 18, 27])
def test_live_and_reloaded_pages_are_the_same(server: Serving, page: Page, seed: int) -> None:
    """A page that followed from some moment on, and was cut off once, is to the letter the page as it is read anew."""
    call = Call(1, flow="conference", age_s=150)
    start = [call.start(room="standup"), *call.people("Ann", "Ben", "Cleo")]
    events = everything(call)
    server.publish(*start, *events[:seed])
    opened(page, server, call)
    for number, event in enumerate(events[seed:]):
        server.publish(event)
        if number == 12:
            server.cut()
    expect(page.locator("#ending")).to_contain_text("could not be read a second time")
    expect(page.locator("#talk")).not_to_contain_text("Mhm")
    live = looks(page)
    title = page.title()
    page.reload()
    until(page, "document.title.includes('standup')")
    again = looks(page)
    for part, lines in live.items():
        assert again[part] == lines, part
    assert page.title() == title == "Room standup – callscribe"
    expect(page.locator("#ending")).to_have_text(
        "Ended after 2:22. Ann hung up. 1 utterance could not be read a second time."
    )
    said = transcript(page)
    for words in (
        "Ann-Sophie: 4 s missing.",
        "Ann-Sophie: 0.4 s not transcribed: this computer could not keep up.",
        "Ann-Sophie: 0.4 s not transcribed: the recognizer failed.",
        "1 s missing: the connection to Twilio was lost.",
        "The audio stream was refused: 16 kHz.",
        "Benedict pressed 4 2.",
        "This was transcribed later: this computer was busy with other calls.",
        "I thought so.",
        "Shall we start?",
        "Yes, thank you.",
    ):
        assert any(words in line for line in said), words
    assert not any("Mhm" in line or "Never mind" in line for line in said)
    assert any("under" in line and "Good morning" in line for line in said)


def test_a_lost_connection_leaves_no_hole_and_no_double(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    for number in range(12):
        words = f"Sentence {number}."
        *partials, final = call.spoken("Support", words, start_ms=call.ms + 3000)
        server.publish(*partials)
        if number % 4 == 1:
            server.cut()
        server.publish(final)
    said(page, "Sentence 11.")
    found = re.findall(r"Sentence (\d+)\.", page.locator("#talk").inner_text())
    assert found == [str(number) for number in range(12)]
    expect(page.locator(".partial")).to_have_count(0)


def test_a_restarted_server_goes_on_where_it_was(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    server.publish(
        call.partial("Support", "Never finished", utterance="lost", revision=1, start_ms=call.ms)
    )
    expect(page.locator(".partial")).to_have_count(1)
    server.stop()
    expect(page.locator("#banner")).to_contain_text("Connection lost")
    server.start()
    server.publish(call.final("Alice Adams", "Are you back?"))
    said(page, "Are you back?")
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator(".partial")).to_have_count(0)
    server.publish(call.final("Support", "I am."))
    said(page, "I am.")
    live = transcript(page)
    page.reload()
    assert transcript(page) == live


def test_a_page_of_another_record_begins_anew(server: Serving, page: Page, tmp_path: Path) -> None:
    server.publish(*bank()[1])
    page.goto(server.url)
    said(page, "Let me look that up.")
    server.stop()
    server.data = tmp_path / "other"
    server.start()
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()


def test_a_closed_door_is_said(server: Serving, context: BrowserContext, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    context.set_extra_http_headers({"x-forwarded-for": "203.0.113.9"})
    server.cut()
    expect(page.locator("#banner")).to_contain_text("You don't have access any more")


def test_many_viewers_see_the_same(server: Serving, context: BrowserContext) -> None:
    call, events = bank()
    server.publish(*events)
    pages = [context.new_page() for _ in range(4)]
    for page in pages:
        opened(page, server, call)
    server.publish(call.final("Support", "For all of you."))
    for page in pages:
        said(page, "For all of you.")


# States


def test_every_state_has_words(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    state = page.locator("#status .state")
    expect(state).to_have_text("Live")
    server.publish(CallUpdated(call=call.sid, on_hold=True))
    expect(state).to_have_text("On hold")
    expect(page.locator(".list .state").first).to_have_text("On hold")
    server.publish(CallUpdated(call=call.sid, on_hold=False))
    expect(state).to_have_text("Live")
    leg, track = call.place("Support")
    server.publish(LagChanged(call=call.sid, leg=leg, track=track, lag_ms=8200))
    expect(page.locator(".lag")).to_have_text("8 s behind, catching up")
    server.publish(LagChanged(call=call.sid, leg=leg, track=track, lag_ms=100))
    expect(page.locator(".lag")).to_have_count(0)
    server.publish(StoreFailed(call="", message="The record cannot be written: disk full."))
    expect(page.locator("#trouble")).to_have_text("The record cannot be written: disk full.")
    page.reload()
    expect(page.locator("#trouble")).to_have_text("The record cannot be written: disk full.")
    server.publish(StoreFailed(call="", message="It works again.", resolved=True))
    expect(page.locator("#trouble")).to_be_hidden()
    server.publish(*call.end(ended_by="Support"))
    expect(state).to_have_count(0)
    expect(page.locator("#ending")).to_contain_text("Support hung up.")
    expect(page.locator("#pause")).to_be_hidden()


def test_a_ringing_call_becomes_live(server: Serving, page: Page) -> None:
    call = Call(1)
    server.publish(call.start(status="ringing"))
    opened(page, server, call)
    expect(page.locator("#status .state")).to_have_text("Ringing")
    expect(page.locator("#waiting")).to_have_text("Ringing.")
    server.publish(CallUpdated(call=call.sid, status="in-progress"), *call.people("Ann", "Ben"))
    expect(page.locator("#status .state")).to_have_text("Live")
    expect(page.locator("#waiting")).to_contain_text("Nothing has been said yet")
    expect(page.locator("#people li")).to_have_count(2)
    server.publish(call.final("Ann", "Hello."))
    expect(page.locator("#waiting")).to_be_hidden()


def test_nothing_yet_then_the_first_call(server: Serving, page: Page) -> None:
    page.goto(server.url)
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    expect(page.locator("#copy-text")).to_have_text("callscribe simulate")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name=re.compile("Copied|Ctrl"))).to_be_visible()
    page.evaluate("getSelection().removeAllRanges()")
    server.publish(*bank()[1])
    said(page, "Let me look that up.")
    expect(page.locator(".list li[id]")).to_have_count(1)
    expect(page).to_have_title("● 1 live – callscribe")


def test_the_number_to_call_is_shown(tmp_path: Path, page: Page) -> None:
    with Serving(tmp_path, WebSettings(token=TOKEN, number="+15005550006")) as server:
        page.goto(server.url)
        expect(page.locator("#copy-text")).to_have_text("+1 (500) 555-0006")
        expect(page.locator(".welcome")).to_contain_text("callscribe simulate")


def test_an_unknown_call(server: Serving, page: Page) -> None:
    answer = page.goto(f"{server.url}/calls/CAnone")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="No such call")).to_be_visible()
    page.get_by_role("link", name="All calls").click()
    expect(page).to_have_url(f"{server.url}/")


def test_without_permission_and_with_the_link(server: Serving, browser: Browser) -> None:
    call, events = bank()
    server.publish(*events)
    context = browser.new_context(extra_http_headers={"x-forwarded-for": "203.0.113.9"})
    page = context.new_page()
    page.goto(f"{server.url}/calls/{call.sid}")
    expect(page.get_by_role("heading", name="No permission")).to_be_visible()
    assert "Alice" not in page.content()
    page.goto(f"{server.url}/calls/{call.sid}?token={TOKEN}")
    expect(page).to_have_url(f"{server.url}/calls/{call.sid}")
    said(page, "Let me look that up.")
    server.publish(call.final("Support", "There it is."))
    said(page, "There it is.")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#status .state")).to_have_text("Paused")
    context.close()


# Following the live end


def long(call: Call, count: int = 40) -> list[AnyEvent]:
    return [
        call.final(("Alice Adams", "Support")[n % 2], f"This is sentence number {n}.")
        for n in range(count)
    ]


def test_the_page_follows_only_a_reader_who_is_there(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *long(call))
    opened(page, server, call)
    end = "scrollY + innerHeight >= document.documentElement.scrollHeight - 2"
    until(page, end)
    server.publish(*long(call, 6))
    until(page, end)
    jump = page.locator("#jump")
    expect(jump).to_be_hidden()
    page.mouse.move(800, 400)
    page.mouse.wheel(0, -900)
    until(page, "scrollY + innerHeight <= document.documentElement.scrollHeight - 850")
    expect(jump).to_be_visible()
    expect(jump).to_have_text("Go to the live end")
    before = page.evaluate("scrollY")
    server.publish(*long(call, 3))
    expect(jump).to_have_text("3 new – go to the live end")
    assert page.evaluate("scrollY") == before
    jump.click()
    until(page, end)
    expect(jump).to_be_hidden()
    page.mouse.wheel(0, -900)
    expect(jump).to_be_visible()
    page.keyboard.press("g")
    until(page, end)


def test_selected_text_stays_selected(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    script = list(call.spoken("Support", "Your balance is fine today.", start_ms=call.ms + 3000))
    server.publish(*script[:4])
    expect(page.locator(".partial .open")).to_have_text(["is", "fine"])
    page.evaluate(
        """() => {
          const words = document.querySelectorAll(".partial > span");
          getSelection().setBaseAndExtent(words[0].firstChild, 0, words[1].firstChild, 7);
        }"""
    )
    assert page.evaluate("getSelection().toString()") == "Your balance"
    server.publish(*script[4:], *long(call, 2))
    said(page, "This is sentence number 1.")
    assert page.evaluate("getSelection().toString()") == "Your balance"


def test_a_better_reading_changes_only_the_words_that_differ(server: Serving, page: Page) -> None:
    call, events = bank()
    final = call.final("Support", "Your payment is do tomorrow at noon.")
    server.publish(*events, final)
    opened(page, server, call)
    page.evaluate(
        """() => {
          window.before = [...document.querySelectorAll(".u:last-child > span")].slice(-7);
          const word = window.before[1].firstChild;
          getSelection().setBaseAndExtent(word, 0, word, word.length);
        }"""
    )
    server.publish(call.revised(final, "Your payment is due tomorrow at noon."))
    said(page, "is due tomorrow")
    kept = page.evaluate(
        """() => [...document.querySelectorAll(".u:last-child > span")].slice(-7)
          .map((word, at) => word === window.before[at])"""
    )
    assert kept == [True] * 7
    assert page.evaluate("getSelection().toString()") == "payment"
    heard = page.locator("[aria-live=polite]")
    expect(heard).to_be_empty()


def test_an_utterance_without_words_folds_away_and_nobody_hears_of_it(
    server: Serving, page: Page
) -> None:
    call, events = bank()
    noise = call.final("Alice Adams", "Huh the.", start_ms=call.ms + 5000)
    server.publish(*events, noise)
    opened(page, server, call)
    page.evaluate(
        """() => {
          window.steps = [];
          const animate = Element.prototype.animate;
          Element.prototype.animate = function (frames, ms) {
            window.steps.push([this.className, ms]);
            return animate.call(this, frames, ms);
          };
        }"""
    )
    server.publish(call.revised(noise, ""))
    expect(page.locator("#talk")).not_to_contain_text("Huh")
    assert page.evaluate("window.steps") == [["para s0 first", 200]]
    expect(page.locator("[aria-live=polite]")).to_be_empty()
    server.publish(call.final("Support", "Still here."))
    said(page, "Still here.")
    live = looks(page)
    page.reload()
    until(page, "document.readyState === 'complete' && document.title.startsWith('●')")
    assert looks(page)["talk"] == live["talk"]


def test_a_deleted_call_is_gone(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *call.end())
    opened(page, server, call)
    with page.expect_navigation():
        server.publish(CallDeleted(call=call.sid))


def test_the_focus_is_never_stolen(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    page.locator("#find").focus()
    server.publish(*call.spoken("Support", "Your balance is fine.", start_ms=call.ms + 3000))
    server.publish(*bank(2)[1], *call.end())
    expect(page.locator("#ending")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "find"


def test_nothing_above_the_spoken_line_moves(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    script = list(
        call.spoken("Support", "One two three four five six seven.", start_ms=call.ms + 3000)
    )
    server.publish(script[0])
    expect(page.locator(".partial")).to_have_count(1)
    where = """() => [...document.querySelectorAll(".u")].slice(0, -1)
      .map((each) => each.getBoundingClientRect().top)"""
    before = page.evaluate(where)
    for event in script[1:]:
        server.publish(event)
        assert page.evaluate(where) == before
    said(page, "seven.")
    assert page.evaluate(where) == before


# Finding


def test_a_link_to_a_second(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *long(call), *call.end())
    page.goto(f"{server.url}/calls/{call.sid}#t=30")
    there = page.locator(".there")
    expect(there).to_be_in_viewport()
    shown = there.locator(".time")
    assert int(shown.get_attribute("data-ms") or 0) // 1000 <= 30
    first = page.locator(".time").first
    first.click()
    assert page.url.endswith("#t=0")
    expect(page.locator(".there .time")).to_have_text("0:00")


def test_filter_and_keys(server: Serving, page: Page) -> None:
    for number, name in enumerate(["Dana", "Marco", "Priya"], start=1):
        call = Call(number, age_s=1000 - number)
        server.publish(call.start(from_name=name), *call.people(name, "Support"), *call.end())
    page.goto(f"{server.url}/calls/{SID.format(3)}")
    items = page.locator(".list li[id]:visible")
    expect(items).to_have_count(3)
    page.keyboard.press("/")
    page.keyboard.type("mar")
    expect(page.locator("#results .from")).to_have_text(["Marco"])
    page.keyboard.press("Escape")
    expect(items).to_have_count(3)
    page.keyboard.press("j")
    at(page, f"{server.url}/calls/{SID.format(2)}")
    page.keyboard.press("j")
    at(page, f"{server.url}/calls/{SID.format(1)}")
    page.keyboard.press("k")
    at(page, f"{server.url}/calls/{SID.format(2)}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    at(page, f"{server.url}/calls/{SID.format(2)}")
    page.keyboard.press("c")
    at(page, f"{server.url}/calls/{SID.format(2)}/captions")


def test_letters_can_be_left_to_those_who_dictate(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    page.get_by_role("button", name="Show the keys").click()
    page.get_by_label("Use single-letter keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    assert page.url == f"{server.url}/calls/{call.sid}"
    page.reload()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_older_calls_are_a_page_away(server: Serving, page: Page) -> None:
    for number in range(1, 103):
        call = Call(number, age_s=10_000 - number)
        server.publish(call.start(from_name=f"Caller {number}"), *call.end())
    page.goto(server.url)
    expect(page.locator(".list li[id]")).to_have_count(100)
    page.get_by_role("link", name="Older calls").click()
    expect(page.locator(".list li[id]")).to_have_count(2)
    expect(page.locator(".list")).to_contain_text("Caller 1")


def test_calls_come_and_go_in_the_list(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    icon = page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", "/favicon.svg?live=1")
    other, more = bank(2)
    server.publish(*more)
    expect(page.locator(".list li[id]")).to_have_count(2)
    expect(icon).to_have_attribute("href", "/favicon.svg?live=2")
    assert page.title() == "● Alice Adams to Support – callscribe"
    server.publish(*other.end())
    expect(icon).to_have_attribute("href", "/favicon.svg?live=1")
    server.publish(*call.end())
    expect(icon).to_have_attribute("href", "/favicon.svg?live=0")
    expect(page).to_have_title("Alice Adams to Support – callscribe")
    expect(page.locator('.list [data-day="Now"]')).to_have_count(0)
    order = page.locator(".list li").evaluate_all("all => all.map((e) => e.dataset.day ?? e.id)")
    page.reload()
    again = page.locator(".list li").evaluate_all("all => all.map((e) => e.dataset.day ?? e.id)")
    assert again == order


# Controls


def test_pause_and_resume(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    server.calls.now_ms = call.ms + 1000
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#status .state")).to_have_text("Paused")
    said(page, "Paused: nothing is transcribed or kept.")
    server.calls.now_ms = call.ms + 16_000
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#status .state")).to_have_text("Live")
    said(page, "Transcription resumed after 15 s.")


def test_a_refused_control_says_why(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    server.lose(call.sid)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#banner")).to_have_text(f"There is no live call {call.sid}.")


def test_the_transcript_can_be_copied(server: Serving, context: BrowserContext, page: Page) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert lines[0] == "0:00  Support: Good morning, Harbour Bank, how can I help?"
    assert len(lines) == 7


def test_rename_and_swap(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    page.get_by_role("button", name="Rename Alice Adams").click()
    dialog = page.get_by_role("dialog", name="Rename")
    name = dialog.get_by_label(re.compile("Name"))
    expect(name).to_have_value("Alice Adams")
    name.fill("Dr. Adams")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".para .name", has_text="Dr. Adams")).to_have_count(3)
    expect(page.locator("#people")).to_contain_text("Dr. Adams")
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Swap names").click()
    expect(page.locator("#people li").first).to_contain_text("Support")
    expect(page.locator(".para .name").first).to_have_text("Dr. Adams")
    live = transcript(page)
    page.reload()
    assert transcript(page) == live


def test_the_people_of_a_call_that_is_over_can_be_renamed(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *call.end())
    opened(page, server, call)
    page.get_by_role("button", name="Rename Alice Adams").click()
    dialog = page.get_by_role("dialog", name="Rename")
    dialog.get_by_label(re.compile("Name")).fill("Dr. Adams")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#people")).to_contain_text("Dr. Adams")


def test_raw_words_and_theme_are_remembered(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    said(page, "it's 4 0 7 2,")
    page.evaluate("window.same = true")
    page.locator("#menu summary").click()
    page.get_by_label("Raw words").check()
    said(page, "yes it's four oh seven two")
    assert page.evaluate("window.same")  # without loading the page anew
    page.locator("#theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    server.publish(
        call.partial("Support", "It Is 5", utterance="p", revision=1, start_ms=call.ms + 5000)
    )
    expect(page.locator(".partial")).to_have_text("it is 5")
    page.reload()
    said(page, "yes it's four oh seven two")
    expect(page.locator(".partial")).to_have_text("it is 5")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("#menu summary").click()
    page.get_by_label("Written text").check()
    said(page, "it's 4 0 7 2,")
    expect(page.locator(".filler")).to_have_text("um,")


# Captions


def test_captions(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *long(call))
    page.goto(f"{server.url}/calls/{call.sid}/captions")
    size = "getComputedStyle(document.querySelector('.words')).fontSize"
    assert page.evaluate(size) == "48px"
    page.keyboard.press("+")
    assert page.evaluate(size) == "58px"
    page.get_by_role("button", name="Smaller").click()
    page.keyboard.press("-")
    assert page.evaluate(size) == "40px"
    server.publish(*call.spoken("Support", "Your balance is fine.", start_ms=call.ms + 3000))
    last = page.locator(".u").last
    expect(last).to_have_text("Your balance is fine.")
    expect(last).to_be_in_viewport()
    assert page.locator("#talk > *").count() <= 8
    page.reload()
    assert page.evaluate(size) == "40px"
    expect(last).to_be_in_viewport()
    server.publish(*call.end(ended_by="Support"))
    expect(page.locator("#ending")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{server.url}/calls/{call.sid}")


# Small screens and screen readers


def test_a_phone_shows_one_place_at_a_time(server: Serving, browser: Browser) -> None:
    server.publish(*bank()[1])
    context = browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True)
    page = context.new_page()
    page.goto(server.url)
    expect(page.locator("#head")).to_be_hidden()
    assert page.evaluate("scrollY") == 0
    page.locator(".list a").first.click()
    expect(page.locator("#list")).to_be_hidden()
    expect(page.locator("#head")).to_be_visible()
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert page.evaluate(wide) is False
    page.get_by_role("link", name="All calls").click()
    expect(page.locator("#list")).to_be_visible()
    assert page.evaluate(wide) is False
    context.close()


@pytest.mark.parametrize("width", [320, 390, 900, 1280])
def test_no_name_pushes_the_page_sideways(server: Serving, browser: Browser, width: int) -> None:
    server.publish(*SCENES["names"].before())
    context = browser.new_context(viewport={"width": width, "height": 780})
    page = context.new_page()
    for path in ("/", SCENES["names"].path, f"{SCENES['names'].path}/captions"):
        page.goto(server.url + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if path != "/":
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), path
    context.close()


def test_a_turn_of_one_line_is_low(server: Serving, browser: Browser) -> None:
    server.publish(*bank()[1])
    for width, most in ((1280, 40), (390, 48)):
        context = browser.new_context(viewport={"width": width, "height": 780})
        page = context.new_page()
        page.goto(f"{server.url}/calls/{SID.format(1)}")
        low = page.evaluate(
            "Math.min(...[...document.querySelectorAll('.para.first')].map((e) => e.offsetHeight))"
        )
        assert low <= most
        context.close()


def test_screen_readers_hear_finals_only(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    heard = page.locator("[aria-live=polite]")
    expect(heard).to_be_empty()
    *partials, final = call.spoken("Support", "Your balance is fine.", start_ms=call.ms + 3000)
    server.publish(*partials)
    expect(page.locator(".partial")).to_have_count(1)
    expect(heard).to_be_empty()
    server.publish(final)
    expect(heard).to_have_text("Support: Your balance is fine.")


@pytest.mark.parametrize("path", ["/", "/calls/{sid}", "/calls/{sid}/captions", "/calls/none"])
def test_structure_for_assistive_technology(server: Serving, page: Page, path: str) -> None:
    call, events = bank()
    server.publish(*events)
    page.goto(server.url + path.format(sid=call.sid))
    problems = page.evaluate(
        """async () => {
          const problems = [];
          const shown = (e) => e.checkVisibility();
          if (document.querySelectorAll("main").length !== 1) problems.push("one main");
          if (!document.querySelector("h1")) problems.push("h1");
          if (!document.documentElement.lang) problems.push("lang");
          let level = 0;
          for (const h of document.querySelectorAll("main h1, main h2, main h3")) {
            if (!shown(h)) continue;
            const now = Number(h.tagName[1]);
            if (now > level + 1) problems.push(`heading ${h.textContent} skips a level`);
            level = now;
          }
          const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
          if (new Set(ids).size !== ids.length) problems.push("double id");
          for (const e of document.querySelectorAll("button, a[href], input")) {
            const name = (e.ariaLabel ?? "") + e.textContent.trim()
              + [...(e.labels ?? [])].map((l) => l.textContent.trim()).join("");
            if (!name) problems.push(`no name: ${e.outerHTML}`);
          }
          for (const e of document.querySelectorAll("svg")) {
            if (e.getAttribute("aria-hidden") !== "true") problems.push("svg is read out");
          }
          for (const e of document.querySelectorAll("[aria-labelledby]")) {
            if (!document.getElementById(e.getAttribute("aria-labelledby"))) problems.push("labelledby");
          }
          const sent = await (await fetch(location.href)).text();  // scripts may place things, markup may not
          if (/\\sstyle=/.test(sent)) problems.push("inline style");
          return problems;
        }"""
    )
    assert problems == []


def test_a_three_hour_call_opens_and_goes_on(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    # Straight into the store: two thousand commits would only test the disk.
    server.store.append(long(call, 2500))
    opened(page, server, call)
    expect(page.locator(".para")).to_have_count(2507)
    until(page, "scrollY + innerHeight >= document.documentElement.scrollHeight - 2")
    drawn = page.evaluate(
        """() => [...document.querySelectorAll(".para .words")]
          .filter((e) => e.checkVisibility({ contentVisibilityAuto: true })).length"""
    )
    assert drawn < 200
    server.publish(*call.spoken("Support", "Your balance is fine.", start_ms=call.ms + 3000))
    expect(page.locator(".u").last).to_have_text("Your balance is fine.")
    expect(page.locator(".u").last).to_be_in_viewport()


def test_reduced_motion_has_no_fade(server: Serving, browser: Browser) -> None:
    call, events = bank()
    server.publish(*events)
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    opened(page, server, call)
    server.publish(*call.spoken("Support", "Fine.", start_ms=call.ms + 3000))
    expect(page.locator(".u").last).to_contain_text("Fine.")
    expect(page.locator(".u").last).to_have_class("u")
    fade = page.evaluate(
        "getComputedStyle(document.querySelector('.u:last-child > span')).transitionDuration"
    )
    assert fade == "0s"
    context.close()


def test_what_a_server_before_this_one_left_unread(server: Serving, page: Page) -> None:
    """The list says so when it is first drawn, when no event has come yet."""
    call, events = bank()
    server.publish(*events, *call.end())
    server.stop()
    server.start()
    server.rereading.add(call.sid)
    page.goto(server.url)
    expect(page.locator(".list .state")).to_have_text("Not read yet")
    expect(page.locator("#status .state")).to_have_text("Not read yet")
    server.rereading.clear()
    server.publish(RecordSettled(call=call.sid))
    expect(page.locator(".list .state")).to_have_count(0)
    expect(page.locator("#status .state")).to_have_count(0)


def test_a_call_that_was_not_recorded_asks_for_nothing_when_it_ends(
    server: Serving, page: Page
) -> None:
    call, events = bank()
    server.publish(*events)
    missed: list[str] = []
    page.on("response", lambda answer: missed.append(answer.url) if not answer.ok else None)
    opened(page, server, call)
    server.publish(*call.end())
    expect(page.locator("#talked")).to_contain_text("at the same time")
    expect(page.locator("#player")).to_be_hidden()
    assert missed == []
