"""One of several inputs, as the switch between them sees it; ``LiveStandby`` and ``MadeStandby`` are the two kinds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

from distreamer.core.cue import StandbyCue
from distreamer.core.played import missing_between
from distreamer.core.store import START, Position, Store
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment

HOLE_SECONDS = 3.0
"""While nothing is played, a fragment that is missing between others is waited for so long: another carrier may still
bring it."""


class OnItsWay(NamedTuple):
    """What is to go on air next."""

    fragment: Fragment
    info: StreamInfo
    """What its epoch carries."""
    is_cut: bool
    """Whether something is missing before it."""


class Standby(ABC):
    """An input with a store of its own, and how it is."""

    def __init__(self, name: str, store: Store, cue: StandbyCue, now: float) -> None:
        """``store`` and ``cue`` are those that the input was given; ``now`` is when it was started."""
        self.name = name
        """``input``, ``input backup``."""
        self.store = store
        self.cue = cue
        self.heard_at = now
        """When it brought something last; its start before that."""
        self._seen_seconds = 0.0
        self._position = START
        """Behind what went on air last."""
        self._before: Fragment | None = None
        self._rest: Fragment | None = None
        """What is to go on air first."""
        self._hole_since: float | None = None
        self._gave_up_at: float | None = None

    def look(self, now: float) -> None:
        """Notes what came since the last look. To be called after each change of the store."""
        seconds = self.store.added_seconds - self._seen_seconds
        if seconds > 0:
            self._seen_seconds = self.store.added_seconds
            self._brought(now, seconds)
            self.heard_at = now

    @abstractmethod
    def _brought(self, now: float, seconds: float) -> None:
        """``seconds`` of audio came."""

    @abstractmethod
    def is_ready(self, now: float) -> bool:
        """Whether it could be on air."""

    @abstractmethod
    def returns_in(self, now: float) -> float | None:
        """After how many seconds it may take over from an input that works, if it goes on like this; None when it
        is not ready."""

    @abstractmethod
    def has_failed(self, now: float) -> bool:
        """Whether it is known to give nothing more, on air."""

    def keeps_up(self, now: float) -> bool:
        """Whether it brings as much as is played."""
        return True

    def is_starving(self, now: float) -> bool:
        """Whether clearly less than real time comes of it."""
        return False

    def silent_seconds(self, now: float) -> float:
        """How long it has brought nothing, beyond the rhythm in which it mostly comes; 0 or less when it is not
        silent."""
        return 0.0

    def quiet_seconds(self, now: float) -> float:
        """How long it has brought nothing, beyond what a fragment lasts."""
        return 0.0

    @abstractmethod
    def begin(self, wanted_seconds: float, not_before: Position = START) -> float:
        """Goes on air, as far back as ``wanted_seconds`` in what it holds, rounded to whole fragments; gives how many
        seconds these are. Never again with what was on air already, nor with what stands before ``not_before``."""

    def go_on_behind(self, fragment: Fragment, rest: Fragment | None) -> float:
        """Goes on air inside of ``fragment``, of which ``rest`` is left; gives how many seconds are held from there on.
        What went on air before, of another input, stands before it here as well."""
        seconds = self._go_on_from(self.store.position_of(fragment))
        self._before, self._rest = fragment, rest
        return seconds + (self._seconds_of(rest) if rest else 0.0)

    @abstractmethod
    def end(self, now: float, *, is_lost: bool) -> None:
        """Goes off air; ``is_lost``: because it brought nothing any more."""

    def skip_held(self) -> None:
        """All that its store holds was on air already, before there was a switch: what comes next goes on behind it."""
        newest = self.store.newest()
        if newest is not None:
            self._position, self._before = self.store.position_of(newest), newest

    def is_last_resort(self, now: float) -> bool:
        """Whether it was put on air lately and gave nothing."""
        return False

    def next_fragment(self, now: float, must_go_on: Callable[[], bool], *, waits: bool) -> OnItsWay | None:
        """What is to go on air next; None when there is nothing, or when a hole before it may yet fill.

        A hole is waited for until ``must_go_on`` says that listeners would hear it; without ``waits``, for HOLE_SECONDS
        at the most.
        """
        if (rest := self._rest) is not None:
            self._rest = None
            return OnItsWay(rest, self._info_of(rest), is_cut=False)
        fragment = self.store.after(self._position)
        if fragment is None:
            return None
        before = self._before
        is_cut = before is None or before.epoch != fragment.epoch or missing_between(before, fragment) > 0
        is_hole = before is not None and before.epoch == fragment.epoch and is_cut
        if is_hole and self._waits_for_hole(now, must_go_on, waits):
            return None
        self._hole_since = None
        self._position, self._before = self.store.position_of(fragment), fragment
        return OnItsWay(fragment, self._info_of(fragment), is_cut)

    def _waits_for_hole(self, now: float, must_go_on: Callable[[], bool], waits: bool) -> bool:
        if self._gave_up_at == now:
            return False  # What is held behind further holes has waited long enough too.
        if self._hole_since is None:
            self._hole_since = now
        if (not waits and now - self._hole_since >= HOLE_SECONDS) or must_go_on():
            self._gave_up_at = now
            return False
        return True

    def _go_on_from(self, position: Position) -> float:
        """Seconds that are held from there on."""
        self._position = position
        self._before = self._rest = None
        self._hole_since = None
        return self.store.seconds_after(position)

    def _seconds_of(self, fragment: Fragment) -> float:
        return fragment.duration / self._info_of(fragment).format.clock_rate

    def _info_of(self, fragment: Fragment) -> StreamInfo:
        return self.store.epoch_of(fragment).info
