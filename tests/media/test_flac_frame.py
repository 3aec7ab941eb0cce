"""FLAC frames under other numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.media.flac_frame import coded_number, frame_checksum, renumbered, with_checksum
from tests.support.clips import clip

RATES = (44100, 22050, 96000, 12340, 11025, 47000)
"""With a code of their own, and without: in 10 hertz, in hertz and in kilohertz."""
FRAMES = {rate: list(clip("flac", seconds=1.5, sample_rate=rate).pieces()) for rate in RATES}
NUMBER_AT = 4


def header_size(frame: bytes) -> int:
    """By its checksum: the shortest beginning that one byte ends rightly."""
    return next(size for size in range(6, 17) if with_checksum(frame[: size - 1]) == frame[:size])


@pytest.mark.parametrize("rate", RATES)
def test_a_frame_under_its_own_number_is_the_same(rate: int) -> None:
    for number, frame in enumerate(FRAMES[rate]):
        assert renumbered(frame, number) == frame


@given(st.sampled_from(RATES), st.integers(0, 3), st.integers(0, 2**31 - 1))
def test_nothing_but_the_number_and_the_checksums_change(rate: int, index: int, number: int) -> None:
    frame = FRAMES[rate][index]
    found = renumbered(frame, number)
    code = coded_number(number)
    assert found[:NUMBER_AT] == frame[:NUMBER_AT]
    assert found[NUMBER_AT : NUMBER_AT + len(code)] == code
    size = header_size(frame)
    new_size = size + len(code) - len(coded_number(index))
    assert with_checksum(found[: new_size - 1]) == found[:new_size]
    assert found[new_size:-2] == frame[size:-2]
    assert frame_checksum(found[:-2]) == found[-2:]
    assert renumbered(found, index) == frame


def test_numbers_begin_anew_behind_the_last() -> None:
    frame = FRAMES[44100][0]
    assert renumbered(frame, 2**31) == frame
    assert [len(coded_number(number)) for number in (0x7F, 0x80, 0x7FF, 0x800, 2**31 - 1)] == [1, 2, 2, 3, 6]
