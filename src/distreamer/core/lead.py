"""What is given out at once when a playout begins: it fills the players' own buffers. Pure; time is an argument."""

from __future__ import annotations

from distreamer.core.played import missing_between
from distreamer.core.store import Position, Store
from distreamer.model.fragment import Fragment

LEAD_SECONDS = 10.0
"""The lead is no longer than this; after having run dry, no longer than it was dry."""
LEAST_LEAD_SECONDS = 2.0
"""The head does not start before this much can be given out at once."""
LEAD_WITHIN_SECONDS = 15.0
"""What comes later than this after the head (re)started is no lead any more."""


class Lead:
    """Says how much sooner what is next may be due, as long as players lack it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._left = 0.0
        self._until = 0.0

    def begin(self, now: float, seconds: float = LEAD_SECONDS) -> None:
        """The head starts now; at the most ``seconds`` are given."""
        self._left, self._until = min(seconds, LEAD_SECONDS), now + LEAD_WITHIN_SECONDS

    def is_over(self, now: float) -> bool:
        """Whether no more of it is given."""
        return self._left <= 0 or now > self._until

    def take(self, now: float, next_due: float, head: Position, last: Fragment | None, kept: float) -> float:
        """Seconds by which what follows ``head``, behind ``last``, is due sooner than at ``next_due``. ``kept`` are
        those that must be held all the same. What stands behind a hole does not count: the hole would be due before it
        had the time to fill."""
        level = self._seconds_to_hole(head, last, kept + LEAD_SECONDS) + next_due - now
        seconds = min(max(level - kept, 0.0), self._left)
        self._left -= seconds
        return seconds

    def _seconds_to_hole(self, position: Position, before: Fragment | None, limit: float) -> float:
        """Seconds held behind ``position`` up to the first hole; not looked for beyond ``limit``."""
        total = 0.0
        while total < limit:
            fragment = self._store.after(position)
            if fragment is None or missing_between(before, fragment):
                break
            epoch = self._store.epoch(fragment.epoch)
            total += epoch.seconds(fragment.duration) if epoch else 0.0
            position, before = self._store.position_of(fragment), fragment
        return total
