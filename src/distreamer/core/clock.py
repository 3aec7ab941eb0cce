"""The machine's clocks."""

from __future__ import annotations

import asyncio
import time


class LoopClock:
    """The event loop's monotonic clock and the system's wall clock; a test that owns the loop owns this clock."""

    def __init__(self, wall: float | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._origin = None if wall is None else wall - self._loop.time()

    def now(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        """The system's, or the given start plus the loop's time when one was given."""
        return time.time() if self._origin is None else self._origin + self._loop.time()
