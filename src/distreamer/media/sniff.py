"""Which framers may be right for a stream: all of them, the announced one first."""

from __future__ import annotations

from collections.abc import Callable

from distreamer.media.adts import AdtsFramer
from distreamer.media.framing import FormatFramer
from distreamer.media.id3 import tag_size
from distreamer.media.mpeg import MpegFramer
from distreamer.media.ogg import OggFramer

SNIFF_LIMIT = 64 * 1024
"""Bytes after which a stream that no framer recognises is taken as opaque."""

_TAG_PATIENCE = 16 * 1024 * 1024
"""Bytes of a leading ID3v2 tag that do not count for ``SNIFF_LIMIT``: room for any cover picture."""

_Maker = Callable[[int, int], FormatFramer]


def _mpeg(_bitrate: int, position: int) -> FormatFramer:
    return MpegFramer(position)


def _adts(_bitrate: int, position: int) -> FormatFramer:
    return AdtsFramer(position)


def _ogg(bitrate: int, position: int) -> FormatFramer:
    return OggFramer(bitrate, position)


_MAKERS: tuple[_Maker, ...] = (_ogg, _adts, _mpeg)
_ANNOUNCED: dict[str, _Maker] = {
    "application/ogg": _ogg,
    "application/x-ogg": _ogg,
    "audio/aac": _adts,
    "audio/aacp": _adts,
    "audio/flac": _ogg,
    "audio/mp3": _mpeg,
    "audio/mpeg": _mpeg,
    "audio/ogg": _ogg,
    "audio/opus": _ogg,
    "audio/x-aac": _adts,
    "audio/x-mpeg": _mpeg,
    "video/ogg": _ogg,
}


def candidates(content_type: str, bitrate: int, position: int) -> list[FormatFramer]:
    """Fresh framers from ``position`` on; the one for ``content_type`` comes first and so wins a tie.

    ``bitrate`` (bits per second, 0 when unknown) is for codecs that do not tell how long they last.
    """
    announced = _ANNOUNCED.get(content_type.partition(";")[0].strip().lower())
    makers = sorted(_MAKERS, key=lambda maker: maker is not announced)
    return [maker(bitrate, position) for maker in makers]


def bytes_to_sniff(head: bytes) -> int:
    """How many bytes of a stream that begins with ``head`` to wait for a framer that recognises it."""
    return SNIFF_LIMIT + min(tag_size(head) or 0, _TAG_PATIENCE)
