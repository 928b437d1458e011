"""The graph is built in a process of its own: pynini and vosk must not share one (`graph.py`), and
the memory it takes is given back. `python -m callscribe.models.adapt.worker FOLDER` is that process.

It reads FOLDER/adapt and writes FOLDER/graph, and prints a line "fraction stage" for each stage.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from callscribe.models.adapt.errors import AdaptError

LANGUAGE_MODEL = "adapt/language_model.npz"
PRONUNCIATIONS = "adapt/pronunciations.txt.xz"
G2P = "adapt/g2p.npz"


def require_pynini() -> None:
    """Raise AdaptError when the optional package that builds graphs is not installed."""
    if importlib.util.find_spec("pywrapfst") is None:
        raise AdaptError(
            "Adapting a model needs the package pynini, which is not installed."
            " Install it with: pip install 'callscribe[adapt]'\n"
            "Or add --dynamic: such a model needs nothing more, but takes about three times the processor time."
        )


def build_graph(folder: Path, progress: Callable[[str, float], None]) -> None:
    """Build the graph of the model in `folder`, about a minute.

    Args:
        progress: called with what is being done and the fraction done before it.

    Raises:
        AdaptError: pynini is not installed, or the process failed.
    """
    require_pynini()
    command = [sys.executable, "-P", "-m", "callscribe.models.adapt.worker", str(folder)]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,  # noqa: S603
    ):
        if process.stdout is not None:
            for line in process.stdout:
                fraction, _, stage = line.strip().partition(" ")
                progress(stage, float(fraction))
        code = process.wait()
        errors.seek(0)
        said = errors.read().strip().splitlines()
    if code:
        reason = said[-1] if said else f"it ended with code {code}"
        if code < 0:
            reason = f"it was stopped by signal {-code}; building a graph takes about half a gigabyte of memory"
        raise AdaptError(f"The decoding graph could not be built: {reason}.")


def main() -> None:
    """Build the graph of the folder named on the command line."""
    from callscribe.models.adapt import graph, pronunciations
    from callscribe.models.adapt.language_model import Backoff

    folder = Path(sys.argv[1])
    stages = iter(graph.STAGES)

    def report() -> None:
        stage, fraction = next(stages)
        sys.stdout.write(f"{fraction} {stage}\n")
        sys.stdout.flush()

    model = Backoff.load(folder / LANGUAGE_MODEL)
    lexicon = pronunciations.load(folder / PRONUNCIATIONS)
    (folder / "graph").mkdir(exist_ok=True)
    graph.build(model, lexicon, folder / "graph", report)


if __name__ == "__main__":
    main()
