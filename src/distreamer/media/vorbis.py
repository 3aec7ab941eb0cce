"""Vorbis in Ogg (Vorbis I specification, sections 1.3.2, 4.2 and 4.3)."""

from __future__ import annotations

from distreamer.media.ogg_codec import CONTENT_TYPE, OggCodec
from distreamer.media.vorbis_comment import title_of
from distreamer.model.audio import AudioFormat, Codec

_IDENTIFICATION_SIZE = 30
_PACKET_TYPE_AND_NAME = 7
_COMMENT_TYPE, _SETUP_TYPE = 3, 5
_SMALLEST_BLOCK_BITS, _LARGEST_BLOCK_BITS = 6, 13

_MODE_BITS = 1 + 16 + 16 + 8
_MODE_COUNT_BITS = 6
_MOST_MODES = 64


class VorbisCodec(OggCodec):
    """Vorbis: a packet's mode tells its block size, and two neighbouring blocks overlap by half."""

    MAGIC = b"\x01vorbis"
    header_packets = 3

    def __init__(self, first: bytes) -> None:
        """``first`` is the identification header; one that breaks the rules raises ValueError."""
        super().__init__()
        if len(first) < _IDENTIFICATION_SIZE:
            raise ValueError(f"a Vorbis identification header of {len(first)} bytes")
        channels, sample_rate = first[11], int.from_bytes(first[12:16], "little")
        bitrate = int.from_bytes(first[20:24], "little", signed=True)
        short_bits, long_bits = first[28] & 0xF, first[28] >> 4
        if (
            not channels
            or not sample_rate
            or not _SMALLEST_BLOCK_BITS <= short_bits <= long_bits <= _LARGEST_BLOCK_BITS
        ):
            raise ValueError(f"a Vorbis identification header with {channels} channels, {sample_rate} Hz")
        self.format = AudioFormat(Codec.VORBIS, sample_rate, sample_rate, channels, "", max(0, bitrate), CONTENT_TYPE)
        self.block_sizes = 1 << short_bits, 1 << long_bits
        """Samples of a short and of a long block; each overlaps with its neighbours by half."""
        self._mode_blocks: list[int] = []
        self._previous_block: int | None = None

    def add_header(self, packet: bytes) -> None:
        """Takes the title from the comment header, the modes from the set-up header."""
        kind = packet[0] if packet else 0
        if kind == _COMMENT_TYPE:
            self.title = title_of(packet[_PACKET_TYPE_AND_NAME:])
        elif kind == _SETUP_TYPE:
            self._mode_blocks = [self.block_sizes[flag] for flag in mode_block_flags(packet)]

    def lose_track(self) -> None:
        """Pages are missing: the next packet has none to overlap with."""
        super().lose_track()
        self._previous_block = None

    def packet_ticks(self, head: bytes) -> int:
        """A quarter of the previous and of this block's size; a first packet only primes the decoder."""
        if not head or head[0] & 1 or not self._mode_blocks:
            return 0
        mode = head[0] >> 1 & ((1 << (len(self._mode_blocks) - 1).bit_length()) - 1)
        if mode >= len(self._mode_blocks):
            return 0
        block, before = self._mode_blocks[mode], self._previous_block
        self._previous_block = block
        return (before + block) // 4 if before is not None else 0


def mode_block_flags(setup: bytes) -> list[int]:
    """The block flag of each mode, from the end of the set-up header (section 4.2.4); empty when there is none.

    The modes are its last part, each of 41 bits of which 32 must be zero, behind their count and before the
    framing bit. Read from the end they need none of the code books before them, as libavcodec has shown. Vorbis
    packs bits from the least significant one, so the packet is one long number.
    """
    number = int.from_bytes(setup, "little")
    framing_bit = number.bit_length() - 1
    flags: list[int] = []
    believed: list[int] = []
    for count in range(1, _MOST_MODES + 1):
        at = framing_bit - count * _MODE_BITS
        if at < _MODE_COUNT_BITS:
            break
        mode = number >> at & ((1 << _MODE_BITS) - 1)
        window_and_transform, mapping = mode >> 1 & 0xFFFFFFFF, mode >> 33
        if window_and_transform or mapping >= _MOST_MODES:
            break
        flags.insert(0, mode & 1)
        if number >> (at - _MODE_COUNT_BITS) & (_MOST_MODES - 1) == count - 1:
            believed = flags.copy()
    return believed
