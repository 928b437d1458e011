"""`serve --dry-run` and the start-up words, when calls have no way here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from callscribe.cli import serve
from callscribe.errors import TunnelError
from callscribe.settings import Secret, Settings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NGROK_AUTHTOKEN", raising=False)
    return Settings(
        account_sid="AC" + "0" * 32, auth_token=Secret("0" * 32), data=tmp_path / "data"
    )


def test_a_dry_run_without_a_way_here_changes_nothing_and_says_why(settings: Settings) -> None:
    (line,) = serve.plan(settings)
    assert line.startswith("Nothing would be changed: Twilio cannot reach this server.")
    assert "--tunnel ngrok" in line


def test_a_dry_run_with_an_address_that_twilio_cannot_reach_changes_nothing(
    settings: Settings,
) -> None:
    nearby = dataclasses.replace(settings, public_url="http://192.168.1.5:8080", api_url="")
    (line,) = serve.plan(nearby)
    assert "Nothing would be changed: Twilio cannot reach http://192.168.1.5:8080" in line


def test_a_dry_run_of_a_tunnel_wants_what_the_tunnel_wants(settings: Settings) -> None:
    with pytest.raises(TunnelError, match="authtoken"):
        serve.plan(dataclasses.replace(settings, tunnel="ngrok"))
