"""FLAC in Ogg (RFC 9639, sections 8, 9.1 and 10.1)."""

from __future__ import annotations

from distreamer.media.ogg_codec import CONTENT_TYPE, OggCodec
from distreamer.media.vorbis_comment import title_of
from distreamer.model.audio import AudioFormat, Codec

_STREAMINFO_AT = 17
"""In the first packet: 9 bytes of mapping header, ``fLaC``, 4 bytes of block header."""
_STREAMINFO_SIZE = 34
_BLOCK_HEADER = 4
_COMMENT_BLOCK = 4

_SYNC, _SYNC_MASK = 0xFFF8, 0xFFFE
_NUMBER_AT = 4
"""The frame or sample number follows, in a code like UTF-8 of one to seven bytes."""
_LONGEST_NUMBER = 7
_EIGHT_BITS, _SIXTEEN_BITS = 6, 7


class FlacCodec(OggCodec):
    """FLAC: each packet is a frame, whose header tells its block size."""

    MAGIC = b"\x7fFLAC"

    def __init__(self, first: bytes) -> None:
        """``first`` is the packet with STREAMINFO; one that breaks the rules raises ValueError."""
        super().__init__()
        if len(first) < _STREAMINFO_AT + _STREAMINFO_SIZE or first[9:13] != b"fLaC":
            raise ValueError("no FLAC identification header that RFC 9639 allows")
        smallest, largest = (int.from_bytes(first[at : at + 2], "big") for at in (_STREAMINFO_AT, _STREAMINFO_AT + 2))
        self.block_size = largest if smallest == largest else 0
        """Samples of each block but the last; 0 where they differ."""
        rate_and_more = int.from_bytes(first[_STREAMINFO_AT + 10 : _STREAMINFO_AT + 14], "big")
        sample_rate = rate_and_more >> 12
        channels, bits = (rate_and_more >> 9 & 7) + 1, (rate_and_more >> 4 & 0x1F) + 1
        if not sample_rate:
            raise ValueError("a FLAC stream of 0 Hz")
        more_headers = int.from_bytes(first[7:9], "big")
        self._count_unknown = not more_headers
        self.header_packets: int = 1 + (more_headers or 1)
        self.format = AudioFormat(
            Codec.FLAC, sample_rate, sample_rate, channels, f"{bits} bit", content_type=CONTENT_TYPE
        )

    def add_header(self, packet: bytes) -> None:
        """Takes the title from the comment block; the last block says so when the first packet had no count."""
        if not packet:
            return
        if packet[0] & 0x7F == _COMMENT_BLOCK:
            self.title = title_of(packet[_BLOCK_HEADER:])
        if self._count_unknown and not packet[0] & 0x80:
            self.header_packets += 1

    def packet_ticks(self, head: bytes) -> int:
        """The block size; 0 for a packet that is no frame."""
        if len(head) <= _NUMBER_AT or int.from_bytes(head[:2], "big") & _SYNC_MASK != _SYNC:
            return 0
        code = head[2] >> 4
        if code in {_EIGHT_BITS, _SIXTEEN_BITS}:
            ones = 8 - (head[_NUMBER_AT] ^ 0xFF).bit_length()
            at = _NUMBER_AT + min(max(ones, 1), _LONGEST_NUMBER)
            return int.from_bytes(head[at : at + code - _EIGHT_BITS + 1], "big") + 1
        if code == 0:
            return 0
        if code == 1:
            return 192
        return 576 << code - 2 if code < _EIGHT_BITS else 256 << code - 8
