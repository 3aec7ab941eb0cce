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

from distreamer.core.lead import LEAD_SECONDS, LEAD_WITHIN_SECONDS
from distreamer.core.pacing import MAXIMUM_CORRECTION
from distreamer.core.played import Played
from distreamer.core.playout import Playout
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


def started(delay: float = 5.0) -> Simulation:
    """A playout that just began: fragments 1 and 2, the whole lead, and fragment 3 were played at 0 s, and ``delay``
    seconds are held, from the beginning of fragment 3 on."""
    simulation = Simulation(delay)
    long = replace(fragment(1), duration=round((LEAD_SECONDS - 1) * RATE))
    for one in (long, *(fragment(number) for number in range(2, round(delay) + 3))):
        simulation.store.add(one)
    simulation.advance()
    assert simulation.numbers == [1, 2, 3]
    return simulation


def test_waits_until_the_delay_and_the_least_lead_are_held() -> None:
    simulation = Simulation(delay=3.0)
    simulation.arrive(*(fragment(number) for number in range(1, 5)))
    assert simulation.playout.state is PlayoutState.WAITING
    assert simulation.playout.next_time() is None
    assert simulation.playout.status(0.0, WALL).budget_seconds == 0.0
    simulation.arrive(fragment(5))
    assert simulation.numbers == [1, 2, 3]
    assert simulation.playout.next_time() == pytest.approx(1.0)
    assert simulation.playout.level(0.0) == pytest.approx(3.0)


@pytest.mark.parametrize(("held", "first"), [(6, 1), (10, 1), (13, 1), (14, 2), (50, 38)])
def test_starts_the_delay_behind_the_newest_with_as_much_lead_as_there_is(held: int, first: int) -> None:
    simulation = Simulation(delay=3.0)
    for number in range(1, held + 1):
        simulation.store.add(fragment(number))
    simulation.advance()
    assert simulation.numbers == list(range(first, held - 1))
    assert simulation.playout.level(0.0) == pytest.approx(3.0)


def test_a_store_that_cannot_hold_the_delay_is_played_when_it_is_full() -> None:
    simulation = Simulation(delay=60.0, limits=StoreLimits(seconds=10.0))
    simulation.arrive(*(fragment(number) for number in range(1, 9)))
    assert simulation.playout.state is PlayoutState.WAITING
    simulation.arrive(fragment(9))
    assert simulation.numbers == [1]


def test_the_budget_is_what_is_held_and_not_yet_due() -> None:
    simulation = started()
    assert simulation.playout.status(0.0, WALL).budget_seconds == pytest.approx(5.0)
    assert simulation.playout.status(0.5, WALL).budget_seconds == pytest.approx(4.5)
    simulation.run_until(4.9)
    assert simulation.playout.status(4.9, WALL).budget_seconds == pytest.approx(0.1)
    assert simulation.numbers == list(range(1, 8))


def test_runs_dry_when_the_next_is_due_and_not_there() -> None:
    simulation = started()
    simulation.run_until(7.5)
    assert simulation.playout.state is PlayoutState.DRY
    assert simulation.playout.next_time() is None
    status = simulation.playout.status(7.5, WALL)
    assert (status.dry_times, status.budget_seconds) == (1, 0.0)
    assert status.dry_seconds == pytest.approx(2.5)


def test_after_a_link_outage_all_is_played_at_once_and_nothing_is_lost() -> None:
    simulation = started()
    simulation.run_until(10.0)
    for number in range(8, 18):
        simulation.store.add(fragment(number))
    simulation.advance()
    # Ten seconds are there, five more than the delay: those give the players their buffers back.
    assert [played.fragment.number for time, played in simulation.heard if time == 10.0] == list(range(8, 14))
    assert simulation.playout.level(10.0) == pytest.approx(5.0)
    simulation.run_until(14.5)
    assert simulation.numbers == list(range(1, 18))
    assert simulation.playout.status(14.5, WALL).dry_seconds == pytest.approx(5.0)


def test_what_was_missed_is_lead_also_when_it_comes_one_by_one_and_soon() -> None:
    simulation = started()
    simulation.run_until(9.0)
    for number in range(8, 22):
        simulation.run_until(9.0 + 0.1 * number)
        simulation.arrive(fragment(number))
    # It was dry from 5.0 s to 10.2 s, when five seconds were there again: as much is lead.
    assert simulation.playout.status(simulation.now, WALL).dry_seconds == pytest.approx(5.2)
    assert simulation.playout.level(simulation.now) == pytest.approx(14 - 5.2 - (simulation.now - 10.2))


def test_what_comes_later_is_no_lead() -> None:
    simulation = started()
    simulation.run_until(30.0)
    simulation.arrive(*(fragment(number) for number in range(8, 13)))
    for number in range(13, 40):
        simulation.run_until(30.0 + number - 12)
        simulation.arrive(fragment(number))
    before = simulation.playout.level(simulation.now)
    simulation.arrive(*(fragment(number) for number in range(40, 45)))
    assert simulation.playout.level(simulation.now) == pytest.approx(before + 5.0)


def test_after_a_long_link_outage_the_lead_is_bounded() -> None:
    simulation = started()
    simulation.run_until(100.0)
    for number in range(8, 108):
        simulation.store.add(fragment(number))
    simulation.advance()
    assert simulation.playout.level(100.0) == pytest.approx(100.0 - LEAD_SECONDS)


def test_after_a_source_outage_it_waits_for_a_small_buffer_and_not_for_the_whole_delay() -> None:
    simulation = started(delay=25.0)
    simulation.run_until(30.0)
    for number in range(28, 32):
        simulation.run_until(30.0 + number - 28)
        simulation.arrive(fragment(number))
        assert simulation.playout.state is PlayoutState.DRY
    simulation.run_until(34.0)
    simulation.arrive(fragment(32))
    assert simulation.heard[-1][0] == 34.0
    assert simulation.numbers[-1] == 28


def test_what_was_played_long_ago_is_not_taken_for_a_small_buffer() -> None:
    simulation = Simulation(delay=25.0, limits=StoreLimits(seconds=60.0))
    for number in range(1, 101):
        simulation.run_until(float(number))
        simulation.arrive(fragment(number))
    simulation.run_until(200.0)
    assert simulation.playout.state is PlayoutState.DRY
    for number in range(101, 105):
        simulation.run_until(100.0 + number)
        simulation.arrive(fragment(number))
        assert simulation.playout.state is PlayoutState.DRY
    simulation.arrive(fragment(105))
    assert simulation.numbers[-1] == 101


def test_a_short_delay_is_also_enough_to_go_on() -> None:
    simulation = started(delay=2.0)
    simulation.run_until(10.0)
    simulation.arrive(fragment(5), fragment(6))
    assert simulation.numbers == [1, 2, 3, 4, 5]


def test_the_whole_delay_can_be_asked_for_before_it_goes_on() -> None:
    simulation = Simulation(delay=8.0, restart_seconds=math.inf)
    simulation.arrive(*(fragment(number) for number in range(1, 11)))
    simulation.run_until(20.0)
    simulation.arrive(*(fragment(number) for number in range(11, 18)))
    assert simulation.playout.state is PlayoutState.DRY
    simulation.arrive(fragment(18))
    assert simulation.numbers[-1] == 11


def test_a_hole_is_waited_for_until_it_is_due() -> None:
    simulation = started()
    simulation.arrive(fragment(9), fragment(10))
    simulation.run_until(4.9)
    simulation.arrive(fragment(8))
    simulation.run_until(7.5)
    assert simulation.numbers == list(range(1, 11))
    assert not any(played.discontinuity for _, played in simulation.heard)


def test_lead_never_makes_a_hole_due() -> None:
    simulation = Simulation(delay=5.0)
    for number in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15):
        simulation.store.add(fragment(number))
    simulation.advance()
    assert simulation.numbers == [1, 2, 3]
    simulation.arrive(fragment(8))
    assert simulation.numbers == list(range(1, 12))


def test_a_hole_that_is_due_is_skipped_and_told() -> None:
    simulation = started()
    simulation.arrive(fragment(10), fragment(11))
    simulation.run_until(5.0)
    simulation.arrive(fragment(8), fragment(9))
    simulation.run_until(6.5)
    assert [
        (round(time, 3), played.fragment.number, played.discontinuity) for time, played in simulation.heard[-3:]
    ] == [
        (4.0, 7, False),
        (5.0, 10, True),
        (6.0, 11, False),
    ]
    assert simulation.playout.status(6.5, WALL).skipped_seconds == pytest.approx(2.0)


def test_a_source_that_was_interrupted_is_a_discontinuity() -> None:
    simulation = started()
    simulation.arrive(replace(fragment(8), discontinuity=True))
    simulation.run_until(5.5)
    assert [played.discontinuity for _, played in simulation.heard] == [False] * 7 + [True]


def test_a_new_epoch_begins_where_the_last_ended() -> None:
    simulation = started()
    half_rate = replace(MP3, clock_rate=RATE // 2, sample_rate=RATE // 2)
    simulation.store.open_epoch(2, StreamInfo(half_rate))
    simulation.arrive(*(replace(fragment(number, epoch=2), duration=RATE // 2) for number in (1, 2)))
    simulation.run_until(6.5)
    assert [(round(time, 3), played.fragment.epoch) for time, played in simulation.heard[-3:]] == [
        (4.0, 1),
        (5.0, 2),
        (6.0, 2),
    ]
    assert simulation.heard[-1][1].info.format is half_rate


def test_the_beginning_of_an_epoch_that_never_came_counts_as_skipped() -> None:
    simulation = started()
    simulation.store.open_epoch(2, INFO)
    simulation.arrive(fragment(3, epoch=2))
    simulation.run_until(5.5)
    assert simulation.heard[-1][1].discontinuity
    assert simulation.playout.status(5.5, WALL).skipped_seconds == pytest.approx(2.0)


def test_goes_to_the_oldest_when_the_store_has_moved_on() -> None:
    simulation = started()
    for number in range(8, 331):
        simulation.store.add(fragment(number))
    simulation.run_until(1.5)
    assert simulation.numbers == [1, 2, 3, 31]
    assert simulation.playout.status(1.5, WALL).skipped_seconds == pytest.approx(27.0)


def test_a_driver_that_slept_gets_all_that_was_due() -> None:
    simulation = started()
    simulation.now = 3.5
    simulation.advance()
    assert [(played.fragment.number, round(played.starts_at, 3)) for _, played in simulation.heard[3:]] == [
        (4, 1.0),
        (5, 2.0),
        (6, 3.0),
    ]


def test_status_says_what_is_heard_now() -> None:
    simulation = Simulation()
    third = fragment(3)
    marked = replace(third, title=Title("before"), title_marks=(TitleMark(len(third.audio) // 2, Title("after")),))
    simulation.arrive(fragment(1), fragment(2), marked, *(fragment(number) for number in range(4, 8)))
    early, late = (simulation.playout.status(now, marked.captured_at + 30 + now) for now in (0.1, 0.9))
    assert early.title == Title("before")
    assert late.title == Title("after")
    assert early.behind_seconds == pytest.approx(31.0)
    assert late.behind_seconds == pytest.approx(31.0)
    assert early.played_seconds == pytest.approx(3.0)


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
    begun = simulation.heard[0][0]
    times = [played.starts_at for time, played in simulation.heard if time > begun + LEAD_WITHIN_SECONDS]
    for before, after in pairwise(times):
        assert 1 / (1 + MAXIMUM_CORRECTION) - 1e-9 <= after - before <= 1 / (1 - MAXIMUM_CORRECTION) + 1e-9
    # All arrived: what the outages took is held again.
    assert delay - 1.5 <= simulation.playout.level(simulation.now) <= delay + 1.5


@given(st.permutations(range(8, 33)), st.floats(5.0, 60.0))
@settings(deadline=None, max_examples=30)
def test_what_was_missed_may_come_in_any_order(order: list[int], back_at: float) -> None:
    simulation = started()
    simulation.run_until(back_at)
    for number in order:
        simulation.store.add(fragment(number))
    simulation.advance()
    simulation.run_until(back_at + 40)
    assert simulation.numbers == list(range(1, 33))


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


def test_a_lost_second_is_not_taken_from_the_players() -> None:
    simulation = Simulation(delay=8.0)
    for number in range(1, 400):
        simulation.run_until(float(number))
        if number != 200:
            simulation.arrive(fragment(number))
        assert simulation.playout.correction == pytest.approx(0.0, abs=1e-4)
    assert simulation.playout.status(simulation.now, WALL).skipped_seconds == pytest.approx(1.0)


def test_hours_of_short_outages_do_not_move_the_level() -> None:
    simulation = Simulation(delay=25.0)
    for number in range(1, 4 * 3600):
        # At first all comes late: the level rises when it no longer does. Then the link fails twice a minute.
        time = number + (0.6 if number < 180 else 0.0)
        outage = (time - 270) % 26 - 20 if time > 270 else 0.0
        if outage > 0:
            time += 6 - outage
        simulation.run_until(max(time, simulation.now))
        simulation.arrive(silent(number))
    status = simulation.playout.status(simulation.now, WALL)
    assert (status.dry_times, status.skipped_seconds) == (0, 0.0)
    simulation.arrive(silent(4 * 3600))
    assert 15 < simulation.playout.level(simulation.now) < 28


def test_a_hastened_start_is_one_with_little_ahead_and_the_next_is_as_ever() -> None:
    simulation = Simulation(delay=60.0)
    simulation.playout.hasten(5.0)
    assert simulation.playout.shortage(0.0) == 5.0 + LEAD_SECONDS
    simulation.arrive(*(silent(number) for number in range(1, 16)))
    assert simulation.playout.state.value == PlayoutState.PLAYING
    assert simulation.playout.level(0.0) == pytest.approx(5.0, abs=1.0)
    simulation.run_until(30.0)
    assert simulation.playout.state.value == PlayoutState.DRY
    # What comes back in a burst is kept but for the lead: nothing of the small cushion is left.
    simulation.arrive(*(silent(number) for number in range(16, 82)))
    assert simulation.now == 30.0
    simulation.run_until(50.0)
    assert simulation.playout.level(50.0) == pytest.approx(60.0 - 20.0, abs=1.0)


@pytest.mark.parametrize("cushion", [None, 3.0, 90.0])
def test_what_is_missing_is_never_more_than_the_delay(cushion: float | None) -> None:
    simulation = Simulation(delay=10.0)
    simulation.arrive(*(silent(number) for number in range(1, 21)))
    wanted = 10.0 if cushion is None else min(cushion, 10.0)
    assert simulation.playout.shortage(0.0, cushion) == pytest.approx(wanted - simulation.playout.level(0.0))
