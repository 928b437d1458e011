"""What is written is read back by a reader of its own; the recogniser reads it in `tests/recognition`."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callscribe.models.adapt import openfst
from tests.models.adapt.transducers import read

STATES = 5
ARCS = st.lists(
    st.tuples(
        st.integers(0, STATES - 1),
        st.integers(0, 9),
        st.integers(0, 9),
        st.floats(0, 9, width=32),
        st.integers(0, STATES - 1),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(ARCS)
def test_states_and_arcs_are_read_back(rows: list[tuple[int, int, int, float, int]]) -> None:
    finals = np.array([0.0, math.inf, 0.5, math.inf, math.inf])
    sources = np.array([row[0] for row in rows], np.int64)
    arcs = np.array([row[1:] for row in rows], openfst.ARC)
    acceptor = read(openfst.acceptor(2, finals, sources, arcs))
    reach = [[], [(1, 3)], [(1, 2), (4, 7)], [(9, 10)], []]
    ahead = read(openfst.look_ahead_transducer(2, finals, sources, arcs, reach, 11))
    for found, side in ((acceptor, 0), (ahead, 1)):
        assert found.start == 2
        assert found.finals == finals.tolist()
        for state in range(STATES):
            expected = [row[1:] for row in rows if row[0] == state]
            assert sorted(found.arcs[state]) == sorted(expected)
            labels = [arc[side] for arc in found.arcs[state]]
            assert labels == sorted(labels)
            counted = tuple(sum(arc[i] == 0 for arc in expected) for i in (0, 1))
            assert found.epsilons[state] == counted
    assert (acceptor.kind, ahead.kind) == ("const", "olabel_lookahead")
    assert ahead.final_label == 11
    assert ahead.reach == [set(), {1, 2}, {1, 4, 5, 6}, {9}, set()]
