"""What bitrate a stream really has, and whether it varies. Pure."""

from __future__ import annotations

from distreamer.media.mpeg import MpegFramer
from distreamer.model.audio import Codec, Frame
from distreamer.units import BITS_PER_BYTE

WINDOW_SECONDS = 5.0
LEAST_WINDOWS = 3
"""To say whether it varies, where no header says it."""
VARIES_FROM = 1.1
"""The highest is so many times the lowest: encoders at a constant bitrate save some bits for later."""


class Bitrates:
    """``frame`` is told of each."""

    def __init__(self) -> None:
        self.lowest = 0
        """Bits per second, of WINDOW_SECONDS."""
        self.highest = 0
        self._size = 0
        self._seconds = 0.0
        self._windows = 0
        self._window_size = 0
        self._window_seconds = 0.0
        self._headers: set[int] = set()

    def frame(self, frame: Frame) -> None:
        seconds = frame.duration / frame.format.clock_rate
        self._size += len(frame.data)
        self._seconds += seconds
        self._window_size += len(frame.data)
        self._window_seconds += seconds
        if self._window_seconds >= WINDOW_SECONDS:
            rate = round(self._window_size * BITS_PER_BYTE / self._window_seconds)
            self.lowest = min(self.lowest, rate) if self._windows else rate
            self.highest = max(self.highest, rate)
            self._windows, self._window_size, self._window_seconds = self._windows + 1, 0, 0.0
        if frame.format.codec is Codec.MPEG:
            header = MpegFramer.header(frame.data, 0)
            self._headers.add(header.bitrate if header else 0)

    @property
    def measured(self) -> int:
        """Bits per second, of everything; 0 when nothing came."""
        return round(self._size * BITS_PER_BYTE / self._seconds) if self._seconds else 0

    @property
    def varies(self) -> bool | None:
        """None when too little came to say it."""
        if self._headers:
            return len(self._headers) > 1
        if self._windows < LEAST_WINDOWS:
            return None
        return self.highest > VARIES_FROM * self.lowest
