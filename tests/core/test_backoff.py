"""Attempts: at once, then short, jittered and bounded, for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from distreamer.core.backoff import Backoff, BackoffLimits

MIDDLE = 0.5


def test_the_first_attempt_comes_at_once_then_delays_grow_to_the_maximum() -> None:
    backoff = Backoff(BackoffLimits(first=1, factor=2, maximum=5, jitter=0.5))
    assert [backoff.next_delay(MIDDLE) for _ in range(6)] == [0, 1, 2, 4, 5, 5]


def test_health_makes_the_next_failure_the_first_again() -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.next_delay(MIDDLE)
    backoff.reset()
    assert backoff.next_delay(MIDDLE) == 0


@given(failures=st.integers(1, 100_000), chance=st.floats(0, 1, exclude_max=True))
def test_no_delay_is_ever_longer_than_the_maximum_and_its_jitter(failures: int, chance: float) -> None:
    limits = BackoffLimits()
    backoff = Backoff(limits)
    backoff.failures = failures
    assert 0 < backoff.next_delay(chance) <= limits.maximum * (1 + limits.jitter)
