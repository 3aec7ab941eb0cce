"""Numbered frames, and the listener's check of them."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from benchmarks import numbered
from benchmarks.load.programme_check import ProgrammeCheck
from distreamer.core.rendition import interleave
from distreamer.media.mpeg import MpegFramer
from distreamer.model.audio import Title
from distreamer.protocol.icy import encode_metadata
from distreamer.protocol.listener_http import METADATA_INTERVAL
from tests.support.made_audio import mp3_stream
from tests.support.splitting import pieces


def frames(*numbers: int) -> bytes:
    return b"".join(map(numbered.frame, numbers))


FRAMES = 120
AUDIO = frames(*range(FRAMES))
TITLE = encode_metadata(Title("One - Two"))
WITH_TITLES, _ = interleave(AUDIO, 0, lambda offset: TITLE if offset == 2 * METADATA_INTERVAL else b"\0")


def checked(audio: bytes) -> ProgrammeCheck:
    check = ProgrammeCheck(0)
    check.feed(audio)
    return check


def test_numbered_frames_are_mp3_of_exactly_their_bitrate() -> None:
    count = 44100 // 1152 * 200
    audio = frames(*range(count))
    found = MpegFramer().feed(audio)
    assert [numbered.number_of(one.data) for one in found] == list(range(count))
    assert {one.format.bitrate for one in found} == {numbered.KBITS * 1000}
    assert len(audio) == pytest.approx(count * numbered.FRAME_SECONDS * numbered.BYTES_PER_SECOND, abs=1)


@pytest.mark.parametrize(
    ("numbers", "missing", "repeated"),
    [
        (range(20), 0, 0),
        (range(1_000_000, 1_000_020), 0, 0),
        ([*range(10), *range(13, 20)], 3, 0),
        ([*range(10), *range(6, 20)], 0, 4),
    ],
)
def test_numbers_tell_what_is_missing_and_what_comes_again(numbers: list[int], missing: int, repeated: int) -> None:
    check = checked(frames(*numbers))
    assert (check.missing, check.repeated, check.damaged_bytes) == (missing, repeated, 0)
    assert check.frames == len(numbers)


def test_a_listener_may_begin_within_a_frame_but_nothing_is_lost_later() -> None:
    audio = frames(*range(30))
    assert checked(audio[100:]).damaged_bytes == 0
    assert checked(audio[100:]).frames == 29
    broken = checked(audio[:5_000] + audio[5_010:])
    assert broken.damaged_bytes > 0
    assert broken.missing == 1


def test_the_order_of_other_mp3_is_not_judged() -> None:
    check = checked(mp3_stream(5, 10) + mp3_stream(2, 10))
    assert (check.frames, check.missing, check.repeated, check.damaged_bytes) == (20, 0, 0, 0)


@settings(deadline=None)
@given(pieces(WITH_TITLES))
@example([WITH_TITLES])
@example([WITH_TITLES[place : place + 1] for place in range(len(WITH_TITLES))])
def test_titles_are_taken_out_however_the_bytes_come(parts: list[bytes]) -> None:
    check = ProgrammeCheck(METADATA_INTERVAL)
    for piece in parts:
        check.feed(piece)
    assert (check.audio_bytes, check.frames, check.missing, check.damaged_bytes) == (len(AUDIO), FRAMES, 0, 0)
    assert check.titles == 1
