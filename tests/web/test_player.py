"""The recording on a call's page, in a real browser: heard, followed, found by the second."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from callscribe.events import AnyEvent
from tests.recordings.made import Key, record, tone
from tests.web.script import Call
from tests.web.serving import Serving
from tests.web.watching import until

HEARD = "document.getElementById('audio')"


def recorded_call() -> tuple[Call, list[AnyEvent]]:
    """Two people who say a word every 320 ms, then a long silence and a last sentence."""
    call = Call(1, age_s=600)
    events = [call.start(), *call.people("Alice Adams", "Support")]
    events += [
        call.final("Alice Adams", "I'd like to check my balance, please.", start_ms=1000),
        call.final("Support", "Of course, one moment.", start_ms=5000),
        *(
            call.final(name, f"This is sentence number {number}.", start_ms=8000 + 2000 * number)
            for number in range(24)
            for name in (("Alice Adams", "Support")[number % 2],)
        ),
        call.final("Support", "Goodbye then.", start_ms=80_000),
    ]
    return call, [*events, *call.end(ended_by="Alice Adams")]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    data = Path(tmp_path_factory.mktemp("recorded"))
    call, events = recorded_call()
    alice = [(1000, tone(2240)), *((8000 + 4000 * n, tone(1600)) for n in range(12))]
    support = [(5000, tone(1280, 600)), *((10_000 + 4000 * n, tone(1600, 600)) for n in range(12))]
    support += [(80_000, tone(1000, 300))]
    asyncio.run(
        record(
            data / "recordings",
            (Key(call.sid, call.sid, "MZ1", "inbound"), 0, alice),
            (Key(call.sid, call.sid, "MZ2", "outbound"), 0, support),
        )
    )
    with Serving(data) as serving:
        serving.publish(*events)
        quiet = Call(2, age_s=300)
        serving.publish(
            quiet.start(),
            *quiet.people("Bo", "Support"),
            quiet.final("Bo", "Hello?"),
            *quiet.end(),
        )
        yield serving


def opened(page: Page, server: Serving, fragment: str = "", number: int = 1) -> None:
    page.goto(f"{server.url}/calls/{Call(number).sid}{fragment}")
    page.wait_for_load_state()


def at_s(page: Page) -> float:
    found: float = page.evaluate(f"{HEARD}.currentTime")
    return found


def test_a_call_that_was_not_recorded_has_no_player(recorded: Serving, page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, recorded, number=2)
    expect(page.locator(".u")).to_have_text(["Hello?"])
    expect(page.locator("#player")).to_be_hidden()
    assert not [address for address in asked if "/recording" in address or "/peaks" in address]


def test_a_lane_for_each_person_in_their_colour(recorded: Serving, page: Page) -> None:
    opened(page, recorded)
    expect(page.locator(".lane bdi")).to_have_text(["Alice Adams", "Support"])
    expect(page.locator("#clock-end")).to_have_text("1:21")
    for name in ("s0", "s1"):
        lane = page.locator(f".lane.{name}")
        expect(lane).to_be_visible()
        drawn = lane.locator("canvas").evaluate(
            "(c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((x) => x)"
        )
        assert drawn
    place = page.locator("#player").bounding_box()
    assert place is not None
    assert round(place["y"] + place["height"]) == 800  # at the foot, in sight


def test_clicked_words_are_heard_and_lit(recorded: Serving, page: Page) -> None:
    opened(page, recorded)
    expect(page.locator("#player")).to_be_visible()
    page.get_by_text("balance,", exact=True).click()
    until(page, f"!{HEARD}.paused && {HEARD}.currentTime > 2.6")
    expect(page.locator("#play")).to_have_text("Pause")
    page.locator("#play").click()
    until(page, f"{HEARD}.paused")
    expect(page).to_have_url(re.compile(r"#t=[23]$"))
    page.locator("#seek").fill("3000")
    expect(page.locator(".now")).to_have_text("please.")
    page.locator("#seek").fill("4500")
    expect(page.locator(".now")).to_have_count(0)


def test_a_link_to_a_second(recorded: Serving, page: Page) -> None:
    opened(page, recorded, "#t=38")
    expect(page.locator("#clock")).to_have_text("0:38")
    expect(page.locator(".there")).to_contain_text("sentence number 15")
    assert page.evaluate(f"{HEARD}.paused")
    page.locator(".time", has_text="0:46").click()
    expect(page.locator("#clock")).to_have_text("0:46")


def test_the_keyboard_does_all(recorded: Serving, page: Page) -> None:
    opened(page, recorded)
    expect(page.locator("#player")).to_be_visible()
    page.locator(".u > [tabindex]").focus()
    for key in ("ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.textContent") == "course,"
    page.keyboard.press("Enter")
    until(page, f"!{HEARD}.paused && {HEARD}.currentTime >= 5.3")
    page.keyboard.press("p")
    until(page, f"{HEARD}.paused")
    page.keyboard.press("b")
    assert at_s(page) < 5
    page.locator("#seek").focus()
    before = at_s(page)
    page.keyboard.press("ArrowRight")
    assert at_s(page) == pytest.approx(before + 5, abs=0.1)
    expect(page.locator("#seek")).to_have_attribute(
        "aria-valuetext", re.compile(r"^0:\d\d of 1:21$")
    )


def test_speed_is_remembered_and_silence_skipped(recorded: Serving, page: Page) -> None:
    opened(page, recorded)
    page.locator("#speed").select_option("2")
    page.locator("#skip").click()
    page.locator("#seek").fill("56000")
    page.locator("#play").click()
    until(page, f"{HEARD}.currentTime > 79.5")
    page.reload()
    expect(page.locator("#speed")).to_have_value("2")
    assert page.evaluate(f"{HEARD}.playbackRate") == 2


def test_the_text_goes_along_until_the_reader_goes_elsewhere(recorded: Serving, page: Page) -> None:
    opened(page, recorded)
    last = page.get_by_text("23.", exact=True)
    page.locator("#seek").fill("55000")
    page.locator("#play").click()
    expect(last).to_be_in_viewport()
    page.mouse.move(800, 400)
    page.mouse.wheel(0, -3000)
    expect(page.locator("#jump")).to_have_text("Go to what is heard")
    expect(last).not_to_be_in_viewport()
    page.locator("#jump").click()
    expect(last).to_be_in_viewport()


def test_lanes_fit_a_phone(recorded: Serving, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 640}, has_touch=True)
    page = context.new_page()
    opened(page, recorded)
    expect(page.locator("#player")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        """() => [...document.querySelectorAll("#player button, #player select")]
          .filter((e) => e.getBoundingClientRect().height < 40).map((e) => e.id)"""
    )
    context.close()
    assert small == []


def test_the_page_that_is_taken_along_plays_without_a_network(
    recorded: Serving, browser: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "call.html"
    url = f"{recorded.url}/api/calls/{Call(1).sid}/export?format=html"
    file.write_bytes(httpx.get(url).content)
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    expect(page.get_by_text("balance")).to_be_visible()
    page.evaluate("document.querySelector('audio').play()")
    until(page, "document.querySelector('audio').currentTime > 0.3")
    context.close()
    assert {address.split(":")[0] for address in asked} <= {"file", "data", "blob"}
