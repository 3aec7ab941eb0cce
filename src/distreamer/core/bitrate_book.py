"""What bitrate a stream really has, where that is constant. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from distreamer.media.mpeg import MpegFramer
from distreamer.media.pieces import whole_pieces
from distreamer.model.audio import AudioFormat, Codec
from distreamer.model.fragment import Fragment
from distreamer.units import BITS_PER_BYTE

MEASURED_SECONDS = 30.0
"""Of audio."""
MOST_FRAGMENTS = 400
"""Fragments are longer than a tenth of a second."""
_STEADY_SECONDS = 5.0
_STEADY_PART = 0.08
"""Parts of so many seconds that differ from all by more than this: the bitrate varies. Encoders of a constant one save
bits of a frame for the next, a tenth of a second at the most."""


class _Noted(NamedTuple):
    seconds: float
    size: int
    bitrates: frozenset[int]
    """What the headers of its frames say; empty where they say nothing."""


class BitrateBook:
    """Shown the newest fragments of a stream, one after the other."""

    def __init__(self) -> None:
        self._noted: deque[_Noted] = deque(maxlen=MOST_FRAGMENTS)
        self._seconds = 0.0
        self._epoch: int | None = None
        self._last = 0

    def note(self, fragment: Fragment, form: AudioFormat) -> None:
        """``fragment`` is the newest now; one that was shown already is not counted again."""
        if (fragment.epoch, fragment.number) == (self._epoch, self._last):
            return
        if fragment.epoch != self._epoch:
            self._noted.clear()
            self._seconds = 0.0
        self._epoch, self._last = fragment.epoch, fragment.number
        if form.codec not in {Codec.MPEG, Codec.AAC}:
            return  # Others vary as they like (Ogg), or are measured by what was declared.
        bitrates = _mpeg_bitrates(fragment.audio) if form.codec is Codec.MPEG else frozenset[int]()
        seconds = fragment.duration / form.clock_rate
        self._noted.append(_Noted(seconds, len(fragment.audio), bitrates))
        self._seconds += seconds
        while self._noted and self._seconds - self._noted[0].seconds >= MEASURED_SECONDS:
            self._seconds -= self._noted.popleft().seconds

    @property
    def constant_bitrate(self) -> int | None:
        """Bits per second of the last MEASURED_SECONDS; None before, where the bitrate varies, and in formats of which
        nobody knows."""
        if self._seconds < MEASURED_SECONDS:
            return None
        whole = _bitrate(list(self._noted))
        bitrates = frozenset[int]().union(*(one.bitrates for one in self._noted))
        is_constant = len(bitrates) == 1 if bitrates else self._is_steady(whole)
        return round(whole) if is_constant else None

    def _is_steady(self, whole: float) -> bool:
        part: list[_Noted] = []
        for one in self._noted:
            part.append(one)
            if sum(noted.seconds for noted in part) >= _STEADY_SECONDS:
                if abs(_bitrate(part) - whole) > _STEADY_PART * whole:
                    return False
                part = []
        return True


def _bitrate(noted: list[_Noted]) -> float:
    return sum(one.size for one in noted) * BITS_PER_BYTE / sum(one.seconds for one in noted)


def _mpeg_bitrates(audio: bytes) -> frozenset[int]:
    headers = (MpegFramer.header(frame, 0) for frame in whole_pieces(audio, Codec.MPEG))
    return frozenset(header.bitrate for header in headers if header is not None)
