"""What an instance's snapshot says of its store."""

from __future__ import annotations

from distreamer.core.bitrate_book import BitrateBook
from distreamer.core.ports import Clock
from distreamer.core.store import Store
from distreamer.core.title_times import SentTitles
from distreamer.model.status import StoreStatus


class StoreFigures:
    """Made with the store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._changed_at = clock.now()
        self._sent_titles = SentTitles()
        self._bitrates = BitrateBook()

    def note_change(self) -> None:
        """To be called whenever the store has grown."""
        self._changed_at = self._clock.now()
        self._sent_titles.look(self._store)
        newest = self._store.newest()
        epoch = self._store.epoch(newest.epoch) if newest else None
        if newest is not None and epoch is not None:
            self._bitrates.note(newest, epoch.info.format)

    def status(self, declared_bitrate: int) -> StoreStatus:
        """``declared_bitrate`` is what the source says, 0 when it says nothing."""
        store = self._store
        epoch, newest = store.newest_epoch, store.newest()
        return StoreStatus(
            info=epoch.info if epoch else None,
            epoch=epoch.id if epoch else None,
            first_number=epoch.numbers[0] if epoch and epoch.numbers else None,
            last_number=epoch.numbers[-1] if epoch and epoch.numbers else None,
            seconds=store.seconds,
            size=store.size,
            newest_age_seconds=self._clock.now() - self._changed_at if newest else None,
            newest_seconds=epoch.seconds(newest.duration) if epoch and newest else 0.0,
            added=store.added,
            added_seconds=store.added_seconds,
            added_size=store.added_size,
            declared_bitrate=declared_bitrate,
            constant_bitrate=self._bitrates.constant_bitrate,
            duplicates=store.duplicates,
            evicted=store.evicted,
            title=newest.last_title if newest else None,
            title_sent_at=self._sent_titles.newest_since,
        )
