"""Frames of AAC, with and without what makes HE-AAC of them: no free encoder makes that."""

from __future__ import annotations

from distreamer.media.bits import packed

SBR_DATA = 13


def silent_pair(*, sbr: bool) -> bytes:
    """A frame of AAC in ADTS at 22050 Hz; with a first piece of what makes HE-AAC of it."""
    window = [(0, 1), (0, 2), (0, 1), (0, 6), (0, 1)]
    block = [(1, 3), (0, 4), (1, 1), *window, (0, 2), *2 * [(0, 8), (0, 3)]]
    if sbr:
        block += [(6, 3), (2, 4), (SBR_DATA, 4), (0, 12)]
    data = packed([*block, (7, 3)])
    header = [(0xFFF, 12), (0, 1), (0, 2), (1, 1), (1, 2), (7, 4), (0, 1), (2, 3), (0, 4), (7 + len(data), 13)]
    return packed([*header, (0x7FF, 11), (0, 2)]) + data
