"""What the menu of a call's page offers: exports, and deleting in two steps."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from callscribe.exports.formats import FORMATS
from callscribe.web.pages import FORMAT_NAMES
from tests.web.script import bank
from tests.web.serving import Serving
from tests.web.test_page import at, opened


def test_every_format_is_in_the_menu(server: Serving, page: Page) -> None:
    assert sorted(kind for kind, _ in FORMAT_NAMES) == sorted(FORMATS)
    call, events = bank()
    server.publish(*events, *call.end())
    opened(page, server, call)
    page.locator("#menu summary").click()
    links = page.locator("#menu a:visible")
    expect(links).to_have_count(len(FORMATS))
    with page.expect_download() as download:
        page.get_by_role("link", name="Subtitles (SRT)").click()
    assert download.value.suggested_filename.endswith(".srt")
    assert "Let me look that up." in download.value.path().read_text(encoding="utf-8")


def test_deleting_takes_two_steps(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    dialog = page.get_by_role("dialog", name="Delete this call?")
    for _ in range(2):
        page.locator("#menu summary").click()
        page.get_by_role("button", name="Delete …").click()
        expect(dialog).to_contain_text("sound")
        if _ == 0:
            dialog.get_by_role("button", name="Delete 1 call").click()
            expect(dialog).to_contain_text("still going on")
            dialog.get_by_role("button", name="Cancel").click()
            server.publish(*call.end())
    expect(page.locator("#ending")).to_be_visible()
    dialog.get_by_role("button", name="Delete 1 call").click()
    at(page, f"{server.url}/")
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    assert httpx.get(f"{server.url}/api/calls/{call.sid}").status_code == 404
