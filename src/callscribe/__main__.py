"""The program: `callscribe`, and `python -m callscribe`, which is the same."""

from __future__ import annotations

import contextlib
import os
import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells count it."""


def main() -> None:
    """Entry point. Ctrl-C ends it without a traceback, also while its modules are still being loaded."""
    try:
        from callscribe.cli import main as command

        command()
    except KeyboardInterrupt:
        leave()


def leave() -> None:
    """End at once: nothing has begun that would have to be finished."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
