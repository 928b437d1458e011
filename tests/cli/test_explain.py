from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from callscribe.carriers.twilio.explain import known_codes
from callscribe.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["callscribe", "explain", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run_


@pytest.mark.parametrize("code", ["31920", "Error 31920", "error: 31920"])
def test_one(run: Run, code: str) -> None:
    status, out, _ = run(code)
    assert status == 0
    assert out.startswith("31920  ")
    assert "public_url" in out
    assert out.rstrip().endswith("/31920")


def test_as_json_and_all(run: Run) -> None:
    assert json.loads(run("31920", "--json")[1])["code"] == 31920
    assert [one["code"] for one in json.loads(run("--json")[1])] == known_codes()
    assert len(run()[1].splitlines()) == len(known_codes())


def test_what_is_not_known(run: Run) -> None:
    assert "is not an error number" in run("abc")[2]
    status, _, err = run("99999")
    assert (status, "no explanation of error 99999" in err) == (1, True)


def test_the_page_on_numbers_names_only_errors_that_can_be_explained() -> None:
    page = Path(__file__).parents[2] / "docs" / "connect-a-number.md"
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    named = [int(code) for row in rows for code in re.findall(r"\b\d{5}\b", row.split("|")[1])]
    assert len(named) > 15
    assert set(named) <= set(known_codes())
