"""Style and scripts, which anybody may ask for."""

from __future__ import annotations

import builtins
import io
from pathlib import Path

import pytest
from starlette.applications import Starlette

from callscribe.web.assets import TYPES, asset_routes
from callscribe.web.drawing import HERE
from tests.web.client import Client


@pytest.fixture
def client(tmp_path: Path) -> Client:
    (tmp_path / "style.css").write_text("p {}")
    (tmp_path / "main.js").write_text("1;")
    (tmp_path / ".hidden.js").write_text("2;")
    (tmp_path / "notes.txt").write_text("3;")
    return Client(Starlette(routes=asset_routes("/static", tmp_path)))


def test_style_and_scripts_have_their_types_and_nothing_else_is_there(client: Client) -> None:
    answer = client.get("/static/style.css")
    assert (answer.text, answer.headers["content-type"]) == ("p {}", "text/css; charset=utf-8")
    answer = client.get("/static/main.js")
    assert (answer.text, answer.headers["content-type"]) == ("1;", "text/javascript; charset=utf-8")
    for path in ("notes.txt", ".hidden.js", "", "..", "../style.css", "%2e%2e/assets.py", "x.js"):
        assert client.get(f"/static/{path}").status_code == 404
    assert client.post("/static/main.js").status_code == 405


def test_who_has_a_file_is_not_sent_it_again(client: Client) -> None:
    tag = client.get("/static/style.css").headers["etag"]
    for known in (tag, f'W/{tag}, "x"', f'"x",{tag}', "*"):
        answer = client.get("/static/style.css", headers={"if-none-match": known})
        assert (answer.status_code, answer.text, answer.headers["etag"]) == (304, "", tag)
    assert client.get("/static/style.css", headers={"if-none-match": '"x"'}).text == "p {}"
    assert client.get("/static/main.js").headers["etag"] != tag


def test_an_answer_opens_no_file(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setattr(io, "open", refuse)
    assert client.get("/static/style.css").text == "p {}"


def test_every_file_of_the_pages_is_served() -> None:
    folder = HERE / "static"
    assert {route.path for route in asset_routes("/static", folder)} == {
        f"/static/{file.name}" for file in folder.iterdir()
    }
    assert all(file.suffix in TYPES for file in folder.iterdir())
