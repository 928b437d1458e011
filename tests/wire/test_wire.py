"""What Twilio is answered and asked, and what is made known, for calls of every kind: the same bytes as ever.

The golden files are in `golden/`, one a scenario. After a change that is meant, write them anew and read the diff:

    CALLSCRIBE_WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/wire

Tickets and the wall-clock time of events are left out; the time before each line is in seconds since the beginning.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callscribe.calls.flows import NumberFlow
from tests.wire.clockwork import clockwork, play
from tests.wire.scenarios import SCENARIOS, Scenario
from tests.wire.serving import Served, network, wall_clock

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_wire(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if scenario.needs is not None and not scenario.needs.is_dir():
        pytest.skip("../shared/docs/twilio-examples is not here")
    with clockwork() as loop, wall_clock(loop, monkeypatch):
        served = Served(loop, tmp_path, NumberFlow(**scenario.plan), api=scenario.api)
        with network(lambda: served.twilio, monkeypatch):

            async def whole() -> None:
                await scenario.play(served)
                await served.close()

            play(loop, whole())
        served.gone()
    log = served.twilio.log()
    golden = GOLDEN / f"{scenario.name}.txt"
    if os.environ.get("CALLSCRIBE_WRITE_GOLDEN"):
        golden.write_text(log, encoding="utf-8")
    assert log == golden.read_text(encoding="utf-8")


def test_every_golden_file_has_its_scenario() -> None:
    assert {file.stem for file in GOLDEN.glob("*.txt")} == {each.name for each in SCENARIOS}
