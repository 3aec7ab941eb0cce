"""Finds out what a file holds."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.media.auto import AutoFramer
from distreamer.model.audio import Codec, Frame


def probe(pieces: Iterable[bytes]) -> Frame | None:
    """The first frame in ``pieces``, which are consumed as far as is needed; None when there is none of a format that
    a framer knows."""
    framer = AutoFramer()
    for piece in pieces:
        if frames := framer.feed(piece):
            break
    else:
        frames = framer.close()
    return next((frame for frame in frames if frame.format.codec is not Codec.OPAQUE), None)
