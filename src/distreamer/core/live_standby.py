"""An input that brings audio by itself, as the switch between inputs sees it."""

from __future__ import annotations

from distreamer.core.cue import StandbyCue
from distreamer.core.standby import Standby
from distreamer.core.store import START, Store

PAUSE_SECONDS = 8.0
"""A live input that has brought nothing for so long, beyond what its audio lasts, begins to be healthy anew."""
READY_PART = 0.5
"""Who has brought nothing for this part of it is not put on air: it may be about to fail as well."""
MOST_COVERED_SECONDS = 30.0
"""Audio that comes at once speaks for the time that it lasts, but for no longer than this: a sender that runs
DiStreamer 2 gives 82 kB at a time, 27 s at 24 kbit/s."""


class LiveStandby(Standby):
    """Brings audio by itself, in real time or in bursts."""

    def __init__(
        self,
        name: str,
        store: Store,
        cue: StandbyCue,
        now: float,
        return_seconds: float = 10.0,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """``return_seconds``: how long it must have been healthy to take over from an input of a lower priority. After
        a longer pause than ``pause_seconds`` its health is counted anew."""
        super().__init__(name, store, cue, now)
        self._return_seconds = return_seconds
        self._pause_seconds = pause_seconds
        self._covered_until = now
        self._healthy_since: float | None = None
        self._run_position = START
        """Where its present healthy run begins."""
        self._newest = START

    def _brought(self, now: float, seconds: float) -> None:
        if self._healthy_since is None or self.silent_seconds(now) > self._pause_seconds:
            self._healthy_since = now
            self._run_position = self._newest
        self._covered_until = min(max(self._covered_until, now) + seconds, now + MOST_COVERED_SECONDS)
        newest = self.store.newest()
        self._newest = self.store.position_of(newest) if newest else START

    def is_ready(self, now: float) -> bool:
        return self._healthy_since is not None and self.silent_seconds(now) <= READY_PART * self._pause_seconds

    def returns_in(self, now: float) -> float | None:
        if self._healthy_since is None or not self.is_ready(now):
            return None
        return max(self._return_seconds - (now - self._healthy_since), 0.0)

    def has_failed(self, now: float) -> bool:
        return False

    def silent_seconds(self, now: float) -> float:
        return now - self._covered_until

    def quiet_seconds(self, now: float) -> float:
        newest = self.store.newest()
        return now - self.heard_at - (self._seconds_of(newest) if newest else 0.0)

    def begin(self, wanted_seconds: float) -> float:
        newest = self.store.newest()
        if newest is None:
            return self._go_on_from(self._position)
        half = self._seconds_of(newest) / 2
        position = self.store.position_of(newest)
        if wanted_seconds > half:
            position = self.store.position_before_newest(wanted_seconds - half)
        return self._go_on_from(max(position, self._position, self._run_position))

    def end(self, now: float, *, is_lost: bool) -> None:
        if is_lost:
            self._healthy_since = None
