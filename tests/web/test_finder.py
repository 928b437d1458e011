"""Finding in the call that is shown, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web.script import Call, bank
from tests.web.serving import Serving
from tests.web.watching import long, opened, until

MARKED = """[...(CSS.highlights.get("found") ?? [])].map((range) => range.toString())"""
NOW = """[...(CSS.highlights.get("found-now") ?? [])].map((range) => range.toString()).join()"""


def finder(page: Page, server: Serving, call: Call) -> None:
    opened(page, server, call)
    page.keyboard.press("f")
    expect(page.locator("#finder-text")).to_be_focused()


def test_counts_and_goes_from_one_to_the_next(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events, *long(call), *call.end())
    finder(page, server, call)
    count = page.locator("#finder-count")
    page.keyboard.type("sentence number 3")
    expect(count).to_have_text("1 of 11")  # 3 and 30 to 39
    expect(page.locator(".u", has_text="number 3.")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(count).to_have_text("2 of 11")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text("11 of 11")
    expect(page.locator(".u", has_text="number 39.")).to_be_in_viewport()
    assert page.evaluate(NOW) == "sentence number 39"
    page.locator("#finder-text").fill("nowhere")
    expect(count).to_have_text("Not found")
    page.keyboard.press("Escape")
    expect(page.locator("#finder")).to_be_hidden()
    expect(page.locator("#look")).to_be_focused()
    assert page.evaluate(MARKED) == []


def test_figures_are_found_by_words_and_words_by_figures(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    finder(page, server, call)
    for typed, marked in (
        ("four oh seven", "4 0 7"),
        ("two hundred and fifty", "250"),
        ("the third of", "3rd"),
        ("savings acc", "savings acc"),
    ):
        page.locator("#finder-text").fill(typed)
        until(page, f"{MARKED}.some((each) => each.includes({marked!r}))")


def test_text_that_still_arrives_is_found(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    finder(page, server, call)
    page.keyboard.type("balance")
    count = page.locator("#finder-count")
    expect(count).to_have_text("1 of 1")
    *partials, final = call.spoken("Support", "Your balance is fine.", start_ms=call.ms + 3000)
    server.publish(*partials)
    expect(count).to_have_text("1 of 2")
    server.publish(final, *long(call, 3), call.final("Support", "The balance, I mean."))
    expect(count).to_have_text("1 of 3")
    assert page.evaluate(MARKED) == ["balance"] * 3
    page.keyboard.press("Enter")
    expect(count).to_have_text("2 of 3")
    server.publish(call.revised(final, "Your balance is all fine."))  # type: ignore[arg-type]
    expect(page.get_by_text("all", exact=True)).to_be_visible()
    expect(count).to_have_text("2 of 3")


def test_the_words_that_are_shown_are_searched(server: Serving, page: Page) -> None:
    call, events = bank()
    server.publish(*events)
    opened(page, server, call)
    page.locator("#menu summary").click()
    page.get_by_label("Raw words").check()
    page.keyboard.press("Escape")
    expect(page.locator("#talk")).to_contain_text("four oh seven two")
    page.locator("#look").click()
    page.keyboard.type("4072")
    until(page, f"{MARKED}.join() === 'four oh seven two'")
