"""The pacing learns the speed of the source from levels alone."""

from __future__ import annotations

import random

import pytest

from distreamer.core.pacing import GAIN, JUMP_SECONDS, LEARNING_SECONDS, MAXIMUM_CORRECTION, WINDOW_SECONDS, Pacing

DAY = 86_400


def settled(level: float = 25.0) -> tuple[Pacing, float]:
    """A pacing that has learnt ``level``, and the time."""
    pacing = Pacing()
    now = 0.0
    while pacing.kept_seconds is None:
        pacing.observe(now, level)
        now += 1.0
    return pacing, now


def test_begins_at_the_nominal_speed_and_needs_a_whole_window() -> None:
    pacing = Pacing()
    for second in range(WINDOW_SECONDS):
        pacing.observe(float(second), 25.0)
        assert pacing.kept_seconds is None
    pacing.observe(float(WINDOW_SECONDS), 25.0)
    assert pacing.kept_seconds == 25.0
    assert pacing.correction == 0.0


def test_takes_the_highest_level_of_the_window_for_the_level() -> None:
    pacing = Pacing()
    for second in range(2 * WINDOW_SECONDS):
        pacing.observe(float(second), 25.0 if second % 10 == 0 else 22.0)
    assert pacing.kept_seconds == 25.0


@pytest.mark.parametrize(("off", "expected"), [(0.1, 0.1 * GAIN), (-0.1, -0.1 * GAIN), (0.65, MAXIMUM_CORRECTION)])
def test_corrects_in_proportion_and_within_bounds(off: float, expected: float) -> None:
    pacing, now = settled()
    for second in range(2 * WINDOW_SECONDS + 2):
        pacing.observe(now + second, 25.0 + off)
    assert pacing.correction == pytest.approx(expected)


def test_accepts_a_level_that_jumped() -> None:
    pacing, now = settled()
    for second in range(3 * WINDOW_SECONDS):
        pacing.observe(now + second, 25.0 + JUMP_SECONDS + 0.1)
    assert pacing.kept_seconds == pytest.approx(25.0 + JUMP_SECONDS + 0.1)
    assert pacing.correction == 0.0


def test_a_freeze_keeps_the_speed_that_was_learnt_until_a_window_was_seen_again() -> None:
    pacing, now = settled()
    for second in range(4 * round(LEARNING_SECONDS)):
        pacing.observe(now + second, 25.1)
    now += 4 * LEARNING_SECONDS
    learnt = pacing.correction
    assert learnt > 0
    for second in range(60):
        pacing.freeze()
        pacing.observe(now + second, 1.0)
        assert pacing.correction == pytest.approx(learnt, rel=0.05)
    assert pacing.kept_seconds == 25.0


def test_what_was_to_bring_a_level_back_ends_with_a_freeze() -> None:
    pacing, now = settled()
    for second in range(2 * WINDOW_SECONDS):
        pacing.observe(now + second, 25.65)
    assert pacing.correction == MAXIMUM_CORRECTION
    pacing.freeze()
    assert 0 < pacing.correction < MAXIMUM_CORRECTION / 20


@pytest.mark.parametrize("parts_per_million", [-300, -20, 0, 200, 300])
def test_a_day_of_drift_and_jitter_moves_the_level_by_less_than_a_fifth_of_a_second(parts_per_million: int) -> None:
    pacing = Pacing()
    chance = random.Random(parts_per_million)
    level = 25.0
    extremes = [level, level]
    for second in range(DAY):
        level += parts_per_million / 1e6 - pacing.correction
        extremes = [min(extremes[0], level), max(extremes[1], level)]
        pacing.observe(float(second), level - chance.expovariate(4))
    # While the first window is being seen, nothing is corrected yet.
    assert 24.8 < extremes[0] <= extremes[1] < 25.2
