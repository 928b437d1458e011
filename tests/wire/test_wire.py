"""What Twilio is answered and asked, and what is made known, for calls of every kind: the same bytes as ever.

The golden files are in `golden/`, one a scenario. After a change that is meant, write them anew and read the diff:

    CALLSCRIBE_WRITE_GOLDEN=1 .venv/bin/python -m pytest tests/wire

What was changed on purpose since the first of them were written (when calls were not yet a machine of their own):

* An old voice request, sent again after a restart, is answered with a hangup and leaves the finished record as it is.
* A forwarded call that is attached to goes on with its dial: who is talking, when they hang up, who ended it.
* What a server that died did not hear is a gap, when the call is taken up again.
* The end is reached a little sooner where two graces used to be waited for one after the other.
* A conference leg whose call is over has its socket closed (`stop`), even when nobody stops it.
* A gap is no longer shown from the beginning of the record when a stream broke off before it was placed, and people
  whose last stream carried nothing leave when the call's audio ends, not when it began.
* "Twilio opened no media socket", where it was "the carrier".
* Of several streams that close in one moment, people leave in the order of their streams' ends.

Tickets and the wall-clock time of events are left out; the time before each line is in seconds since the beginning.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callscribe.calls.plans import NumberFlow
from tests.wire.clockwork import clockwork, play
from tests.wire.scenarios import SCENARIOS, Scenario
from tests.wire.serving import Served, network

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_wire(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if scenario.needs is not None and not scenario.needs.is_dir():
        pytest.skip("../shared/docs/twilio-examples is not here")
    with clockwork() as loop:
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
