"""Notices Ogg pages that are missing, by their numbers. Pure."""

from __future__ import annotations

from distreamer.media.ogg_pages import PAGE_HEADER
from distreamer.media.pieces import pieces
from distreamer.model.audio import Frame

MOST_STREAMS = 16
"""Logical streams whose place is remembered; one that is on air comes last."""


class PageGaps:
    """Of one connection. The first page of a logical stream may have any number: servers send the header pages to
    everyone, and then what is on air."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def frame(self, frame: Frame) -> int:
        """How many pages are missing before or inside this frame."""
        missing = 0
        if not frame.format.codec.is_ogg:
            return 0
        for piece in pieces(frame.data, frame.format.codec):
            if len(frame.data) < piece.offset + PAGE_HEADER.size:
                continue
            _, _, _, _, serial, number, _, _ = PAGE_HEADER.unpack_from(frame.data, piece.offset)
            expected = self._next.pop(serial, number)
            missing += max(number - expected, 0)
            self._next[serial] = number + 1
            if len(self._next) > MOST_STREAMS:
                del self._next[next(iter(self._next))]
        return missing
