"""A programme whose MP3 frames carry their number, so that a listener can tell what it missed. Pure."""

from __future__ import annotations

KBITS = 128
FRAME_SECONDS = 1152 / 44100
BYTES_PER_SECOND = KBITS * 125

_HEADER, _PADDED_HEADER = bytes.fromhex("fffb9000"), bytes.fromhex("fffb9200")
"""MPEG-1 layer III, 128 kbit/s, 44100 Hz, stereo; the second announces a frame of one byte more."""
_UNPADDED_BYTES = 417
_MARK = b"numbered"


def _bytes_before(number: int) -> int:
    """Encoders pad frames so that the bitrate comes out exactly."""
    return number * 144 * KBITS * 1000 // 44100


def frame(number: int) -> bytes:
    """The ``number``-th frame; all are valid and distinct, and no music."""
    size = _bytes_before(number + 1) - _bytes_before(number)
    header = _HEADER if size == _UNPADDED_BYTES else _PADDED_HEADER
    return (header + number.to_bytes(8, "big") + _MARK).ljust(size, b"\0")


def number_of(data: bytes) -> int | None:
    """Which frame it is; None when it is not one of these."""
    return int.from_bytes(data[4:12], "big") if data[12:20] == _MARK else None
