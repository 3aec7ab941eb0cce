"""Appends fragments of changing origin to one store, in epochs of its own: what can be joined goes on in the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from distreamer.core.store import Store
from distreamer.media.mpeg_join import ReservoirJoin, mended_run
from distreamer.media.ogg_join import OggJoins
from distreamer.model.audio import Codec, StreamInfo, Title
from distreamer.model.fragment import FIRST_NUMBER, Fragment


class Splicer:
    """The one writer of its store. Names and media times are new; audio is shared with the origin, but for a few MP3
    frames behind each splice that lean on what was cut off, and for Ogg that is taken up in its middle."""

    def __init__(self, store: Store, new_epoch_id: Callable[[], int]) -> None:
        self._store = store
        self._new_epoch_id = new_epoch_id
        self._epoch = 0
        self._info: StreamInfo | None = None
        self._number = FIRST_NUMBER
        self._start = 0
        self._join: ReservoirJoin | None = None
        self._ogg_joins = OggJoins()
        self._has_title = False

    def go_on_in(self, epoch_id: int) -> None:
        """The store's newest epoch, which another writer opened and will write to no more, is its own from now on."""
        epoch = self._store.epoch(epoch_id)
        if epoch is None or not epoch.numbers:
            return
        newest = epoch.fragments[epoch.numbers[-1]]
        self._epoch, self._info = epoch_id, epoch.info
        self._number, self._start = newest.number + 1, newest.end
        self._has_title = bool(newest.last_title)
        self._ogg_joins.joined(newest.setup, newest.audio)

    def append(self, fragment: Fragment, info: StreamInfo, *, is_cut: bool) -> Fragment:
        """Adds ``fragment``, which came in an epoch that carries ``info``; gives it as it stands in the store.

        ``is_cut``: what stands before it in the store is not what stood before it at its origin.
        """
        self._take_up(info)
        if is_cut and self._number > FIRST_NUMBER and info.format.codec is Codec.MPEG:
            self._join = ReservoirJoin()
        setup, audio = self._ogg_joins.joined(fragment.setup, fragment.audio)
        if self._join is not None:
            audio = mended_run(self._join, audio)
            self._join = None if self._join.done else self._join
        # Where nobody says what is on air now, the title of what was before must not stay.
        title = Title("") if is_cut and fragment.title is None and self._has_title else fragment.title
        self._has_title = bool(fragment.last_title or (self._has_title and not is_cut))
        spliced = replace(
            fragment,
            audio=audio,
            setup=setup,
            title=title,
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
