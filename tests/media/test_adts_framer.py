"""ADTS framing against libavformat, and by hand for what its encoder does not make."""

from __future__ import annotations

from typing import Any

import pytest

from distreamer.media.adts import AdtsFramer
from distreamer.model.audio import AudioFormat, Codec
from tests.support.audio_samples import demuxed, encoded
from tests.support.framing import framed, frames_of, halves, pieces, same_objects, shape

CLIPS: list[dict[str, Any]] = [
    {"bitrate": 128_000},
    {"channels": 1, "sample_rate": 24000, "bitrate": 32_000},
    {"channels": 6, "sample_rate": 48000, "bitrate": 256_000},
]
SHORT = encoded("aac", seconds=0.4, sample_rate=16000, channels=1, bitrate=24_000)


def adts_frame(payload: bytes, *, profile: int = 1, blocks: int = 1, crc: bool = False, mpeg2: bool = False) -> bytes:
    """A frame at 44.1 kHz, stereo."""
    size = len(payload) + (9 if crc else 7)
    first = 0xF0 | mpeg2 << 3 | (not crc)
    header = bytes(
        [
            0xFF,
            first,
            profile << 6 | 4 << 2,
            2 << 6 | size >> 11,
            size >> 3 & 0xFF,
            (size & 7) << 5 | 0x1F,
            0xFC | blocks - 1,
        ]
    )
    return header + (b"\x12\x34" if crc else b"") + payload


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: f"{clip.get('channels', 2)}ch")
def test_frames_are_those_that_libavformat_finds(clip: dict[str, Any]) -> None:
    data = encoded("aac", **clip)
    packets = demuxed(data, "aac")
    frames = frames_of(AdtsFramer, data)
    assert [(frame.position, frame.data) for frame in frames] == [(p.position, p.data) for p in packets]
    assert {frame.duration for frame in frames} == {1024}
    rate = clip.get("sample_rate", 44100)
    channels = clip.get("channels", 2)
    assert frames[0].format == AudioFormat(Codec.AAC, rate, rate, channels, "AAC LC", 0, "audio/aac")
    assert same_objects(frame.format for frame in frames)


def test_several_raw_data_blocks_in_a_frame_last_longer() -> None:
    stream = b"".join(adts_frame(bytes([blocks]) * 50, blocks=blocks) for blocks in (1, 2, 3, 4))
    assert [frame.duration for frame in frames_of(AdtsFramer, stream)] == [1024, 2048, 3072, 4096]


def test_checksums_and_the_mpeg_version_do_not_break_a_run() -> None:
    stream = adts_frame(b"a" * 40) + adts_frame(b"b" * 40, crc=True) + adts_frame(b"c" * 40, mpeg2=True)
    frames = frames_of(AdtsFramer, stream)
    assert [len(frame.data) for frame in frames] == [47, 49, 47]
    assert same_objects(frame.format for frame in frames)


def test_a_change_of_profile_is_a_new_format() -> None:
    stream = adts_frame(b"a" * 40) * 4 + adts_frame(b"b" * 40, profile=0) * 4
    frames = frames_of(AdtsFramer, stream)
    assert [frame.format.profile for frame in frames] == ["AAC LC"] * 4 + ["AAC Main"] * 4


def test_a_frame_that_is_only_a_header_is_garbage() -> None:
    assert frames_of(AdtsFramer, adts_frame(b"") * 10) == []


def test_any_split_gives_the_same_frames() -> None:
    data = b"\xff\xf1" + SHORT + b"\xff\xf9\x50 noise" + SHORT
    whole = shape(frames_of(AdtsFramer, data))
    assert len(whole) >= 14
    assert shape(framed(AdtsFramer(), pieces(data, 1))) == whole
    for at in range(len(data)):
        assert shape(framed(AdtsFramer(), halves(data, at))) == whole


def test_mpeg_audio_is_not_taken_for_adts() -> None:
    assert frames_of(AdtsFramer, encoded("libmp3lame")) == []
