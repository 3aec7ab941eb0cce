"""Notices audio that never comes: what is missing inside a connection. Pure; time is an argument.

Audio may be late, and then comes at once; what was left out does not come. So the highest surplus of audio over real
time in some seconds says it: behind a gap it is lower than before, and stays so.
"""

from __future__ import annotations

from collections import deque
from itertools import takewhile

WINDOW_SECONDS = 12.0
"""Audio that is later than this is told as missing: every listener with a usual buffer has heard it."""
LEAST_SECONDS = 0.4
"""Less may be a server that passes audio on in bigger pieces."""
SETTLED_SECONDS = 2.0
"""After the first audio; within them the burst comes."""
SLOT_SECONDS = 0.25
PAUSE_SECONDS = 1.0


class Shortfall:
    """Of one connection. Nothing is told before the burst is used up, for some servers rest until then."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._burst_seconds = 0.0
        self._last_at = 0.0
        self._active = 0.0
        """Seconds in which audio came: a pause counts as PAUSE_SECONDS, or nothing would be known after it."""
        self._slots: deque[tuple[float, float]] = deque()
        """When each began, by those seconds, and its highest surplus; those of two windows."""

    def observe(self, now: float, audio_seconds: float) -> float | None:
        """``audio_seconds`` came on this connection so far; to be called whenever audio came. Gives how many seconds
        are missing once that is sure, WINDOW_SECONDS after it happened."""
        if self._began is None:
            self._began = self._last_at = now
        self._active += min(now - self._last_at, PAUSE_SECONDS)
        self._last_at = now
        elapsed = now - self._began
        surplus = audio_seconds - elapsed
        if elapsed < SETTLED_SECONDS:
            self._burst_seconds = max(self._burst_seconds, surplus)
        if elapsed < max(SETTLED_SECONDS, self._burst_seconds):
            return None
        if self._slots and self._active - self._slots[-1][0] < SLOT_SECONDS:
            began, highest = self._slots[-1]
            self._slots[-1] = began, max(highest, surplus)
            return None
        missing = self._missing()
        self._slots.append((self._active, surplus))
        return missing

    def _missing(self) -> float | None:
        """By how much the newer window is lower than the older one."""
        while self._slots and self._slots[0][0] < self._active - 2 * WINDOW_SECONDS:
            self._slots.popleft()
        border = self._active - WINDOW_SECONDS
        before = [highest for _, highest in takewhile(lambda slot: slot[0] < border, self._slots)]
        after = list(self._slots)[len(before) :]
        if not before or not after:
            return None
        missing = max(before) - max(highest for _, highest in after)
        if missing < LEAST_SECONDS:
            return None
        self._slots = deque(after)
        return missing
