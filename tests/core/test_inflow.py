"""How fast audio arrives."""

from __future__ import annotations

import pytest

from distreamer.core.inflow import FEWEST_ARRIVALS, PAUSE_SECONDS, Inflow


def brought(speed: float, count: int, began: float = 100.0) -> tuple[Inflow, float]:
    """Fragments of a second, and when the last one came."""
    inflow = Inflow()
    inflow.observe(0.0, 7.0)
    for number in range(count):
        inflow.observe(began + number / speed, 8.0 + number)
    return inflow, began + (count - 1) / speed


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.1, 3.0, 50.0])
def test_the_speed_is_that_of_what_came_lately(speed: float) -> None:
    inflow, last = brought(speed, 40)
    assert inflow.speed(last) == pytest.approx(speed, rel=0.01)
    # It does not look slower just because the next is not here yet, but when it is late.
    assert inflow.speed(last + 0.9 / speed) == pytest.approx(speed, rel=0.01)
    later = inflow.speed(last + 3)
    assert later is not None
    assert later < speed


def test_the_first_arrivals_tell_nothing() -> None:
    inflow, last = brought(5.0, FEWEST_ARRIVALS - 1)
    assert inflow.speed(last) is None
    inflow, last = brought(5.0, FEWEST_ARRIVALS)
    assert inflow.speed(last) == pytest.approx(5.0)


def test_what_came_before_a_pause_or_was_forgotten_does_not_count() -> None:
    inflow, last = brought(5.0, 20)
    inflow.observe(last + PAUSE_SECONDS + 1, 100.0)
    assert inflow.speed(last + PAUSE_SECONDS + 1) is None
    inflow, last = brought(5.0, 20)
    assert inflow.measured_seconds(last) > 1
    inflow.forget()
    assert (inflow.speed(last), inflow.measured_seconds(last)) == (None, 0.0)


def test_all_at_once_has_no_speed() -> None:
    inflow = Inflow()
    inflow.observe(0.0, 0.0)
    for number in range(20):
        inflow.observe(100.0, 1.0 + number)
    assert inflow.speed(100.0) is None
