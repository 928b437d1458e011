"""The search field in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.script import Call
from tests.web.serving import Serving

TALKS = {
    "Dana": ["I want a refund for the blue cable.", "The refund never came.", "A refund, please.", "Refund!"],
    "Marco": ["When do you open?", "I'd like a refund."],
    "Priya": ["My invoice is wrong."],
}  # fmt: skip


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(Path(tmp_path_factory.mktemp("searched"))) as serving:
        for number, (name, lines) in enumerate(TALKS.items(), start=1):
            call = Call(number, age_s=90_000 - number * 100)
            serving.publish(
                call.start(from_name=name),
                *call.people(name, "Support"),
                *(call.final(name, line, pause_ms=4000) for line in lines),
                *call.end(),
            )
        missed = Call(9, age_s=500)
        serving.publish(missed.start(from_name="Lena", status="ringing"))
        serving.publish(*missed.end(status="no-answer"))
        yield serving


def test_calls_with_their_lines_as_one_types(searched: Serving, page: Page) -> None:
    page.goto(searched.url)
    page.keyboard.press("/")
    page.keyboard.type("refund")
    expect(page.locator("#searched")).to_have_text("2 calls")
    expect(page.locator(".found .from")).to_have_text(["Marco", "Dana"])
    expect(page.locator("#listed")).to_be_hidden()
    dana = page.locator(".found").last
    expect(dana.locator(".line")).to_have_count(3)
    expect(dana.locator("mark").first).to_have_text("refund")
    expect(dana.locator(".more")).to_have_text("1 more on this call")
    # The keyboard goes to a line, which opens at its second; the search stays beside it.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/calls/{Call(2).sid}\?q=refund#t=\d+$"))
    expect(page.locator(".there")).to_contain_text("I'd like a refund.")
    expect(page.locator("#find")).to_have_value("refund")
    expect(page.locator("#searched")).to_have_text("2 calls")
    page.locator("#find").press("Escape")
    expect(page.locator("#listed")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/calls/{Call(2).sid}#t=\d+$"))


def test_names_are_found_too_and_filters_are_chips(searched: Serving, page: Page) -> None:
    page.goto(searched.url)
    page.locator("#find").fill("priy")
    expect(page.locator(".found .from")).to_have_text(["Priya"])
    page.locator("#find").fill("refund")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Who").fill("Dana")
    expect(page.locator(".found .from")).to_have_text(["Dana"])
    page.reload()
    expect(page.locator(".found .from")).to_have_text(["Dana"])
    page.get_by_role("button", name="Remove: with Dana").click()
    expect(page.locator(".found .from")).to_have_text(["Marco", "Dana"])
    page.locator("#find").fill("")
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Missed calls").check()
    expect(page.locator(".found .from")).to_have_text(["Lena"])


def test_nothing_found_says_what_was_searched(searched: Serving, page: Page) -> None:
    page.goto(f"{searched.url}/?q=zebra&person=Dana")
    expect(page.locator("#searched")).to_have_text(
        "Nothing found for “zebra” among calls with Dana."
    )
    page.goto(searched.url)
    page.locator("#find").fill("invoce")
    page.get_by_role("button", name="invoice").click()
    expect(page.locator(".found .from")).to_have_text(["Priya"])
    page.locator("#find").fill('"refund')
    expect(page.locator("#searched")).not_to_have_text("1 call")
    expect(page.locator("#searched")).not_to_be_empty()


def test_without_scripts_the_form_searches(searched: Serving, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 640})
    page = context.new_page()
    page.goto(searched.url)
    page.locator("#find").fill("refund")
    page.locator("#find").press("Enter")
    expect(page.locator(".found .from")).to_have_text(["Marco", "Dana"])
    context.close()


def test_enter_opens_the_first_line_at_its_second(searched: Serving, page: Page) -> None:
    page.goto(searched.url)
    page.keyboard.press("/")
    page.keyboard.type("refund")
    page.keyboard.press("Enter")  # before anything was found
    expect(page).to_have_url(re.compile(rf"/calls/{Call(2).sid}\?q=refund#t=\d+$"))
    expect(page.locator(".there")).to_contain_text("I'd like a refund.")
    page.locator("#find").fill("invoice")
    expect(page.locator("#searched")).to_have_text("1 call")
    page.locator("#find").press("Enter")
    expect(page.locator(".there")).to_contain_text("My invoice is wrong.")
    page.locator("#find").fill("nothing like it")
    page.locator("#find").press("Enter")
    expect(page.locator("#searched")).to_have_text("Nothing found for “nothing like it”.")


def test_the_best_first(searched: Serving, page: Page) -> None:
    page.goto(searched.url)
    page.locator("#find").fill("refund")
    expect(page.locator(".found .from")).to_have_text(["Marco", "Dana"])
    page.get_by_text("Filters").click()
    page.get_by_label("Order").select_option("Best first")
    expect(page.locator(".found .from")).to_have_text(["Dana", "Marco"])
    expect(page).to_have_url(re.compile("by=rank"))
    page.reload()
    expect(page.locator(".found .from")).to_have_text(["Dana", "Marco"])
    page.locator("#find").fill("")
    expect(page.locator("#listed")).to_be_visible()


def test_what_is_found_is_shown_a_page_at_a_time(server: Serving, page: Page) -> None:
    for number in range(1, 46):
        call = Call(number, age_s=10_000 - number)
        server.publish(call.start(from_name=f"Robin {number}"), *call.end())
    page.goto(f"{server.url}/?q=robin")
    found = page.locator(".found .from")
    expect(found).to_have_count(20)
    expect(page.locator("#searched")).to_have_text("More than 20 calls")
    page.get_by_role("button", name="Show more").click()
    expect(found).to_have_count(40)
    expect(page.locator(".found").nth(20).locator("a").first).to_be_focused()
    page.get_by_role("button", name="Show more").press("Enter")
    expect(found).to_have_count(45)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)
    names = found.all_text_contents()
    assert names == [f"Robin {number}" for number in range(45, 0, -1)]
