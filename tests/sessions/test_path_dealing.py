"""Numbers dealt out by weight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.sessions.path_dealing import deal


@pytest.mark.parametrize(
    ("weights", "dealt"),
    [
        ([], []),
        ([0.3], [(0, 1, 2, 3)]),
        ([1.0, 1.0], [(0, 2), (1, 3)]),
        ([1.0, 1 / 3], [(0, 1, 3), (2,)]),
        ([1.0, 0.01], [(0, 1, 2), (3,)]),
    ],
)
def test_each_gets_what_it_weighs_and_one_at_least(weights: list[float], dealt: list[tuple[int, ...]]) -> None:
    assert deal(weights, 4) == dealt


@given(st.lists(st.floats(1 / 16, 1), min_size=1, max_size=8))
def test_everything_is_dealt_once_and_in_proportion(weights: list[float]) -> None:
    dealt = deal(weights, 64)
    assert sorted(part for mine in dealt for part in mine) == list(range(64))
    for weight, mine in zip(weights, dealt, strict=True):
        assert abs(len(mine) - 64 * weight / sum(weights)) <= max(2, len(weights))
