"""What the menu of a call's page offers: exports, and deleting in two steps."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from callscribe.exports.formats import FORMATS
from callscribe.web.pages import FORMAT_NAMES
from tests.web.script import Call, bank
from tests.web.serving import Serving
from tests.web.watching import at, opened


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
        expect(dialog).to_contain_text("audio")
        if _ == 0:
            dialog.get_by_role("button", name="Delete 1 call").click()
            expect(dialog).to_contain_text("still in progress")
            dialog.get_by_role("button", name="Cancel").click()
            expect(page.locator("#menu > summary")).to_be_focused()
            server.publish(*call.end())
    expect(page.locator("#ending")).to_be_visible()
    dialog.get_by_role("button", name="Delete 1 call").click()
    at(page, f"{server.url}/")
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()
    assert httpx.get(f"{server.url}/api/calls/{call.sid}").status_code == 404


def test_both_readings(server: Serving, page: Page) -> None:
    call, events = bank()
    first = call.final("Support", "Your payment is do tomorrow.")
    server.publish(*events, first, call.revised(first, "Your payment is due tomorrow."))
    opened(page, server, call)
    page.locator("#menu summary").click()
    page.get_by_label("Both readings").check()
    expect(page.locator(".was")).to_have_text(["Your payment is do tomorrow."])
    server.publish(call.final("Support", "Anything else?"))
    expect(page.locator("#talk")).to_contain_text("Anything else?")
    page.reload()
    expect(page.locator(".was")).to_have_text(["Your payment is do tomorrow."])
    expect(page.get_by_label("Both readings")).to_be_checked()


def test_a_number_is_saved_as_a_contact(server: Serving, page: Page) -> None:
    call = Call(1)
    server.publish(
        call.start(from_name=""), *call.people("+1 500 555 0101", "Support"), *call.end()
    )
    opened(page, server, call)
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Save as contact …").click()
    dialog = page.get_by_role("dialog", name="Rename")
    expect(dialog).to_contain_text("+1 (500) 555-0101")
    expect(dialog.get_by_role("checkbox")).to_be_checked()
    dialog.get_by_label("Name, for everything").fill("Alice")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#people")).to_contain_text("Alice")
    saved = httpx.get(f"{server.url}/api/contacts").json()["contacts"]
    assert saved == {"+15005550101": "Alice"}


def test_a_name_alone_is_no_contact(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *call.end())
    opened(page, server, call)
    page.get_by_role("button", name="Rename Alice Adams").click()
    dialog = page.get_by_role("dialog", name="Rename")
    expect(dialog.get_by_role("checkbox")).not_to_be_checked()
    dialog.get_by_label("Name, for everything").fill("Alice")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    assert httpx.get(f"{server.url}/api/contacts").json()["contacts"] == {}
