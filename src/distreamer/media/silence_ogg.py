"""What silence of all codecs in Ogg has in common: headers first, then pages of equal length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from distreamer.media.ogg_pages import FULL_SEGMENT
from distreamer.media.ogg_writer import PageWriter
from distreamer.model.audio import AudioFormat

_PIECE_SECONDS = 0.25
_MOST_SEGMENTS = 200
"""On a page, which has 255; those that prime the decoder come on top."""


class OggSilence:
    """An endless logical stream of silence; satisfies ``SilenceMaker``."""

    def __init__(
        self,
        audio_format: AudioFormat,
        headers: Sequence[bytes],
        serial: int,
        *,
        packet: Callable[[int], bytes],
        packet_ticks: int,
        primers: int = 0,
    ) -> None:
        """``headers`` are its header packets, the first of which gets a page of its own.

        ``packet`` makes the audio packet with the given number, counted from 0; each lasts ``packet_ticks`` of
        the clock rate, but the first ``primers``, which only prime the decoder and last nothing. Granule positions
        begin behind these: libavformat gives them times of their own, which must not lie before the stream's start.
        """
        self.format = audio_format
        self._headers = headers
        self._writer = PageWriter(serial)
        self._packet = packet
        self._packet_ticks = packet_ticks
        self._primers = primers
        segments = len(packet(0)) // FULL_SEGMENT + 1
        most_packets = _MOST_SEGMENTS // segments
        self._count = max(1, min(most_packets, int(_PIECE_SECONDS * audio_format.clock_rate / packet_ticks)))
        self._next_packet = 0
        self._granule = primers * packet_ticks

    @property
    def seconds(self) -> float:
        """How long the page of one piece lasts."""
        return self._count * self._packet_ticks / self.format.clock_rate

    def next(self) -> bytes:
        """The next page; the first one stands behind the header pages."""
        begins = self._next_packet == 0
        headers = b""
        if begins:
            headers = self._writer.pages(self._headers[:1], 0) + self._writer.pages(self._headers[1:], 0)
        count = self._count + (self._primers if begins else 0)
        packets = [self._packet(number) for number in range(self._next_packet, self._next_packet + count)]
        self._next_packet += count
        self._granule += self._count * self._packet_ticks
        return headers + self._writer.pages(packets, self._granule)
