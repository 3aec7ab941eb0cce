"""Silence in Ogg FLAC (RFC 9639, sections 8.2, 9 and 10.1)."""

from __future__ import annotations

import re
import struct

from distreamer.errors import AudioError
from distreamer.media.bits import packed
from distreamer.media.flac import FlacCodec
from distreamer.media.flac_frame import coded_number, frame_checksum, with_checksum
from distreamer.media.ogg_writer import EMPTY_COMMENTS, header_packets
from distreamer.media.silence_ogg import OggSilence
from distreamer.model.audio import AudioFormat

_PROFILE = re.compile(r"(\d+) bit")
_BITS = range(4, 33)
_CHANNELS = range(1, 9)
_RATES = range(1, 1 << 20)

_STREAMINFO = struct.Struct(">HH")
_STREAMINFO_AT, _STREAMINFO_SIZE = 17, 34
_LAST_BLOCK, _COMMENT_BLOCK = 0x80, 4
_USUAL_BLOCK, _SMALLEST_BLOCK = 4096, 256
_LARGEST_STREAMABLE_BLOCK = 4608
"""Samples of a block in the streamable subset, up to 48 kHz (section 7)."""

_SYNC_FIXED_BLOCKS = 0xFFF8
_BLOCK_SIZE_IN_16_BITS = 7
_CODED_RATES = (88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
_RATE_CODES = {rate: code for code, rate in enumerate(_CODED_RATES, 1)}
_BITS_CODES = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}
"""Other rates and depths have the code 0: they stand in STREAMINFO."""


def flac_silence(wanted: AudioFormat, setup: bytes, serial: int) -> OggSilence:
    """Silence in frames of constant 0, of the block size in the header pages ``setup`` when that is usual.

    Raises AudioError where FLAC has no such bits a sample (``wanted.profile``), channels or sample rate.
    """
    match = _PROFILE.fullmatch(wanted.profile)
    bits = int(match[1]) if match else 0
    if bits not in _BITS or wanted.channels not in _CHANNELS or wanted.sample_rate not in _RATES:
        raise AudioError(
            f"There is no FLAC of {wanted.channels} channels at {wanted.sample_rate} Hz with "
            f"{wanted.profile or 'an unknown number of bits'} a sample"
        )
    block = block_size(wanted.sample_rate, setup)
    info = _STREAMINFO.pack(block, block) + packed(
        [(0, 48), (wanted.sample_rate, 20), (wanted.channels - 1, 3), (bits - 1, 5), (0, 36), (0, 128)]
    )
    first = FlacCodec.MAGIC + b"\x01\x00\x00\x01fLaC" + len(info).to_bytes(4, "big") + info
    comments = bytes([_LAST_BLOCK | _COMMENT_BLOCK]) + len(EMPTY_COMMENTS).to_bytes(3, "big") + EMPTY_COMMENTS
    audio_format = FlacCodec(first).format
    if not audio_format.joins(wanted):
        raise AudioError(f"There is no FLAC at {wanted.sample_rate} Hz with {wanted.clock_rate} ticks a second")
    return OggSilence(
        audio_format,
        [first, comments],
        serial,
        packet=lambda number: _frame(number, audio_format, bits, block),
        packet_ticks=block,
    )


def block_size(sample_rate: int, setup: bytes) -> int:
    """Samples: those of the running stream when all its blocks have them, else about 0.1 to 0.3 seconds' worth."""
    block = _USUAL_BLOCK
    while block > max(sample_rate // 4, _SMALLEST_BLOCK):
        block //= 2
    packets = header_packets(setup, FlacCodec.MAGIC)
    if packets and len(packets[0]) >= _STREAMINFO_AT + _STREAMINFO_SIZE:
        smallest, largest = _STREAMINFO.unpack_from(packets[0], _STREAMINFO_AT)
        if smallest == largest and _SMALLEST_BLOCK <= largest <= _LARGEST_STREAMABLE_BLOCK:
            return int(largest)
    return block


def _frame(number: int, audio_format: AudioFormat, bits: int, block: int) -> bytes:
    """The frame with the number ``number``: every subframe is constant (its type is 0), and the constant is 0."""
    header = packed(
        [
            (_SYNC_FIXED_BLOCKS, 16),
            (_BLOCK_SIZE_IN_16_BITS, 4),
            (_RATE_CODES.get(audio_format.sample_rate, 0), 4),
            (audio_format.channels - 1, 4),
            (_BITS_CODES.get(bits, 0), 3),
            (0, 1),
        ]
    )
    frame = with_checksum(header + coded_number(number) + (block - 1).to_bytes(2, "big"))
    frame += packed([(0, 8 + bits)] * audio_format.channels)
    return frame + frame_checksum(frame)
