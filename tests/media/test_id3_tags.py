"""Tags of files inside a stream are dropped, wherever they stand and however they are split."""

from __future__ import annotations

import pytest

from distreamer.media.adts import AdtsFramer
from distreamer.media.id3 import BLIND_LIMIT, tag_size
from distreamer.media.mpeg import MpegFramer
from tests.support.audio_samples import encoded
from tests.support.framing import framed, frames_of, halves, pieces, same_objects, shape

MP3 = encoded("libmp3lame", seconds=0.25, sample_rate=22050, channels=1, bitrate=32_000)
AAC = encoded("aac", seconds=0.4, sample_rate=16000, channels=1, bitrate=24_000)


def id3v2(content: bytes, *, footer: bool = False, announced: int | None = None) -> bytes:
    size = len(content) if announced is None else announced
    sizes = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    flags = 0x10 if footer else 0
    head = bytes([4, 0, flags]) + sizes
    return b"ID3" + head + content + (b"3DI" + head if footer else b"")


def ape(content: bytes, *, header: bool = True) -> bytes:
    size = (len(content) + 32).to_bytes(4, "little")

    def end(is_header: bool) -> bytes:
        flags = (1 << 31 | is_header << 29).to_bytes(4, "little")
        return b"APETAGEX" + (2000).to_bytes(4, "little") + size + b"\x01\0\0\0" + flags + bytes(8)

    return (end(True) if header else b"") + content + end(False)


ID3V1 = b"TAG" + b"Some title".ljust(125, b"\0")
ENHANCED = b"TAG+" + b"Some longer title".ljust(223, b"\0")
FALSE_SYNC = MP3[:4] + b"picture"

TAGS = {
    "id3v2": id3v2(FALSE_SYNC * 20),
    "id3v2-footer": id3v2(FALSE_SYNC * 20, footer=True),
    "id3v2-empty": id3v2(b""),
    "id3v1": ID3V1,
    "id3v1-enhanced": ENHANCED + ID3V1,
    "ape": ape(b"\x05\0\0\0\0\0\0\0Title\0hello"),
    "ape-without-header": ape(b"\x05\0\0\0\0\0\0\0Title\0hello", header=False),
    "end-and-begin-of-files": ape(b"items") + ID3V1 + id3v2(b"x" * 100),
}


@pytest.mark.parametrize("name", TAGS)
@pytest.mark.parametrize(("make", "clip"), [(MpegFramer, MP3), (AdtsFramer, AAC)], ids=["mpeg", "adts"])
def test_a_tag_between_frames_is_dropped_and_nothing_else(
    name: str, make: type[MpegFramer] | type[AdtsFramer], clip: bytes
) -> None:
    tag = TAGS[name]
    clean = [frame.data for frame in frames_of(make, clip)]
    framer = make()
    frames = framed(framer, [clip + tag + clip])
    assert [frame.data for frame in frames] == clean * 2
    assert framer.dropped == len(tag)
    assert same_objects(frame.format for frame in frames)


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_may_be_split_anywhere(name: str) -> None:
    tag = TAGS[name]
    data = MP3 + tag + MP3
    whole = shape(frames_of(MpegFramer, data))
    assert shape(framed(MpegFramer(), pieces(data, 1))) == whole
    for at in range(len(MP3) - 2, len(MP3) + len(tag) + 10):
        assert shape(framed(MpegFramer(), halves(data, at))) == whole


@pytest.mark.parametrize("name", TAGS)
def test_tags_at_both_ends_of_the_stream(name: str) -> None:
    tag = TAGS[name]
    frames = frames_of(MpegFramer, tag + MP3 + tag)
    assert b"".join(frame.data for frame in frames) == MP3


def test_behind_a_tag_the_next_frame_needs_no_confirmation() -> None:
    framer = MpegFramer()
    first = frames_of(MpegFramer, MP3)[0]
    framer.feed(MP3 + id3v2(b"x" * 1000))
    assert [frame.data for frame in framer.feed(first.data)] == [first.data]


def test_a_tag_confirms_the_frame_before_it() -> None:
    first = frames_of(MpegFramer, MP3)[0]
    assert MpegFramer().feed(first.data + ID3V1) == [first]


def test_a_cover_picture_larger_than_the_limit_is_dropped() -> None:
    tag = id3v2(bytes(range(256)) * 1500)
    assert len(tag) > BLIND_LIMIT
    framer = MpegFramer()
    frames = framed(framer, pieces(MP3 + tag + MP3, 5000))
    assert b"".join(frame.data for frame in frames) == MP3 * 2
    assert framer.dropped == len(tag)


def test_a_damaged_size_does_not_swallow_the_stream() -> None:
    framer = MpegFramer()
    lying = id3v2(b"", announced=200_000_000)
    repeats = 3 * BLIND_LIMIT // len(MP3)
    frames = framed(framer, pieces(MP3 + lying + MP3 * repeats, 4000))
    assert framer.dropped <= BLIND_LIMIT + 3 * len(MP3)
    assert len(frames) > 1.5 * BLIND_LIMIT / len(MP3)


def test_what_only_looks_like_a_tag_is_garbage_and_short() -> None:
    for text in (
        b"ID3\xff\xff\x00\x00\x00\x00\x00",
        b"APETAGEX" + bytes(24),
        b"ID3\x04\x00\x00\x80\x00\x00\x00",
        b"ID4",
        b"TAX",
    ):
        framer = MpegFramer()
        assert b"".join(frame.data for frame in framed(framer, [MP3 + text + MP3])) == MP3 * 2
        assert framer.dropped == len(text)


def test_tag_sizes() -> None:
    assert tag_size(id3v2(b"x" * 300)) == 310
    assert tag_size(id3v2(b"x" * 300, footer=True)) == 320
    assert tag_size(ID3V1) == 128
    assert tag_size(ENHANCED) == 227
    assert tag_size(ape(b"items")) == len(ape(b"items"))
    assert tag_size(b"....TAG.", 4) == 128
    assert tag_size(b"OggS") == 0
    for beginning in (b"", b"I", b"ID3", b"ID3\x04\x00\x00\x00\x00\x00", b"TA", b"TAG", b"APETAGE", ape(b"")[:31]):
        assert tag_size(beginning) is None
