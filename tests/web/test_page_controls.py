"""What people do on the page, in a real browser: find their way, and control a call."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.web.script import SID, Call, bank
from tests.web.serving import Serving
from tests.web.watching import at, long, opened, said, transcript


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
