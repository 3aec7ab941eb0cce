"""Silence in Ogg Opus (RFC 6716, section 3 and appendix B; RFC 7845, section 5)."""

from __future__ import annotations

import struct

from distreamer.errors import AudioError
from distreamer.media.ogg_writer import EMPTY_COMMENTS, header_packets
from distreamer.media.opus import CLOCK_RATE, OpusCodec
from distreamer.media.silence_ogg import OggSilence
from distreamer.model.audio import AudioFormat

_TAGS = b"OpusTags" + EMPTY_COMMENTS
_PRE_SKIP = slice(10, 12)
_FAMILY_AT, _STREAMS_AT, _COUPLED_AT = 18, 19, 20
_MOST_CHANNELS_OF_FAMILY_0 = 2

_PACKET_TICKS = 960
_CELT_FULLBAND_20_MS, _STEREO = 31 << 3, 1 << 2
_ANY_COUNT, _PADDED_FRAME = 3, 1 << 6 | 1
"""The code of packets whose second byte counts the frames: here one, with padding."""
_PADDING_OF_FULL_BYTE = 254
"""A byte of 255 says that so many bytes of padding are followed by more, whose count comes next."""
_SILENT_FRAME = b"\xff\xfe"
"""A CELT frame whose first symbol is the silence flag (RFC 6716, section 4.3): probability 1/32768, the very end
of the range coder's interval."""


def opus_silence(wanted: AudioFormat, setup: bytes, serial: int) -> OggSilence:
    """Silence in packets of 20 ms, with the channel mapping of the header pages ``setup`` when they are given.

    Without them mono and stereo can be made. Raises AudioError for more channels, and for headers that break the
    rules or have other channels than ``wanted``.
    """
    head = _head(wanted, setup)
    try:
        codec = OpusCodec(head)
        packet = _silent_packet(head, wanted.bitrate * _PACKET_TICKS // (8 * CLOCK_RATE))
    except ValueError as error:
        raise AudioError(f"The running stream has {error}") from error
    if not codec.format.joins(wanted):
        raise AudioError(
            f"The running Opus stream has {codec.format.channels} channels, and silence of {wanted.channels} channels "
            f"at {wanted.clock_rate} ticks a second was asked for"
        )
    return OggSilence(codec.format, [head, _TAGS], serial, packet=lambda _: packet, packet_ticks=_PACKET_TICKS)


def _head(wanted: AudioFormat, setup: bytes) -> bytes:
    """The identification header: the running one, or one that is made.

    Its pre-skip is 0, so that all pages last the same: silence has no beginning that a decoder must leave out.
    """
    headers = header_packets(setup, OpusCodec.MAGIC)
    if headers:
        head = bytearray(headers[0])
        head[_PRE_SKIP] = bytes(len(head[_PRE_SKIP]))
        return bytes(head)
    if not 1 <= wanted.channels <= _MOST_CHANNELS_OF_FAMILY_0:
        raise AudioError(
            f"Silence in Opus of {wanted.channels} channels can be made only with the headers of a running stream"
        )
    return OpusCodec.MAGIC + struct.pack("<BBHIhB", 1, wanted.channels, 0, CLOCK_RATE, 0, 0)


def _silent_packet(head: bytes, least: int) -> bytes:
    """A silent packet of each of the streams that ``head`` counts, in one (RFC 7845, section 3), of about ``least``
    bytes or more.

    Coupled (stereo) streams come first; all but the last are self-delimited, that is, tell their length.
    """
    if head[_FAMILY_AT]:
        if len(head) <= _COUPLED_AT:
            raise ValueError("an Opus header that breaks off before its channel mapping")
        streams, coupled = head[_STREAMS_AT], head[_COUPLED_AT]
    else:
        streams, coupled = 1, head[9] - 1
    if not streams or coupled > streams:
        raise ValueError(f"an Opus header with {coupled} coupled of {streams} streams")
    kinds = [_CELT_FULLBAND_20_MS | (_STEREO if number < coupled else 0) for number in range(streams)]
    delimited = b"".join(bytes([kind, len(_SILENT_FRAME)]) + _SILENT_FRAME for kind in kinds[:-1])
    return delimited + _padded(kinds[-1], least - len(delimited))


def _padded(kind: int, least: int) -> bytes:
    """A packet of one silent frame, filled up with padding (RFC 6716, section 3.2.5)."""
    padding = least - len(_SILENT_FRAME) - 2
    if padding < 1:
        return bytes([kind]) + _SILENT_FRAME
    longs, last = divmod(padding - 1, _PADDING_OF_FULL_BYTE + 1)
    lengths = bytes([_PADDING_OF_FULL_BYTE + 1] * longs + [last])
    return bytes([kind | _ANY_COUNT, _PADDED_FRAME]) + lengths + _SILENT_FRAME + bytes(padding - len(lengths))
