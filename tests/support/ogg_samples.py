"""Ogg pages made by hand, and taken apart without the code under test."""

from __future__ import annotations

import struct
from collections.abc import Sequence

CONTINUED, BEGINS, ENDS = 1, 2, 4


def slow_checksum(data: bytes) -> int:
    """The CRC of RFC 3533, bit by bit as it is defined."""
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value >> 31 else value << 1) & 0xFFFFFFFF
    return value


def page(
    packets: Sequence[bytes],
    *,
    serial: int = 7,
    sequence: int = 0,
    granule: int = 0,
    flags: int = 0,
    open_end: bool = False,
) -> bytes:
    """A page with ``packets``; with ``open_end`` the last one (of a multiple of 255 bytes) goes on on the next page."""
    lacing = b""
    for index, packet in enumerate(packets):
        lacing += b"\xff" * (len(packet) // 255)
        if open_end and index == len(packets) - 1:
            assert len(packet) % 255 == 0
        else:
            lacing += bytes([len(packet) % 255])
    assert len(lacing) <= 255
    blank = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, sequence, 0)
    whole = blank + bytes([len(lacing)]) + lacing + b"".join(packets)
    return whole[:22] + slow_checksum(whole).to_bytes(4, "little") + whole[26:]


def split_pages(data: bytes) -> list[bytes]:
    """The pages of an undamaged stream."""
    pages = []
    while data:
        segments = data[26]
        size = 27 + segments + sum(data[27 : 27 + segments])
        pages.append(data[:size])
        data = data[size:]
    return pages


def comments(*pairs: str) -> bytes:
    """A comment block: a vendor and ``NAME=value`` pairs."""

    def text(words: str) -> bytes:
        return len(words.encode()).to_bytes(4, "little") + words.encode()

    return text("test") + len(pairs).to_bytes(4, "little") + b"".join(text(pair) for pair in pairs)


OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 44100, 0, 0)
SPEEX_HEAD = b"Speex   " + bytes(20) + struct.pack("<13i", 1, 80, 16000, 1, 4, 1, 27800, 320, 0, 1, 0, 0, 0)
"""Wideband, mono, 16 kHz."""
OPUS_20_MS = bytes([31 << 3 | 1 << 2]) + b"celt data"
"""One 20 ms fullband CELT frame in a packet."""


def opus_headers(*pairs: str, serial: int = 7) -> bytes:
    """The two header pages of an Opus stream."""
    return page([OPUS_HEAD], serial=serial, flags=BEGINS) + page(
        [b"OpusTags" + comments(*pairs)], serial=serial, sequence=1
    )
