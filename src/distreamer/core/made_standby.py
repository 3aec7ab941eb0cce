"""An input that makes audio when it is asked, as the switch between inputs sees it."""

from __future__ import annotations

from distreamer.core.cue import StandbyCue
from distreamer.core.standby import Standby
from distreamer.core.store import START, Position, Store

STUCK_SECONDS = 3.0
"""Who was asked for audio and gave none for so long hangs, as a disk may. What it gave before lasts longer."""
FIRST_PENALTY_SECONDS, MOST_PENALTY_SECONDS = 60.0, 3600.0
"""Who was put on air and gave nothing is not put there again for so long, twice as long each time in a row."""


class MadeStandby(Standby):
    """Makes audio when it is asked: a file, silence. What its store holds off air counts for nothing."""

    def __init__(self, name: str, store: Store, cue: StandbyCue, now: float) -> None:
        super().__init__(name, store, cue, now)
        self._asked_since: float | None = None
        self._stuck_at_offer: int | None = None
        self._gave_this_turn = True
        self._penalty_seconds = 0.0
        self._not_before = now

    def _brought(self, now: float, seconds: float) -> None:
        self._asked_since = None
        self._stuck_at_offer = None
        self._gave_this_turn = True

    def is_ready(self, now: float) -> bool:
        return self.cue.is_offered and self.cue.offers != self._stuck_at_offer

    def returns_in(self, now: float) -> float | None:
        return max(self._not_before - now, 0.0) if self.is_ready(now) else None

    def has_failed(self, now: float) -> bool:
        return not self.is_ready(now) or self._is_stuck(now)

    def begin(self, wanted_seconds: float, not_before: Position = START) -> float:
        newest = self.store.newest()
        self._gave_this_turn = False
        self.cue.begin()
        return self._go_on_from(self.store.position_of(newest) if newest else START)

    def end(self, now: float, *, is_lost: bool) -> None:
        is_stuck = self._is_stuck(now)
        if is_stuck:
            self._stuck_at_offer = self.cue.offers
        if is_lost and (is_stuck or not self._gave_this_turn):
            self._penalty_seconds = min(max(FIRST_PENALTY_SECONDS, 2 * self._penalty_seconds), MOST_PENALTY_SECONDS)
            self._not_before = now + self._penalty_seconds
        elif self._gave_this_turn:
            self._penalty_seconds = 0.0
        self._asked_since = None
        self.cue.end()

    def ask(self, now: float, seconds: float) -> None:
        """On air, so many seconds are wanted of it (below 0: it is ahead)."""
        self.cue.want(seconds)
        if seconds <= 0:
            self._asked_since = None
        elif self._asked_since is None:
            self._asked_since = now

    def is_last_resort(self, now: float) -> bool:
        return now < self._not_before

    def _is_stuck(self, now: float) -> bool:
        return self._asked_since is not None and now - self._asked_since >= STUCK_SECONDS
