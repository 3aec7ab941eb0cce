"""Frames of layer III behind a join: those that nobody can decode are muted, the others sound as before."""

from __future__ import annotations

import numpy as np
import pytest

from distreamer.media.mpeg import MpegFramer
from distreamer.media.mpeg_join import ReservoirJoin
from distreamer.media.silence import silence_maker
from distreamer.model.audio import Frame
from tests.support.audio_samples import encoded
from tests.support.decoding import ffmpeg_says, heard, mpg123_says
from tests.support.framing import frames_of
from tests.support.silences import music, pieces_of

CLIPS = [(44100, 2, 128_000), (44100, 2, 64_000), (48000, 2, 320_000), (44100, 1, 56_000), (22050, 2, 64_000)]
CLIPS += [(24000, 1, 32_000), (16000, 1, 16_000)]
BEFORE, SILENT = 10, 15
STARTS = range(12, 24)


def joined(frames: list[Frame], first: int) -> tuple[bytes, int]:
    """Music, silence, and the music from frame ``first`` on; with the count of frames muted."""
    join = ReservoirJoin()
    tail = [join.mended(frame) for frame in frames[first:]]
    assert join.done
    muted = sum(new is not old for new, old in zip(tail, frames[first:], strict=True))
    silence = pieces_of(silence_maker(frames[0].format), SILENT)
    return b"".join(f.data for f in frames[:BEFORE]) + silence + b"".join(f.data for f in tail), muted


@pytest.mark.parametrize("clip", CLIPS, ids=str)
def test_all_but_the_muted_frames_sound_as_before(clip: tuple[int, int, int]) -> None:
    frames = music("libmp3lame", *clip)
    ticks = frames[0].duration
    reference = heard(b"".join(frame.data for frame in frames), "mp3")
    for first in STARTS:
        data, muted = joined(frames, first)
        assert 1 <= muted <= 5
        assert frames_of(MpegFramer, data)[-1].data == frames[-1].data
        samples = heard(data, "mp3")
        assert len(samples) == (BEFORE + SILENT + len(frames) - first) * ticks
        silent_from, music_from = (BEFORE + 2) * ticks, (BEFORE + SILENT) * ticks
        assert np.array_equal(samples[: BEFORE * ticks], reference[: BEFORE * ticks])
        assert not samples[silent_from : music_from + (muted - 1) * ticks].any()
        # Each frame overlaps with the one before, and the filter bank has a memory of half a frame.
        whole = muted + 2
        assert np.abs(samples[music_from:]).max() < 1.25 * np.abs(reference).max()
        difference = samples[music_from + whole * ticks :] - reference[(first + whole) * ticks :]
        assert np.abs(difference).max() < 1 << 8


@pytest.mark.integration
@pytest.mark.parametrize("clip", CLIPS, ids=str)
def test_players_have_nothing_to_say(clip: tuple[int, int, int]) -> None:
    frames = music("libmp3lame", *clip)
    for first in STARTS:
        data, _ = joined(frames, first)
        assert ffmpeg_says(data, "mp3") == ""
        assert mpg123_says(data) == ""


def test_without_a_reservoir_nothing_is_muted() -> None:
    data = encoded("libmp3lame", options=(("reservoir", "0"),))
    _, muted = joined(frames_of(MpegFramer, data), 15)
    assert muted == 0


def test_other_formats_are_left_alone() -> None:
    for codec in ("mp2", "aac", "vorbis"):
        join = ReservoirJoin()
        frame = music(codec)[1]
        assert join.mended(frame) is frame
        assert join.done


def test_a_checksum_is_taken_away_with_what_it_covers() -> None:
    plain = next(frame for frame in music("libmp3lame")[5:] if frame.data[4])
    checked = bytes([0xFF, 0xFA]) + plain.data[2:4] + b"\x12\x34" + plain.data[4:-2]
    muted = ReservoirJoin().mended(Frame(checked, plain.duration, plain.format, 0))
    assert muted.data == plain.data[:4] + bytes(32) + checked[36:]
    assert len(muted.data) == len(checked)
