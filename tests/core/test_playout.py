"""The playout: what is due when, whatever the arrivals do."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.core.pacing import MAXIMUM_CORRECTION
from distreamer.core.playout import Played, Playout
from distreamer.core.store import Store, StoreLimits
from distreamer.model.audio import StreamInfo, Title
from distreamer.model.fragment import Fragment, TitleMark
from distreamer.model.status import PlayoutState
from tests.support.made_audio import INFO, MP3, fragment

RATE = MP3.clock_rate
WALL = 1_000_000.0


def silent(number: int, epoch: int = 1, seconds: float = 1.0) -> Fragment:
    """A fragment with hardly any bytes, for long simulations."""
    ticks = round(seconds * RATE)
    return Fragment(epoch, number, (number - 1) * ticks, ticks, b"\0" * 8, captured_at=WALL + number * seconds)


class Simulation:
    """A store, a playout over it, and the time."""

    def __init__(self, delay: float = 5.0, limits: StoreLimits | None = None, restart_seconds: float = 5.0) -> None:
        self.store = Store(limits)
        self.store.open_epoch(1, INFO)
        self.playout = Playout(self.store, lambda info: delay, restart_seconds)
        self.now = 0.0
        self.heard: list[tuple[float, Played]] = []

    @property
    def numbers(self) -> list[int]:
        return [played.fragment.number for _, played in self.heard]

    def arrive(self, *fragments: Fragment) -> None:
        for one in fragments:
            self.store.add(one)
            self.advance()

    def advance(self) -> None:
        self.heard += [(self.now, played) for played in self.playout.advance(self.now)]

    def run_until(self, time: float) -> None:
        """Lets time pass, exactly as a driver would."""
        while (due := self.playout.next_time()) is not None and due <= time:
            self.now = max(due, self.now)
            self.advance()
        self.now = time

    def run(self, arrivals: Sequence[tuple[float, Fragment]]) -> None:
        for time, one in sorted(arrivals, key=lambda arrival: arrival[0]):
            self.run_until(time)
            self.arrive(one)


def started(held: int = 5, delay: float = 5.0) -> Simulation:
    """A playout that just began, with ``held`` fragments from 1 on."""
    simulation = Simulation(delay)
    simulation.arrive(*(fragment(number) for number in range(1, held + 1)))
    assert simulation.playout.state is PlayoutState.PLAYING
    return simulation


def test_waits_until_the_delay_is_held() -> None:
    simulation = Simulation(delay=3.0)
    simulation.arrive(fragment(1), fragment(2))
    assert simulation.playout.state is PlayoutState.WAITING
    assert simulation.playout.next_time() is None
    assert simulation.playout.status(0.0, WALL).budget_seconds == 0.0
    simulation.arrive(fragment(3))
    assert simulation.numbers == [1]
    assert simulation.playout.next_time() == 1.0


def test_starts_the_delay_behind_the_newest() -> None:
    simulation = Simulation(delay=3.0)
    for number in range(1, 11):
        simulation.store.add(fragment(number))
    simulation.advance()
    assert simulation.numbers == [8]
    assert simulation.playout.level(0.0) == pytest.approx(3.0)


def test_a_store_that_cannot_hold_the_delay_is_played_when_it_is_full() -> None:
    simulation = Simulation(delay=60.0, limits=StoreLimits(seconds=10.0))
    simulation.arrive(*(fragment(number) for number in range(1, 9)))
    assert simulation.playout.state is PlayoutState.WAITING
    simulation.arrive(fragment(9))
    assert simulation.numbers == [1]


def test_the_budget_is_what_is_held_and_not_yet_due() -> None:
    simulation = started(held=5)
    assert simulation.playout.status(0.0, WALL).budget_seconds == pytest.approx(5.0)
    assert simulation.playout.status(0.5, WALL).budget_seconds == pytest.approx(4.5)
    simulation.run_until(4.9)
    assert simulation.playout.status(4.9, WALL).budget_seconds == pytest.approx(0.1)
    assert simulation.numbers == [1, 2, 3, 4, 5]


def test_runs_dry_when_the_next_is_due_and_not_there() -> None:
    simulation = started(held=5)
    simulation.run_until(7.5)
    assert simulation.playout.state is PlayoutState.DRY
    assert simulation.playout.next_time() is None
    status = simulation.playout.status(7.5, WALL)
    assert (status.dry_times, status.budget_seconds) == (1, 0.0)
    assert status.dry_seconds == pytest.approx(2.5)


def test_after_a_link_outage_all_is_played_at_once_and_nothing_is_lost() -> None:
    simulation = started(held=5)
    simulation.run_until(12.0)
    simulation.arrive(*(fragment(number) for number in range(6, 13)))
    assert simulation.playout.state is PlayoutState.PLAYING
    simulation.run_until(18.0)
    assert simulation.numbers == list(range(1, 13))
    assert simulation.playout.status(18.0, WALL).dry_seconds == pytest.approx(7.0)


def test_after_a_source_outage_it_waits_for_a_small_buffer_and_not_for_the_whole_delay() -> None:
    simulation = started(held=25, delay=25.0)
    simulation.run_until(30.0)
    for number in range(26, 30):
        simulation.run_until(30.0 + number - 26)
        simulation.arrive(fragment(number))
        assert simulation.playout.state is PlayoutState.DRY
    simulation.run_until(34.0)
    simulation.arrive(fragment(30))
    assert simulation.heard[-1][0] == 34.0
    assert simulation.numbers[-1] == 26


def test_a_short_delay_is_also_enough_to_go_on() -> None:
    simulation = Simulation(delay=2.0)
    simulation.arrive(fragment(1), fragment(2))
    simulation.run_until(10.0)
    simulation.arrive(fragment(3), fragment(4))
    assert simulation.numbers == [1, 2, 3]


def test_the_whole_delay_can_be_asked_for_before_it_goes_on() -> None:
    simulation = Simulation(delay=8.0, restart_seconds=math.inf)
    simulation.arrive(*(fragment(number) for number in range(1, 9)))
    simulation.run_until(20.0)
    simulation.arrive(*(fragment(number) for number in range(9, 16)))
    assert simulation.playout.state is PlayoutState.DRY
    simulation.arrive(fragment(16))
    assert simulation.numbers[-1] == 9


def test_a_hole_is_waited_for_until_it_is_due() -> None:
    simulation = Simulation()
    simulation.arrive(*(fragment(number) for number in (1, 2, 4, 5, 6)))
    simulation.run_until(1.9)
    simulation.arrive(fragment(3))
    simulation.run_until(5.0)
    assert simulation.numbers == [1, 2, 3, 4, 5, 6]
    assert not any(played.discontinuity for _, played in simulation.heard)


def test_a_hole_that_is_due_is_skipped_and_told() -> None:
    simulation = Simulation()
    simulation.arrive(*(fragment(number) for number in (1, 2, 5, 6, 7)))
    simulation.run_until(2.0)
    simulation.arrive(fragment(3), fragment(4))
    simulation.run_until(3.5)
    assert [(time, played.fragment.number, played.discontinuity) for time, played in simulation.heard] == [
        (0.0, 1, False),
        (1.0, 2, False),
        (2.0, 5, True),
        (3.0, 6, False),
    ]
    assert simulation.playout.status(3.5, WALL).skipped_seconds == pytest.approx(2.0)


def test_a_source_that_was_interrupted_is_a_discontinuity() -> None:
    simulation = started(held=5)
    simulation.arrive(replace(fragment(6), discontinuity=True))
    simulation.run_until(6.5)
    assert [played.discontinuity for _, played in simulation.heard] == [False] * 5 + [True]


def test_a_new_epoch_begins_where_the_last_ended() -> None:
    simulation = started(held=5)
    half_rate = replace(MP3, clock_rate=RATE // 2, sample_rate=RATE // 2)
    simulation.store.open_epoch(2, StreamInfo(half_rate))
    simulation.arrive(*(replace(fragment(number, epoch=2), duration=RATE // 2) for number in (1, 2)))
    simulation.run_until(7.0)
    assert [(round(time, 3), played.fragment.epoch) for time, played in simulation.heard[4:]] == [
        (4.0, 1),
        (5.0, 2),
        (6.0, 2),
    ]
    assert simulation.heard[-1][1].info.format is half_rate


def test_the_beginning_of_an_epoch_that_never_came_counts_as_skipped() -> None:
    simulation = started(held=5)
    simulation.store.open_epoch(2, INFO)
    simulation.arrive(fragment(3, epoch=2))
    simulation.run_until(5.5)
    assert simulation.heard[-1][1].discontinuity
    assert simulation.playout.status(5.5, WALL).skipped_seconds == pytest.approx(2.0)


def test_goes_to_the_oldest_when_the_store_has_moved_on() -> None:
    simulation = Simulation(delay=5.0, limits=StoreLimits(seconds=10.0))
    simulation.arrive(*(fragment(number) for number in range(1, 6)))
    for number in range(6, 31):
        simulation.store.add(fragment(number))
    simulation.run_until(1.0)
    assert simulation.numbers == [1, 21]
    assert simulation.playout.status(1.0, WALL).skipped_seconds == pytest.approx(19.0)


def test_a_driver_that_slept_gets_all_that_was_due() -> None:
    simulation = started(held=5)
    simulation.now = 3.5
    simulation.advance()
    assert [(played.fragment.number, played.starts_at) for _, played in simulation.heard] == [
        (1, 0.0),
        (2, 1.0),
        (3, 2.0),
        (4, 3.0),
    ]


def test_status_says_what_is_heard_now() -> None:
    simulation = Simulation()
    marked = replace(
        fragment(1), title=Title("before"), title_marks=(TitleMark(len(fragment(1).audio) // 2, Title("after")),)
    )
    simulation.arrive(marked, *(fragment(number) for number in range(2, 6)))
    early, late = (simulation.playout.status(now, marked.captured_at + 30 + now) for now in (0.1, 0.9))
    assert early.title == Title("before")
    assert late.title == Title("after")
    assert early.behind_seconds == pytest.approx(31.0)
    assert late.behind_seconds == pytest.approx(31.0)
    assert early.played_seconds == pytest.approx(1.0)


def test_status_before_anything_was_played() -> None:
    status = Simulation().playout.status(0.0, WALL)
    assert (status.state, status.behind_seconds, status.title) == (PlayoutState.WAITING, None, None)


@st.composite
def schedules(draw: st.DrawFn) -> tuple[float, list[tuple[float, Fragment]]]:
    """A delay, and arrivals over a link that is out for less than that, again and again, and then brings what was
    missed in any order."""
    delay = draw(st.integers(4, 30))
    chance = random.Random(draw(st.integers(0, 2**32)))
    arrivals: list[tuple[float, Fragment]] = []
    up_from = 0.0
    next_outage = float(draw(st.integers(delay + 5, 3 * delay)))
    outages = draw(st.lists(st.tuples(st.floats(0.1, delay - 2.0), st.integers(1, 60)), max_size=6))
    number = 1
    for length, pause in [*outages, (0.0, 40)]:
        while number < next_outage:
            arrivals.append((max(number + chance.uniform(0, 0.4), up_from), silent(number)))
            number += 1
        up_from = next_outage + length
        next_outage = up_from + pause
    chance.shuffle(arrivals)
    return float(delay), arrivals


@given(schedules())
@settings(deadline=None, max_examples=60)
def test_outages_shorter_than_the_delay_are_never_heard(schedule: tuple[float, list[tuple[float, Fragment]]]) -> None:
    delay, arrivals = schedule
    simulation = Simulation(delay)
    simulation.run(arrivals)
    numbers = simulation.numbers
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    status = simulation.playout.status(simulation.now, WALL)
    assert (status.state, status.dry_times, status.skipped_seconds) == (PlayoutState.PLAYING, 0, 0.0)
    times = [time for time, _ in simulation.heard]
    for before, after in pairwise(times):
        assert 1 / (1 + MAXIMUM_CORRECTION) - 1e-9 <= after - before <= 1 / (1 - MAXIMUM_CORRECTION) + 1e-9
    # All arrived: what the outages took is held again.
    assert delay - 1.5 <= simulation.playout.level(simulation.now) <= delay + 1.5


@given(st.permutations(range(6, 31)), st.floats(5.0, 60.0))
@settings(deadline=None, max_examples=30)
def test_what_was_missed_may_come_in_any_order(order: list[int], back_at: float) -> None:
    simulation = started(held=5)
    simulation.run_until(back_at)
    for number in order:
        simulation.store.add(fragment(number))
    simulation.advance()
    simulation.run_until(back_at + 40)
    assert simulation.numbers == list(range(1, 31))


@pytest.mark.parametrize("parts_per_million", [-300, 300])
def test_a_day_of_drift_does_not_move_the_level(parts_per_million: int) -> None:
    simulation = Simulation(delay=8.0)
    chance = random.Random(1)
    length = 4.0
    levels: list[float] = []
    for number in range(1, int(86_400 / length)):
        made = number * length * (1 - parts_per_million / 1e6)
        time = max(made + chance.uniform(0, 0.5), simulation.now)
        simulation.run_until(time)
        simulation.arrive(silent(number, seconds=length))
        levels.append(simulation.playout.level(time))
    status = simulation.playout.status(simulation.now, WALL)
    assert (status.dry_times, status.skipped_seconds) == (0, 0.0)
    assert min(levels[3:]) > 7.0
    assert max(levels) < 9.0
