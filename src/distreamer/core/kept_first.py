"""Puts fragments into a store once they are kept elsewhere: what others have seen must not be forgotten. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from distreamer.core.store import Store
from distreamer.model.audio import Station, StreamInfo
from distreamer.model.fragment import Fragment

Keep = Callable[[Fragment, Callable[[], None]], bool]
"""Keeps a fragment and then calls its second argument, in the order in which it was called; or says False: it cannot.
Whatever happens it does not take longer than a moment."""


class KeptFirst:
    """Where an ingest writes.

    Who restarts takes up the programme behind the last fragment that is kept. If others had one that is not, they would
    hear its audio again, under another name.
    """

    def __init__(self, store: Store) -> None:
        self.keep: Keep | None = None
        """None: nothing is kept, and all is seen at once."""
        self._store = store
        self._pending: deque[Fragment] = deque()

    @property
    def newest_epoch_id(self) -> int | None:
        return self._store.newest_epoch_id

    def open_epoch(self, epoch_id: int, info: StreamInfo, *, is_own: bool = False) -> bool:
        return self._store.open_epoch(epoch_id, info, is_own=is_own)

    def describe(self, epoch_id: int, station: Station) -> None:
        self._store.describe(epoch_id, station)

    def add(self, fragment: Fragment) -> None:
        """Seen as soon as it is kept, or cannot be."""
        self._pending.append(fragment)
        if self.keep is None or not self.keep(fragment, lambda: self._see(fragment)):
            # What cannot be kept comes behind what is being kept.
            self.hurry()

    def hurry(self) -> None:
        """All is seen now."""
        while self._pending:
            self._store.add(self._pending.popleft(), is_journalled=True)

    def _see(self, fragment: Fragment) -> None:
        if self._pending and self._pending[0] is fragment:
            self._store.add(self._pending.popleft(), is_journalled=True)
