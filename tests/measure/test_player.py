"""The player without sound."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.measure.player import SimulatedPlayer


def test_a_player_that_is_fed_in_time_hears_everything() -> None:
    player = SimulatedPlayer(prebuffer_seconds=3)
    player.received(10, 100.0)
    for second in range(1, 31):
        player.received(1, 100.0 + second)
    player.advance(131.0)
    assert player.heard_seconds == pytest.approx(30)
    assert (player.silent_seconds, player.stops) == (0, 0)


def test_the_burst_does_not_hide_silence() -> None:
    player = SimulatedPlayer(prebuffer_seconds=3)
    player.received(10, 0.0)
    player.advance(1.0)
    assert player.buffered_seconds == pytest.approx(3)
    player.advance(6.0)
    assert player.heard_seconds == pytest.approx(3)
    assert player.silent_seconds == pytest.approx(2)
    assert player.stops == 1
    assert player.is_silent


def test_after_a_stop_it_gathers_before_it_plays_again() -> None:
    player = SimulatedPlayer(prebuffer_seconds=3)
    player.received(3, 0.0)
    player.advance(1.0)
    player.advance(5.0)
    assert player.silent_seconds == pytest.approx(1)
    player.received(2, 6.0)
    assert player.is_silent
    player.received(2, 7.0)
    assert not player.is_silent
    player.advance(9.0)
    assert player.silent_seconds == pytest.approx(3)
    assert player.heard_seconds == pytest.approx(5)
    assert player.stops == 1


def test_a_player_that_got_nothing_yet_is_not_silent() -> None:
    player = SimulatedPlayer()
    player.advance(50.0)
    assert (player.silent_seconds, player.heard_seconds, player.is_silent) == (0, 0, False)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5)), max_size=40))
def test_time_is_either_heard_or_silent_and_nothing_is_heard_twice(steps: list[tuple[float, float]]) -> None:
    player, now, received = SimulatedPlayer(prebuffer_seconds=2), 0.0, 0.0
    for wait, seconds in steps:
        now += wait
        received += seconds
        player.received(seconds, now)
    assert player.heard_seconds + player.silent_seconds <= now + 1e-6
    assert player.heard_seconds + player.buffered_seconds <= received + 1e-6
    assert min(player.heard_seconds, player.silent_seconds, player.buffered_seconds) >= 0
