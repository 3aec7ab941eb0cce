"""Whether a carrier that is alive brings the programme: one that is throttled, or swallows large packets, does not."""

from __future__ import annotations

import math

FEW_FRAGMENTS = 2
"""So many are always on their way."""
SLOW_FRAGMENTS = 8
SLOW_SECONDS = 10.0
"""So many fragments behind, and for so long no nearer: the carrier brings less than the programme."""
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
"""Between two changes of the kind of carrier for that reason. Twice as long after each, for the link itself may be too
thin, and each change costs what was on its way."""


class CarrierProgress:
    """Of the carrier that is used now. Time is an argument."""

    def __init__(self) -> None:
        self._behind = 0
        self._least = math.inf
        self._nearer_at = 0.0
        self._may_change_at = -math.inf
        self._pause = FIRST_PAUSE_SECONDS

    def begin(self, now: float) -> None:
        """Another carrier is used from now on, or this one was silent: nothing is to be said of it yet."""
        self._behind, self._least, self._nearer_at = 0, math.inf, now

    def look(self, behind: int | None, now: float) -> None:
        """The receiver is so many fragments behind the sender; None when that is not known."""
        self._behind = behind or 0
        if self._behind < self._least or self._behind <= FEW_FRAGMENTS:
            self._least, self._nearer_at = self._behind, now

    def is_slow(self, now: float) -> bool:
        """Whether it brings less than the programme."""
        return self._behind >= SLOW_FRAGMENTS and now - self._nearer_at >= SLOW_SECONDS

    def may_change(self, now: float) -> bool:
        """Whether another kind of carrier may be tried for that now."""
        return now >= self._may_change_at

    def changes(self, now: float) -> None:
        """Another kind is tried."""
        self._may_change_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    @property
    def pause_seconds(self) -> float:
        """How long it takes until the kind of carrier is changed again."""
        return self._pause
