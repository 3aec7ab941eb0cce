"""DELAY, MINFRAGMENTS and what neither says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from distreamer.core.delay import DelayRule
from tests.support.made_audio import INFO

SMALL_FRAGMENTS = replace(INFO, legacy_fragment_bytes=16384)


def test_twenty_five_seconds_when_nothing_is_set() -> None:
    assert DelayRule().seconds(INFO) == 25


def test_delay_wins_over_minfragments() -> None:
    assert DelayRule(delay_seconds=40, minimum_fragments=5).seconds(INFO) == 40


def test_minfragments_counts_in_fragments_of_distreamer_2() -> None:
    assert DelayRule(minimum_fragments=5).seconds(INFO) == pytest.approx(25.6)


def test_minfragments_counts_in_the_sources_own_fragmentsize() -> None:
    assert DelayRule(minimum_fragments=5).seconds(SMALL_FRAGMENTS) == pytest.approx(5.12)


def test_never_more_than_what_is_kept() -> None:
    assert DelayRule(minimum_fragments=500, maximum_seconds=300).seconds(INFO) == 300


def test_before_there_is_a_stream_enough_is_expected_for_a_low_bitrate() -> None:
    assert DelayRule().expected_seconds == 25
    assert DelayRule(delay_seconds=40, minimum_fragments=5).expected_seconds == 40
    assert DelayRule(minimum_fragments=5).expected_seconds == pytest.approx(68.27, abs=0.01)
    assert DelayRule(minimum_fragments=50).expected_seconds == 300


def test_room_is_made_for_the_longest_delay_that_a_stream_may_bring() -> None:
    assert DelayRule().most_seconds == 25
    assert DelayRule(delay_seconds=40, minimum_fragments=5).most_seconds == 40
    assert DelayRule(minimum_fragments=5, maximum_seconds=120).most_seconds == 120
