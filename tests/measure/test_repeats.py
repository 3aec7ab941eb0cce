"""Audio that comes twice."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distreamer.core.overlap import MEMORY_SECONDS
from distreamer.measure.repeats import ENOUGH, Repeat, RepeatCheck
from tests.support.made_audio import MP3_FRAME_SAMPLES, frame

FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
SILENT = 999_999
"""A frame that is equal to all others of its kind."""


def repeats(numbers: list[int]) -> list[Repeat]:
    check = RepeatCheck()
    found = [repeat for number in numbers if (repeat := check.frame(frame(number))) is not None]
    last = check.end()
    return [*found, last] if last else found


def test_a_second_that_comes_twice() -> None:
    [repeat] = repeats([*range(100), *range(60, 100), *range(100, 150)])
    assert repeat.seconds == pytest.approx(40 * FRAME_SECONDS)
    assert repeat.ago_seconds == pytest.approx(40 * FRAME_SECONDS)
    assert repeat.is_over


def test_one_that_goes_on_at_the_end() -> None:
    [repeat] = repeats([*range(100), *range(10, 40)])
    assert not repeat.is_over
    assert repeat.ago_seconds == pytest.approx(90 * FRAME_SECONDS)


def test_what_comes_three_times_is_told_once_for_each() -> None:
    once = list(range(50, 90))
    first, *_ = repeats([*range(90), *once, *range(200, 260)])
    assert first.seconds == pytest.approx(40 * FRAME_SECONDS)


def test_silence_is_no_repeat() -> None:
    assert repeats([*range(50), *[SILENT] * 500, *range(50, 80), *[SILENT] * 500, *range(80, 120)]) == []


def test_a_repeat_with_silence_inside_is_one() -> None:
    part = [*range(10, 30), *[SILENT] * 20, *range(30, 50)]
    [repeat] = repeats([*range(10), *part, *part, *range(100, 110)])
    assert repeat.seconds == pytest.approx(60 * FRAME_SECONDS)


def test_a_few_equal_frames_are_an_accident() -> None:
    assert repeats([*range(100), *range(20, 20 + ENOUGH - 1), *range(100, 120)]) == []


def test_what_is_too_old_is_forgotten() -> None:
    frames = int(MEMORY_SECONDS / FRAME_SECONDS)
    assert repeats([*range(frames + 200), *range(50)]) == []


RUNS = st.lists(st.builds(lambda begin, length: range(begin, begin + length), st.integers(0, 80), st.integers(1, 40)))


@settings(max_examples=50, deadline=None)
@example([range(40), range(10, 30), range(60, 80), range(65, 75)])
@given(RUNS)
def test_never_more_is_repeated_than_came(runs: list[range]) -> None:
    numbers = list(chain(*runs))
    found = repeats(numbers)
    again = len(numbers) - len(set(numbers))
    assert sum(one.seconds for one in found) <= again * FRAME_SECONDS + 1e-9
    assert all(0 < one.ago_seconds < len(numbers) * FRAME_SECONDS for one in found)


@settings(max_examples=50, deadline=None)
@given(st.integers(10, 200), st.integers(0, 150), st.integers(ENOUGH, 100))
def test_a_run_that_comes_again_is_found_with_its_length(first: int, begin: int, length: int) -> None:
    begin = min(begin, first - 1)
    length = min(length, first - begin)
    found = repeats([*range(first), *range(begin, begin + length), *range(1000, 1010)])
    is_continuation = length < ENOUGH
    assert len(found) == (0 if is_continuation else 1)
    if found:
        assert found[0].seconds == pytest.approx(length * FRAME_SECONDS)
