"""Tags that files bring into a stream: ID3v1, ID3v2 and APE. They are no audio, and browsers stumble over them.

Layouts: id3.org (ID3v2.4.0 structure, section 3; ID3v1 and its "enhanced" form), and the APE tags
specification of the Hydrogenaudio wiki (APEv2 header and footer).
"""

from __future__ import annotations

from collections.abc import Callable

BLIND_LIMIT = 256 * 1024
"""Bytes of one tag that are dropped unseen. Behind them frames inside the announced size win, so that a damaged
size costs seconds of audio and not minutes."""

TAG_STARTS = (b"ID3", b"TAG", b"APE")
"""What stands where a frame should begin when a tag does."""

_ID3V2_HEADER = 10
_ID3V2_VERSIONS = range(2, 5)
_ID3V2_FOOTER_FLAG = 0x10
_ID3V1_SIZE = 128
_ID3V1_ENHANCED_SIZE = 227
_APE_HEADER = 32
_APE_VERSIONS = {1000, 2000}
_APE_IS_HEADER = 1 << 29


def _id3v2(head: bytes) -> int:
    sizes = head[6:10]
    if head[3] not in _ID3V2_VERSIONS or max(sizes) >= 0x80:
        return 0
    size = sizes[0] << 21 | sizes[1] << 14 | sizes[2] << 7 | sizes[3]
    footer = _ID3V2_HEADER if head[5] & _ID3V2_FOOTER_FLAG else 0
    return _ID3V2_HEADER + size + footer


def _id3v1(head: bytes) -> int:
    return _ID3V1_ENHANCED_SIZE if head[3:4] == b"+" else _ID3V1_SIZE


def _ape(head: bytes) -> int:
    if int.from_bytes(head[8:12], "little") not in _APE_VERSIONS or any(head[24:32]):
        return 0
    if int.from_bytes(head[20:24], "little") & _APE_IS_HEADER:
        return _APE_HEADER + int.from_bytes(head[12:16], "little")
    return _APE_HEADER  # A footer alone: its items came before it.


_KINDS: tuple[tuple[bytes, int, Callable[[bytes], int]], ...] = (
    (b"ID3", _ID3V2_HEADER, _id3v2),
    (b"TAG", 4, _id3v1),
    (b"APETAGEX", _APE_HEADER, _ape),
)
_LONGEST_HEAD = 32


def tag_size(data: bytes, at: int = 0) -> int | None:
    """Bytes of the tag that begins at ``at``: 0 when none does, None when more bytes are needed to tell."""
    head = data[at : at + _LONGEST_HEAD]
    for magic, needed, size in _KINDS:
        if head.startswith(magic):
            return size(head) if len(head) >= needed else None
        if magic.startswith(head):
            return None
    return 0
