"""Silence in Ogg: its pages, and how it follows the headers of a running stream."""

from __future__ import annotations

import struct

import pytest

from distreamer.errors import AudioError
from distreamer.media.auto import AutoFramer
from distreamer.media.ogg_pages import PageReader
from distreamer.media.ogg_writer import header_packets
from distreamer.media.silence import silence_maker
from distreamer.media.silence_flac import flac_silence
from distreamer.model.audio import AudioFormat, Codec, Frame
from tests.support.decoding import heard
from tests.support.framing import framed
from tests.support.ogg_samples import BEGINS, OPUS_HEAD, SPEEX_HEAD, opus_headers, page
from tests.support.silences import OGG, SERIAL, Wanted, flac, like, opus, pieces_of


@pytest.mark.parametrize("wanted", OGG, ids=str)
def test_pages_are_numbered_and_count_samples(wanted: Wanted) -> None:
    maker = wanted.maker()
    pages = PageReader().feed(pieces_of(maker, 50))
    assert {p.serial for p in pages} == {SERIAL}
    assert [p.sequence for p in pages] == list(range(len(pages)))
    assert [p.begins for p in pages] == [True] + [False] * (len(pages) - 1)
    ticks = round(maker.seconds * wanted.format.clock_rate)
    lead = pages[-50].granule - ticks
    assert [p.granule for p in pages[-50:]] == [lead + ticks * number for number in range(1, 51)]
    assert (lead > 0) == (wanted.format.codec is Codec.VORBIS)
    assert {p.granule for p in pages[:-50]} == {0}
    assert 0.1 <= maker.seconds <= 0.5
    assert {p.continued for p in pages[-50:]} == {False}


@pytest.mark.parametrize("wanted", OGG, ids=str)
def test_there_is_no_title(wanted: Wanted) -> None:
    data = pieces_of(wanted.maker(), 3)
    assert b"Old" not in data
    assert {frame.title for frame in framed(AutoFramer(), [data])} == {None}


def test_vorbis_keeps_the_identification_and_the_code_books() -> None:
    wanted = like("vorbis")
    silent = header_packets(wanted.maker().next(), b"\x01vorbis")
    running = header_packets(wanted.setup, b"\x01vorbis")
    assert (silent[0], silent[2]) == (running[0], running[2])
    assert silent[1] != running[1]


def test_vorbis_headers_of_another_format_are_refused() -> None:
    wanted = like("vorbis")
    other = AudioFormat(Codec.VORBIS, 48000, 48000, 2)
    with pytest.raises(AudioError, match="2 channels at 44100 Hz, and silence of 2 channels at 48000"):
        silence_maker(other, wanted.setup)


@pytest.mark.parametrize("books", [b"\x05vorbis", b"\x05vorbis" + bytes(50)], ids=len)
def test_vorbis_without_modes_is_refused(books: bytes) -> None:
    identification, comments, _ = header_packets(like("vorbis").setup, b"\x01vorbis")
    setup = page([identification], flags=BEGINS) + page([comments, books], sequence=1)
    with pytest.raises(AudioError, match="no modes"):
        silence_maker(like("vorbis").format, setup)


def test_vorbis_with_a_broken_identification_is_refused() -> None:
    setup = page([b"\x01vorbis"], flags=BEGINS) + page([b"\x03vorbis", b"\x05vorbis"], sequence=1)
    with pytest.raises(AudioError, match="The running stream has a Vorbis identification header of 7 bytes"):
        silence_maker(AudioFormat(Codec.VORBIS, 44100, 44100, 2), setup)


FLOORS = {
    0: [(8, 8), (8000, 16), (64, 16), (6, 6), (100, 8), (0, 4), (0, 8)],
    1: [(0, 5), (0, 2), (4, 4)],
}
"""The least that a floor of each type says (sections 6.2.1 and 7.2.2), in values and bits."""


def small_vorbis(floor: int, modes: list[int]) -> bytes:
    """Header pages of mono Vorbis at 8 kHz in blocks of 256 and 512, with one code book, floor, residue and mapping.

    Each of ``modes`` is 1 for long blocks.
    """
    book = [(0x564342, 24), (1, 16), (2, 24), (0, 1), (0, 1), (0, 5), (0, 5), (1, 4), (0, 64), (0, 4), (0, 1), (2, 2)]
    residue = [(0, 16), (0, 24), (64, 24), (31, 24), (0, 6), (0, 8), (0, 4)]
    mapping = [(0, 16), (0, 1), (0, 1), (0, 2), (0, 8), (0, 8), (0, 8)]
    fields = [(0, 8), *book, (0, 6), (0, 16), (0, 6), (floor, 16), *FLOORS[floor], (0, 6), *residue, (0, 6), *mapping]
    fields += [(len(modes) - 1, 6), *((flag, 41) for flag in modes), (1, 1)]
    number = at = 0
    for value, bits in fields:
        number |= value << at
        at += bits
    identification = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, 8000, 0, 0, 0, 0x98, 1)
    books = b"\x05vorbis" + number.to_bytes((at + 7) // 8, "little")
    return page([identification], flags=BEGINS) + page([b"\x03vorbis" + bytes(8) + b"\x01", books], sequence=1)


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("modes", [[0], [1], [0, 1], [1, 0, 1]], ids=str)
def test_vorbis_of_every_floor_and_kind_of_modes(floor: int, modes: list[int]) -> None:
    maker = silence_maker(AudioFormat(Codec.VORBIS, 8000, 8000, 1), small_vorbis(floor, modes))
    data = pieces_of(maker, 4)
    framer = AutoFramer()
    frames = framed(framer, [data])
    assert framer.dropped == 0
    ticks = 7 * 256 if min(modes) else 15 * 128
    assert [frame.duration for frame in frames] == [ticks] * 4
    assert maker.seconds == ticks / 8000
    samples = heard(data, "ogg")
    assert len(samples) == 4 * ticks
    assert not samples.any()


def test_opus_follows_the_channel_mapping_but_skips_nothing() -> None:
    wanted = like("libopus", 48000, 6)
    running, silent = (header_packets(setup, b"OpusHead")[0] for setup in (wanted.setup, wanted.maker().next()))
    assert running[10:12] != bytes(2)
    assert silent == running[:10] + bytes(2) + running[12:]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (OPUS_HEAD, "has 2 channels, and silence of 1"),
        (b"OpusHead\x01", "no Opus identification header"),
        (OPUS_HEAD[:9] + b"\x01" + OPUS_HEAD[10:18] + b"\x01", "breaks off"),
        (OPUS_HEAD[:9] + b"\x01" + OPUS_HEAD[10:18] + b"\x01\x00\x00\x00", "0 coupled of 0"),
        (OPUS_HEAD[:9] + b"\x01" + OPUS_HEAD[10:18] + b"\x01\x01\x02\x00", "2 coupled of 1"),
    ],
)
def test_opus_headers_that_do_not_fit_are_refused(head: bytes, words: str) -> None:
    with pytest.raises(AudioError, match=words):
        silence_maker(opus(1), page([head], flags=BEGINS) + page([b"OpusTags"], sequence=1))


def test_headers_are_found_among_those_of_other_streams() -> None:
    other = page([SPEEX_HEAD], serial=3, flags=BEGINS)
    tags = page([b"OpusTags" + bytes(8)], serial=9, sequence=1)
    head = OPUS_HEAD[:16] + b"\x05\x00" + OPUS_HEAD[18:]
    setup = other + page([head], serial=9, flags=BEGINS) + page([b"x"], serial=3, sequence=1) + tags
    assert header_packets(setup, b"OpusHead") == [head, b"OpusTags" + bytes(8)]
    silent = header_packets(silence_maker(opus(2), setup).next(), b"OpusHead")[0]
    assert silent[16:18] == b"\x05\x00"
    assert header_packets(b"nonsense", b"OpusHead") == []
    assert header_packets(opus_headers(), b"\x01vorbis") == []


def flac_setup(smallest: int, largest: int) -> bytes:
    """Header pages with these block sizes."""
    info = struct.pack(">HH3s3sQ16s", smallest, largest, b"", b"", 44100 << 44 | 1 << 41 | 15 << 36, b"")
    first = b"\x7fFLAC\x01\x00\x00\x01fLaC\0\0\0\x22" + info
    return page([first], flags=BEGINS) + page([b"\x84\0\0\x08" + bytes(8)], sequence=1)


@pytest.mark.parametrize(
    ("smallest", "largest", "block"), [(1152, 1152, 1152), (4608, 4608, 4608), (16, 4608, 4096), (65535, 65535, 4096)]
)
def test_flac_takes_the_block_size_of_the_running_stream_when_it_is_usual(
    smallest: int, largest: int, block: int
) -> None:
    maker = silence_maker(flac(44100, 2, 16), flac_setup(smallest, largest))
    first = header_packets(maker.next(), b"\x7fFLAC")[0]
    assert struct.unpack(">HH", first[17:21]) == (block, block)
    assert round(maker.seconds * 44100) % block == 0


def test_flac_numbers_its_frames_beyond_one_byte() -> None:
    maker = flac_silence(flac(192_000, 1, 16), flac_setup(256, 256), SERIAL)
    data = pieces_of(maker, 40)
    frames: list[Frame] = framed(AutoFramer(), [data])
    packets = [part.data for p in PageReader().feed(data)[2:] for part in p.packets()]
    assert [packet[4:6].hex() for packet in (packets[127], packets[128], packets[2047])] == ["7f00", "c280", "dfbf"]
    assert packets[2048][4:7].hex() == "e0a080"
    assert sum(frame.duration for frame in frames) == len(packets) * 256
    assert not heard(data, "ogg").any()
