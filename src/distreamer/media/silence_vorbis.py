"""Silence in Ogg Vorbis (Vorbis I specification, sections 4.2.4 and 4.3)."""

from __future__ import annotations

from distreamer.errors import AudioError
from distreamer.media.ogg_writer import EMPTY_COMMENTS, header_packets
from distreamer.media.silence_ogg import OggSilence
from distreamer.media.vorbis import VorbisCodec, mode_block_flags
from distreamer.model.audio import AudioFormat

_COMMENT_HEADER = b"\x03vorbis" + EMPTY_COMMENTS + b"\x01"


def vorbis_silence(wanted: AudioFormat, setup: bytes, serial: int) -> OggSilence:
    """Silence by the code books of the running stream, whose header pages are ``setup``; in short blocks if it has
    any, for the first block of a stream is lost, and decoders that go on at a join play one more.

    Raises AudioError without them, or when they are of another format than ``wanted``.
    """
    headers = header_packets(setup, VorbisCodec.MAGIC)
    if len(headers) < VorbisCodec.header_packets:
        raise AudioError("Silence in Ogg Vorbis can be made only with the headers of a running stream")
    identification, _, books = headers[: VorbisCodec.header_packets]
    try:
        codec = VorbisCodec(identification)
    except ValueError as error:
        raise AudioError(f"The running stream has {error}") from error
    if not codec.format.joins(wanted):
        raise AudioError(
            f"The running Vorbis stream has {codec.format.channels} channels at {codec.format.sample_rate} Hz, and "
            f"silence of {wanted.channels} channels at {wanted.sample_rate} Hz was asked for"
        )
    flags = mode_block_flags(books)
    if not flags:
        raise AudioError("The set-up header of the running Vorbis stream names no modes")
    block = min(flags)
    packet_ticks = codec.block_sizes[block] // 2
    # What stands behind the end of a packet means nothing; libvorbis fills packets up in the same way (section 4.1).
    size = wanted.bitrate * packet_ticks // (8 * codec.format.clock_rate)
    packet = _silent_packet(flags, block, codec.format.channels).ljust(size, b"\0")
    return OggSilence(
        codec.format,
        [identification, _COMMENT_HEADER, books],
        serial,
        packet=lambda _: packet,
        packet_ticks=packet_ticks,
        primers=1,
    )


def _silent_packet(flags: list[int], block: int, channels: int) -> bytes:
    """An audio packet in which the floors of all channels are unused, so that nothing follows (section 4.3.2).

    From the least significant bit on: 0 for audio, the mode's number, for a long block the flags of its two long
    neighbours, and a 0 for each channel. That bit says "unused" in a floor of type 1 (section 7.2.3). A floor of
    type 0, which only the first encoders made, reads an amplitude instead: 0, or the end of the packet, which
    mean the same (sections 6.2.2 and 4.3.2).
    """
    mode_bits = (len(flags) - 1).bit_length()
    window = 3 << 1 + mode_bits if block else 0
    number = flags.index(block) << 1 | window
    bits = 1 + mode_bits + (2 if block else 0) + channels
    return number.to_bytes((bits + 7) // 8, "little")
