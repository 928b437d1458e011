"""What the start-up says of the pages: the token is for people's eyes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callscribe.cli.serve import page_lines
from callscribe.settings import Secret, Settings


def server(link: str, **settings: Any) -> Any:
    return SimpleNamespace(
        page_url=link,
        address=SimpleNamespace(url="http://127.0.0.1:1"),
        settings=Settings(data=Path("kept"), **settings),
    )


@pytest.mark.parametrize(
    ("settings", "where"),
    [({}, "in kept/token"), ({"token": Secret("not-to-be-seen")}, "the one you set")],
)
def test_a_log_gets_no_token(settings: dict[str, Any], where: str) -> None:
    link = "http://127.0.0.1:1/?token=not-to-be-seen"
    running = cast(Any, server(link, **settings))
    lines = page_lines(running, openly=False)
    assert "not-to-be-seen" not in str(lines)
    assert where in str(lines)
    assert page_lines(running, openly=True) == [f"Page     {link}"]


def test_without_a_token_there_is_nothing_to_hide() -> None:
    assert page_lines(server("http://127.0.0.1:1"), openly=False) == ["Page     http://127.0.0.1:1"]
