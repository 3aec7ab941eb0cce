"""Appends fragments of changing origin to one store, in epochs of its own: what can be joined goes on in the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from distreamer.core.store import Store
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import FIRST_NUMBER, Fragment


class Splicer:
    """The one writer of its store. Audio is shared with the origin, names and media times are new."""

    def __init__(self, store: Store, new_epoch_id: Callable[[], int]) -> None:
        self._store = store
        self._new_epoch_id = new_epoch_id
        self._epoch = 0
        self._info: StreamInfo | None = None
        self._number = FIRST_NUMBER
        self._start = 0

    def append(self, fragment: Fragment, info: StreamInfo, *, is_cut: bool) -> Fragment:
        """Adds ``fragment``, which came in an epoch that carries ``info``; gives it as it stands in the store.

        ``is_cut``: what stands before it in the store is not what stood before it at its origin.
        """
        self._take_up(info)
        spliced = replace(
            fragment,
            epoch=self._epoch,
            number=self._number,
            start=self._start,
            discontinuity=(fragment.discontinuity or is_cut) and self._number > FIRST_NUMBER,
        )
        self._number += 1
        self._start = spliced.end
        self._store.add(spliced)
        return spliced

    def _take_up(self, info: StreamInfo) -> None:
        """Goes on in the running epoch, or begins one where a decoder must begin anew."""
        if self._info is not None and self._info.format.joins(info.format):
            if self._info.station != info.station:
                self._info = replace(self._info, station=info.station)
                self._store.describe(self._epoch, info.station)
            return
        self._epoch, self._info = self._new_epoch_id(), info
        self._number, self._start = FIRST_NUMBER, 0
        self._store.open_epoch(self._epoch, info)
