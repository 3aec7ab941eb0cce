"""Whether AAC in ADTS is digital silence, by what its frames hold (ISO/IEC 14496-3, sections 4.4.2 and 4.5.2).

A channel without a sound has no spectrum: no bands at all, or only such as are coded as zeros (codebook 0). How many
bytes a frame has says nothing, for encoders of a constant bitrate fill it up.
"""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.media.bits import BitReader
from distreamer.model.loudness import DIGITAL_SILENCE, SOME_SOUND, Loudness

_HEADER_BYTES, _CHECKSUM_BYTES = 7, 2
_NO_CHECKSUM = 1
_ONE_BLOCK = 0
_SINGLE, _PAIR, _LOW_FREQUENCY, _DATA, _FILL, _END = 0, 1, 3, 4, 6, 7
"""Kinds of elements; others are rare, and taken for sound."""
_MOST_ELEMENTS = 64
_EIGHT_SHORT, _SHORT_BLOCKS = 2, 8
_ALL_BANDS_MIDDLE_AND_SIDE_BY_BIT = 1
_ZEROS = 0
_LONG_COUNT, _SHORT_COUNT = 15, 255
"""Counts that say that more follows: of a fill element, and of a data element."""


def rough_aac(frames: Iterable[bytes]) -> Loudness | None:
    """Of whole ADTS frames: digital silence, or some sound; None when there are none."""
    found: Loudness | None = None
    for frame in frames:
        if not _is_silent(frame):
            return SOME_SOUND
        found = DIGITAL_SILENCE
    return found


def _is_silent(frame: bytes) -> bool:
    if len(frame) <= _HEADER_BYTES or frame[6] & 3 != _ONE_BLOCK:
        return False
    begin = _HEADER_BYTES + (0 if frame[1] & _NO_CHECKSUM else _CHECKSUM_BYTES)
    try:
        return _is_block_silent(BitReader(frame[begin:]))
    except ValueError:
        return False


def _is_block_silent(bits: BitReader) -> bool:
    for _ in range(_MOST_ELEMENTS):
        kind = bits.take(3)
        if kind == _END:
            return True
        if kind == _FILL:
            _skip_fill(bits)
            continue
        bits.take(4)
        if kind == _DATA:
            _skip_data(bits)
        elif kind in {_SINGLE, _LOW_FREQUENCY}:
            if not _is_channel_silent(bits, None):
                return False
        elif kind != _PAIR or not _is_pair_silent(bits):
            return False
    return False


def _skip_fill(bits: BitReader) -> None:
    count = bits.take(4)
    bits.take(8 * (count + bits.take(8) - 1 if count == _LONG_COUNT else count))


def _skip_data(bits: BitReader) -> None:
    """One whose bytes begin at a full byte is too rare: what is read then is no silence."""
    bits.take(1)
    count = bits.take(8)
    bits.take(8 * (count + bits.take(8) if count == _SHORT_COUNT else count))


def _is_pair_silent(bits: BitReader) -> bool:
    window: tuple[bool, int, int] | None = None
    if bits.take(1):
        window = _window(bits)
        if bits.take(2) == _ALL_BANDS_MIDDLE_AND_SIDE_BY_BIT:
            bits.take(window[1] * window[2])
    return _is_channel_silent(bits, window) and _is_channel_silent(bits, window)


def _window(bits: BitReader) -> tuple[bool, int, int]:
    """Whether it is of short blocks, its groups and its bands; raises ValueError where there is prediction."""
    bits.take(1)
    is_short = bits.take(2) == _EIGHT_SHORT
    bits.take(1)
    if is_short:
        bands = bits.take(4)
        joined = bits.take(_SHORT_BLOCKS - 1).bit_count()  # Each 1 joins a block to the group before it.
        return True, _SHORT_BLOCKS - joined, bands
    bands = bits.take(6)
    if bits.take(1):
        raise ValueError("prediction is not read here")
    return False, 1, bands


def _is_channel_silent(bits: BitReader, window: tuple[bool, int, int] | None) -> bool:
    """Reads on only where it is: a channel without a spectrum has no scale factors either."""
    bits.take(8)
    is_short, groups, bands = window or _window(bits)
    length_bits = 3 if is_short else 5
    for _ in range(groups):
        band = 0
        while band < bands:
            if bits.take(4) != _ZEROS:
                return False
            while (length := bits.take(length_bits)) == (1 << length_bits) - 1:
                band += length
            band += length
    return not bits.take(3)  # Pulses, TNS, gain control.
