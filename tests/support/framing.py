"""Feeding framers and checking what every framer must keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from distreamer.media.auto import AutoFramer
from distreamer.media.framing import FormatFramer
from distreamer.model.audio import Frame

Framer = FormatFramer | AutoFramer


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    """``data`` in pieces of ``size`` bytes, the last one shorter."""
    return (data[at : at + size] for at in range(0, len(data), size))


def halves(data: bytes, at: int) -> Sequence[bytes]:
    """``data`` cut in two."""
    return data[:at], data[at:]


def framed(framer: Framer, parts: Iterable[bytes], *, close: bool = True) -> list[Frame]:
    """All frames that come out, while every byte stays accounted for after each step."""
    begin = framer.fed - framer.setup_bytes - framer.dropped
    frames: list[Frame] = []
    size = 0
    dropped = framer.dropped
    for part in parts:
        new = framer.feed(part)
        frames += new
        size += sum(len(frame.data) for frame in new)
        assert framer.fed - begin == size + framer.setup_bytes + framer.dropped + framer.buffered
        assert framer.dropped >= dropped
        dropped = framer.dropped
    if close:
        new = framer.close()
        frames += new
        size += sum(len(frame.data) for frame in new)
        assert framer.buffered == 0
        assert framer.fed - begin == size + framer.setup_bytes + framer.dropped
    for before, after in pairwise(frames):
        assert before.position + len(before.data) <= after.position
    return frames


def frames_of(make: Callable[[], Framer], data: bytes) -> list[Frame]:
    """The frames of ``data``, fed whole to a fresh framer."""
    return framed(make(), [data])


def shape(frames: Iterable[Frame]) -> list[tuple[int, bytes, int, str, bytes]]:
    """What must not depend on how the bytes were split."""
    return [
        (frame.position, frame.data, frame.duration, f"{frame.format} {frame.title}", frame.setup) for frame in frames
    ]


def same_objects(values: Iterable[object]) -> bool:
    """Whether all of ``values`` are one object."""
    return len({id(value) for value in values}) == 1
