"""Correcting what was recognised, notes and tags, on the page in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.web.script import bank
from tests.web.serving import Serving
from tests.web.watching import opened


def test_an_utterance_is_corrected_where_it_stands(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *call.end())
    opened(page, server, call)
    last = page.locator(".u").last
    last.locator("span").first.dblclick()
    field = page.get_by_label("What was really said")
    expect(field).to_have_value("Let me look that up.")
    field.fill("Let me cook that up.")
    field.press("Enter")
    expect(last).to_have_text("Let me cook that up.")
    expect(page.locator("#correct")).to_be_hidden()
    pen = last.get_by_role("button", name=re.compile("^Corrected on .*Let me look that up"))
    pen.focus()
    expect(page.locator("#tip")).to_contain_text("Recognised: Let me look that up.")
    page.reload()
    expect(last).to_have_text("Let me cook that up.")
    # With the keyboard: what was recognised is a button away, and takes the correction back.
    page.locator(".u > [tabindex]").focus()
    page.keyboard.press("End")
    page.keyboard.press("e")
    page.get_by_role("button", name="As recognised").click()
    field.press("Enter")
    expect(last).to_have_text("Let me look that up.")
    expect(page.locator(".pen")).to_have_count(0)
    page.keyboard.press("e")
    field.press("Escape")
    expect(page.locator("#correct")).to_be_hidden()


def test_note_and_tags(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *call.end())
    opened(page, server, call)
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Note and tags").click()
    dialog = page.get_by_role("dialog", name="Note and tags")
    dialog.get_by_label("Tags, separated by commas").fill("urgent, refund")
    dialog.get_by_label("Note", exact=True).fill("Call back on Monday.")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator(".tag")).to_have_text(["urgent", "refund"])
    expect(page.locator(".remark")).to_contain_text("Call back on Monday.")
    page.reload()
    expect(page.locator(".tag")).to_have_text(["urgent", "refund"])
    page.goto(f"{server.url}/?tag=urgent")
    expect(page.locator(".found")).to_have_count(1)
