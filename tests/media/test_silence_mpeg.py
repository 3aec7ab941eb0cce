"""The bitrate of MPEG silence, and what its layer III leaves to those who follow."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from distreamer.media.mpeg import MpegFramer
from distreamer.media.silence import silence_maker
from distreamer.model.audio import AudioFormat
from tests.support.decoding import ffmpeg_says, heard
from tests.support.framing import frames_of
from tests.support.silences import MPEG, Wanted, mpeg, music, pieces_of

SILENT_FRAMES = 20


@pytest.mark.parametrize(
    ("wanted", "bitrate"),
    [
        (mpeg("1", "III", 44100, 2, 128_000), 128_000),
        (mpeg("1", "III", 44100, 2, 131_000), 128_000),
        (mpeg("1", "III", 44100, 2), 128_000),
        (mpeg("1", "III", 44100, 1), 64_000),
        (mpeg("2", "III", 22050, 1), 32_000),
        (mpeg("2.5", "III", 8000, 1), 16_000),
        (mpeg("1", "III", 48000, 2, 1), 32_000),
        (mpeg("1", "III", 48000, 2, 999_000), 320_000),
        (mpeg("1", "II", 48000, 2, 32_000), 64_000),
        (mpeg("1", "II", 48000, 2, 80_000), 64_000),
        (mpeg("1", "II", 48000, 1, 384_000), 192_000),
        (mpeg("2", "II", 24000, 1, 8_000), 8_000),
        (mpeg("1", "I", 48000, 2, 32_000), 64_000),
        (mpeg("1", "I", 32000, 1, 32_000), 32_000),
    ],
    ids=str,
)
def test_the_bitrate_is_the_nearest_that_is_legal(wanted: AudioFormat, bitrate: int) -> None:
    assert silence_maker(wanted).format.bitrate == bitrate


@pytest.mark.parametrize("wanted", MPEG, ids=str)
def test_padding_makes_the_bitrate_exact(wanted: Wanted) -> None:
    maker = wanted.maker()
    assert len(pieces_of(maker, wanted.format.sample_rate)) * 8 == pytest.approx(
        maker.format.bitrate * maker.seconds * wanted.format.sample_rate
    )


def test_padding_falls_as_evenly_as_from_an_encoder() -> None:
    maker = silence_maker(mpeg("1", "III", 44100, 2, 128_000))
    sizes = [len(maker.next()) for _ in range(490)]
    assert sizes[:3] == [417, 418, 418]
    assert sizes.count(417) == 20


def test_every_frame_stands_alone() -> None:
    for frame in frames_of(MpegFramer, pieces_of(silence_maker(mpeg("1", "III", 44100, 2)), 10)):
        assert frame.data[4:36] == bytes(32)
        assert set(frame.data[36:-1]) == {0xFF}


@pytest.mark.parametrize(
    ("sample_rate", "channels", "bitrate"),
    [(44100, 2, 128_000), (44100, 2, 320_000), (44100, 1, 128_000), (22050, 2, 64_000)],
)
def test_a_reservoir_that_reaches_into_silence_makes_no_blast(sample_rate: int, channels: int, bitrate: int) -> None:
    """With zeros in place of ones the same joins are up to 80 times as loud as the music."""
    frames = music("libmp3lame", sample_rate, channels, bitrate)
    loudest = np.abs(heard(b"".join(frame.data for frame in frames), "mp3")).max()
    for first in range(12, 22):
        tail = b"".join(frame.data for frame in islice(frames, first, first + 15))
        samples = heard(pieces_of(silence_maker(frames[0].format), SILENT_FRAMES) + tail, "mp3")
        assert len(samples) == (SILENT_FRAMES + 15) * frames[0].duration
        assert not samples[: SILENT_FRAMES * frames[0].duration].any()
        assert np.abs(samples).max() < 1.5 * loudest


@pytest.mark.integration
def test_ffmpeg_has_little_to_say_about_music_behind_silence() -> None:
    """Nothing as it is mostly run; told to look, its decoder finds bits left over in the frames without their data."""
    frames = music("libmp3lame")
    for first in range(12, 22):
        tail = b"".join(frame.data for frame in frames[first:])
        data = pieces_of(silence_maker(frames[0].format), SILENT_FRAMES) + tail
        assert ffmpeg_says(data, "mp3", strict=False) == ""
        assert "exit status" not in ffmpeg_says(data, "mp3")
