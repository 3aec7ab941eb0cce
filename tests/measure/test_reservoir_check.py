"""MP3 frames that do not fit together."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.measure.reservoir_check import ReservoirCheck
from distreamer.media.auto import AutoFramer
from distreamer.media.mpeg_join import ReservoirJoin
from distreamer.model.audio import Frame
from tests.support.audio_samples import encoded
from tests.support.made_audio import AAC, frame


@cache
def frames(sample_rate: int = 44_100) -> tuple[Frame, ...]:
    """Of a real encoder, which saves bits for later."""
    framer, data = AutoFramer(), encoded("libmp3lame", seconds=10, sample_rate=sample_rate)
    return (*framer.feed(data), *framer.close())


def misfits(row: list[Frame] | tuple[Frame, ...]) -> int:
    check = ReservoirCheck()
    return sum(not check.frame(one) for one in row)


@pytest.mark.parametrize("sample_rate", [44_100, 22_050])
def test_a_stream_that_is_whole_fits(sample_rate: int) -> None:
    assert len(frames(sample_rate)) > 100
    assert misfits(frames(sample_rate)) == 0


def test_a_frame_that_leans_on_more_than_there_is() -> None:
    row = list(frames())
    at = next(place for place, one in enumerate(row) if place > 20 and one.data[4] > 0)
    data = row[at].data
    row[at] = replace(row[at], data=data[:4] + b"\xff\x80" + data[6:])
    assert misfits(row) > 0


def test_what_was_joined_by_us_fits() -> None:
    row, join = frames(), ReservoirJoin()
    assert misfits([*row[:50], *(join.mended(one) for one in row[120:])]) == 0


def test_what_stood_between_the_frames_is_told_elsewhere() -> None:
    row, check = frames(), ReservoirCheck()
    for one in row[:60]:
        check.frame(one)
    check.forget()
    assert check.frame(row[200])


def test_other_formats_always_fit() -> None:
    assert misfits([replace(frame(number), format=AAC) for number in range(10)]) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 150), st.binary(max_size=40)), max_size=20))
def test_damaged_frames_never_raise(damages: list[tuple[int, bytes]]) -> None:
    row = list(frames())[:151]
    for place, junk in damages:
        data = row[place].data
        row[place] = replace(row[place], data=data[:4] + junk + data[4 + len(junk) :])
    assert 0 <= misfits(row) <= len(row)
