"""Everything the pages can look like, on a desk and on a phone: nothing to complain of for axe-core, nothing in the
console, nothing that pushes the page sideways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.web.scenes import SCENES
from tests.web.serving import Serving

SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 780}, "color_scheme": "dark", "has_touch": True},
}
OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
WIDE = "document.documentElement.scrollWidth - innerWidth"


@pytest.mark.parametrize("name", SCENES)
def test_scene(browser: Browser, tmp_path: Path, name: str) -> None:
    scene = SCENES[name]
    if scene.sound is not None:
        scene.sound(tmp_path)
    with Serving(tmp_path, scene.settings) as server:
        before = scene.before()
        if len(before) > 500:
            server.store.append(before)
        else:
            server.publish(*before)
        for screen, options in SCREENS.items():
            context = browser.new_context(**options, reduced_motion="reduce")
            context.set_default_timeout(20_000)
            page = context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))  # noqa: B023
            page.on("console", lambda line: problems.append(line.text))  # noqa: B023
            page.goto(server.url + scene.path)
            if scene.live is not None:
                server.publish(*scene.live())
            if scene.act is not None:
                scene.act(page, server)
            found = Axe().run(page, options=OPTIONS).response["violations"]
            problems += [
                f"{each['id']}: {node['html'][:160]} {node['failureSummary']}"
                for each in found
                for node in each["nodes"]
            ]
            assert page.evaluate(WIDE) <= 0, screen
            if name in ("missing", "reconnecting"):  # the browser's own words for what is meant
                problems = [each for each in problems if "Failed to load resource" not in each]
            assert problems == [], screen
            context.close()
