from __future__ import annotations

from pathlib import Path

import pytest

from callscribe.cli.program import called

HERE = Path("/home/ann/callscribe")


@pytest.mark.parametrize(
    ("name", "found", "typed"),
    [
        ("/usr/bin/callscribe", "/usr/bin/callscribe", "callscribe"),
        ("callscribe", None, "callscribe"),
        ("/home/ann/callscribe/.venv/bin/callscribe", None, "./.venv/bin/callscribe"),
        (".venv/bin/callscribe", None, ".venv/bin/callscribe"),
        ("/opt/my tools/bin/callscribe", "/usr/bin/callscribe", "'/opt/my tools/bin/callscribe'"),
        ("/opt/callscribe/__main__.py", None, "/usr/bin/python3 -m callscribe"),
        ("pytest", None, "callscribe"),
    ],
)
def test_hints_print_what_runs_here(name: str, found: str | None, typed: str) -> None:
    assert called(name, found, HERE, "/usr/bin/python3") == typed
