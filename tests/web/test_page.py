"""What the page shows, in a real browser over a real server: first paint and states."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from callscribe.events import (
    CallUpdated,
    LagChanged,
    RecordSettled,
    StoreFailed,
)
from callscribe.web.services import WebSettings
from tests.web.script import Call, bank
from tests.web.serving import TOKEN, Serving
from tests.web.watching import opened, said


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
