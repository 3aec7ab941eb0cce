"""Ogg under other serial numbers."""

from __future__ import annotations

import pytest

from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader
from distreamer.media.ogg_serial import OggSerialShift
from tests.support.audio_samples import encoded
from tests.support.ogg_samples import split_pages
from tests.support.splitting import Split, every_split

CLIP = encoded("libopus", seconds=1, sample_rate=48000)


def test_only_the_serial_number_changes() -> None:
    shifted = OggSerialShift(5).feed(CLIP)
    before, after = PageReader().feed(CLIP), PageReader().feed(shifted)
    assert len(after) == len(split_pages(CLIP))
    for old, new in zip(before, after, strict=True):
        assert new.serial == (old.serial + 5) % 2**32
        assert (new.granule, new.sequence, new.begins, new.ends) == (old.granule, old.sequence, old.begins, old.ends)
        assert list(new.packets()) == list(old.packets())


def test_a_shift_around_the_end_comes_back() -> None:
    assert OggSerialShift(2**32 - 7).feed(OggSerialShift(7).feed(CLIP)) == CLIP


def test_what_is_no_page_is_dropped() -> None:
    assert OggSerialShift(0).feed(b"noise" + CLIP) == CLIP


@pytest.mark.parametrize("pieces", every_split(CLIP), ids=str)
def test_it_does_not_matter_how_the_bytes_come(pieces: Split) -> None:
    shift = OggSerialShift(3)
    assert b"".join(map(shift.feed, pieces)) == OggSerialShift(3).feed(CLIP)


def test_the_framer_takes_a_chain_of_shifted_copies_as_different_streams() -> None:
    framer = AutoFramer()
    frames = framer.feed(CLIP + OggSerialShift(1).feed(CLIP)) + framer.close()
    assert len({frame.setup for frame in frames}) == 2
