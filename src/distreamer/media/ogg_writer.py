"""Ogg pages written (RFC 3533, section 6), and the headers of a running stream taken out of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from distreamer.media.ogg_pages import (
    BEGINS,
    CAPTURE,
    CONTINUED,
    FULL_SEGMENT,
    NO_GRANULE,
    PAGE_HEADER,
    SEQUENCE_MASK,
    PageReader,
    with_checksum,
)

_VENDOR = b"DiStreamer"

EMPTY_COMMENTS = len(_VENDOR).to_bytes(4, "little") + _VENDOR + bytes(4)
"""A comment block with a vendor and no comment (Vorbis I, section 5.2)."""


class PageWriter:
    """Writes the pages of one logical stream, from its first one on or, behind what others wrote, from a later one."""

    def __init__(self, serial: int, sequence: int = 0) -> None:
        """``serial`` names the stream, and must not be that of another one in the same Ogg stream; 32 bits.

        ``sequence`` is the number of the page to be written first."""
        self._serial = serial
        self._begins = sequence == 0
        self._sequence = sequence & SEQUENCE_MASK

    def pages(self, packets: Iterable[bytes], granule: int) -> bytes:
        """Whole ``packets`` on fresh pages, as few as hold them.

        ``granule`` is the position at the end of the last packet; packets that need several pages must share it,
        as headers share 0.
        """
        segments = [segment for packet in packets for segment in _segments(packet)]
        pages = []
        continued = False
        for at in range(0, len(segments), FULL_SEGMENT):
            own = segments[at : at + FULL_SEGMENT]
            packet_ends = any(len(segment) < FULL_SEGMENT for segment in own)
            pages.append(self._page(own, granule if packet_ends else NO_GRANULE, continued))
            continued = len(own[-1]) == FULL_SEGMENT
        return b"".join(pages)

    def _page(self, segments: list[bytes], granule: int, continued: bool) -> bytes:
        flags = (BEGINS if self._begins else 0) | (CONTINUED if continued else 0)
        self._begins = False
        head = PAGE_HEADER.pack(CAPTURE, 0, flags, granule, self._serial, self._sequence, 0, len(segments))
        self._sequence = self._sequence + 1 & SEQUENCE_MASK
        return with_checksum(head + bytes(len(segment) for segment in segments) + b"".join(segments))


def _segments(packet: bytes) -> Iterator[bytes]:
    """``packet`` in full segments and one, perhaps empty, that ends it."""
    return (packet[at : at + FULL_SEGMENT] for at in range(0, len(packet) + 1, FULL_SEGMENT))


def header_packets(setup: bytes, magic: bytes) -> list[bytes]:
    """The packets in the header pages ``setup`` of the first logical stream that begins with ``magic``.

    Empty when there is none, as in damaged or empty ``setup``.
    """
    serial: int | None = None
    packets: list[bytes] = []
    partial = b""
    for page in PageReader().feed(setup):
        if serial is None and page.begins and any(part.data.startswith(magic) for part in page.packets()):
            serial = page.serial
        if page.serial != serial:
            continue
        for part in page.packets():
            partial += part.data
            if part.ends:
                packets.append(partial)
                partial = b""
    return packets
