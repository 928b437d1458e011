from __future__ import annotations

import io
import logging
import sys

import pytest
import structlog

from callscribe.cli.logs import Thinned, configure


def test_secrets_are_masked_whoever_logs_them(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    try:
        structlog.get_logger().info("refused", Token="hunter2", ticket="hunter3", call="CA1")
    finally:
        structlog.reset_defaults()
    out, err = capsys.readouterr()
    assert out == ""
    assert "CA1" in err
    assert "hunter" not in err


def test_less_important_messages_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning")
    try:
        structlog.get_logger().info("quiet")
        structlog.get_logger().warning("loud")
    finally:
        structlog.reset_defaults()
    assert "quiet" not in (err := capsys.readouterr().err)
    assert "loud" in err


def test_a_refused_upgrade_is_no_error_of_the_web_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("uvicorn", "uvicorn.error"):  # as in `serve`, whatever other tests made of them
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
    configure("info")
    try:
        server = logging.getLogger("uvicorn.error")
        server.error("ASGI callable returned without completing handshake.")
        server.error("something else")
    finally:
        structlog.reset_defaults()
    assert "handshake" not in (err := capsys.readouterr().err)
    assert "something else" in err


def test_what_libraries_say_about_connections_is_thinned() -> None:
    now = 0.0
    thinned = Thinned(clock=lambda: now)

    def passes(name: str, message: str, *args: object) -> str:
        record = logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)
        return record.getMessage() if thinned.filter(record) else ""

    accept = "socket.accept() out of system resource\nsocket: <socket fd=%d>"
    assert passes("asyncio", accept % 7)
    assert not any(passes("asyncio", accept % fd) for fd in range(1000))
    assert passes("asyncio", "another")
    assert passes("uvicorn.error", "Invalid HTTP request received.")
    assert all(passes("callscribe.journal", "our own") for _ in range(3))
    now = 61.0
    assert passes("asyncio", accept % 7).endswith("(1000 more like this since the last one)")
    assert passes("uvicorn.error", "Invalid HTTP request received.").endswith("received.")


def fail(secret: str) -> None:
    raise RuntimeError("it failed")


def test_a_traceback_in_a_pipe_is_kept_and_shows_no_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("warning")
    try:
        fail("-".join(("ticket", "of", "a", "call")))
    except RuntimeError:
        structlog.get_logger().exception("our fault")
    finally:
        structlog.reset_defaults()
    err = capsys.readouterr().err
    assert "RuntimeError: it failed" in err
    assert "line" in err
    assert "ticket-of-a-call" not in err
    assert err.count("\n") == 1


def test_a_traceback_on_a_terminal_shows_no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure("warning")
    try:
        fail("-".join(("ticket", "of", "a", "call")))
    except RuntimeError:
        structlog.get_logger().exception("our fault", caller="Eve\x1b]0;x\x07")
    finally:
        structlog.reset_defaults()
    err = terminal.getvalue()
    assert "RuntimeError: it failed" in err
    assert "ticket-of-a-call" not in err
    assert "\x1b]0" not in err


def test_what_libraries_log_is_a_line_and_obeys_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info")
    hostile = "Eve\x1b]0;x\x07\x9b31m\u202e\n2026-01-01 ERROR forged"
    try:
        raise ValueError(hostile)
    except ValueError:
        logging.getLogger("someone_else").exception("cannot read %s", hostile)
    finally:
        structlog.reset_defaults()
    err = capsys.readouterr().err
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(err)
    first, *rest = err.splitlines()
    assert first.endswith("cannot read Eve ]0;x 31m 2026-01-01 ERROR forged")
    assert rest[0] == "Traceback (most recent call last):"
