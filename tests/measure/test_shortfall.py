"""Audio that never comes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.measure.shortfall import LEAST_SECONDS, WINDOW_SECONDS, Shortfall

CHUNK_SECONDS = 0.26


class Source:
    """Gives a burst, then chunks in real time."""

    def __init__(self, burst: float = 5.0, ppm: float = 0.0, jitter: float = 0.1) -> None:
        self.now, self.audio = 50.0, burst
        self.found: list[tuple[float, float]] = []
        self._shortfall = Shortfall()
        self._step = CHUNK_SECONDS * (1 + ppm / 1e6)
        self._luck = random.Random(1)
        self._jitter = jitter
        self._observe(self.now)

    def play(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += CHUNK_SECONDS
            self.audio += self._step
            self._observe(self.now + self._luck.uniform(0, self._jitter))

    def stall(self, seconds: float, *, comes_later: bool) -> None:
        self.now += seconds
        self.audio += seconds if comes_later else 0.0

    def _observe(self, at: float) -> None:
        missing = self._shortfall.observe(at, self.audio)
        if missing is not None:
            self.found.append((at, missing))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 5.0, 30.0])
def test_a_gap_is_found_with_its_length(seconds: float) -> None:
    source = Source()
    source.play(60)
    happened = source.now
    source.stall(seconds, comes_later=False)
    source.play(60)
    [(at, missing)] = source.found
    assert missing == pytest.approx(seconds, abs=0.1)
    assert 0 < at - happened <= seconds + WINDOW_SECONDS + 1


def test_gaps_one_after_the_other() -> None:
    source = Source()
    source.play(60)
    for _ in range(3):
        source.stall(1.0, comes_later=False)
        source.play(40)
    assert [round(missing) for _, missing in source.found] == [1, 1, 1]


@pytest.mark.parametrize("seconds", [1.0, 8.0, 40.0])
def test_what_comes_late_is_not_missing(seconds: float) -> None:
    source = Source()
    source.play(60)
    source.stall(seconds, comes_later=True)
    source.play(60)
    assert source.found == []


@pytest.mark.parametrize("ppm", [-1000.0, 1000.0])
def test_clocks_that_differ_are_no_gap(ppm: float) -> None:
    source = Source(ppm=ppm)
    source.play(3600)
    assert source.found == []


def test_a_server_that_rests_after_its_burst_leaves_no_gap() -> None:
    source = Source(burst=20.0)
    source.stall(20.0, comes_later=False)
    source.play(120)
    assert source.found == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), st.booleans(), st.floats(30, 60)), max_size=5))
def test_never_more_is_missing_than_was_left_out(steps: list[tuple[float, bool, float]]) -> None:
    source, left_out = Source(), 0.0
    source.play(40)
    for seconds, comes_later, then in steps:
        source.stall(seconds, comes_later=comes_later)
        left_out += 0.0 if comes_later else seconds
        source.play(then)
    told = sum(missing for _, missing in source.found)
    assert told <= left_out + 0.15 * len(source.found)
    assert told >= left_out - len(steps) * (LEAST_SECONDS + 0.15)
