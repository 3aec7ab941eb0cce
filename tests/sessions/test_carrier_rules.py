"""When a carrier gets rivals, and which kind is preferred, by numbers and times alone."""

from __future__ import annotations

import pytest

from distreamer.sessions.carrier_rules import (
    FIRST_AVOIDED_SECONDS,
    LIVED_SECONDS,
    LONGEST_AVOIDED_SECONDS,
    LONGEST_UNHEARD_SECONDS,
    YOUNG_SECONDS,
    Preference,
    rival_after,
)


@pytest.mark.parametrize(
    ("round_trip", "shortest", "seconds"),
    [
        (None, None, 1.2),
        (0.1, 0.1, 1.2),
        (1.3, 1.2, 2.65),
        (20.0, 0.05, 1.2),
        (20.0, 0.4, 2.6),
        (20.0, 1.5, LONGEST_UNHEARD_SECONDS),
    ],
)
def test_a_round_trip_that_outlived_an_outage_does_not_put_the_race_off(
    round_trip: float | None, shortest: float | None, seconds: float
) -> None:
    assert rival_after(round_trip, shortest) == pytest.approx(seconds)


def die(tested: Preference, now: float, *, after: float, is_better: bool = True) -> float:
    """One of the better kind is taken, and falls silent; another takes its place 2 s later. Gives that moment."""
    tested.taken(now, 5.0, is_better=True)
    tested.heard(now + 0.5)
    tested.silent(now + after)
    tested.silent(now + after + 1)
    tested.taken(now + after + 2, 5.0, is_better=is_better)
    return now + after + 2


def test_who_dies_young_again_and_again_is_avoided_longer_and_longer() -> None:
    tested, now, pauses = Preference(), 100.0, []
    now = die(tested, now, after=10, is_better=False)
    assert tested.is_for_better(now)
    for _ in range(12):
        now = die(tested, now, after=10, is_better=False)
        assert not tested.is_for_better(now)
        pauses.append(tested.next_upgrade - now)
        now = tested.next_upgrade
        assert tested.is_for_better(now)
    assert pauses[:3] == [FIRST_AVOIDED_SECONDS * 4, FIRST_AVOIDED_SECONDS * 8, FIRST_AVOIDED_SECONDS * 16]
    assert pauses[-1] == LONGEST_AVOIDED_SECONDS


def test_who_is_about_to_die_young_again_is_not_preferred_in_the_race_for_its_place() -> None:
    tested = Preference()
    now = die(tested, 100.0, after=10)
    tested.silent(now + 10)
    assert not tested.is_for_better(now + 10)
    tested.heard(now + 11)
    assert tested.is_for_better(now + 11)


def test_outages_that_it_outlives_are_not_its_fault() -> None:
    tested = Preference()
    tested.taken(100.0, 5.0, is_better=True)
    for second in range(110, 150, 10):
        tested.silent(second)
        tested.heard(second + 3)
    tested.taken(160.0, 5.0, is_better=False)
    die(tested, 200.0, after=10)
    assert tested.is_for_better(212.0)


def test_who_has_lived_for_a_while_may_die() -> None:
    tested, now = Preference(), 100.0
    for _ in range(5):
        now = die(tested, now, after=YOUNG_SECONDS)
    assert tested.is_for_better(now)


def test_who_lives_for_some_minutes_is_trusted_again() -> None:
    tested = Preference()
    now = die(tested, die(tested, 100.0, after=10), after=10)
    assert not tested.is_for_better(now)
    tested.heard(now + LIVED_SECONDS - 1)
    tested.heard(now + LIVED_SECONDS)
    assert die(tested, now + LIVED_SECONDS, after=10)
    assert tested.is_for_better(now + LIVED_SECONDS + 12)
