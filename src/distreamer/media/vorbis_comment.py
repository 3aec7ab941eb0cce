"""The comment header that Vorbis, Opus and FLAC share (Vorbis I, section 5; RFC 7845, section 5.2)."""

from __future__ import annotations

from distreamer.model.audio import Title

_MOST_COMMENTS = 1024
"""Comments looked at; a hostile count cannot cost more."""


def title_of(block: bytes) -> Title | None:
    """``ARTIST - TITLE`` of the comment block (vendor string first, no magic before it), or what there is of it.

    None when there is neither. A block that breaks off gives what comes before the break.
    """
    found: dict[str, list[str]] = {"ARTIST": [], "TITLE": []}
    at = 4 + _length(block, 0)
    count = _length(block, at)
    at += 4
    for _ in range(min(count, _MOST_COMMENTS)):
        size = _length(block, at)
        comment = block[at + 4 : at + 4 + size]
        if len(comment) < size or at >= len(block):
            break
        at += 4 + size
        name, _, value = comment.partition(b"=")
        values = found.get(name.decode("ascii", "replace").upper())
        text = value.decode("utf-8", "replace").strip()
        if values is not None and text:
            values.append(text)
    words = [", ".join(values) for values in found.values() if values]
    return Title(" - ".join(words)) if words else None


def _length(block: bytes, at: int) -> int:
    return int.from_bytes(block[at : at + 4], "little")
