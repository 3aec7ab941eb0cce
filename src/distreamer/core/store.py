"""The store: the fragments that an instance holds, in memory, bounded in seconds and bytes.

Fragments arrive from one writer (an ingest) or from sessions that receive them; these may come late, twice, and
with holes that fill later. Readers hold positions of their own and are never waited for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from distreamer.core.epoch import Epoch
from distreamer.core.ports import Journal, Unsubscribe
from distreamer.model.audio import Station, StreamInfo
from distreamer.model.fragment import Fragment

REMEMBERED_EPOCHS = 64
"""Identifiers of forgotten epochs, so that a sender that still lists one does not reopen it."""


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """How much a store keeps. The newest fragment is always kept."""

    seconds: float = 300.0
    size: int = 64_000_000
    """Bytes of audio, set-up headers and titles."""
    fragments: int = 15_000
    """Kept at the most, however short: each takes memory beside its bytes."""
    epochs: int = 16
    """Epochs kept at the most, however little they hold."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between fragments: behind fragment ``number`` of the epoch that was opened as the ``order``-th."""

    order: int
    number: int


START = Position(-1, 0)
"""Before everything that a store may ever hold."""


class Store:
    """Epochs in the order in which they were opened, each with its fragments by number."""

    def __init__(self, limits: StoreLimits | None = None) -> None:
        self.limits = limits or StoreLimits()
        self.added = 0
        self.added_seconds = 0.0
        """Media seconds of all that was added."""
        self.added_size = 0
        """Bytes of audio of all that was added."""
        self.duplicates = 0
        self.evicted = 0
        self.late = 0
        """Fragments refused because they had been evicted already, or their epoch had."""
        self.journal: Journal | None = None
        """Told of all that comes."""
        self._epochs: list[Epoch] = []
        self._forgotten: deque[int] = deque(maxlen=REMEMBERED_EPOCHS)
        self._opened = 0
        self._size = 0
        self._seconds = 0.0
        self._watchers: dict[int, Callable[[], None]] = {}
        self._next_watcher = 0

    # -- writing

    def open_epoch(self, epoch_id: int, info: StreamInfo, *, is_own: bool = False) -> bool:
        """Makes ready for fragments of that epoch: behind all others when it is new; a known one only takes over the
        station's description. False when the epoch was held before and forgotten: its fragments would be late.
        ``is_own``: who opens it numbers its fragments."""
        if epoch_id in self._forgotten:
            return False
        if self.epoch(epoch_id) is not None:
            self.describe(epoch_id, info.station)
            return True
        self._epochs.append(Epoch(epoch_id, self._opened, info, is_own=is_own))
        self._opened += 1
        if self.journal is not None:
            self.journal.opened(epoch_id, info, is_own=is_own)
        self._evict()
        self._notify()
        return True

    def describe(self, epoch_id: int, station: Station) -> None:
        """Changes how the station describes itself in a running epoch."""
        epoch = self.epoch(epoch_id)
        if epoch is not None and epoch.info.station != station:
            epoch.info = replace(epoch.info, station=station)
            if self.journal is not None:
                self.journal.opened(epoch_id, epoch.info, is_own=epoch.is_own)
            self._notify()

    def add(self, fragment: Fragment, *, is_journalled: bool = False) -> bool:
        """Keeps ``fragment`` if it is new and not older than what was evicted; says whether it did.

        Its epoch must have been opened; a fragment of an epoch that is gone or unknown counts as late.
        ``is_journalled``: the journal has it already.
        """
        epoch = self.epoch(fragment.epoch)
        if epoch is None or fragment.number < epoch.floor:
            self.late += 1
            return False
        if fragment.number in epoch.fragments:
            self.duplicates += 1
            return False
        self._put(epoch, fragment)
        self.added += 1
        self.added_seconds += epoch.seconds(fragment.duration)
        self.added_size += len(fragment.audio)
        if self.journal is not None and not is_journalled:
            self.journal.added(fragment)
        self._evict()
        self._notify()
        return True

    def restore(self, fragments: Iterable[Fragment]) -> bool:
        """Holds what an earlier run of the program held. Nothing of it counts as added, and neither a watcher nor the
        journal is told. False when there was no room for all of it."""
        evicted = self.evicted
        for fragment in fragments:
            epoch = self.epoch(fragment.epoch)
            if epoch is not None and fragment.number >= epoch.floor and fragment.number not in epoch.fragments:
                self._put(epoch, fragment)
                self._evict()
        return self.evicted == evicted

    def limit(self, limits: StoreLimits) -> None:
        """Keeps so much from now on. Nothing came, so no watcher is called."""
        self.limits = limits
        self._evict()

    def take_over(self, other: Store) -> None:
        """Holds what ``other`` holds, instead of all that it held, and knows what ``other`` has forgotten. Nothing of
        it counts as added, and no watcher is called."""
        self._epochs = [
            replace(epoch, fragments=dict(epoch.fragments), numbers=list(epoch.numbers)) for epoch in other._epochs
        ]
        self._forgotten = other._forgotten.copy()
        self._opened, self._size, self._seconds = other._opened, other._size, other._seconds
        self._evict()

    # -- reading

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """Oldest first."""
        return tuple(self._epochs)

    @property
    def newest_epoch(self) -> Epoch | None:
        return self._epochs[-1] if self._epochs else None

    @property
    def newest_epoch_id(self) -> int | None:
        return self._epochs[-1].id if self._epochs else None

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    @property
    def seconds(self) -> float:
        """Seconds of audio held."""
        return max(self._seconds, 0.0)

    def __len__(self) -> int:
        return sum(len(epoch.numbers) for epoch in self._epochs)

    def __iter__(self) -> Iterator[Fragment]:
        """All fragments, oldest first."""
        for epoch in self._epochs:
            for number in epoch.numbers:
                yield epoch.fragments[number]

    def epoch(self, epoch_id: int) -> Epoch | None:
        """The epoch with that identifier, if it is still held."""
        for epoch in reversed(self._epochs):
            if epoch.id == epoch_id:
                return epoch
        return None

    def epoch_of(self, fragment: Fragment) -> Epoch:
        """Of one that the store has just given."""
        epoch = self.epoch(fragment.epoch)
        assert epoch is not None, "the store gave a fragment of an epoch that it does not hold"
        return epoch

    def get(self, epoch_id: int, number: int) -> Fragment | None:
        """That fragment, if it is held."""
        epoch = self.epoch(epoch_id)
        return epoch.fragments.get(number) if epoch else None

    def newest(self) -> Fragment | None:
        """The fragment with the highest number of the newest epoch that holds any."""
        for epoch in reversed(self._epochs):
            if epoch.numbers:
                return epoch.fragments[epoch.numbers[-1]]
        return None

    def oldest(self) -> Fragment | None:
        for epoch in self._epochs:
            if epoch.numbers:
                return epoch.fragments[epoch.numbers[0]]
        return None

    def position_of(self, fragment: Fragment) -> Position:
        """The place behind ``fragment``; START when its epoch is gone."""
        epoch = self.epoch(fragment.epoch)
        return Position(epoch.order, fragment.number) if epoch else START

    def after(self, position: Position) -> Fragment | None:
        """The first fragment held behind ``position``, over holes and into later epochs; None when there is none."""
        for epoch in self._epochs:
            if epoch.order < position.order or not epoch.numbers:
                continue
            if epoch.order > position.order:
                return epoch.fragments[epoch.numbers[0]]
            index = bisect_right(epoch.numbers, position.number)
            if index < len(epoch.numbers):
                return epoch.fragments[epoch.numbers[index]]
        return None

    def seconds_after(self, position: Position) -> float:
        """Seconds of audio held behind ``position``."""
        total = 0.0
        for epoch in self._epochs:
            if epoch.order < position.order:
                continue
            start = bisect_right(epoch.numbers, position.number) if epoch.order == position.order else 0
            total += sum(epoch.seconds(epoch.fragments[number].duration) for number in epoch.numbers[start:])
        return total

    def position_before_newest(self, seconds: float) -> Position:
        """The latest position with at least ``seconds`` of audio behind it; START when less is held."""
        total = 0.0
        for epoch in reversed(self._epochs):
            for index in range(len(epoch.numbers) - 1, -1, -1):
                number = epoch.numbers[index]
                total += epoch.seconds(epoch.fragments[number].duration)
                if total >= seconds:
                    return Position(epoch.order, number - 1)
        return START

    def subscribe(self, watcher: Callable[[], None]) -> Unsubscribe:
        """Calls ``watcher`` after each change, until the returned function is called. A watcher must be quick."""
        key = self._next_watcher
        self._next_watcher += 1
        self._watchers[key] = watcher

        def unsubscribe() -> None:
            self._watchers.pop(key, None)

        return unsubscribe

    # -- inside

    def _notify(self) -> None:
        for watcher in tuple(self._watchers.values()):
            watcher()

    def _put(self, epoch: Epoch, fragment: Fragment) -> None:
        epoch.fragments[fragment.number] = fragment
        if not epoch.numbers or fragment.number > epoch.numbers[-1]:
            epoch.numbers.append(fragment.number)
        else:
            epoch.numbers.insert(bisect_right(epoch.numbers, fragment.number), fragment.number)
        self._account(epoch, fragment, 1)

    def _account(self, epoch: Epoch, fragment: Fragment, sign: int) -> None:
        self._size += sign * fragment.size
        self._seconds += sign * epoch.seconds(fragment.duration)

    def _evict(self) -> None:
        most = self.limits
        while len(self) > 1 and (self._seconds > most.seconds or self._size > most.size or len(self) > most.fragments):
            self._evict_oldest()
        while len(self._epochs) > self.limits.epochs:
            oldest = self._epochs[0]
            while oldest.numbers:
                self._evict_first_of(oldest)
            self._forget(oldest)

    def _evict_oldest(self) -> None:
        epoch = next(epoch for epoch in self._epochs if epoch.numbers)
        self._evict_first_of(epoch)
        # An emptied epoch is forgotten, except the newest, which may still grow.
        if not epoch.numbers and epoch is not self._epochs[-1]:
            self._forget(epoch)

    def _evict_first_of(self, epoch: Epoch) -> None:
        number = epoch.numbers.pop(0)
        self._account(epoch, epoch.fragments.pop(number), -1)
        epoch.floor = number + 1
        self.evicted += 1

    def _forget(self, epoch: Epoch) -> None:
        self._epochs.remove(epoch)
        self._forgotten.append(epoch.id)
