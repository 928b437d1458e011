"""The benchmark of the path's two ends: its figures from what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.path.__main__ import figures, table


def test_delays_are_from_sending_to_arriving() -> None:
    told: dict[str, Any] = {
        # two messages arrive in one piece, the third alone; the other stream's half message waits
        "heard": [[[1.5, 320], [1.6, 160]], [[1.25, 80]]],
        "published": {"000000": 5.0, "000001": 6.0},
        "painted": {"000000": 5.5},
    }
    sent = [[1.1, 1.2, 1.4], [1.0, 1.02]]
    seen = [("/api/events", {"000000": 5.1, "000001": 6.2}), ("/live", {"000001": 6.3})]
    found = figures(told, sent, seen)
    assert found["message to recogniser"] == pytest.approx([0.4, 0.3, 0.2])
    assert found["final to script"] == pytest.approx([0.1, 0.2])
    assert found["final to page"] == pytest.approx([0.3])
    assert found["final to terminal"] == pytest.approx([0.5])


def test_the_table_stands_side_by_side() -> None:
    lines = list(table({"this": {"a": [0.001, 0.003, 0.002]}, "other": {"a": []}}))
    assert len(lines) == 3
    assert lines[2].split() == ["a", "2.00", "2.00", "3", "-", "-", "0"]
