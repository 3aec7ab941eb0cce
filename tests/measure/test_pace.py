"""Burst, pauses and clocks."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.measure.pace import MOST_SLOTS, Pace

CHUNK_SECONDS = 0.26
"""What Icecast passes on at once: 4 kB at 128 kbit/s."""


def played(seconds: float, ppm: float = 0.0, burst: float = 10.0, jitter: float = 0.0, seed: int = 1) -> Pace:
    """A source that gives a burst at once, then a chunk whenever its clock says so, up to ``jitter`` late."""
    pace, luck, now, audio = Pace(), random.Random(seed), 100.0, burst
    pace.observe(now, audio)
    while now < 100.0 + seconds:
        now += CHUNK_SECONDS / (1 + ppm / 1e6)
        audio += CHUNK_SECONDS
        pace.observe(now + luck.uniform(0, jitter), audio)
    return pace


def test_the_burst_is_what_came_at_once() -> None:
    pace = played(30, burst=12.0)
    assert pace.burst_seconds == pytest.approx(12.0, abs=CHUNK_SECONDS)
    assert pace.speed == pytest.approx(1.0, abs=0.01)


def test_a_burst_that_comes_over_a_slow_link_is_one_too() -> None:
    pace = Pace()
    for step in range(400):
        now = step * 0.1
        pace.observe(now, now + min(8.0, 4 * now))
    assert pace.burst_seconds == pytest.approx(8.0, abs=0.2)


@pytest.mark.parametrize("ppm", [-400.0, -100.0, 100.0, 400.0])
def test_a_clock_that_differs_is_seen(ppm: float) -> None:
    drift = played(600, ppm, jitter=0.1).drift()
    assert drift is not None
    assert drift.is_seen
    assert drift.ppm == pytest.approx(ppm, abs=max(drift.uncertainty_ppm, 10))
    assert drift.uncertainty_ppm < 100


@pytest.mark.parametrize("seed", range(5))
def test_a_clock_like_ours_is_not_said_to_differ(seed: int) -> None:
    drift = played(120, 0.0, jitter=0.2, seed=seed).drift()
    assert drift is not None
    assert abs(drift.ppm) < 1.5 * drift.uncertainty_ppm, "two of three standard errors at the most"


def test_longer_is_more_certain() -> None:
    short, long = played(60, jitter=0.2).drift(), played(1200, jitter=0.2).drift()
    assert short is not None
    assert long is not None
    assert long.uncertainty_ppm < short.uncertainty_ppm / 5


def test_an_outage_is_no_difference_of_clocks() -> None:
    pace, now, audio = Pace(), 0.0, 10.0
    pace.observe(now, audio)
    while now < 300:
        now += CHUNK_SECONDS
        audio += CHUNK_SECONDS
        if not 100 < now < 120:
            pace.observe(now, audio)
    drift = pace.drift()
    assert drift is not None
    assert abs(drift.ppm) < 50
    assert pace.longest_pause_seconds == pytest.approx(20, abs=1)


def test_a_server_that_rests_after_its_burst_is_not_slow() -> None:
    pace, audio = Pace(), 10.0
    pace.observe(0.0, audio)
    for step in range(200):
        audio += 0.5
        pace.observe(10.0 + step * 0.5, audio)
    drift = pace.drift()
    assert drift is not None
    assert abs(drift.ppm) < 50
    assert pace.longest_pause_seconds == pytest.approx(0.5), "the burst was for the time of the rest"


def test_too_little_says_nothing() -> None:
    assert played(8).drift() is None
    assert Pace().drift() is None
    assert (Pace().seconds, Pace().speed) == (0.0, None)


def test_a_source_that_is_too_slow() -> None:
    pace = Pace()
    for step in range(300):
        pace.observe(step * 0.1, step * 0.05)
    assert pace.speed == pytest.approx(0.5, abs=0.05)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), max_size=300))
def test_whatever_comes_is_bounded(steps: list[tuple[float, float]]) -> None:
    pace, now, audio = Pace(), 0.0, 0.0
    for wait, more in steps:
        now, audio = now + wait, audio + more
        pace.observe(now, audio)
    assert len(pace._slots) <= MOST_SLOTS
    assert 0 <= pace.burst_seconds <= audio
    assert pace.longest_pause_seconds <= now
    drift = pace.drift()
    assert drift is None or drift.uncertainty_ppm >= 0
