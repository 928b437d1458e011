"""Captions, small screens, screen readers and long calls, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.scenes import SCENES
from tests.web.script import SID, bank
from tests.web.serving import Serving
from tests.web.watching import long, opened, until


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


def test_on_paper_stand_the_words_and_the_whole_date(server: Serving, browser: Browser) -> None:
    call, events = bank()
    server.publish(*events, *call.end())
    context = browser.new_context(viewport={"width": 794, "height": 1123})
    page = context.new_page()
    page.goto(f"{server.url}/calls/{call.sid}")
    began = page.locator("#status time")
    expect(began).to_have_attribute("title", re.compile(r"^\d{1,2} \w+ \d{4}, \d"))
    page.emulate_media(media="print")
    for name in ("Copy", "More", "Swap names"):
        expect(page.get_by_role("button", name=name)).to_be_hidden()
    expect(page.get_by_role("link", name="All calls")).to_be_hidden()
    shown = "getComputedStyle(document.querySelector('#status time'), '::after').content"
    assert page.evaluate(shown) == f'"{began.get_attribute("title")}"'
    context.close()


@pytest.mark.parametrize("address", ["/calls/CA" + "x" * 200, "/" + "y" * 200])
def test_no_address_pushes_the_page_sideways(
    server: Serving, browser: Browser, address: str
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 780})
    page = context.new_page()
    page.goto(server.url + address)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
