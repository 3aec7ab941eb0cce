"""Tells the pacing what is held, as long as that says something about the clocks. Pure; time is an argument."""

from __future__ import annotations

from distreamer.core.pacing import Pacing
from distreamer.core.store import Store

STALE_SECONDS = 3.0
"""When nothing came for this long, beyond a fragment's own length, the levels say nothing about the clocks."""


class StorePacing:
    """A pacing that is shown the level of a store, unless that stands for an outage."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pacing = Pacing()
        self._added = 0
        self._stale_at = 0.0

    @property
    def correction(self) -> float:
        """See ``Pacing.correction``."""
        return self._pacing.correction

    def observe(self, now: float, level: float) -> None:
        """See ``Pacing.observe``; to be called after each change of the store."""
        if self._store.added != self._added:
            self._added = self._store.added
            self._stale_at = now + self._newest_seconds() + STALE_SECONDS
        if now < self._stale_at:
            self._pacing.observe(now, level)
        else:
            self._pacing.freeze()

    def freeze(self) -> None:
        """See ``Pacing.freeze``."""
        self._pacing.freeze()

    def _newest_seconds(self) -> float:
        newest = self._store.newest()
        epoch = self._store.epoch(newest.epoch) if newest else None
        return epoch.seconds(newest.duration) if newest and epoch else 0.0
