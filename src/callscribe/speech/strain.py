"""What gives way when there is more to do than this machine can, in which order. Pure.

The order is stated here once: `/operations`, `/metrics` and `doctor` show these steps, docs/operations.md describes
them, and whoever has to give way asks for theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HURRIED_MS: Final = 500
LATE_MS: Final = 1000
"""From when on partials thin out to one a turn (`lane`), too."""
FINALS_LATE_MS: Final = 2000
WAITING_MS: Final = 5000

STEPS: Final = (
    "unfinished talk is not reread",
    "second readings wait",
    "partials appear less often",
    "finals are late",
    "audio waits in memory",
    "audio waits on disk",
    "new calls wait for room",
)
"""What gives way, the first first."""


@dataclass(frozen=True, slots=True)
class Strain:
    """How hard it is to keep up."""

    lag_ms: int = 0
    """Audio that waits on the live track furthest behind. One that had to wait for its place does not count."""
    on_disk: int = 0
    """Bytes of audio of all tracks that wait there."""
    full: bool = False
    """No track more can be followed."""
    waiting: int = 0
    """Live tracks that wait for a place."""

    @property
    def hurried(self) -> bool:
        """Whether what is only nice to have should not be begun."""
        return self.full or self.lag_ms >= HURRIED_MS

    @property
    def put_off(self) -> bool:
        """Whether second readings should not be begun."""
        return self.lag_ms >= LATE_MS

    @property
    def steps(self) -> tuple[bool, ...]:
        """Of each of `STEPS`, whether it is in effect."""
        return (
            self.hurried,
            self.put_off,
            self.lag_ms >= LATE_MS,
            self.lag_ms >= FINALS_LATE_MS,
            self.lag_ms >= WAITING_MS,
            self.on_disk > 0,
            self.waiting > 0,
        )
