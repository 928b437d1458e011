from __future__ import annotations

import pytest
import structlog

from callscribe.cli.logs import configure


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
