"""Appends fragments of changing origin to one store, in epochs of its own: what can be joined goes on in the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from distreamer.core.store import Store
from distreamer.media.mpeg_join import ReservoirJoin, mended_run
from distreamer.media.ogg_join import OggJoins
from distreamer.media.ogg_relabel import OggRelabel, relabel
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
        self._last: Fragment | None = None
        """What was added last, before it was joined to what stands before it."""
        self._relabel: OggRelabel | None = None
        self._is_handed_over = False
        self._stale_title: Title | None = None

    def hand_over(self, stale_title: Title | None) -> None:
        """What is added next comes from another input, which carries the same, and follows what was added last. As long
        as it says ``stale_title``, which is over where the programme stands, the title in force stays."""
        self._is_handed_over, self._stale_title = True, stale_title

    def go_on_in(self, epoch_id: int, skipped: int = 0) -> None:
        """The store's newest epoch, which another writer opened and will write to no more, is its own from now on. So
        many numbers are ``skipped``, which that writer may have given as well."""
        epoch = self._store.epoch(epoch_id)
        if epoch is None or not epoch.numbers:
            return
        newest = epoch.fragments[epoch.numbers[-1]]
        self._epoch, self._info = epoch_id, epoch.info
        self._number, self._start = newest.number + 1 + skipped, newest.end
        self._has_title = bool(newest.last_title)
        self._ogg_joins.joined(newest.setup, newest.audio)
        if skipped:
            self._last = newest

    def append(self, fragment: Fragment, info: StreamInfo, *, is_cut: bool) -> Fragment:
        """Adds ``fragment``, which came in an epoch that carries ``info``; gives it as it stands in the store.

        ``is_cut``: what stands before it in the store is not what stood before it at its origin.
        """
        self._take_up(info)
        if is_cut:
            self._is_handed_over, self._stale_title = False, None
        if is_cut and self._number > FIRST_NUMBER and info.format.codec is Codec.MPEG:
            self._join = ReservoirJoin()
        begins = is_cut or self._is_handed_over
        if begins:
            self._relabel = self._relabel_of(fragment, info)
        self._is_handed_over = False
        title = self._title_of(fragment, begins=begins)
        if fragment.title != self._stale_title or fragment.title_marks:
            self._stale_title = None
        self._has_title = bool(fragment.last_title or (self._has_title and not begins))
        if self._relabel is not None and fragment.setup == self._relabel.setup:
            audio, setup = self._relabel.pages(fragment.audio), self._relabel.new_setup
            fragment = replace(fragment, audio=audio, setup=setup)
        self._last = fragment = replace(fragment, title=title)
        setup, audio = self._joined(fragment, is_cut=is_cut)
        spliced = replace(
            fragment,
            audio=audio,
            setup=setup,
            epoch=self._epoch,
            number=self._number,
            start=self._start,
            discontinuity=(fragment.discontinuity or is_cut) and self._number > FIRST_NUMBER,
        )
        self._number += 1
        self._start = spliced.end
        self._store.add(spliced)
        return spliced

    def _joined(self, fragment: Fragment, *, is_cut: bool) -> tuple[bytes, bytes]:
        """Its set-up headers and audio, as they must be behind what was added last."""
        setup, audio = self._ogg_joins.joined(fragment.setup, fragment.audio, is_cut=is_cut)
        if self._join is not None:
            audio = mended_run(self._join, audio)
            self._join = None if self._join.done else self._join
        return setup, audio

    def _relabel_of(self, fragment: Fragment, info: StreamInfo) -> OggRelabel | None:
        """What makes Ogg pages follow those that were added last; None when they do, or do not follow."""
        if not self._is_handed_over or self._last is None or not info.format.codec.is_ogg:
            return None
        return relabel(self._last.audio, self._last.setup, fragment.audio, fragment.setup)

    def _title_of(self, fragment: Fragment, *, begins: bool) -> Title | None:
        """The title at its first byte; ``begins``: it comes from elsewhere than what was added last."""
        if fragment.title is not None:
            last = self._last if fragment.title == self._stale_title else None
            return last.last_title if last else fragment.title
        # Where nobody says what is on air now, the title of what was before must not stay.
        return Title("") if begins and self._has_title else None

    def _take_up(self, info: StreamInfo) -> None:
        """Goes on in the running epoch, or begins one where a decoder must begin anew."""
        if self._info is not None and self._info.format.joins(info.format):
            if self._info.station != info.station:
                self._info = replace(self._info, station=info.station)
                self._store.describe(self._epoch, info.station)
            return
        self._epoch, self._info = self._new_epoch_id(), info
        self._number, self._start = FIRST_NUMBER, 0
        self._store.open_epoch(self._epoch, info, is_own=True)
