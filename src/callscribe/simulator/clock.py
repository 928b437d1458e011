"""The simulated world's time: one clock for all its calls, which may run faster than the wall's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


class WorldClock:
    """Milliseconds since the world began. Waiting is by absolute time, so nothing drifts.

    Args:
        speed: simulated seconds per real second.
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be a positive number, not {speed}")
        self.speed = speed
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()
        self._wall_zero = datetime.now(UTC)

    def now_ms(self) -> float:
        return (self._loop.time() - self._zero) * 1000 * self.speed

    async def until(self, at_ms: float) -> None:
        """Returns at `at_ms`, or at the next chance when that is past."""
        delay = (at_ms - self.now_ms()) / 1000 / self.speed
        await asyncio.sleep(max(0.0, delay))

    async def wait(self, duration_ms: float) -> None:
        await self.until(self.now_ms() + duration_ms)

    def wall(self) -> datetime:
        """The date and time it is in the simulated world."""
        return self._wall_zero + timedelta(milliseconds=self.now_ms())

    def rfc2822(self) -> str:
        """As call and conference callbacks and the REST API write time: `Thu, 15 Jan 2026 10:00:50 +0000`."""
        return format_datetime(self.wall().replace(microsecond=0))

    def iso8601(self) -> str:
        """As stream status callbacks write time: `2026-01-15T10:00:01.204Z`."""
        return self.wall().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
