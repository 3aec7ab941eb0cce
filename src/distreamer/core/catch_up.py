"""Whether what was missed in an outage is still arriving. Pure; time is an argument.

A link that is back brings what was missed oldest first, as fast as it can. As long as it does, nobody knows how old
what is held will turn out to be.
"""

from __future__ import annotations

RUSH_FACTOR = 2.0
"""What comes this much faster than it lasts was missed; a source brings a second per second."""
CALM_SECONDS = 1.0
"""So long after the last of it nothing more is expected."""


class CatchUp:
    """Told of what arrives, it says whether more of what was missed is to come."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._arrived_at = 0.0
        self._until = 0.0

    def observe(self, now: float, seconds: float) -> None:
        """``seconds`` of audio have arrived so far, since ever. To be called after each arrival."""
        gained = seconds - self._seconds
        if gained <= 0:
            return
        if gained > RUSH_FACTOR * (now - self._arrived_at):
            self._until = now + CALM_SECONDS
        self._seconds, self._arrived_at = seconds, now

    def expect(self, now: float, seconds: float, within: float) -> None:
        """More than the ``seconds`` so far is to come; the first of it ``within`` so many seconds, or later."""
        self._seconds = seconds
        self._arrived_at = self._until = now + within

    def is_on(self, now: float) -> bool:
        """Whether what was missed comes at present."""
        return now < self._until
