"""Transducer files as OpenFst 1.8 reads them, written without OpenFst.

The format is what its own headers write: `fst/fst.h` (header), `fst/const-fst.h` (states, arcs), and for the type
`olabel_lookahead` `fst/add-on.h`, `fst/matcher-fst.h`, `fst/label-reachable.h` and `fst/interval-set.h`. All numbers
are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

ARC = np.dtype([("input", "<i4"), ("output", "<i4"), ("cost", "<f4"), ("target", "<i4")])
_STATE = np.dtype(
    [("final", "<f4"), ("at", "<u4"), ("arcs", "<u4"), ("no_input", "<u4"), ("no_output", "<u4")]
)

_MAGIC, _ADD_ON_MAGIC = 2125659606, 446681434
_EXPANDED, _WEIGHTED, _CYCLIC = 0x1, 0x1_0000_0000, 0x4_0000_0000
_ACCEPTOR, _NO_ACCEPTOR = 0x1_0000, 0x2_0000
_INPUT_SORTED, _OUTPUT_SORTED = 0x1000_0000, 0x4000_0000

Ints = npt.NDArray[np.int64]
Intervals = Sequence[tuple[int, int]]
"""Labels from the first of a pair up to before the second."""


def acceptor(
    start: int, finals: npt.NDArray[np.float64], sources: Ints, arcs: npt.NDArray[np.void]
) -> bytes:
    """A `const` acceptor, sorted by input.

    Args:
        finals: the cost of ending in each state, infinite where that cannot be.
        sources: the state that each of `arcs` (of type ARC) leaves.
    """
    properties = _WEIGHTED | _CYCLIC | _ACCEPTOR | _INPUT_SORTED
    return _const(start, finals, sources, arcs, "input", properties)


def look_ahead_transducer(
    start: int,
    finals: npt.NDArray[np.float64],
    sources: Ints,
    arcs: npt.NDArray[np.void],
    reach: Sequence[Intervals],
    final_label: int,
) -> bytes:
    """An `olabel_lookahead` transducer, sorted by output.

    Composed with another one it follows only what that one can go on with, and brings its costs forward ("A
    Generalized Composition Algorithm for Weighted Finite-State Transducers", Allauzen, Riley, Schalkwyk, 2009).

    Args:
        reach: for each state, the outputs that can come first from it, in intervals that neither overlap nor touch;
            with `final_label` where a final state can be reached without output.
        final_label: a number that no output has.
    """
    properties = _WEIGHTED | _CYCLIC | _NO_ACCEPTOR | _OUTPUT_SORTED
    sets = [
        struct.pack("<q", len(intervals))
        + b"".join(struct.pack("<ii", begin, end) for begin, end in intervals)
        + struct.pack("<i", sum(end - begin for begin, end in intervals))
        for intervals in reach
    ]
    return b"".join(
        (
            _header("olabel_lookahead", 1, properties, -1, 0, 0),
            struct.pack("<i", _ADD_ON_MAGIC),
            _const(start, finals, sources, arcs, "output", properties),
            # There is an add-on, none for inputs, one for outputs, without relabelling.
            struct.pack("<?????", True, False, True, False, False),
            struct.pack("<iq", final_label, len(sets)),
            *sets,
        )
    )


def _const(
    start: int,
    finals: npt.NDArray[np.float64],
    sources: Ints,
    arcs: npt.NDArray[np.void],
    sort: str,
    properties: int,
) -> bytes:
    order = np.lexsort((arcs[sort], sources))
    arcs, sources, count = arcs[order], sources[order], len(finals)
    states = np.zeros(count, _STATE)
    states["final"] = finals
    states["arcs"] = np.bincount(sources, minlength=count)
    states["at"] = np.cumsum(states["arcs"]) - states["arcs"]
    states["no_input"] = np.bincount(sources, arcs["input"] == 0, count)
    states["no_output"] = np.bincount(sources, arcs["output"] == 0, count)
    header = _header("const", 2, properties, start, count, len(arcs))
    return header + states.tobytes() + arcs.tobytes()


def _header(kind: str, version: int, properties: int, start: int, states: int, arcs: int) -> bytes:
    names = b"".join(struct.pack("<i", len(name)) + name.encode() for name in (kind, "standard"))
    numbers = struct.pack("<iiQqqq", version, 0, properties | _EXPANDED, start, states, arcs)
    return struct.pack("<i", _MAGIC) + names + numbers
