"""A call from the carrier's webhook to every place where people read it.

In a module of its own: while the browser is there, its event loop counts as running.
"""

from __future__ import annotations

import signal
from pathlib import Path

from playwright.sync_api import Page, expect

from callscribe.simulator import demos
from tests.e2e.running import SPEED, Running, errors, heard, report, show, simulate


def test_webhook_to_terminal_page_and_record(tmp_path: Path, page: Page) -> None:
    with Running(tmp_path / "data", terminal=True) as server:
        page.goto(server.url)
        simulation = simulate(server, "--speed", SPEED)
        page.locator("a[href*='/calls/CA']").first.click()
        expect(page.locator("main")).to_contain_text("account", timeout=60_000)
        (call,) = report(simulation)
        expect(page.locator("main")).to_contain_text("Ended", timeout=60_000)
        on_page = page.locator("main").inner_text()
        assert server.end(signal.SIGTERM) == 0
        in_terminal = server.text()

    record = show(tmp_path / "data", call["sid"])
    assert record["call"]["status"] == "completed"
    truth = demos.demo("bank")
    for speaker, track in (("caller", "inbound"), ("agent", "outbound")):
        found = errors(record, track, truth.words(speaker))
        assert found.rate <= 0.15, (track, found, heard(record, track))
    written = [utterance["text"] for utterance in record["utterances"]]
    flat_page, flat_terminal = " ".join(on_page.split()), " ".join(in_terminal.split())
    for text in written:
        assert " ".join(text.split()) in flat_page
        assert " ".join(text.split()) in flat_terminal
