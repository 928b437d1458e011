"""Chromium for the page's tests; without it they are skipped and say so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.web.browser import chromium, launch_options
from tests.web.serving import Serving

PATIENCE_MS = 20_000
"""A machine that is busy with other things may take its time; a page that is right takes none."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while it is there, Playwright's event loop counts as running."""
    binary = chromium()
    if binary is None:
        pytest.skip("no Chromium: install Debian's `chromium`, or name one in CALLSCRIBE_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options(binary))
        yield browser
        browser.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path) as server:
        yield server


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile; the test fails when the page logs an error or breaks its own policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    yield page
    assert problems == []
