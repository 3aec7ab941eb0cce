"""Silence in Ogg FLAC (RFC 9639, sections 8.2, 9 and 10.1)."""

from __future__ import annotations

import re
import struct
from functools import partial

from distreamer.errors import AudioError
from distreamer.media.bits import packed
from distreamer.media.flac import FlacCodec
from distreamer.media.flac_frame import coded_number, frame_checksum, renumbered, with_checksum
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
_CONSTANT, _FIXED_OF_ORDER_0 = 0, 8
"""Types of subframes (section 9.2.1)."""
_PARTITION_ORDER = 3
"""A residual has two to the power of it parts, each with a parameter of its own (section 9.2.7.1)."""
_LARGEST_PARAMETER = 14


def flac_silence(wanted: AudioFormat, setup: bytes, serial: int) -> OggSilence:
    """Silence of the block size in the header pages ``setup`` when that is usual, in as many bytes as the bitrate of
    ``wanted`` asks for, up to 15 bits a sample; the fewest where it is none or less than a bit a sample.

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
        packet=partial(renumbered, _frame(audio_format, bits, block, wanted.bitrate)),
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


def _frame(audio_format: AudioFormat, bits: int, block: int, bitrate: int) -> bytes:
    """The first frame, with the same subframe for each channel."""
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
    frame = with_checksum(header + coded_number(0) + (block - 1).to_bytes(2, "big"))
    subframe = _coded_zeros(block, bitrate / (audio_format.sample_rate * audio_format.channels))
    frame += packed((subframe or [(_CONSTANT, 8), (0, bits)]) * audio_format.channels)
    return frame + frame_checksum(frame)


def _coded_zeros(block: int, bits: float) -> list[tuple[int, int]]:
    """A subframe that codes each sample, of about so many ``bits``; empty where a sample would not get a bit.

    It predicts 0, and the residual of 0 is coded by a one and as many bits as the Rice parameter says.
    """
    parts = 1 << (_PARTITION_ORDER if block % (1 << _PARTITION_ORDER) == 0 else 0)
    whole, more = divmod(int(min(bits, _LARGEST_PARAMETER + 1) * parts), parts)
    if not whole:
        return []
    fields = [(_FIXED_OF_ORDER_0 << 1, 8), (0, 2), (parts.bit_length() - 1, 4)]
    samples = block // parts
    for part in range(parts):
        size = whole + (part < more)
        ones = sum(1 << size * place + size - 1 for place in range(samples))
        fields += [(size - 1, 4), (ones, size * samples)]
    return fields
