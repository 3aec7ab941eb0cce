"""Gives the logical streams of an Ogg stream other serial numbers, so that a file can be played again and again.

In a chain of streams each needs a serial number of its own (RFC 3533, section 4): a decoder takes pages of the same
number for the same stream, whose granule positions and page sequence then seem to go back.
"""

from __future__ import annotations

from distreamer.media.ogg_pages import PageReader, with_serial

SERIALS = 1 << 32


class OggSerialShift:
    """Moves all serial numbers by the same amount, so that streams side by side stay apart."""

    def __init__(self, shift: int) -> None:
        self._shift = shift
        self._reader = PageReader()

    def feed(self, data: bytes) -> bytes:
        """The whole pages that ``data`` completes; what is no intact page is dropped."""
        pages = self._reader.feed(data)
        return b"".join(with_serial(page.data, (page.serial + self._shift) % SERIALS) for page in pages)
