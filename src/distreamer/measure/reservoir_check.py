"""Notices MPEG layer III frames that do not fit together, by their bit reservoir. Pure.

The data of a frame may begin in the frames before it, and those of no two frames overlap (ISO/IEC 11172-3, section
2.4.2.7). Where frames are missing, what stands behind them leans on bytes that belong to others, about every second
time; where a header is damaged, mostly.
"""

from __future__ import annotations

from distreamer.media.mpeg import MpegFramer, MpegRun
from distreamer.model.audio import Codec, Frame
from distreamer.units import BITS_PER_BYTE

_NO_CHECKSUM = 1
_CHECKSUM_BYTES = 2
_LENGTH_BITS = 12
"""Of part2_3_length, the first field of each granule of a channel."""


class ReservoirCheck:
    """Of one connection."""

    def __init__(self) -> None:
        self._unused: int | None = None
        """Bytes before the next frame's own that belong to no frame; None when that is not known."""

    def forget(self) -> None:
        """Something stood between the frames: what follows may lean on anything."""
        self._unused = None

    def frame(self, frame: Frame) -> bool:
        """Whether the next frame fits to those before it."""
        header = MpegFramer.header(frame.data, 0) if frame.format.codec is Codec.MPEG else None
        if header is None or header.run.layer != 3:
            self._unused = None
            return True
        side_info_at = MpegFramer.header_size + (0 if frame.data[1] & _NO_CHECKSUM else _CHECKSUM_BYTES)
        own = len(frame.data) - side_info_at - header.run.side_info_bytes
        begins, used = _side_info(frame.data[side_info_at:][: header.run.side_info_bytes], header.run)
        before, self._unused = self._unused, begins + own - used
        if self._unused < 0:
            self._unused = None
            return False
        return before is None or begins <= before


def _side_info(data: bytes, run: MpegRun) -> tuple[int, int]:
    """How far before the frame's own bytes its data begin (main_data_begin), and how many they are."""
    is_first_version = run.version == "1"
    number, width = int.from_bytes(data, "big"), len(data) * BITS_PER_BYTE

    def bits(at: int, count: int) -> int:
        return number >> (width - at - count) & (1 << count) - 1

    if is_first_version:
        begin_bits, granules, granule_bits = 9, 2, 59
        at = begin_bits + (5 if run.channels == 1 else 3) + 4 * run.channels
    else:
        begin_bits, granules, granule_bits = 8, 1, 63
        at = begin_bits + (1 if run.channels == 1 else 2)
    used = sum(bits(at + part * granule_bits, _LENGTH_BITS) for part in range(granules * run.channels))
    return bits(0, begin_bits), -(-used // BITS_PER_BYTE)
