from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from callscribe.cli.remote import Place, Remote, ServerError, place


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without settings, in an environment without ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CALLSCRIBE_TOKEN", raising=False)
    monkeypatch.delenv("CALLSCRIBE_DATA", raising=False)


@pytest.mark.parametrize(
    ("given", "token", "expected"),
    [
        ("http://127.0.0.1:8080", "", Place("http://127.0.0.1:8080", "")),
        ("127.0.0.1:8080/", "t", Place("http://127.0.0.1:8080", "t")),
        ("https://h.example/?token=abc", "", Place("https://h.example", "abc")),
        ("https://h.example/calls/CA1?token=abc", "x", Place("https://h.example", "x")),
        ("http://[::1]:8080", "", Place("http://[::1]:8080", "")),
    ],
)
def test_what_people_give_as_a_server(given: str, token: str, expected: Place) -> None:
    assert place(given, token) == expected


def test_the_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLSCRIBE_TOKEN", "from-the-environment")
    assert place("http://h").token == "from-the-environment"


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "localhost", "http://[::1]:9000"])
def test_a_server_on_this_machine_gets_the_token_that_it_keeps_here(
    tmp_path: Path, address: str
) -> None:
    (tmp_path / "callscribe-data").mkdir()
    (tmp_path / "callscribe-data" / "token").write_text("kept-by-the-server\n")
    assert place(address).token == "kept-by-the-server"
    assert place(address, "given").token == "given"
    assert place("http://192.168.1.20:8080").token == ""
    assert place("http://127.0.0.1.example.org").token == ""


def test_a_server_on_this_machine_gets_the_token_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "callscribe.toml").write_text('token = "a-token-of-the-settings"\n')
    assert place("http://127.0.0.1:8080").token == "a-token-of-the-settings"


@pytest.mark.parametrize(
    ("name", "content"),
    [("callscribe-data/token", b"\xff\xfe"), ("callscribe.toml", b"= 1"), (".env", b"PORT")],
)
def test_what_cannot_be_read_here_is_as_good_as_no_token(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / "callscribe-data").mkdir()
    (tmp_path / name).write_bytes(content)
    assert place("http://127.0.0.1:8080").token == ""


@pytest.mark.parametrize("given", ["ftp://h", "http://", "http://h:99999", "://"])
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(ServerError, match="is not an address like"):
        place(given)


def remote(answer: httpx.Response | Exception, token: str = "") -> Remote:
    def handler(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Remote(Place("http://h", token), transport=httpx.MockTransport(handler))


def test_json_both_ways() -> None:
    with remote(httpx.Response(200, json={"ok": True})) as server:
        assert server.get("/api/calls", limit="1") == {"ok": True}
        assert server.post("/api/calls/CA1/pause") == {"ok": True}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.ConnectError("Connection refused"), "Nothing answers at http://h"),
        (httpx.ReadTimeout("x"), "did not answer in time"),
        (httpx.Response(200, text="<html>"), "not a callscribe server"),
        (httpx.Response(500, text="boom"), r"not a callscribe server \(HTTP 500\)"),
        (httpx.Response(401, json={"error": "no-permission", "message": "m"}), "needs the token"),
        (httpx.Response(409, json={"error": "refused", "message": "The call is over."}), "is over"),
    ],
)
def test_errors_in_plain_words(answer: httpx.Response | Exception, words: str) -> None:
    with remote(answer) as server, pytest.raises(ServerError, match=words):
        server.get("/api/calls")


def test_a_token_on_the_command_line_is_told_and_one_in_the_environment_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place("http://h", "a-secret")
    place("http://h/?token=a-secret")
    err = capsys.readouterr().err
    assert err.count("can be seen by every user") == 2
    assert "a-secret" not in err
    monkeypatch.setenv("CALLSCRIBE_TOKEN", "a-secret")
    place("http://h")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("given", ["https://[bad", "a..b", "http://a b", "http://-x", "1.2.3.999"])
def test_what_cannot_be_a_host(given: str) -> None:
    with pytest.raises(ServerError, match="is not an address like"):
        place(given)
