"""Ogg pages (RFC 3533, section 6), found in any bytes by their capture pattern and checksum."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

CAPTURE = b"OggS"
NO_GRANULE = -1
"""The granule position of a page on which no packet ends."""

PAGE_HEADER = struct.Struct("<4sBBqIIIB")
"""Capture pattern, version, flags, granule position, serial, sequence, checksum, count of segments."""
CONTINUED, BEGINS, ENDS = 1, 2, 4
"""The flags."""
FULL_SEGMENT = 255
"""Bytes of a segment behind which the packet goes on; also the most segments of a page."""

_FLAGS_AT = 5
_GRANULE_AT = 6
_SERIAL_AT = 14
_SERIAL_BYTES = _SEQUENCE_BYTES = 4
SEQUENCE_MASK = 0xFFFFFFFF
"""Behind the last number of a page comes 0."""
_NAMES = struct.Struct("<qII")
"""Granule position, serial and sequence, which stand side by side."""
_CHECKSUM_AT = 22
_CHECKSUM_BYTES = 4
LABEL = slice(_SERIAL_AT, _CHECKSUM_AT + _CHECKSUM_BYTES)
"""Where serial, sequence and checksum stand in a page."""
_ALL_ONES = 0xFFFFFFFF
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class PacketPart(NamedTuple):
    """A packet, or as much of it as lies on one page."""

    data: bytes
    ends: bool
    """False when it goes on on the stream's next page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One whole page with the right checksum."""

    data: bytes
    """The page, header included."""
    position: int
    """Offset of its first byte in all that was fed."""
    continued: bool
    """Its first packet began on an earlier page."""
    begins: bool
    """The first page of its logical stream (BOS)."""
    ends: bool
    """The last page of its logical stream (EOS)."""
    granule: int
    """What the codec counts, at the end of the last packet that ends here; ``NO_GRANULE`` when none does."""
    serial: int
    """Names the logical stream."""
    sequence: int
    """Counts the pages of the logical stream."""

    def packets(self) -> Iterator[PacketPart]:
        """The packets on the page, in order; the first is a continuation when ``continued``."""
        segments = self.data[PAGE_HEADER.size - 1]
        begin = at = PAGE_HEADER.size + segments
        for size in self.data[PAGE_HEADER.size : at]:
            at += size
            if size < FULL_SEGMENT:
                yield PacketPart(self.data[begin:at], ends=True)
                begin = at
        if begin < at:
            yield PacketPart(self.data[begin:at], ends=False)


def checksum(data: bytes) -> int:
    """The CRC of Ogg: polynomial 0x04C11DB7, most significant bit first, begun with 0.

    zlib computes the same polynomial over mirrored bits, begun and ended with ones; so bytes and result are
    mirrored, and the ones taken out.
    """
    mirrored = zlib.crc32(data.translate(_BITS_REVERSED), _ALL_ONES) ^ _ALL_ONES
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_BITS_REVERSED), "big")


def with_checksum(page: bytes) -> bytes:
    """``page`` with the checksum that its bytes ask for."""
    blank = page[:_CHECKSUM_AT] + bytes(_CHECKSUM_BYTES) + page[_CHECKSUM_AT + _CHECKSUM_BYTES :]
    value = checksum(blank).to_bytes(_CHECKSUM_BYTES, "little")
    return blank[:_CHECKSUM_AT] + value + blank[_CHECKSUM_AT + _CHECKSUM_BYTES :]


def with_serial(page: bytes, serial: int) -> bytes:
    """``page`` as one of the logical stream ``serial``."""
    return with_checksum(
        page[:_SERIAL_AT] + serial.to_bytes(_SERIAL_BYTES, "little") + page[_SERIAL_AT + _SERIAL_BYTES :]
    )


def with_label(page: bytes, serial: int, sequence: int) -> bytes:
    """``page`` as the ``sequence``-th of the logical stream ``serial``."""
    label = serial.to_bytes(_SERIAL_BYTES, "little") + sequence.to_bytes(_SEQUENCE_BYTES, "little")
    return with_checksum(page[:_SERIAL_AT] + label + page[_SERIAL_AT + len(label) :])


def renamed(page: Page, serial: int, sequence: int, granule: int) -> bytes:
    """``page`` at another place of another logical stream."""
    names = _NAMES.pack(granule, serial, sequence)
    return with_checksum(page.data[:_GRANULE_AT] + names + page.data[_GRANULE_AT + len(names) :])


def without_end(data: bytes) -> bytes:
    """The whole pages ``data``, of which the last one no longer says that its logical stream ends."""
    at = data.rfind(CAPTURE)
    if at < 0 or page_size(data, at) != len(data) - at or not data[at + _FLAGS_AT] & ENDS:
        return data
    flags = bytes([data[at + _FLAGS_AT] & ~ENDS])
    return data[:at] + with_checksum(data[at : at + _FLAGS_AT] + flags + data[at + _FLAGS_AT + 1 :])


class PageReader:
    """Finds the pages in a byte stream; what is no page, or a damaged one, is dropped and counted."""

    def __init__(self, position: int = 0) -> None:
        """``position`` is that of the first byte to be fed."""
        self._buffer = b""
        self.fed = position
        self.dropped = 0

    @property
    def buffered(self) -> int:
        """Bytes that may yet become a page: less than the largest page, 65,307."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Page]:
        """The pages that ``data`` completes, in order."""
        self.fed += len(data)
        buffer = self._buffer + data
        pages: list[Page] = []
        at = 0
        while True:
            found, size = _next_page(buffer, at)
            self.dropped += found - at
            at = found
            if not size:
                break
            pages.append(_page(buffer[at : at + size], self.fed - len(buffer) + at))
            at += size
        self._buffer = buffer[at:]
        return pages

    def drop(self) -> None:
        """Drops what is buffered."""
        self.dropped += len(self._buffer)
        self._buffer = b""


def whole_pages(data: bytes) -> list[Page]:
    """The pages of ``data``; none when it is not made of whole ones."""
    pages = PageReader().feed(data)
    return pages if sum(len(page.data) for page in pages) == len(data) else []


def _next_page(buffer: bytes, at: int) -> tuple[int, int]:
    """Where the next whole page is, and its size; or where one may have begun, and 0.

    A damaged header may announce up to 64 kB that never were a page, many seconds at a low bitrate; so a whole
    page inside of an unfinished one wins.
    """
    begin, unfinished = at, None
    while (at := buffer.find(CAPTURE, at)) >= 0:
        size = page_size(buffer, at)
        if size is None or at + size > len(buffer):
            unfinished = at if unfinished is None else unfinished
        elif size and _is_intact(buffer[at : at + size]):
            return at, size
        at += 1
    return (max(begin, _capture_begun(buffer)) if unfinished is None else unfinished), 0


def _capture_begun(buffer: bytes) -> int:
    """Where a capture pattern begins that the end of ``buffer`` cuts off; the end when none does."""
    for length in range(len(CAPTURE) - 1, 0, -1):
        if buffer.endswith(CAPTURE[:length]):
            return len(buffer) - length
    return len(buffer)


def page_size(buffer: bytes, at: int) -> int | None:
    """Bytes of the page that begins at ``at``; 0 when its version is unknown, None when more bytes are needed."""
    if len(buffer) < at + PAGE_HEADER.size:
        return None
    if buffer[at + len(CAPTURE)] != 0:
        return 0
    body = at + PAGE_HEADER.size + buffer[at + PAGE_HEADER.size - 1]
    return body - at + sum(buffer[at + PAGE_HEADER.size : body]) if len(buffer) >= body else None


def _is_intact(page: bytes) -> bool:
    return with_checksum(page) == page


def _page(data: bytes, position: int) -> Page:
    _, _, flags, granule, serial, sequence, _, _ = PAGE_HEADER.unpack_from(data)
    return Page(
        data,
        position,
        bool(flags & CONTINUED),
        bool(flags & BEGINS),
        bool(flags & ENDS),
        granule,
        serial,
        sequence,
    )
