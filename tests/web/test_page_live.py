"""The page while a call goes on, in a real browser."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from callscribe.events import (
    AnyEvent,
    CallDeleted,
    GapDetected,
    NoteChanged,
    TextDeleted,
)
from tests.web.script import Call, bank
from tests.web.serving import Serving
from tests.web.watching import everything, long, looks, opened, said, transcript, until


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
    expect(page.locator("[data-day=Now]")).to_have_count(0)  # the list has its own messages
    live = looks(page)
    title = page.title()
    page.reload()
    until(page, "document.title.includes('standup')")
    again = looks(page)
    for part, lines in live.items():
        assert again[part] == lines, part
    assert page.title() == title == "Room standup – callscribe"
    expect(page.locator("#ending")).to_have_text(
        "Ended after 2:22. Ann hung up. 0.1 s of audio missing. 1 utterance could not be read a second time."
    )
    said = transcript(page)
    for words in (
        "Ann-Sophie: 4 s missing.",
        "Ann-Sophie: 0.4 s not transcribed: this computer could not keep up.",
        "Ann-Sophie: 0.4 s not transcribed: the recogniser failed.",
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
    found = re.findall(r"Sentence (\d+)\.", page.locator("#talk").text_content() or "")
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
    server.publish(NoteChanged(call=call.sid, text="Followed.", by="page"))
    expect(page.locator(".remark")).to_contain_text("Followed.")
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
