"""How fast audio arrives. Pure; time is an argument."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 4.0
FEWEST_ARRIVALS = 4
"""The speed is that of the last seconds, and of so many arrivals at least."""
PAUSE_SECONDS = 4.0
"""After so long without an arrival the speed is measured anew."""


class Inflow:
    """Told of what arrives, it says how many seconds of audio come in a second."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self._arrivals: deque[tuple[float, float]] = deque()
        self._began = 0.0

    def observe(self, now: float, seconds: float) -> None:
        """``seconds`` of audio have arrived so far, since ever. To be called after each arrival."""
        gained = seconds - self._seconds if self._seconds is not None else 0.0
        self._seconds = seconds
        if gained <= 0:
            return
        if self._arrivals and now - self._arrivals[-1][0] > PAUSE_SECONDS:
            self._arrivals.clear()
        if not self._arrivals:
            self._began = now
        self._arrivals.append((now, gained))
        while len(self._arrivals) > FEWEST_ARRIVALS and now - self._arrivals[1][0] >= WINDOW_SECONDS:
            self._arrivals.popleft()

    def forget(self) -> None:
        """What arrived until now says nothing about what comes."""
        self._arrivals.clear()

    def speed(self, now: float) -> float | None:
        """Seconds of audio in a second, lately; None when too little has come to tell."""
        if len(self._arrivals) < FEWEST_ARRIVALS:
            return None
        (first, _), *later = self._arrivals
        last = later[-1][0]
        # Just before the next arrival it is as fast as just behind the last one.
        end = max(last, now - (last - first) / len(later))
        return sum(gained for _, gained in later) / (end - first) if end > first else None

    def measured_seconds(self, now: float) -> float:
        """Since when it is measured without a pause."""
        return now - self._began if self._arrivals else 0.0
