"""MPEG audio framing against libavformat, and by hand where no encoder exists."""

from __future__ import annotations

from typing import Any

import pytest

from distreamer.media.mpeg import MpegFramer
from distreamer.model.audio import AudioFormat, Codec, Frame
from tests.support.audio_samples import CONTAINERS, demuxed, encoded
from tests.support.framing import framed, frames_of, halves, pieces, same_objects, shape

CLIPS: list[dict[str, Any]] = [
    {"codec": "libmp3lame", "bitrate": 128_000},
    {"codec": "libmp3lame", "bitrate": 0, "options": (("q", "2"),), "container_options": (("write_xing", "1"),)},
    {"codec": "libmp3lame", "sample_rate": 32000, "channels": 1, "bitrate": 56_000},
    {"codec": "libmp3lame", "sample_rate": 22050, "bitrate": 64_000},
    {"codec": "libmp3lame", "sample_rate": 24000, "channels": 1, "bitrate": 0, "options": (("q", "5"),)},
    {"codec": "libmp3lame", "sample_rate": 8000, "channels": 1, "bitrate": 16_000},
    {"codec": "libmp3lame", "sample_rate": 11025, "channels": 2, "bitrate": 32_000},
    {"codec": "mp2", "sample_rate": 48000, "bitrate": 192_000},
    {"codec": "mp2", "sample_rate": 24000, "channels": 1, "bitrate": 64_000},
]
VERSIONS = {8000: "2.5", 11025: "2.5", 22050: "2", 24000: "2", 32000: "1", 44100: "1", 48000: "1"}

SHORT = encoded("libmp3lame", seconds=0.25, sample_rate=22050, channels=1, bitrate=32_000)
LOW = encoded("libmp3lame", seconds=0.6, sample_rate=22050, channels=1, bitrate=32_000)
HIGH = encoded("libmp3lame", seconds=0.6, bitrate=128_000)


def layer_one_frame(fill: int, *, padding: int = 0) -> bytes:
    """MPEG-1 layer I, 384 kbit/s, 48 kHz, stereo: 12 · 384000 / 48000 = 96 slots of 4 bytes."""
    return bytes([0xFF, 0xFF, 0xC4 | padding << 1, 0x00]) + bytes([fill]) * (96 * 4 + padding * 4 - 4)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: f"{clip['codec']}-{clip.get('sample_rate', 44100)}")
def test_frames_are_those_that_libavformat_finds(clip: dict[str, Any]) -> None:
    data = encoded(**clip)
    packets = demuxed(data, CONTAINERS[clip["codec"]])
    frames = frames_of(MpegFramer, data)
    assert [(frame.position, frame.data) for frame in frames] == [(p.position, p.data) for p in packets]
    for frame, packet in zip(frames, packets, strict=True):
        assert frame.duration / frame.format.clock_rate == pytest.approx(packet.seconds, abs=1e-6)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: f"{clip['codec']}-{clip.get('sample_rate', 44100)}")
def test_the_format_is_one_object_and_says_what_the_header_says(clip: dict[str, Any]) -> None:
    frames = frames_of(MpegFramer, encoded(**clip))
    sample_rate = clip.get("sample_rate", 44100)
    audio_format = frames[0].format
    assert same_objects(frame.format for frame in frames)
    assert (audio_format.codec, audio_format.clock_rate) == (Codec.MPEG, sample_rate)
    assert audio_format.channels == clip.get("channels", 2)
    assert audio_format.profile == f"MPEG-{VERSIONS[sample_rate]} layer {'II' if clip['codec'] == 'mp2' else 'III'}"
    if clip["bitrate"]:
        assert audio_format.bitrate == clip["bitrate"]


def test_layer_one() -> None:
    stream = b"".join(layer_one_frame(n, padding=n % 2) for n in range(5))
    frames = frames_of(MpegFramer, stream)
    assert b"".join(frame.data for frame in frames) == stream
    assert [len(frame.data) for frame in frames] == [384, 388, 384, 388, 384]
    assert {frame.duration for frame in frames} == {384}
    assert frames[0].format == AudioFormat(Codec.MPEG, 48000, 48000, 2, "MPEG-1 layer I", 384_000, "audio/mpeg")


def test_free_format_and_reserved_values_are_garbage() -> None:
    frame = HIGH[:417]
    for second, third in [(0xFB, 0x00), (0xFB, 0xF0), (0xFB, 0x9C), (0xF9 & 0xF1, 0x90), (0xEB, 0x90)]:
        stream = (bytes([0xFF, second, third]) + frame[3:]) * 5
        assert frames_of(MpegFramer, stream) == []


def test_any_split_gives_the_same_frames() -> None:
    data = b"garbage" + SHORT + b"\xff\xfb\x90\x00 more" + SHORT
    whole = shape(frames_of(MpegFramer, data))
    assert len(whole) >= 14
    assert shape(framed(MpegFramer(), pieces(data, 1))) == whole
    for at in range(len(data)):
        assert shape(framed(MpegFramer(), halves(data, at))) == whole


def test_in_step_a_frame_is_given_with_its_last_byte() -> None:
    frames = frames_of(MpegFramer, SHORT)
    framer = MpegFramer()
    third_header_ends = frames[2].position + 4
    assert framer.feed(SHORT[: third_header_ends - 1]) == []  # Two headers prove nothing.
    assert framer.feed(SHORT[third_header_ends - 1 : third_header_ends]) == frames[:2]
    assert framer.feed(SHORT[third_header_ends : frames[3].position]) == [frames[2]]
    for frame in frames[3:]:
        last = frame.position + len(frame.data) - 1
        assert framer.feed(SHORT[frame.position : last]) == []
        assert framer.feed(SHORT[last : last + 1]) == [frame]


def test_a_lone_sync_word_gives_no_frame() -> None:
    garbage = b"\x00" * 500 + SHORT[:4] + b"\x00" * 2000
    framer = MpegFramer()
    assert framed(framer, [garbage]) == []
    assert framer.dropped == len(garbage)


def test_a_stream_joined_inside_a_frame_begins_with_the_next_one() -> None:
    frames = frames_of(MpegFramer, HIGH)
    joined = frames_of(MpegFramer, HIGH[100:])
    assert [frame.data for frame in joined] == [frame.data for frame in frames[1:]]
    assert joined[0].position == frames[1].position - 100


def test_a_change_of_format_costs_no_frame() -> None:
    framer = MpegFramer()
    frames = framed(framer, pieces(LOW + HIGH + LOW, 333))
    assert b"".join(frame.data for frame in frames) == LOW + HIGH + LOW
    assert framer.dropped == 0
    runs: list[AudioFormat] = []
    for frame in frames:
        if not runs or runs[-1] is not frame.format:
            runs.append(frame.format)
    assert [run.clock_rate for run in runs] == [22050, 44100, 22050]
    assert runs[0] == runs[2]
    assert not runs[0].joins(runs[1])


def test_mono_and_stereo_do_not_join() -> None:
    stereo = encoded("libmp3lame", seconds=0.3, sample_rate=22050, channels=2, bitrate=32_000)
    frames = frames_of(MpegFramer, SHORT + stereo)
    assert b"".join(frame.data for frame in frames) == SHORT + stereo
    assert [frames[0].format.channels, frames[-1].format.channels] == [1, 2]


@pytest.mark.parametrize(("channels", "sample_rate", "bitrate"), [(2, 44100, 128_000), (1, 24000, 48_000)])
def test_the_frame_with_the_length_of_a_file_is_dropped(channels: int, sample_rate: int, bitrate: int) -> None:
    plain, with_xing = (
        encoded(
            "libmp3lame",
            seconds=0.5,
            channels=channels,
            sample_rate=sample_rate,
            bitrate=bitrate,
            container_options=(("write_xing", wanted),),
        )
        for wanted in "01"
    )
    framer = MpegFramer()
    frames = framed(framer, [with_xing + with_xing])
    assert b"Info" in with_xing
    assert len(frames) == 2 * len(frames_of(MpegFramer, plain))
    assert framer.dropped == 2 * (len(with_xing) - len(plain))
    assert same_objects(frame.format for frame in frames)


def test_vbri_is_dropped_too() -> None:
    first = frames_of(MpegFramer, HIGH)[0].data
    vbri = first[:4] + bytes(32) + b"VBRI" + bytes(len(first) - 40)
    frames = frames_of(MpegFramer, vbri + HIGH)
    assert frames[0].position == len(vbri)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_end_of_the_stream_confirms_a_short_clip(count: int) -> None:
    frames = frames_of(MpegFramer, SHORT)[:count]
    clip = b"".join(frame.data for frame in frames)
    framer = MpegFramer()
    waiting = framer.feed(clip)
    assert waiting + framer.close() == frames


def test_a_cut_off_frame_at_the_end_is_dropped() -> None:
    framer = MpegFramer()
    frames = framed(framer, [HIGH[:-10]])
    assert [frame.data for frame in frames] == [frame.data for frame in frames_of(MpegFramer, HIGH)[:-1]]
    assert framer.dropped == len(HIGH) - 10 - sum(len(frame.data) for frame in frames)


def test_after_close_the_framer_starts_afresh_and_positions_go_on() -> None:
    framer = MpegFramer()
    first = framed(framer, [SHORT + b"xyz"])
    second: list[Frame] = framer.feed(HIGH) + framer.close()
    assert second[0].position == len(SHORT) + 3
    assert [frame.data for frame in second] == [frame.data for frame in frames_of(MpegFramer, HIGH)]
    assert framer.fed == len(SHORT) + 3 + len(HIGH)
    assert framer.dropped == 3
    assert first[0].format is not second[0].format


def test_garbage_that_looks_like_headers_all_over_does_not_fill_memory() -> None:
    framer = MpegFramer()
    framed(framer, pieces(b"\xff\xfb\x90\x00" * 5000, 1000), close=False)
    assert framer.buffered < 3 * 2881 + 4
    framed(MpegFramer(), [b"\xff" * 20_000])
