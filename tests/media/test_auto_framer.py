"""Recognising what a stream is, opaque streams, and following a source that changes its format."""

from __future__ import annotations

from itertools import groupby

import pytest

from distreamer.media.adts import AdtsFramer
from distreamer.media.auto import RETAINED_LIMIT, AutoFramer
from distreamer.media.framing import FormatFramer
from distreamer.media.mpeg import MpegFramer
from distreamer.media.ogg import OggFramer
from distreamer.media.opaque import OpaqueFramer
from distreamer.media.sniff import SNIFF_LIMIT
from distreamer.model.audio import AudioFormat, Codec, Frame
from tests.support.audio_samples import encoded
from tests.support.framing import framed, frames_of, pieces, shape
from tests.support.made_audio import mp3_stream

MP3 = encoded("libmp3lame", seconds=1.5)
AAC = encoded("aac", seconds=1.5)
OPUS = encoded("libopus", seconds=1.5, sample_rate=48000, container_options=(("page_duration", "100000"),))
CLIPS: dict[str, tuple[bytes, type[FormatFramer]]] = {
    "mpeg": (MP3, MpegFramer),
    "aac": (AAC, AdtsFramer),
    "opus": (OPUS, OggFramer),
}
TEXT = b"no audio at all, 0123456789 " * 4000


def codecs(frames: list[Frame]) -> list[Codec]:
    """The codecs in the order in which they follow one another."""
    return [codec for codec, _ in groupby(frame.format.codec for frame in frames)]


@pytest.mark.parametrize("content_type", ["", "audio/mpeg", "audio/aacp", "application/ogg; x=y", "text/html"])
@pytest.mark.parametrize("name", CLIPS)
def test_the_bytes_decide_and_no_frame_is_lost(name: str, content_type: str) -> None:
    data, make = CLIPS[name]
    framer = AutoFramer(content_type)
    frames = framed(framer, pieces(data, 700))
    assert shape(frames) == shape(frames_of(make, data))
    assert frames[0].format.codec == name
    assert framer.dropped == 0


@pytest.mark.parametrize("name", CLIPS)
def test_any_split_gives_the_same_frames(name: str) -> None:
    data = b"x" * 50 + CLIPS[name][0][:9000]
    whole = shape(frames_of(AutoFramer, data))
    assert whole
    for size in (1, 3, 1000, 4097):
        assert shape(framed(AutoFramer(), pieces(data, size))) == whole


def test_the_first_frames_come_as_soon_as_they_are_certain() -> None:
    framer = AutoFramer()
    third = frames_of(MpegFramer, MP3)[2]
    assert len(framer.feed(MP3[: third.position + 4])) == 2


def test_a_stream_joined_in_the_middle() -> None:
    frames = frames_of(AutoFramer, MP3[1234:])
    assert len(frames) >= len(frames_of(MpegFramer, MP3)) - 4


def test_a_leading_tag_larger_than_the_sniff_limit() -> None:
    size = 3 * SNIFF_LIMIT
    tag = b"ID3\x04\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\xff\xd8picture"
    framer = AutoFramer()
    frames = framed(framer, pieces(tag.ljust(size + 10, b"p") + MP3, 1500))
    assert b"".join(frame.data for frame in frames) == MP3
    assert framer.dropped == size + 10


@pytest.mark.parametrize("second", CLIPS)
@pytest.mark.parametrize("first", CLIPS)
@pytest.mark.parametrize("size", [1000, 10**6])
def test_a_source_that_changes_its_format_is_followed(first: str, second: str, size: int) -> None:
    long = CLIPS[second][0] * 5
    data = CLIPS[first][0] + long
    framer = AutoFramer()
    frames = framed(framer, pieces(data, size))
    expected = [first] if first == second else [first, second]
    assert codecs(frames) == expected
    assert sum(len(frame.data) for frame in frames) + framer.setup_bytes == len(data)
    assert framer.dropped == 0


def test_a_change_through_garbage_and_back() -> None:
    data = b"".join([MP3 * 4, TEXT[:50_000], AAC * 4, TEXT[:150_000], MP3 * 4])
    framer = AutoFramer()
    frames = framed(framer, pieces(data, 3000))
    assert codecs(frames) == [Codec.MPEG, Codec.AAC, Codec.MPEG]
    assert b"".join(frame.data for frame in frames if frame.format.codec == Codec.AAC) == AAC * 4
    assert b"".join(frame.data for frame in frames if frame.format.codec == Codec.MPEG) == MP3 * 8


def test_long_garbage_in_a_known_stream_never_becomes_audio() -> None:
    framer = AutoFramer()
    frames = framed(framer, pieces(MP3 + TEXT * 4 + MP3, 5000), close=False)
    assert codecs(frames) == [Codec.MPEG]
    framer = AutoFramer()
    framed(framer, pieces(MP3 + TEXT * 4, 5000), close=False)
    assert framer.buffered <= RETAINED_LIMIT


def test_what_nobody_recognises_is_opaque_and_complete() -> None:
    framer = AutoFramer("audio/x-own", bitrate=64_000)
    frames = framed(framer, pieces(TEXT, 1000))
    assert b"".join(frame.data for frame in frames) == TEXT
    assert {frame.format for frame in frames} == {
        AudioFormat(Codec.OPAQUE, 1_000_000, 0, 0, "audio/x-own", 64_000, "audio/x-own")
    }
    assert framer.dropped == 0


def test_a_short_text_is_not_taken_for_audio() -> None:
    framer = AutoFramer("audio/mpeg")
    assert framed(framer, [b"<html>404 Not Found</html>" * 100]) == []
    assert framer.dropped == 2600


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_too_short_to_be_certain_comes_out_at_the_end(name: str) -> None:
    data, make = CLIPS[name]
    first = frames_of(make, data)[0]
    framer = AutoFramer()
    [frame] = framed(framer, [data[: first.position + len(first.data)]])
    assert frame == first


def test_after_close_another_stream_may_follow() -> None:
    framer = AutoFramer()
    first = framed(framer, [OPUS])
    second = framer.feed(TEXT) + framer.close()
    third = framer.feed(MP3) + framer.close()
    assert codecs(first + second + third) == [Codec.OPUS, Codec.OPAQUE, Codec.MPEG]
    assert b"".join(frame.data for frame in third) == MP3
    assert third[0].position == len(OPUS) + len(TEXT)
    assert framer.dropped == 0


def test_ogg_pages_held_back_when_another_format_takes_over_are_given() -> None:
    framer = AutoFramer()
    frames = framed(framer, pieces(OPUS[:-5] + MP3 * 4, 2000))
    assert b"".join(frame.data for frame in frames if frame.format.codec == Codec.MPEG) == MP3 * 4
    assert codecs(frames) == [Codec.OPUS, Codec.MPEG]


@pytest.mark.parametrize(("bitrate", "size"), [(128_000, 1600), (64_001, 800), (1, 1), (0, 1600), (-5, 1600)])
def test_opaque_pieces_last_100_ms_and_add_up(bitrate: int, size: int) -> None:
    framer = OpaqueFramer(bitrate, position=10)
    frames = framed(framer, pieces(bytes(4050), 7))
    assert {len(frame.data) for frame in frames[:-1]} == {size}
    assert frames[0].position == 10
    rate = bitrate if bitrate > 0 else 128_000
    assert sum(frame.duration for frame in frames) == 4050 * 8 * 1_000_000 // rate
    assert frames[0].format.content_type == "application/octet-stream"


def test_opaque_streams_of_different_types_do_not_join() -> None:
    one, other = (OpaqueFramer(content_type=name).feed(bytes(1600))[0].format for name in ("a/b", "a/c"))
    assert not one.joins(other)


def test_a_cut_off_frame_is_not_taken_for_a_last_frame_of_another_format() -> None:
    """What is left over of an AAC frame may hold bytes that would do as one MPEG frame which ends with the stream."""
    framer = AutoFramer()
    frames = framer.feed(AAC) + framer.feed(b"cut off" + mp3_stream(0, 1)) + framer.close()
    assert {frame.format.codec for frame in frames} == {Codec.AAC}
