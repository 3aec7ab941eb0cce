"""The store against a model of itself: whatever is written, in whatever order, readers see the same."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from distreamer.core.store import START, Position, Store, StoreLimits
from distreamer.model.audio import AudioFormat, Codec, Station, StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark

CLOCK_RATE = 1000
INFO = StreamInfo(AudioFormat(Codec.MPEG, CLOCK_RATE, CLOCK_RATE, 2, "MPEG-1 layer III", 128_000, "audio/mpeg"))


def fragment(number: int, epoch: int = 1, size: int = 100, duration: int = CLOCK_RATE, setup: bytes = b"") -> Fragment:
    """A fragment of one second unless told otherwise."""
    return Fragment(epoch, number, (number - 1) * duration, duration, bytes(size), 0.0, setup=setup)


def filled(*numbers: int, limits: StoreLimits | None = None) -> Store:
    store = Store(limits)
    store.open_epoch(1, INFO)
    for number in numbers:
        store.add(fragment(number))
    return store


def test_fragments_come_out_in_order_whatever_order_they_came_in() -> None:
    store = filled(3, 1, 5, 2)
    assert [one.number for one in store] == [1, 2, 3, 5]
    assert store.newest_epoch is not None
    assert store.newest_epoch.ranges() == [(1, 3), (5, 5)]


def test_a_second_copy_is_counted_and_changes_nothing() -> None:
    store = filled(1, 2)
    assert not store.add(fragment(2, size=7))
    kept = store.get(1, 2)
    assert kept is not None
    assert (store.duplicates, len(kept.audio)) == (1, 100)


def test_what_was_evicted_is_not_taken_again() -> None:
    store = filled(*range(1, 8), limits=StoreLimits(seconds=3))
    assert [one.number for one in store] == [5, 6, 7]
    assert not store.add(fragment(4))
    assert (store.evicted, store.late) == (4, 1)


def test_a_fragment_of_an_unknown_epoch_is_refused_and_counted() -> None:
    store = filled(1)
    assert not store.add(fragment(1, epoch=2))
    assert store.late == 1


def test_size_bounds_the_store_too_and_set_up_headers_count() -> None:
    store = Store(StoreLimits(size=1000))
    store.open_epoch(1, INFO)
    for number in range(1, 11):
        store.add(fragment(number, size=200, setup=bytes(200)))
    assert store.size <= 1000
    assert len(store) == 2


def test_titles_count_and_very_short_fragments_are_bounded_in_number() -> None:
    store = Store(StoreLimits(size=1000))
    store.open_epoch(1, INFO)
    title = Title("a" * 300, "b" * 50)
    for number in range(1, 11):
        store.add(replace(fragment(number), title=title, title_marks=(TitleMark(1, title),)))
    assert [one.number for one in store] == [10]
    assert store.size == 800
    store = Store(StoreLimits(fragments=100))
    store.open_epoch(1, INFO)
    for number in range(1, 1001):
        store.add(fragment(number, size=1, duration=1))
    assert [one.number for one in store] == list(range(901, 1001))


def test_the_newest_fragment_is_kept_however_large() -> None:
    store = Store(StoreLimits(size=10))
    store.open_epoch(1, INFO)
    store.add(fragment(1))
    store.add(fragment(2))
    assert [one.number for one in store] == [2]


def test_after_goes_over_holes_and_into_the_next_epoch() -> None:
    store = filled(1, 3)
    store.open_epoch(2, INFO)
    store.add(fragment(1, epoch=2))
    walked = []
    position = START
    while (found := store.after(position)) is not None:
        walked.append((found.epoch, found.number))
        position = store.position_of(found)
    assert walked == [(1, 1), (1, 3), (2, 1)]


def test_seconds_behind_and_before_a_position() -> None:
    store = filled(*range(1, 11))
    assert store.seconds_after(Position(0, 4)) == 6
    assert store.position_before_newest(4) == Position(0, 6)
    assert store.position_before_newest(11) == START


def test_opening_a_known_epoch_only_takes_over_the_station() -> None:
    store = filled(1)
    told: list[None] = []
    store.subscribe(lambda: told.append(None))
    assert store.open_epoch(1, StreamInfo(INFO.format, Station(name="Radio")))
    (epoch,) = store.epochs
    assert (epoch.order, epoch.info.station.name, len(store), len(told)) == (0, "Radio", 1, 1)


def test_a_forgotten_epoch_does_not_come_back_behind_newer_ones() -> None:
    store = filled(1, limits=StoreLimits(seconds=2))
    store.open_epoch(2, INFO)
    for number in (1, 2, 3):
        store.add(fragment(number, epoch=2))
    assert not store.open_epoch(1, INFO)
    assert not store.add(fragment(9, epoch=1))
    assert [epoch.id for epoch in store.epochs] == [2]


def test_the_number_of_epochs_is_bounded() -> None:
    store = Store(StoreLimits(epochs=3))
    for epoch in range(1, 20):
        store.open_epoch(epoch, INFO)
        if epoch % 2:
            store.add(fragment(1, epoch=epoch))
    assert [epoch.id for epoch in store.epochs] == [17, 18, 19]


def test_a_watcher_that_left_hears_no_more() -> None:
    store = filled()
    told: list[None] = []
    leave = store.subscribe(lambda: told.append(None))
    store.add(fragment(1))
    leave()
    leave()
    store.add(fragment(2))
    assert len(told) == 1


class StoreMachine(RuleBasedStateMachine):
    """Writes at random, and keeps a plain list of what the store ought to hold."""

    LIMITS = StoreLimits(seconds=12, size=1500, epochs=4)

    def __init__(self) -> None:
        super().__init__()
        self.store = Store(self.LIMITS)
        self.opened: list[int] = []
        self.model: dict[tuple[int, int], Fragment] = {}
        self.floors: dict[int, int] = {}
        self.changes = 0
        self.store.subscribe(self._changed)

    def _changed(self) -> None:
        self.changes += 1

    @rule()
    def open_epoch(self) -> None:
        epoch_id = len(self.opened) + 1
        self.store.open_epoch(epoch_id, INFO)
        self.opened.append(epoch_id)
        self._evict()

    @precondition(lambda self: self.opened)
    @rule(
        back=st.integers(0, 2),
        number=st.integers(1, 40),
        size=st.integers(0, 400),
        duration=st.integers(1, 3000),
    )
    def add(self, back: int, number: int, size: int, duration: int) -> None:
        epoch_id = self.opened[max(len(self.opened) - 1 - back, 0)]
        one = fragment(number, epoch_id, size, duration)
        held = {epoch.id for epoch in self.store.epochs}
        expected = epoch_id in held and number >= self.floors.get(epoch_id, 1) and (epoch_id, number) not in self.model
        before = self.changes
        assert self.store.add(one) is expected
        assert self.changes - before == int(expected)
        if expected:
            self.model[epoch_id, number] = one
            self._evict()

    def _evict(self) -> None:
        """Drops the oldest of the model while it is over the limits; whole epochs when there are too many."""
        while len(self.model) > 1 and (
            sum(one.duration for one in self.model.values()) > self.LIMITS.seconds * CLOCK_RATE
            or sum(len(one.audio) for one in self.model.values()) > self.LIMITS.size
        ):
            epoch_id, number = min(self.model)
            del self.model[epoch_id, number]
            self.floors[epoch_id] = number + 1
        held = {epoch.id for epoch in self.store.epochs}
        for epoch_id, number in sorted(self.model):
            if epoch_id not in held:
                del self.model[epoch_id, number]
                self.floors[epoch_id] = number + 1

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert [(one.epoch, one.number) for one in self.store] == sorted(self.model)
        assert len(self.store) == len(self.model)

    @invariant()
    def stays_within_its_limits(self) -> None:
        assert len(self.store) <= 1 or self.store.seconds <= self.LIMITS.seconds + 1e-6
        assert len(self.store) <= 1 or self.store.size <= self.LIMITS.size
        assert len(self.store.epochs) <= self.LIMITS.epochs

    @invariant()
    def accounts_exactly(self) -> None:
        assert self.store.size == sum(len(one.audio) for one in self.model.values())
        assert abs(self.store.seconds * CLOCK_RATE - sum(one.duration for one in self.model.values())) < 1e-3
        assert self.store.added == self.store.evicted + len(self.store)

    @invariant()
    def a_cursor_meets_each_fragment_once(self) -> None:
        met = []
        position = START
        while (found := self.store.after(position)) is not None:
            met.append((found.epoch, found.number))
            position = self.store.position_of(found)
        assert met == sorted(self.model)

    @invariant()
    def ranges_name_the_numbers_held(self) -> None:
        for epoch in self.store.epochs:
            named = [number for first, last in epoch.ranges() for number in range(first, last + 1)]
            assert named == sorted(number for epoch_id, number in self.model if epoch_id == epoch.id)


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
