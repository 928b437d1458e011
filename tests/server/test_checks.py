"""What the server makes of its settings before it listens."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from callscribe.errors import SettingsError
from callscribe.server.checks import check
from callscribe.settings import Secret, Settings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"auth_token": Secret("")}, "There is no auth token"),
        ({"public_url": "https://a.example", "tunnel": "ngrok"}, "not both"),
        ({"public_url": "calls.example"}, "must start with https://"),
        ({"number": "five"}, r"`number` 'five' is not a phone number.*\+15005550006"),
        ({"flow": "forward"}, "forward needs a number"),
        ({"contacts": {"+15005550010": " "}}, "has no name"),
        ({"token": Secret("hunter2")}, "at least 16 are needed"),
        ({"unread_key": Secret("hunter2")}, "has 7 characters; 16 or more"),
    ],
)
def test_what_is_wrong_with_settings_is_found_before_anything_is_opened(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    good = Settings(data=tmp_path / "data", auth_token=Secret("t"))
    check(good)
    with pytest.raises(SettingsError, match=said):
        check(dataclasses.replace(good, **wrong))
    assert not good.data.exists()


def test_a_kept_token_that_cannot_be_used_is_found_at_start(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short\n")
    with pytest.raises(SettingsError, match="has 5 characters"):
        check(Settings(data=tmp_path, auth_token=Secret("t")))
