"""What audio consists of, by content: two streams of one encoder hold the same pieces, whoever passed them on."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from distreamer.media.adts import AdtsFramer
from distreamer.media.mpeg import MpegFramer
from distreamer.media.ogg_pages import CAPTURE, LABEL, page_size
from distreamer.model.audio import Codec

DIGEST_BYTES = 8
"""Among a million pieces two different ones are taken for the same with a chance of one in 37 millions."""


class Piece(NamedTuple):
    """An MPEG or ADTS frame, or an Ogg page: where one stream packs more pages into a frame than another, their pages
    are still the same. (But for their labels: Icecast gives the pages of Vorbis serial and numbers of its own.)"""

    offset: int
    """Bytes before it in the run."""
    digest: bytes


def pieces(audio: bytes, codec: Codec) -> list[Piece]:
    """The pieces of ``audio``, which is a run of whole frames; none when it is no such run, or of a codec that nobody
    understands."""
    found: list[Piece] = []
    at = 0
    for piece in whole_pieces(audio, codec):
        size = len(piece)
        if codec.is_ogg:
            piece = piece[: LABEL.start] + piece[LABEL.stop :]
        found.append(Piece(at, blake2b(piece, digest_size=DIGEST_BYTES).digest()))
        at += size
    return found


def whole_pieces(audio: bytes, codec: Codec) -> list[bytes]:
    """The frames or pages that ``audio`` is made of; see ``pieces``."""
    measure = _size_of_ogg_page if codec.is_ogg else _MEASURES.get(codec)
    found: list[bytes] = []
    at = 0
    while measure is not None and at < len(audio):
        size = measure(audio, at)
        if not size or at + size > len(audio):
            return []
        found.append(audio[at : at + size])
        at += size
    return found


def _size_of_mpeg_frame(audio: bytes, at: int) -> int:
    header = MpegFramer.header(audio, at) if len(audio) >= at + MpegFramer.header_size else None
    return header.size if header else 0


def _size_of_adts_frame(audio: bytes, at: int) -> int:
    header = AdtsFramer.header(audio, at) if len(audio) >= at + AdtsFramer.header_size else None
    return header.size if header else 0


def _size_of_ogg_page(audio: bytes, at: int) -> int:
    return (page_size(audio, at) or 0) if audio.startswith(CAPTURE, at) else 0


_MEASURES: dict[Codec, Callable[[bytes, int], int]] = {
    Codec.MPEG: _size_of_mpeg_frame,
    Codec.AAC: _size_of_adts_frame,
}
