"""What the server makes of its settings before it listens."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from callscribe.errors import SettingsError
from callscribe.server.checks import check
from callscribe.settings import Secret, Settings, load, setting_infos


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
        (
            {"token": Secret("x" * 8 + "t"), "auth_token": Secret("x" * 8 + "t")},
            "is the auth token",
        ),
        ({"token": Secret("15005550006!!!"), "number": "+15005550006"}, "at least 16"),
        ({"token": Secret("+1-500-555-0006!!"), "number": "+15005550006"}, "contains your number"),
        ({"unread_key": Secret("callscribe-secret-key")}, "easy to guess"),
        ({"unread_key": Secret("hunter2")}, "has 7 characters, and at least 16"),
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


ODD = [
    "abc", "-1", "9" * 5000, "x" * 100_000, "nan", "inf", "1e3", "a\nb", "a\0b", "\x1b]0;x\x07", "\udcff", " ",
    "[bad", "https://[bad", "https://x/\u202e", "https://", "https://h:99999", "https://u:p@h", "ftp://x", "s3://",
    "~nosuchuser/x", "/dev/null/x", "..", "+1", "*",
]  # fmt: skip


@pytest.mark.parametrize("source", ["variable", "flag", ".env", "file"])
@pytest.mark.parametrize("value", ODD)
def test_an_odd_value_is_taken_or_refused_in_one_line_that_names_setting_and_source(
    tmp_path: Path, source: str, value: str
) -> None:
    general = {"CALLSCRIBE_ALLOW_UNSIGNED": "1"}
    for name, info in setting_infos().items():
        if name == "allow_unsigned":
            continue
        environ, flags = dict(general), dict[str, object]()
        try:
            if source == "variable":
                environ[info.env] = value
            elif source == "flag" and info.flag:
                flags[name] = value
            elif source == ".env":
                (tmp_path / ".env").write_text(f"{info.env}='{value}'\n", encoding="utf-8")
            elif source == "file":
                text = f"{name} = {json.dumps(value)}\n"
                (tmp_path / "callscribe.toml").write_text(text, encoding="utf-8")
        except UnicodeEncodeError:
            return  # no file can hold it
        environ.setdefault("CALLSCRIBE_DATA", str(tmp_path / "data"))
        try:
            check(load(flags, environ=environ, directory=tmp_path))
        except SettingsError as error:
            said = str(error)
            assert "\n" not in said
            assert len(said) < 700
            known = (name, info.env, info.flag or name, "token file", "TOML", ".env")
            assert any(word in said for word in known)
        (tmp_path / ".env").unlink(missing_ok=True)


def test_errors_found_later_than_reading_name_the_source_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CALLSCRIBE_PUBLIC_URL=http://calls.example.com\n")
    environ = {"TWILIO_AUTH_TOKEN": "0" * 32}
    with pytest.raises(SettingsError, match=r"`public_url` \(CALLSCRIBE_PUBLIC_URL in .env\)"):
        check(load(environ=environ, directory=tmp_path))
    (tmp_path / ".env").unlink()
    with pytest.raises(SettingsError, match=r"`account_sid` \(TWILIO_ACCOUNT_SID\).*API key"):
        check(load(environ={**environ, "TWILIO_ACCOUNT_SID": "SK1"}, directory=tmp_path))
