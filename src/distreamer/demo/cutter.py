"""Cuts the demo's link for a while."""

from __future__ import annotations

import asyncio

from distreamer.core.ports import Clock
from distreamer.transport.relay import Relay, RelayState


class LinkCutter:
    """Cuts ``relay`` and opens it again by itself. A cut during a cut begins anew."""

    def __init__(self, relay: Relay, clock: Clock) -> None:
        self.total_cut_seconds = 0.0
        """Of all cuts that have ended."""
        self._relay = relay
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._cut_at = 0.0
        self._until = 0.0

    @property
    def is_cut(self) -> bool:
        return self._relay.state is RelayState.CUT

    @property
    def planned_seconds(self) -> float:
        """How long the present cut is to last in all; 0 when there is none."""
        return self._until - self._cut_at if self.is_cut else 0.0

    @property
    def remaining_seconds(self) -> float:
        """Until the link comes back by itself; 0 when it is not cut."""
        return max(self._until - self._clock.now(), 0.0) if self.is_cut else 0.0

    def cut(self, seconds: float) -> None:
        """Makes the link a black hole for ``seconds`` from now on."""
        now = self._clock.now()
        if not self.is_cut:
            self._cut_at = now
        self._until = now + seconds
        self._cancel_timer()
        self._relay.cut()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.restore)

    def restore(self) -> None:
        """Opens the link now; what was cut is counted."""
        if self.is_cut:
            self.total_cut_seconds += self._clock.now() - self._cut_at
        self._cancel_timer()
        self._relay.restore()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
