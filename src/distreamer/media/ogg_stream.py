"""One logical stream of an Ogg stream while its headers come in."""

from __future__ import annotations

from distreamer.media.flac import FlacCodec
from distreamer.media.ogg_codec import OggCodec, SpeexCodec, UnknownCodec
from distreamer.media.ogg_pages import NO_GRANULE, Page
from distreamer.media.opus import OpusCodec
from distreamer.media.vorbis import VorbisCodec

_AUDIO_CODECS: tuple[type[VorbisCodec] | type[OpusCodec] | type[FlacCodec] | type[SpeexCodec], ...] = (
    VorbisCodec,
    OpusCodec,
    FlacCodec,
    SpeexCodec,
)
_ENDLESS = 1 << 32
_OTHER_HEADER_PACKETS = {b"\x80theora": 3, b"fishead\x00": _ENDLESS}
"""Of streams that are no audio: Theora, and Skeleton, which consists of headers."""


class LogicalStream:
    """What the header pages of one serial number tell."""

    def __init__(self, page: Page, bitrate: int) -> None:
        """``page`` is the stream's first one; ``bitrate`` is for a codec that is not known."""
        first = next((part.data for part in page.packets()), b"")
        self.serial = page.serial
        self.next_sequence = page.sequence
        known = audio_codec(first)
        self.is_known_audio = known is not None
        self.codec: OggCodec = known or UnknownCodec(bitrate)
        self._other_header_packets = next(
            (count for magic, count in _OTHER_HEADER_PACKETS.items() if first.startswith(magic)), None
        )
        self._headers_seen = 0
        self._partial = b""

    @property
    def is_skeleton(self) -> bool:
        """Whether it describes the other streams, and has no data of its own."""
        return self._other_header_packets == _ENDLESS

    @property
    def headers_complete(self) -> bool:
        """Whether a decoder has all that it needs; where nobody knows, True."""
        count = self._header_count
        return count is None or self._headers_seen >= count

    @property
    def _header_count(self) -> int | None:
        """How many packets are headers, as far as is known now; None when only granule positions tell."""
        if self._other_header_packets is not None:
            return self._other_header_packets
        return self.codec.header_packets

    def follows(self, page: Page) -> bool:
        """Whether no page is missing before ``page``; goes on from it in any case."""
        expected, self.next_sequence = self.next_sequence, page.sequence + 1 & 0xFFFFFFFF
        return expected == page.sequence

    def is_header(self, page: Page) -> bool:
        """Whether ``page``, which is not the first, still belongs to the headers."""
        if self._header_count is None:
            return page.granule in {0, NO_GRANULE}
        return not self.headers_complete

    def add_header_page(self, page: Page) -> None:
        """Reads the header packets on ``page``; one that spans pages is read when it is complete."""
        for part in page.packets():
            self._partial += part.data
            if part.ends:
                packet, self._partial = self._partial, b""
                self._headers_seen += 1
                if self._headers_seen > 1:
                    self.codec.add_header(packet)


def audio_codec(first: bytes) -> OggCodec | None:
    """The codec whose first header packet is ``first``; None when it is not known, or breaks the codec's rules."""
    for kind in _AUDIO_CODECS:
        if first.startswith(kind.MAGIC):
            try:
                return kind(first)
            except ValueError:
                return None
    return None
