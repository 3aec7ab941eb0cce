"""Finds out what a file holds."""

from __future__ import annotations

from collections.abc import Iterable

from distreamer.media.auto import AutoFramer
from distreamer.model.audio import AudioFormat, Codec


def probe(pieces: Iterable[bytes]) -> AudioFormat | None:
    """The format of the first audio in ``pieces``, which are consumed as far as is needed; None when there is none
    that a framer knows."""
    framer = AutoFramer()
    for piece in pieces:
        if frames := framer.feed(piece):
            break
    else:
        frames = framer.close()
    return next((frame.format for frame in frames if frame.format.codec is not Codec.OPAQUE), None)
