"""What the start-up says: the token is for people's eyes, and what is to be typed must work."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from callscribe.cli.serve import introduction, is_read, page_lines
from callscribe.models.folder import built_in
from callscribe.settings import Secret, Settings
from callscribe.terminal.canvas import canvas
from callscribe.terminal.jsonlines import JsonLines
from callscribe.terminal.view import TerminalView


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


@pytest.mark.parametrize(("to_terminal", "errors_to_terminal"), [(True, False), (False, True)])
def test_who_reads_depends_on_where_it_is_said(
    to_terminal: bool, errors_to_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`serve --json 2>log` in a terminal: what is said stands in the log."""
    views = TerminalView(canvas(io.StringIO())), JsonLines(io.BytesIO())
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: to_terminal))
        patched.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: errors_to_terminal))
        read = [is_read(view) for view in views]
    assert read == [to_terminal, errors_to_terminal]


def test_an_address_that_twilio_cannot_reach_is_simulated_with_what_it_is_signed_for() -> None:
    nearby = "http://192.168.1.5:8080"
    running = server("http://127.0.0.1:1", account_sid="AC" + "0" * 32, public_url=nearby)
    running.address = SimpleNamespace(
        url="http://127.0.0.1:1", public_url=nearby, is_public=True, loopback=True
    )
    running.record = SimpleNamespace(interrupted=[])
    running.reading, running.capacity = None, 0
    *_, warning, last = introduction(running, built_in(), "")
    assert f"no calls can arrive: Twilio cannot reach {nearby}" in warning
    assert last.endswith(f"simulate http://127.0.0.1:1 --public-url {nearby}")
