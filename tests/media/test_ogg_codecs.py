"""What the headers and packets of Vorbis, Opus, FLAC and Speex say."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distreamer.media.flac import FlacCodec
from distreamer.media.ogg_codec import PageRun, SpeexCodec, UnknownCodec
from distreamer.media.opus import OpusCodec
from distreamer.media.vorbis import VorbisCodec, mode_block_flags
from distreamer.media.vorbis_comment import title_of
from distreamer.model.audio import AudioFormat, Codec, Title
from tests.support.ogg_samples import OPUS_HEAD, comments


def vorbis_identification(short_bits: int = 8, long_bits: int = 11) -> bytes:
    return b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 2, 44100, 0, 128_000, 0, long_bits << 4 | short_bits, 1)


def vorbis_setup(flags: list[int], before: int = 0x35A5A5A5) -> bytes:
    """A set-up header as seen from its end: something, the count of modes, the modes, the framing bit."""
    number, at = int.from_bytes(b"\x05vorbis", "little"), 56
    parts = [(before, 32), (len(flags) - 1, 6)]
    for index, flag in enumerate(flags):
        parts += [(flag, 1), (0, 16), (0, 16), (index % 2, 8)]
    for value, bits in [*parts, (1, 1)]:
        number |= value << at
        at += bits
    return number.to_bytes((at + 7) // 8, "little")


@pytest.mark.parametrize("flags", [[0], [1], [0, 1], [1, 0, 1], [0, 1] * 32], ids=len)
def test_vorbis_modes_are_read_from_the_end_of_the_set_up(flags: list[int]) -> None:
    assert mode_block_flags(vorbis_setup(flags)) == flags


@given(st.binary(max_size=400))
def test_any_bytes_are_a_set_up_with_at_most_64_modes(data: bytes) -> None:
    assert len(mode_block_flags(data)) <= 64


def test_vorbis_packets_overlap_by_half_of_each_block() -> None:
    codec = VorbisCodec(vorbis_identification())
    codec.add_header(b"\x03vorbis" + comments("TITLE=x"))
    codec.add_header(vorbis_setup([0, 1]))
    short, long = b"\x00...", b"\x02..."
    ticks = [codec.packet_ticks(packet) for packet in (short, short, long, long, short)]
    assert ticks == [0, 128, (256 + 2048) // 4, 1024, (2048 + 256) // 4]
    assert codec.packet_ticks(b"") == codec.packet_ticks(b"\x01header") == 0
    codec.lose_track()
    assert codec.packet_ticks(long) == 0
    assert codec.title == Title("x")
    assert codec.format == AudioFormat(Codec.VORBIS, 44100, 44100, 2, "", 128_000, "audio/ogg")


def test_a_vorbis_packet_with_a_mode_that_does_not_exist_lasts_nothing() -> None:
    codec = VorbisCodec(vorbis_identification())
    codec.add_header(vorbis_setup([0, 0, 0]))
    assert [codec.packet_ticks(bytes([mode << 1])) for mode in (0, 3, 2)] == [0, 0, 128]


@pytest.mark.parametrize("bits", [(5, 11), (11, 8), (8, 14)])
def test_vorbis_with_impossible_blocks_is_refused(bits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="Vorbis"):
        VorbisCodec(vorbis_identification(*bits))


@pytest.mark.parametrize(
    ("packet", "milliseconds"),
    [
        (bytes([0 << 3]), 10),
        (bytes([3 << 3]), 60),
        (bytes([9 << 3 | 1]), 40),
        (bytes([12 << 3]), 10),
        (bytes([15 << 3 | 2]), 40),
        (bytes([16 << 3]), 2.5),
        (bytes([31 << 3]), 20),
        (bytes([31 << 3 | 3, 0x80 | 6]), 120),
        (bytes([31 << 3 | 3, 7]), 0),
        (bytes([31 << 3 | 3]), 0),
        (b"", 0),
    ],
)
def test_opus_packets_tell_their_length(packet: bytes, milliseconds: float) -> None:
    assert OpusCodec(OPUS_HEAD).packet_ticks(packet) == milliseconds * 48


def test_opus_begins_with_its_pre_skip_taken_off() -> None:
    codec = OpusCodec(OPUS_HEAD)
    durations = [codec.duration(PageRun(120, -1, False, 0)) for _ in range(4)]
    assert durations == [0, 0, 48, 120]


def flac_first(more_headers: int) -> bytes:
    info = struct.pack(">HH3s3sQ16s", 4096, 4096, b"", b"", 48000 << 44 | 1 << 41 | 23 << 36, b"")
    return b"\x7fFLAC\x01\x00" + struct.pack(">H", more_headers) + b"fLaC\0\0\0\x22" + info


@pytest.mark.parametrize(
    ("code", "tail", "samples"),
    [
        (0, b"", 0),
        (1, b"", 192),
        (2, b"", 576),
        (5, b"", 4608),
        (6, b"\x0f", 16),
        (7, b"\xff\xff", 65536),
        (8, b"", 256),
        (12, b"", 4096),
        (15, b"", 32768),
    ],
)
@pytest.mark.parametrize("number", [b"\x05", b"\xc2\x80", b"\xfe\x82\x80\x80\x80\x80\x80"], ids=len)
def test_flac_frames_tell_their_length(code: int, tail: bytes, samples: int, number: bytes) -> None:
    codec = FlacCodec(flac_first(1))
    assert codec.packet_ticks(b"\xff\xf8" + bytes([code << 4, 0x18]) + number + tail + b"...") == samples
    assert codec.format == AudioFormat(Codec.FLAC, 48000, 48000, 2, "24 bit", 0, "audio/ogg")


def test_flac_packets_that_are_no_frames_last_nothing() -> None:
    codec = FlacCodec(flac_first(1))
    codec.add_header(b"")
    for packet in (b"", b"\xff\xf8\xc9", b"\xff\xf0\xc9\x18\x00\x00"):
        assert codec.packet_ticks(packet) == 0


@pytest.mark.parametrize("damage", [slice(9, 13), slice(27, 30), slice(40, None)], ids=["magic", "rate", "size"])
def test_flac_headers_that_break_the_rules_are_refused(damage: slice) -> None:
    first = bytearray(flac_first(1))
    first[damage] = bytes(3 if damage.start == 27 else 4)
    with pytest.raises(ValueError, match="FLAC"):
        FlacCodec(bytes(first))


def test_flac_without_a_count_of_headers_ends_them_with_the_last_block() -> None:
    codec = FlacCodec(flac_first(0))
    assert codec.header_packets == 2
    codec.add_header(b"\x04\0\0\0" + comments("title=t", "artist=a"))
    assert codec.header_packets == 3
    codec.add_header(b"\x81\0\0\0")
    assert codec.header_packets == 3
    assert codec.title == Title("a - t")


def test_speex_header() -> None:
    head = (
        b"Speex   "
        + bytes(20)
        + struct.pack("<9i", 1, 80, 16000, 1, 4, 1, 27800, 320, 0)
        + struct.pack("<4i", 1, 2, 0, 0)
    )
    codec = SpeexCodec(head)
    assert codec.header_packets == 4
    assert codec.format == AudioFormat(Codec.OGG, 16000, 16000, 1, "Speex", 27800, "audio/ogg")
    with pytest.raises(ValueError, match="0 Hz"):
        SpeexCodec(head[:30])


def test_granules_give_lengths_where_packets_do_not() -> None:
    head = b"Speex   " + bytes(20) + struct.pack("<9i", 1, 80, 16000, 1, 4, 1, -1, 320, 0) + bytes(16)
    codec = SpeexCodec(head)
    granules = [320, 640, -1, 1600, 900_000, 900_320, 10]
    assert [codec.duration(PageRun(0, granule, False, 9)) for granule in granules] == [320, 320, 0, 960, 0, 320, 0]


def test_an_unknown_codec_lasts_as_long_as_its_bytes() -> None:
    assert UnknownCodec(64_000).duration(PageRun(0, 5, False, 8000)) == 1_000_000
    assert UnknownCodec(0).duration(PageRun(0, 5, False, 16_000)) == 1_000_000


@pytest.mark.parametrize(
    ("pairs", "title"),
    [
        (["ARTIST=A", "TITLE=T"], "A - T"),
        (["title=T", "Artist=A", "artist=B"], "A, B - T"),
        (["TITLE=Ünï=x "], "Ünï=x"),
        (["ARTIST=A"], "A"),
    ],
)
def test_the_title_of_a_comment_block(pairs: list[str], title: str) -> None:
    assert title_of(comments(*pairs)) == Title(title)


@pytest.mark.parametrize("pairs", [[], ["ALBUM=x"], ["TITLE="], ["TITLE"]])
def test_no_title(pairs: list[str]) -> None:
    assert title_of(comments(*pairs)) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_a_comment_block(data: bytes) -> None:
    title = title_of(data)
    assert title is None or title.text


def test_a_comment_block_that_breaks_off_gives_what_came_before() -> None:
    block = comments("TITLE=T", "ARTIST=A")
    assert title_of(block[:-1]) == Title("T")
    assert title_of(b"\0\0\0\0\xff\xff\xff\xff") is None


FIRST_PACKETS = {
    VorbisCodec: vorbis_identification(),
    OpusCodec: OPUS_HEAD,
    FlacCodec: flac_first(1),
    SpeexCodec: b"Speex   " + bytes(20) + struct.pack("<9i", 1, 80, 16000, 1, 4, 1, 27800, 320, 0) + bytes(16),
}


@given(st.sampled_from(list(FIRST_PACKETS)), st.integers(7, 80), st.binary(max_size=4), st.binary(max_size=80))
def test_any_first_packet_is_read_or_refused(
    kind: type[VorbisCodec | OpusCodec | FlacCodec | SpeexCodec], at: int, damage: bytes, data: bytes
) -> None:
    first = FIRST_PACKETS[kind]
    try:
        codec = kind(first[:at] + damage + first[at + len(damage) :])
    except ValueError:
        assert damage
        return
    codec.add_header(data)
    assert codec.packet_ticks(data) >= 0
    assert codec.format.clock_rate > 0
