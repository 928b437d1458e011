"""What can be done with one turn, and links to a moment, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.web.script import bank
from tests.web.serving import Serving
from tests.web.watching import opened, said


@pytest.fixture
def page(context: BrowserContext, page: Page) -> Page:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return page


def test_a_turn_is_copied_with_the_mouse_and_with_the_keyboard(server: Serving, page: Page) -> None:
    call, events = bank()
    long_ago = call.final("Alice Adams", "Are you there?", start_ms=call.ms + 40_000)
    server.publish(*events, long_ago, call.final("Alice Adams", "Hello?", pause_ms=4000))
    opened(page, server, call)
    page.locator(".para", has_text="Hello?").hover()
    copy = page.get_by_role("button", name="Copy this turn")
    copy.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    lines = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert [line.partition("  ")[2] for line in lines] == [
        "Alice Adams: Are you there?",
        "Alice Adams: Hello?",
    ]
    expect(copy).to_be_visible()  # it has said so long enough
    page.locator(".u > [tabindex]").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(copy).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "0:00  Support: Good morning, Harbour Bank, how can I help?"


def test_a_link_to_a_moment_leads_there(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    page.locator(".para", has_text="savings account").hover()
    page.get_by_role("button", name="Copy a link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == f"{server.url}/calls/{call.sid}#t=4"
    page.goto(address)
    expect(page.locator(".there")).to_contain_text("savings account")


def test_the_mark_of_a_moment_stays_when_the_row_is_drawn_anew(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    page.goto(f"{server.url}/calls/{call.sid}#t=4.9")
    there = page.locator(".there")
    expect(there).to_contain_text("savings account")
    server.publish(call.final("Alice Adams", "Please.", start_ms=9000, end_ms=9400))
    said(page, "Please.")
    expect(there).to_have_count(1)
    expect(there).to_contain_text("savings account")
    page.keyboard.press("g")
    page.goto(f"{server.url}/calls/{call.sid}")
    expect(there).to_have_count(0)
