"""Whether Vorbis, Opus or FLAC in Ogg is digital silence, by its packets, without decoding them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from distreamer.media.flac import FlacCodec
from distreamer.media.ogg_pages import CAPTURE, whole_pages
from distreamer.media.ogg_writer import header_packets
from distreamer.model.audio import AudioFormat, Codec
from distreamer.model.loudness import DIGITAL_SILENCE, SOME_SOUND, Loudness

_VORBIS_HEAD_BYTES = 2
"""The mode and the flags of up to 11 channels; a floor that is in use would not fit in."""
_CELT_ONLY = 16
"""Configurations of Opus from here on are CELT alone (RFC 6716, section 3.1)."""
_COUNT_IN_NEXT_BYTE = 3
_EMPTY_OPUS_BYTES = 3
"""Packets have so few bytes while an encoder sends nothing (DTX), and in silence at a varying bitrate."""
_SILENCE_FLAG = 0xFFFE
"""A CELT frame begins with these 15 bits when its first symbol, of a probability of 1/32768, says that it is silent
(RFC 6716, section 4.3); what fills it up to a constant bitrate stands behind."""
_FLAC_BITS_PER_SAMPLE = 0.1
"""Of each channel. A constant takes a few bytes for thousands of samples, the softest noise about one bit for each."""


def rough_ogg(audio: bytes, setup: bytes, form: AudioFormat) -> Loudness | None:
    """Of whole pages with the header pages ``setup`` before them: digital silence, or some sound; None when it cannot
    be told."""
    is_silent = _TESTS.get(form.codec)
    if form.codec is Codec.FLAC:
        is_silent = _flac_test(setup, form.channels)
    if is_silent is None:
        return None
    found: Loudness | None = None
    for packet in _packets(audio):
        if not packet:
            continue  # It lasts no time.
        if not is_silent(packet):
            return SOME_SOUND
        found = DIGITAL_SILENCE
    return found


def _packets(audio: bytes) -> Iterator[bytes]:
    """Those that are whole, and the beginnings of others; a page is read only as far as packets begin on it."""
    if not audio.startswith(CAPTURE):
        return
    for page in whole_pages(audio):
        parts = list(page.packets())
        yield from (part.data for part in parts[page.continued :])


def _is_vorbis_silent(packet: bytes) -> bool:
    """Zeros say that no channel has a floor; others fill it up to a bitrate."""
    return len(packet.rstrip(b"\0")) <= _VORBIS_HEAD_BYTES


def _is_opus_silent(packet: bytes) -> bool:
    if len(packet) <= _EMPTY_OPUS_BYTES:
        return True
    if packet[0] >> 3 < _CELT_ONLY:
        return False
    at = 1
    if packet[0] & 3 == _COUNT_IN_NEXT_BYTE:
        at = _behind_padding(packet)
    elif packet[0] & 3 == 2:
        at = 2 if packet[1] < 252 else 3  # The length of the first of two frames (section 3.2.1).
    return int.from_bytes(packet[at : at + 2], "big") & _SILENCE_FLAG == _SILENCE_FLAG


def _behind_padding(packet: bytes) -> int:
    """Where the first frame begins in a packet that counts its frames (section 3.2.5)."""
    is_varying, is_padded, count = packet[1] & 0x80, packet[1] & 0x40, packet[1] & 0x3F
    at = 2
    while is_padded and at < len(packet):
        at += 1
        if packet[at - 1] != 0xFF:
            break
    for _ in range(count - 1 if is_varying else 0):
        at += 2 if packet[at : at + 1] >= b"\xfc" else 1
    return at


def _flac_test(setup: bytes, channels: int) -> Callable[[bytes], bool] | None:
    first, *_ = header_packets(setup, FlacCodec.MAGIC) or [b""]
    try:
        codec = FlacCodec(first)
    except ValueError:
        return None

    def is_silent(packet: bytes) -> bool:
        samples = codec.packet_ticks(packet) * max(channels, 1)
        return 8 * len(packet) <= _FLAC_BITS_PER_SAMPLE * samples

    return is_silent


_TESTS: dict[Codec, Callable[[bytes], bool]] = {Codec.VORBIS: _is_vorbis_silent, Codec.OPUS: _is_opus_silent}
