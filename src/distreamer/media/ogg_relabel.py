"""Lets the pages of one Ogg stream follow those of another that holds the same.

Icecast packs Vorbis anew, with a serial number by chance and pages counted from when its source came. Two relays of one
station thus differ in nothing but these; a decoder would take the pages of one behind those of the other for a stream
that it does not know, or for one with pages missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from distreamer.media.ogg_pages import PAGE_HEADER, PageReader, page_size, with_label

SEQUENCES = 1 << 32
_COMMENT_HEADER = 1
"""Which of the header packets may differ: titles are told beside."""


class _Label(NamedTuple):
    serial: int
    sequence: int


class OggRelabel:
    """For the pages of a stream with ``setup``, until its headers change."""

    def __init__(self, setup: bytes, new_setup: bytes, serial: int, new_serial: int, shift: int) -> None:
        """``shift`` is added to the numbers of the pages."""
        self.setup = setup
        """The headers that the pages came with."""
        self.new_setup = new_setup
        """Those that they have now."""
        self._serial = serial
        self._new_serial = new_serial
        self._shift = shift

    def pages(self, data: bytes) -> bytes:
        """``data``, which is a run of whole pages, with their new labels."""
        return b"".join(
            with_label(page, self._new_serial, (label.sequence + self._shift) % SEQUENCES)
            if label.serial == self._serial
            else page
            for page, label in _labelled(data)
        )


def relabel(before: bytes, before_setup: bytes, after: bytes, after_setup: bytes) -> OggRelabel | None:
    """What makes the pages in ``after`` (and what comes behind) follow those in ``before``; None when they do as they
    are, and when that cannot be: their headers differ, or there are several streams side by side."""
    last = next((label for _, label in reversed(list(_labelled(before)))), None)
    first = next((label for _, label in _labelled(after)), None)
    if last is None or first is None:
        return None
    expected = _Label(last.serial, (last.sequence + 1) % SEQUENCES)
    if first == expected and before_setup == after_setup:
        return None
    headers = _headers(before_setup)
    if headers is None or headers != _headers(after_setup):
        return None
    shift = expected.sequence - first.sequence
    return OggRelabel(after_setup, before_setup, first.serial, last.serial, shift)


def _labelled(data: bytes) -> Iterator[tuple[bytes, _Label]]:
    at = 0
    while size := page_size(data, at):
        _, _, _, _, serial, sequence, _, _ = PAGE_HEADER.unpack_from(data, at)
        yield data[at : at + size], _Label(serial, sequence)
        at += size


def _headers(setup: bytes) -> list[bytes] | None:
    """The header packets but for the comments; None when there are several streams."""
    packets = [b""]
    serials = set()
    for page in PageReader().feed(setup):
        serials.add(page.serial)
        for part in page.packets():
            packets[-1] += part.data
            if part.ends:
                packets.append(b"")
    del packets[_COMMENT_HEADER : _COMMENT_HEADER + 1]
    return packets if len(serials) == 1 else None
