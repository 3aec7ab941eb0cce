"""A sender that was started anew skips numbers: what is missing shows in the media times alone."""

from __future__ import annotations

from dataclasses import replace

from distreamer.core.cue import StandbyCue
from distreamer.core.live_standby import LiveStandby
from distreamer.core.store import Store
from tests.support.native_programme import INFO, fragment


def standby_with(*places: tuple[int, int]) -> LiveStandby:
    """Each fragment with its number, and the second at which it begins."""
    store = Store()
    store.open_epoch(1, INFO)
    for number, second in places:
        store.add(replace(fragment(1, 1), number=number, start=second * 1000))
    return LiveStandby("input", store, StandbyCue(), 0.0)


def given(standby: LiveStandby) -> list[tuple[int, bool]]:
    """Number and is_cut of all that it gives at once."""
    found = []
    while (one := standby.next_fragment(0.0, lambda: False, waits=True)) is not None:
        found.append((one.fragment.number, one.is_cut))
    return found


def test_skipped_numbers_are_no_hole() -> None:
    assert given(standby_with((1, 0), (2, 1), (1_000_000_003, 2), (1_000_000_004, 3)))[1:] == [
        (2, False),
        (1_000_000_003, False),
        (1_000_000_004, False),
    ]


def test_missing_time_is_a_hole_that_is_waited_for() -> None:
    assert [number for number, _ in given(standby_with((1, 0), (2, 1), (4, 3)))] == [1, 2]
