"""`callscribe contacts`, beside a server and without one."""

from __future__ import annotations

from pathlib import Path

import httpx
import msgspec
import pytest

from callscribe.names import CONTACTS
from callscribe.server import ADDRESS_FILE
from tests.cli.test_calls_and_show import Run, run
from tests.web.serving import TOKEN, Serving

__all__ = ["run"]


@pytest.mark.parametrize("served", [True, False])
def test_names_are_saved_listed_and_removed(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    served: bool,
) -> None:
    data = tmp_path / "data"
    if served:
        monkeypatch.setenv("CALLSCRIBE_TOKEN", TOKEN)
        with Serving(data) as server:
            (data / ADDRESS_FILE).write_text(server.url)
            use(run, data, capsys)
            capsys.readouterr()
            assert run("contacts", "add", "+15005550030", "Carol", "--data", str(data)) == 0
            assert capsys.readouterr().err == "+15005550030 is now called Carol.\n"
            assert "Carol" in httpx.get(f"{server.url}/api/contacts").text
    else:
        use(run, data, capsys)
    assert "# ours" in (data / CONTACTS).read_text()


def test_names_of_every_script_are_taken_and_steering_characters_are_not(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--data", str(tmp_path / "data"))
    for name in ("می\u200cخواهم", "\U0001f469\u200d\U0001f4bb Zoë", "น้ำ", "אבג"):
        assert run("contacts", "add", "+15005550010", name, *where) == 0
    capsys.readouterr()
    assert run("contacts", "list", *where) == 0
    assert capsys.readouterr().out == "+15005550010  \u2068אבג\u2069\n"
    for name in ("A\u202eB", "A\x1b[31mB", " "):
        assert run("contacts", "add", "+15005550010", name, *where) == 1


def use(run: Run, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--data", str(data))
    assert run("contacts", "add", "+1 500 555 0010", " Alice  Smith ", *where) == 0
    with (data / CONTACTS).open("a") as file:
        file.write("# ours\n")
    assert run("contacts", "add", "+15005550020", "Bob", *where) == 0
    capsys.readouterr()
    assert run("contacts", "list", "--json", *where) == 0
    assert msgspec.json.decode(capsys.readouterr().out) == [
        {"number": "+15005550010", "name": "Alice Smith", "from": "saved"},
        {"number": "+15005550020", "name": "Bob", "from": "saved"},
    ]
    assert run("contacts", "remove", "+1 500 555 0020", *where) == 0
    assert run("contacts", "remove", "+1 500 555 0020", *where) == 1
    assert "no saved contact" in capsys.readouterr().err
    assert run("contacts", "list", *where) == 0
    assert capsys.readouterr().out == "+15005550010  Alice Smith\n"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("555", "A"),
        ("+15005550010", "  "),
        ("+15005550010", "a\x07"),
        ("+15005550010", "\u3164"),
        ("+15005550010", "a" * 61),
    ],
)
def test_what_cannot_be_is_refused(run: Run, tmp_path: Path, number: str, name: str) -> None:
    assert run("contacts", "add", number, name, "--data", str(tmp_path / "data")) == 1
    assert not (tmp_path / "data").exists()
