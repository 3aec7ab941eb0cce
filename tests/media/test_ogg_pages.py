"""Finding Ogg pages in good, damaged and foreign bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.media.ogg_pages import PacketPart, Page, PageReader, checksum, with_checksum
from tests.support.audio_samples import encoded
from tests.support.ogg_samples import BEGINS, CONTINUED, ENDS, page, slow_checksum, split_pages

CLIP = encoded("libopus", seconds=0.3, sample_rate=48000, channels=1, bitrate=16_000)


def read(data: bytes) -> tuple[list[Page], PageReader]:
    reader = PageReader()
    pages = reader.feed(data)
    assert len(data) == sum(len(found.data) for found in pages) + reader.dropped + reader.buffered
    return pages, reader


@given(st.binary(max_size=300))
def test_the_checksum_is_that_of_the_definition(data: bytes) -> None:
    assert checksum(data) == slow_checksum(data)


def test_pages_of_a_real_muxer() -> None:
    pages, reader = read(CLIP)
    assert [found.data for found in pages] == split_pages(CLIP)
    assert [found.sequence for found in pages] == list(range(len(pages)))
    assert [found.begins for found in pages] == [True] + [False] * (len(pages) - 1)
    assert pages[-1].ends
    assert reader.dropped == reader.buffered == 0


def test_the_fields_of_a_page() -> None:
    data = page([b"a"], serial=0xFFFFFFFF, sequence=0xFFFFFFFE, granule=-1, flags=CONTINUED | BEGINS | ENDS)
    [found], _ = read(b"xy" + data)
    assert found == Page(data, 2, True, True, True, -1, 0xFFFFFFFF, 0xFFFFFFFE)


@pytest.mark.parametrize(
    ("packets", "open_end"),
    [
        ([], False),
        ([b""], False),
        ([b"", b"", b"x"], False),
        ([b"a" * 254, b"b" * 255, b"c" * 256, b"d" * 1000], False),
        ([b"a", b"b" * 510], True),
        ([b"b" * 255 * 255], True),
    ],
)
def test_packets_are_laced(packets: list[bytes], open_end: bool) -> None:
    [found], _ = read(page(packets, open_end=open_end))
    expected = [PacketPart(packet, ends=True) for packet in packets]
    if open_end:
        expected[-1] = PacketPart(packets[-1], ends=False)
    assert list(found.packets()) == expected


def test_any_split_gives_the_same_pages() -> None:
    data = b"OggOggS" + CLIP[:1500] + b"OggS\0" + CLIP[1500:]
    whole, whole_reader = read(data)
    for size in (1, 7, 100):
        reader = PageReader()
        found = [one for at in range(0, len(data), size) for one in reader.feed(data[at : at + size])]
        assert found == whole
        assert reader.dropped == whole_reader.dropped


@settings(deadline=None)
@given(st.data())
def test_a_damaged_page_is_dropped_and_no_other(data: st.DataObject) -> None:
    pages = split_pages(CLIP)
    victim = data.draw(st.integers(0, len(pages) - 1))
    at = data.draw(st.integers(0, len(pages[victim]) - 1))
    flipped = bytearray(pages[victim])
    flipped[at] ^= data.draw(st.integers(1, 255))
    after = page([b"x"], serial=1)
    found, reader = read(b"".join(pages[:victim]) + bytes(flipped) + b"".join(pages[victim + 1 :]) + after * 3000)
    assert [one.data for one in found if one.serial != 1] == pages[:victim] + pages[victim + 1 :]
    assert reader.dropped == len(flipped)


def test_a_page_inside_a_damaged_page_is_found() -> None:
    inner = page([b"inner"])
    outer = bytearray(page([b"x" * 100 + inner + b"y" * 100]))
    outer[-1] ^= 1
    found, _ = read(bytes(outer))
    assert [one.data for one in found] == [inner]


def test_a_header_that_announces_too_much_holds_up_nothing() -> None:
    unfinished = page([b"z" * 255 * 255], open_end=True)[:500]
    found, reader = read(unfinished + page([b"inner"]))
    assert [one.position for one in found] == [500]
    assert (reader.dropped, reader.buffered) == (500, 0)


def test_a_page_may_end_like_the_beginning_of_the_next() -> None:
    found, reader = read(page([b"x"]) + page([b"Ogg"]))
    assert len(found) == 2
    assert reader.buffered == 0


def test_an_unknown_version_is_no_page() -> None:
    data = bytearray(page([b"x"]))
    data[4] = 1
    found, reader = read(with_checksum(bytes(data)) + page([b"y"]))
    assert len(found) == 1
    assert reader.dropped == len(data)


def test_the_buffer_is_bounded_by_the_largest_page() -> None:
    reader = PageReader()
    reader.feed(page([b"z" * 255 * 255], open_end=True)[:-1])
    assert reader.buffered == 65_306
    for _ in range(100):
        reader.feed(b"OggS\0" * 1000)
        assert reader.buffered < 65_307 + 5000
