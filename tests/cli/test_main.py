"""How the program ends."""

from __future__ import annotations

import pytest

from callscribe.cli import main


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nope"], 2, "No such command"),
        (["calls", "--nope"], 2, "No such option"),
        (["show"], 2, "Missing argument"),
        (["calls", "--limit", "0"], 2, "greater than or equal to 1"),
        (["calls", "--data", "/nowhere/at/all"], 1, "callscribe: There is no folder"),
    ],
)
def test_mistakes_are_explained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["callscribe", *arguments])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == status
    assert message in capsys.readouterr().err
