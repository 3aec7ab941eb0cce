"""When the other side of a QUIC connection gave a sign of life. Pure; time is an argument."""

from __future__ import annotations

UNHEARD_SECONDS = 2.0
"""What was sent is acknowledged sooner, or the other side does not hear us, however much comes from there."""


class Hearing:
    """Of one connection."""

    def __init__(self, now: float) -> None:
        self.has_come = False
        """Whether anything came that could be read."""
        self._made_at = now
        self._came_at = now
        self._back_at = now

    def came(self, at: float | None) -> None:
        """The newest packet that could be read came ``at``; None before the first."""
        if at is None:
            return
        self.has_come = True
        if at - self._came_at > UNHEARD_SECONDS:
            self._back_at = at
        self._came_at = max(self._came_at, at)

    def heard_at(self, acknowledged_at: float) -> float:
        """When it was heard last, if it acknowledged something at ``acknowledged_at``. Packets that come behind a
        silence count by themselves: what is sent now can be acknowledged only a round trip later."""
        return max(self._made_at, min(self._came_at, max(acknowledged_at + UNHEARD_SECONDS, self._back_at)))
