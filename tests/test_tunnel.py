from __future__ import annotations

import sys
import types
from typing import Any

import pytest
from pyngrok import exception

from callscribe.errors import TunnelError
from callscribe.tunnel import open_tunnel


class StubNgrok(types.ModuleType):
    """Stands in for `pyngrok.ngrok`."""

    def __init__(self, *, answer: str = "", error: Exception | None = None) -> None:
        super().__init__("pyngrok.ngrok")
        self.calls: list[tuple[Any, ...]] = []
        self._answer = answer
        self._error = error

    def connect(self, *args: Any, pyngrok_config: Any, **options: Any) -> Any:
        self.calls.append(("connect", args, options, pyngrok_config))
        if self._error is not None:
            raise self._error
        return types.SimpleNamespace(public_url=self._answer)

    def kill(self, pyngrok_config: Any = None) -> None:
        self.calls.append(("kill", pyngrok_config))
        raise RuntimeError("already dead")


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(**answers: Any) -> StubNgrok:
        module = StubNgrok(**answers)
        monkeypatch.setitem(sys.modules, "pyngrok.ngrok", module)
        return module

    return install


def test_opens_the_port_and_closes_once(stub: Any) -> None:
    ngrok = stub(answer="https://abc.ngrok.app/")
    tunnel = open_tunnel(8080, "secret-token")
    assert tunnel.public_url == "https://abc.ngrok.app"
    (name, args, options, config) = ngrok.calls[0]
    assert (name, args, options) == ("connect", ("8080", "http"), {})
    assert config.auth_token == "secret-token"
    assert config.start_new_session, "Ctrl-C must not reach the agent"
    tunnel.close()
    tunnel.close()
    assert [call[0] for call in ngrok.calls] == ["connect", "kill"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (exception.PyngrokNgrokInstallError("urlopen error"), "could not be downloaded"),
        (
            exception.PyngrokNgrokError("x", [], "authentication failed: ERR_NGROK_4018\r\n"),
            "set NGROK_AUTHTOKEN",
        ),
        (exception.PyngrokNgrokError("x", [], "ERR_NGROK_105"), "does not know this authtoken"),
        (exception.PyngrokNgrokError("x", [], "limited ERR_NGROK_108"), "another agent running"),
        (
            exception.PyngrokNgrokHTTPError(
                "err 502 ERR_NGROK_334 in use", "http://x", 502, "m", {}, "body"
            ),
            "in use by another agent",
        ),
        (
            exception.PyngrokNgrokError("x", [], "dial tcp: lookup connect.ngrok-agent.com"),
            "Is this machine online?",
        ),
        (exception.PyngrokNgrokError("something new\nmore"), "something new."),
        (exception.PyngrokError("odd"), "odd"),
        (PermissionError(13, "Permission denied"), "PYNGROK_NGROK_PATH"),
    ],
)
def test_failures_say_what_to_do(stub: Any, error: Exception, words: str) -> None:
    stub(error=error)
    with pytest.raises(TunnelError) as caught:
        open_tunnel(8080, "secret-token")
    assert words in str(caught.value)
    assert "public_url" in str(caught.value)
    assert "secret-token" not in str(caught.value)


def test_without_pyngrok(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyngrok.ngrok", None)
    with pytest.raises(TunnelError, match="pip install pyngrok"):
        open_tunnel(8080, "")


def test_the_real_library_without_a_network(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyngrok itself, made to look for the agent where nothing answers."""
    from pyngrok import installer, ngrok

    def refuse(*_: Any, **__: Any) -> None:
        raise exception.PyngrokNgrokInstallError("An error occurred while downloading ngrok")

    monkeypatch.setattr(installer, "install_ngrok", refuse)
    monkeypatch.setenv("PYNGROK_NGROK_PATH", str(tmp_path / "ngrok"))
    assert ngrok is not None
    with pytest.raises(TunnelError, match="could not be downloaded"):
        open_tunnel(8080, "a token")


def test_nothing_is_downloaded_without_a_token(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYNGROK_NGROK_PATH", str(tmp_path / "ngrok"))
    monkeypatch.setattr("callscribe.tunnel._NGROK_CONFIGS", ())
    monkeypatch.delenv("NGROK_AUTHTOKEN", raising=False)
    with pytest.raises(TunnelError, match="needs an account's authtoken"):
        open_tunnel(8080, "")
