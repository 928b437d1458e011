"""The token of pages and API: chosen, kept or made."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from callscribe.errors import SettingsError, StoreError
from callscribe.web.pagetoken import kept_token, page_token

CHOSEN = "vN3-kq0ZrT8x_mWb"


def test_a_chosen_token_is_used_and_none_is_kept(tmp_path: Path) -> None:
    assert page_token(CHOSEN, tmp_path) == CHOSEN
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("token", "why"), [("hunter2", "at least 16 are needed"), ("passwordpassword", "easy to guess")]
)
def test_a_chosen_token_that_can_be_guessed_is_refused(
    tmp_path: Path, token: str, why: str
) -> None:
    with pytest.raises(SettingsError, match=why):
        page_token(token, tmp_path)


def test_a_made_token_is_kept_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    token = page_token("", data)
    assert page_token("", data) == kept_token(data) == token
    assert [file.name for file in data.iterdir()] == ["token"]
    if sys.platform != "win32":
        assert (data / "token").stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_kept_token_that_others_could_read_is_theirs_no_longer(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(CHOSEN)
    for mode, kept, told in ((0o644, 0o640, 1), (0o640, 0o640, 0), (0o600, 0o600, 0)):
        file.chmod(mode)
        with capture_logs() as logs:
            assert page_token("", tmp_path) == CHOSEN
        assert file.stat().st_mode & 0o777 == kept
        assert len(logs) == told
        assert CHOSEN not in str(logs)


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    assert kept_token(tmp_path) == ""
    assert page_token("", tmp_path) == kept_token(tmp_path) != ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"passwordpassword", r"can be guessed: .*Delete the file"),
        (b"15005550006-15005550006", r"it contains your number.*Delete the file"),
        (b"short", r"has 5 characters; at least 16 are needed.*Delete the file"),
        ("sehr schön geheim gehalten".encode("latin-1"), "does not hold a token.*Delete the file"),
        ("0123456789abcdef0123".encode("utf-16"), "does not hold a token.*Delete the file"),
        (b"two words in the file", "does not hold a token"),
        (b"0123456789\x000123456789", "does not hold a token"),
    ],
)
def test_a_kept_token_that_cannot_be_used(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        page_token("", tmp_path, {"your number": "+15005550006"})


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(SettingsError, match=r"token file .* cannot be read"):
        page_token("", tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be written.*--data"):
        page_token("", tmp_path / "file")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="permissions do not stop this user"
)
def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "token").touch(mode=0)
    with pytest.raises(SettingsError, match="Permission denied"):
        kept_token(tmp_path)
