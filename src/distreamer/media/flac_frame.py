"""The header of a FLAC frame and its two checksums (RFC 9639, sections 9.1 and 9.3)."""

from __future__ import annotations

from distreamer.units import BITS_PER_BYTE

_SYNC_FIXED_BLOCKS = b"\xff\xf8"
_NUMBER_AT = 4
_CHECKSUM_BYTES = 2
_SIZE_BYTES = {6: 1, 7: 2}
"""What stands behind the number, by the code of the block size (section 9.1.6) …"""
_RATE_BYTES = {12: 1, 13: 2, 14: 2}
"""… and by that of the sample rate (section 9.1.7)."""
_FRAME_NUMBER_MASK = (1 << 31) - 1

_CRC_8, _CRC_16 = 0x07, 0x8005
"""Polynomials (sections 9.1.8 and 9.3), without their highest bit."""


def coded_number(number: int) -> bytes:
    """The number of a frame, of which 31 bits count, in one to six bytes like UTF-8 (section 9.1.5)."""
    number &= _FRAME_NUMBER_MASK
    if number < 0x80:
        return bytes([number])
    tail: list[int] = []
    while number >> 6 - len(tail):  # As many bits as the first byte has room for beside its ones.
        tail.insert(0, 0x80 | number & 0x3F)
        number >>= 6
    return bytes([0xFF00 >> len(tail) + 1 & 0xFF | number, *tail])


def with_checksum(header: bytes) -> bytes:
    """A whole frame header, of all before its checksum."""
    return header + _crc(header, _CRC_8, 8).to_bytes(1, "big")


def frame_checksum(frame: bytes) -> bytes:
    """What ends a frame, of all before it."""
    return _crc(frame, _CRC_16, 16).to_bytes(_CHECKSUM_BYTES, "big")


def frame_number(frame: bytes) -> int | None:
    """The number of a frame of a stream of fixed block size; None when it is no such frame, or its header damaged."""
    if len(frame) <= _NUMBER_AT or frame[:2] != _SYNC_FIXED_BLOCKS:
        return None
    behind_number, checksum_at = _header_places(frame)
    if len(frame) <= checksum_at + _CHECKSUM_BYTES or with_checksum(frame[:checksum_at]) != frame[: checksum_at + 1]:
        return None
    first, *tail = frame[_NUMBER_AT:behind_number]
    number = first & (0x7F >> len(tail) + 1 if tail else 0x7F)
    for byte in tail:
        number = number << 6 | byte & 0x3F
    return number


def renumbered(frame: bytes, number: int) -> bytes:
    """A frame of a stream of fixed block size as the one with ``number``, counted from 0.

    Checksums are linear: that of the frame changes by what the header's would, with the rest of the frame as zeros
    behind it. So the rest, mostly thousands of bytes, need not be gone through.
    """
    behind_number, checksum_at = _header_places(frame)
    old = frame[: checksum_at + 1]
    new = with_checksum(frame[:_NUMBER_AT] + coded_number(number) + frame[behind_number:checksum_at])
    rest, checksum = frame[len(old) : -_CHECKSUM_BYTES], int.from_bytes(frame[-_CHECKSUM_BYTES:], "big")
    change = _crc(old, _CRC_16, 16) ^ _crc(new, _CRC_16, 16)
    checksum ^= _product(change, _one_and_zeros(BITS_PER_BYTE * len(rest)))
    return new + rest + checksum.to_bytes(_CHECKSUM_BYTES, "big")


def _header_places(frame: bytes) -> tuple[int, int]:
    """Where the number of a frame is over, and where the checksum of its header stands."""
    ones = BITS_PER_BYTE - (frame[_NUMBER_AT] ^ 0xFF).bit_length()
    behind_number = _NUMBER_AT + max(ones, 1)
    return behind_number, behind_number + _SIZE_BYTES.get(frame[2] >> 4, 0) + _RATE_BYTES.get(frame[2] & 0xF, 0)


def _crc(data: bytes, polynomial: int, width: int) -> int:
    """The remainder of ``data`` by ``polynomial``, most significant bit first, begun with 0."""
    top, mask = 1 << width - 1, (1 << width) - 1
    value = 0
    for byte in data:
        value ^= byte << width - 8
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & mask
    return value


def _product(one: int, other: int) -> int:
    """Of two remainders by the polynomial of 16 bits."""
    value = 0
    while other:
        if other & 1:
            value ^= one
        one = (one << 1 ^ _CRC_16 if one & 0x8000 else one << 1) & 0xFFFF
        other >>= 1
    return value


def _one_and_zeros(zeros: int) -> int:
    """The remainder of a one with so many ``zeros`` behind it."""
    value, square = 1, 2
    while zeros:
        if zeros & 1:
            value = _product(value, square)
        square = _product(square, square)
        zeros >>= 1
    return value
