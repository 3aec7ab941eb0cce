"""Opus in Ogg (RFC 7845; RFC 6716, section 3.1)."""

from __future__ import annotations

from distreamer.media.ogg_codec import CONTENT_TYPE, OggCodec
from distreamer.media.vorbis_comment import title_of
from distreamer.model.audio import AudioFormat, Codec

CLOCK_RATE = 48_000
"""Hertz; granule positions and pre-skip count in it, whatever the input was (RFC 7845, section 4)."""

_HEADER_SIZE = 19
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)
_FRAME_TICKS = _SILK * 3 + _HYBRID * 2 + _CELT * 4
"""By the configuration number, the upper five bits of a packet's first byte."""
_FRAME_COUNTS = (1, 2, 2)
"""By the lower two bits; with 3 the second byte tells."""
_MOST_TICKS = 5760
"""A packet lasts at most 120 ms."""


class OpusCodec(OggCodec):
    """Opus: a packet's first byte or two tell how long it lasts."""

    MAGIC = b"OpusHead"
    header_packets = 2

    _TAGS_MAGIC = b"OpusTags"

    def __init__(self, first: bytes) -> None:
        """``first`` is the identification header; one that breaks the rules raises ValueError."""
        super().__init__()
        if len(first) < _HEADER_SIZE or first[8] >= 16 or not first[9]:
            raise ValueError("no Opus identification header that RFC 7845 allows to read")
        self.format = AudioFormat(Codec.OPUS, CLOCK_RATE, CLOCK_RATE, first[9], content_type=CONTENT_TYPE)
        self.lead = int.from_bytes(first[10:12], "little")

    def add_header(self, packet: bytes) -> None:
        """Takes the title from the comment header."""
        if packet.startswith(self._TAGS_MAGIC):
            self.title = title_of(packet[len(self._TAGS_MAGIC) :])

    def packet_ticks(self, head: bytes) -> int:
        """Frames times their size; 0 for a packet that breaks the rules."""
        if not head:
            return 0
        code = head[0] & 3
        count = _FRAME_COUNTS[code] if code < 3 else head[1] & 0x3F if len(head) > 1 else 0
        ticks = count * _FRAME_TICKS[head[0] >> 3]
        return ticks if ticks <= _MOST_TICKS else 0
