"""Where and when the programme goes on behind filler."""

from __future__ import annotations

import pytest

from distreamer.core.comeback import Comeback, Oldest, wait_seconds
from distreamer.core.store import START, Store
from tests.support.made_audio import INFO, fragment

FULL = 25.0


def place(numbers: list[int], speed: float, oldest_number: int = 1) -> int | None:
    """With which number the programme goes on when ``numbers`` came one after the other at that speed, the last one
    just now, and ``oldest_number`` is the oldest that is not too old."""
    store = Store()
    store.open_epoch(1, INFO)
    comeback = Comeback(store)
    comeback.observe(0.0)
    now = 100.0
    for number in numbers:
        now += 1 / speed
        store.add(fragment(number))
        comeback.observe(now)
    found = comeback.place(now, START, Oldest(FULL, fragment(oldest_number).captured_at), FULL)
    first = None if found is None else store.after(found)
    return None if first is None else first.number


@pytest.mark.parametrize(("speed", "count"), [(5.0, 6), (3.0, 8), (2.0, 16), (1.5, 21), (1.1, 25), (0.8, 25)])
def test_the_less_the_link_brings_the_more_must_be_here(speed: float, count: int) -> None:
    assert place(list(range(1, count + 1)), speed) == 1
    assert place(list(range(1, count - 1)), speed) is None


def test_what_is_too_old_is_skipped() -> None:
    numbers = [1, 2, 3, *range(30, 40)]
    assert place(numbers, 5.0, oldest_number=30) == 30
    # What is held of it does not count.
    assert place(list(range(1, 10)), 5.0, oldest_number=9) is None


def test_what_is_skipped_stays_skipped_when_it_comes_all_the_same() -> None:
    store = Store()
    store.open_epoch(1, INFO)
    comeback = Comeback(store)
    now = 100.0
    for number in [1, 2, 3, *range(30, 56)]:
        now += 0.2
        store.add(fragment(number))
        comeback.observe(now)
    found = comeback.place(now, store.position_of(fragment(3)), Oldest(FULL, fragment(30).captured_at), FULL)
    assert found is not None
    store.add(fragment(29))
    first = store.after(found)
    assert first is not None
    assert first.number == 30


def test_with_a_hole_ahead_it_goes_on_behind_it() -> None:
    assert place([*range(1, 13), *range(20, 45)], 1.0) == 20
    assert place([*range(1, 13), *range(20, 43)], 1.0) is None


def test_a_source_that_always_has_holes_is_played() -> None:
    numbers = [number for number in range(1, 86) if number % 10]
    assert place(numbers, 1.0) == 81
    assert place(numbers[:-10], 1.0) is None


def test_a_link_that_brings_less_than_the_programme_is_not_waited_for_without_end() -> None:
    assert place(list(range(1, 39)), 0.8, oldest_number=30) == 14
    assert place(list(range(1, 36)), 0.8, oldest_number=30) is None


def test_what_begins_too_near_to_live_is_waited_for_although_the_link_is_fast() -> None:
    """With it the buffer would never be full: there is nothing left to catch up."""
    assert place(list(range(20, 30)), 5.0, oldest_number=1) is None
    assert place(list(range(5, 30)), 5.0, oldest_number=1) == 5


@pytest.mark.parametrize("speed", [0.7, 1.0, 1.5, 2.5, 5.0, 20.0])
def test_the_wait_is_what_it_takes(speed: float) -> None:
    wait = wait_seconds(speed, FULL)
    assert wait * speed + 10 * (speed - 1) >= FULL - 0.01
    assert wait * speed >= 1.99
