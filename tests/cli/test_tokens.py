"""Tokens from the command line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import typer
from typer.testing import CliRunner, Result

from callscribe.cli.tokens import listing, register
from callscribe.errors import CallscribeError
from callscribe.records import TokenRecord
from callscribe.store.opening import open_store, open_tokens
from callscribe.web.tokens import digest


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)  # a lone group would swallow its own name
    return CliRunner().invoke(app, ["tokens", *arguments, "--data", "data"], catch_exceptions=False)


def test_a_token_is_printed_alone_and_once() -> None:
    made = run("add", "crm", "--scope", "read", "--scope", "control")
    token = made.stdout.strip()
    with open_tokens(Path("data")) as book:
        kept = book.find(digest(token))
    assert kept is not None
    assert (kept.name, kept.scopes) == ("crm", ("read", "control"))
    assert token not in run("list", "--json").stdout
    assert token.encode() not in b"".join(f.read_bytes() for f in Path("data").iterdir())


def test_without_a_scope_it_may_only_read() -> None:
    run("add", "crm")
    [kept] = msgspec.json.decode(run("list", "--json").stdout, type=list[TokenRecord])
    assert kept.scopes == ("read",)


def test_they_are_revoked_beside_a_running_server() -> None:
    with open_store(Path("data")):
        run("add", "crm")
        assert "crm is revoked" in run("revoke", "crm").stderr
        assert "revoked" in run("list").stdout


def test_none_is_said_in_words_or_as_an_empty_list() -> None:
    assert "There are no tokens. Make one" in run("list").stderr
    assert run("list", "--json").stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "a b"), "1 to 60 letters"),
        (
            ("add", "crm", "--scope", "root"),
            "There is no scope root. The scopes are: read, control, admin",
        ),
        (("revoke", "erp"), "There is no token called erp"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], said: str) -> None:
    open_tokens(Path("data"), create=True).close()
    with pytest.raises(CallscribeError, match=said):
        run(*arguments)


def test_the_list_stands_in_columns() -> None:
    lines = listing(
        [
            TokenRecord(name="crm", scopes=("read",), created_at="2026-01-15T10:00:00.000Z"),
            TokenRecord(
                name="dialler",
                scopes=("read", "control"),
                created_at="2026-01-15T10:00:00.000Z",
                last_used_at="2026-01-16T10:00:00.000Z",
            ),
        ]
    )
    assert lines == [
        "crm      read          made 2026-01-15  never used",
        "dialler  read control  made 2026-01-15  used 2026-01-16",
    ]
