"""The judge of how late audio comes."""

from __future__ import annotations

import pytest

from benchmarks.load.schedule import judge


def arrivals(*delays: float) -> list[tuple[float, float]]:
    """One second of audio in each second, each so much later than it should be."""
    return [(100.0 + second + delay, float(second)) for second, delay in enumerate(delays)]


@pytest.mark.parametrize(
    ("delays", "stalls", "stalled_seconds"),
    [
        ((0, 0, 0, 0), 0, 0),
        ((7, 7, 7, 7), 0, 0),
        ((0, 1.9, 0, 0), 0, 0),
        ((0, 2.5, 2.5, 2.5), 1, 0.5),
        ((0, 2.5, 0, 2.5), 1, 0.5),
        ((0, 2.5, 3.5, 0), 2, 1.5),
        ((2.5, 0, 0, 0), 1, 0.5),
    ],
    ids=["in time", "late from the begin", "within hand", "later for good", "later twice", "ever later", "at first"],
)
def test_a_player_stalls_when_audio_is_later_than_it_has_in_hand(
    delays: tuple[float, ...], stalls: int, stalled_seconds: float
) -> None:
    judgement = judge(arrivals(*delays), 100.0, 104.0, 4.0, held=2.0)
    assert judgement.stalls == stalls
    assert judgement.stalled_seconds == pytest.approx(stalled_seconds)


def test_lateness_is_counted_from_the_earliest_arrival() -> None:
    assert judge(arrivals(0.3, 0.1, 0.6), 100.0, 103.0, 3.0).lateness == pytest.approx([0.2, 0.0, 0.5])


def test_what_is_overdue_at_the_end_is_a_stall() -> None:
    judgement = judge(arrivals(0, 0), 100.0, 106.0, 2.0, held=2.0)
    assert judgement.stalls == 1
    assert judgement.stalled_seconds == pytest.approx(2.0)
    assert len(judgement.lateness) == 2


def test_who_gets_nothing_stalls_all_the_time() -> None:
    judgement = judge([], 100.0, 115.0, 0.0)
    assert (judgement.stalls, judgement.stalled_seconds, judgement.lateness) == (1, 15.0, [])
