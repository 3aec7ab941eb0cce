"""A clock that stands still until it is let go."""

from __future__ import annotations

from distreamer.core.clock import LoopClock


class HeldClock(LoopClock):
    """A clock that can stand still."""

    def __init__(self) -> None:
        super().__init__()
        self._held_at: float | None = None
        self._held_seconds = 0.0

    def now(self) -> float:
        return (super().now() if self._held_at is None else self._held_at) - self._held_seconds

    def hold(self) -> None:
        if self._held_at is None:
            self._held_at = super().now()

    def release(self) -> None:
        if self._held_at is not None:
            self._held_seconds += super().now() - self._held_at
            self._held_at = None
