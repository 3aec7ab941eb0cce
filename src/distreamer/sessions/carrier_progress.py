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
PROBATION_SECONDS = 20.0
"""A kind that was left because it brought too little, and is tried again, has to prove itself for so long …"""
PROBATION_SLOW_SECONDS = 2.0
"""… and is left again when it is more than a few fragments behind, and no nearer for so long."""
QUIET_SECONDS = 86_400.0
"""When no change was needed for so long, the pauses begin anew: the link is another one than it was."""


class CarrierProgress:
    """Of the carrier that is used now. Time is an argument."""

    def __init__(self) -> None:
        self._behind = 0
        self._least = math.inf
        self._nearer_at = 0.0
        self._may_change_at = -math.inf
        self._pause = FIRST_PAUSE_SECONDS
        self._changed_at = -math.inf
        self._proves_itself_until = -math.inf
        self._silent_since: float | None = None

    def begin(self, now: float, *, is_back: bool = False) -> None:
        """Another carrier is used from now on: nothing is to be said of it yet. ``is_back``: of the preferred kind."""
        self._behind, self._least, self._nearer_at = 0, math.inf, now
        self._silent_since = None
        was_left = is_back and now - self._changed_at < QUIET_SECONDS
        self._proves_itself_until = now + PROBATION_SECONDS if was_left else -math.inf

    def silent(self, now: float) -> None:
        """Nothing is heard on it: that is not slow, and what is missed meanwhile is not its fault."""
        if self._silent_since is None:
            self._silent_since = now

    def look(self, behind: int | None, now: float) -> None:
        """The receiver is so many fragments behind the sender; None when that is not known."""
        self._behind = behind or 0
        if self._silent_since is not None:
            # Silence after silence is not to hide that it never comes nearer.
            self._nearer_at += now - self._silent_since
            self._least = max(self._least, self._behind)
            self._silent_since = None
        if self._behind < self._least or self._behind <= FEW_FRAGMENTS:
            self._least, self._nearer_at = self._behind, now

    def is_slow(self, now: float) -> bool:
        """Whether it brings less than the programme."""
        if now < self._proves_itself_until:
            return self._behind > FEW_FRAGMENTS and now - self._nearer_at >= PROBATION_SLOW_SECONDS
        return self._behind >= SLOW_FRAGMENTS and now - self._nearer_at >= SLOW_SECONDS

    def may_change(self, now: float) -> bool:
        """Whether another kind of carrier may be tried for that now."""
        return now >= self._may_change_at or now < self._proves_itself_until

    def changes(self, now: float) -> None:
        """Another kind is tried."""
        if now - self._changed_at >= QUIET_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        self._changed_at = now
        self._may_change_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    @property
    def pause_seconds(self) -> float:
        """How long it takes until the kind of carrier is changed again."""
        return self._pause
