"""How loud MPEG layer III is, roughly, by its side information alone (ISO/IEC 11172-3, sections 2.4.1.7 and 2.4.3.4).

A granule's side information has the step of its quantiser (global_gain) and, by the Huffman tables that it chooses,
how large the quantised values are at the most; so their power is known within some decibels without decoding them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import log10

from distreamer.media.bits import BitReader
from distreamer.media.mpeg import MpegFramer, MpegRun
from distreamer.model.loudness import DIGITAL_SILENCE, FLOOR_DBFS, Loudness

_NO_CHECKSUM = 1
_CHECKSUM_BYTES = 2
_JOINT_STEREO, _MIDDLE_AND_SIDE = 1, 2

_LARGEST = (0, 1, 2, 2, 0, 3, 3, 5, 5, 5, 7, 7, 7, 15, 0, 15)
"""The largest value that a table for pairs has a code for; those from 16 on have 15 …"""
_MORE_BITS = (1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13)
"""… and so many more bits for what is larger."""
_WITH_MORE_BITS = 16
_BANDS = (0, 4, 8, 12, 16, 20, 24, 30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196, 238, 288, 342, 418, 576)
"""Where the bands of scale factors begin at 44.1 kHz, which is near enough for other rates."""
_SHORT_REGION = 36
_USUAL_PART = 0.4
"""Of the largest value: what most values of a region are like."""
_POWER = 8 / 3
"""Values are raised to 4/3, and power is their square."""
_SMALL_VALUES = 10.0
"""The power where there are only values of 1, of which the side information does not say how many there are."""
_GAIN_OF_FULL_SCALE = 210
_OFFSET_DECIBELS = 1.0
"""To a sine of full scale; half way between noise and tones, as LAME encodes them."""


def rough_layer_iii(frames: Iterable[bytes]) -> Loudness | None:
    """Of whole frames; None when there are none, or they are not what they should be."""
    left = right = 0.0
    count = 0
    for frame in frames:
        powers = _frame_powers(frame)
        if powers is None:
            return None
        left, right, count = left + powers[0], right + powers[1], count + 1
    if not count:
        return None
    if not left and not right:
        return DIGITAL_SILENCE
    return Loudness(_decibels(left / count), _decibels(right / count))


def _decibels(power: float) -> float:
    return min(max(10 * log10(power) + _OFFSET_DECIBELS, FLOOR_DBFS), 0.0) if power else FLOOR_DBFS


def _frame_powers(frame: bytes) -> tuple[float, float] | None:
    header = MpegFramer.header(frame, 0) if len(frame) >= MpegFramer.header_size else None
    if header is None or header.run.layer != 3:
        return None
    at = MpegFramer.header_size + (0 if frame[1] & _NO_CHECKSUM else _CHECKSUM_BYTES)
    try:
        first, second = _channel_powers(BitReader(frame[at : at + header.run.side_info_bytes]), header.run)
    except ValueError:
        return None
    is_joint = frame[3] >> 6 == _JOINT_STEREO and frame[3] >> 4 & _MIDDLE_AND_SIDE
    if is_joint:
        first = second = (first + second) / 2
    return first, second


def _channel_powers(bits: BitReader, run: MpegRun) -> tuple[float, float]:
    """Of both channels, or twice that of a single one."""
    is_version_1, channels = run.version == "1", run.channels
    bits.take(9 if is_version_1 else 8)
    if is_version_1:
        bits.take((3 if channels == 2 else 5) + 4 * channels)
    else:
        bits.take(channels)
    granules = 2 if is_version_1 else 1
    powers = [0.0] * channels
    for _ in range(granules):
        for channel in range(channels):
            powers[channel] += _granule_power(bits, is_version_1) / granules
    return powers[0], powers[-1]


def _granule_power(bits: BitReader, is_version_1: bool) -> float:
    """Taken as one number: most of the time goes into reading."""
    spare = 3 if is_version_1 else 2
    fields = bits.take(59 if is_version_1 else 63) >> spare
    tables, is_windowed = fields & 0x3FFFFF, fields >> 22 & 1
    fields >>= 23 + (4 if is_version_1 else 9)
    gain, large_values, size = fields & 0xFF, 2 * (fields >> 8 & 0x1FF), fields >> 17
    if not size:
        return 0.0
    power, begin = 0.0, 0
    for table, end in _regions(tables, is_windowed):
        values = max(min(end, large_values) - begin, 0)
        power += _region_power(table, values) if values else 0.0
        begin += values
    return float((power or _SMALL_VALUES) * 2 ** ((gain - _GAIN_OF_FULL_SCALE) / 2))


def _regions(fields: int, is_windowed: int) -> Iterator[tuple[int, int]]:
    """The table of each region of large values, and where that ends at the latest."""
    if is_windowed:
        yield fields >> 14 & 0x1F, _SHORT_REGION
        yield fields >> 9 & 0x1F, _BANDS[-1]
        return
    first, second, last = fields >> 3 & 0xF, fields & 7, len(_BANDS) - 1
    yield fields >> 17, _BANDS[min(first + 1, last)]
    yield fields >> 12 & 0x1F, _BANDS[min(first + second + 2, last)]
    yield fields >> 7 & 0x1F, _BANDS[-1]


def _region_power(table: int, values: int) -> float:
    """Most values are a part of the largest; beyond 15 it is mostly one that asks for the table."""
    if table < _WITH_MORE_BITS:
        return float(values * (_USUAL_PART * _LARGEST[table]) ** _POWER)
    largest = _LARGEST[15] + (1 << _MORE_BITS[table - _WITH_MORE_BITS]) / 2
    return float(values * (_USUAL_PART * _LARGEST[15]) ** _POWER + largest**_POWER)
