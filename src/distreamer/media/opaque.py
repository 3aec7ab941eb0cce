"""Audio that is not understood: cut by its bitrate."""

from __future__ import annotations

from distreamer.model.audio import AudioFormat, Codec, Frame
from distreamer.units import BITS_PER_BYTE

TICKS_PER_SECOND = 1_000_000
DEFAULT_BITRATE = 128_000
"""Bits per second, where nothing is known."""
FRAMES_PER_SECOND = 10


class OpaqueFramer:
    """Cuts any bytes into pieces of about 100 ms at ``bitrate``; satisfies ``FormatFramer``.

    Nothing is dropped. Durations are rounded so that they add up exactly.
    """

    def __init__(self, bitrate: int = DEFAULT_BITRATE, content_type: str = "", position: int = 0) -> None:
        """``bitrate`` in bits per second (0 or less: the default); ``position`` is that of the first byte."""
        self._bitrate = bitrate if bitrate > 0 else DEFAULT_BITRATE
        content_type = content_type or "application/octet-stream"
        self._format = AudioFormat(Codec.OPAQUE, TICKS_PER_SECOND, 0, 0, content_type, self._bitrate, content_type)
        self._frame_bytes = max(1, self._bitrate // (BITS_PER_BYTE * FRAMES_PER_SECOND))
        self._buffer = b""
        self._begin = position
        self._fed = position

    @property
    def fed(self) -> int:
        """The position at which the next byte will be."""
        return self._fed

    @property
    def dropped(self) -> int:
        """Always 0."""
        return 0

    @property
    def buffered(self) -> int:
        """Bytes of the piece that is not yet complete."""
        return len(self._buffer)

    @property
    def held(self) -> int:
        """All that is buffered: every byte is recognised."""
        return len(self._buffer)

    @property
    def setup_bytes(self) -> int:
        """Always 0."""
        return 0

    @property
    def patience(self) -> int:
        """None is needed: every byte is recognised."""
        return 0

    @property
    def accepted_from(self) -> int | None:
        """The first byte fed."""
        return self._begin if self._fed > self._begin else None

    @property
    def accepted_to(self) -> int:
        """Everything fed."""
        return self._fed

    def feed(self, data: bytes) -> list[Frame]:
        """The pieces that ``data`` completes."""
        buffer = self._buffer + data
        whole = len(buffer) - len(buffer) % self._frame_bytes
        self._fed += len(data)
        first = self._fed - len(buffer)
        self._buffer = buffer[whole:]
        return [
            self._frame(buffer[at : at + self._frame_bytes], first + at) for at in range(0, whole, self._frame_bytes)
        ]

    def close(self) -> list[Frame]:
        """The last, shorter piece, if there is one."""
        rest, self._buffer = self._buffer, b""
        return [self._frame(rest, self._fed - len(rest))] if rest else []

    def _frame(self, data: bytes, position: int) -> Frame:
        duration = self._ticks(position + len(data)) - self._ticks(position)
        return Frame(data, duration, self._format, position)

    def _ticks(self, position: int) -> int:
        return (position - self._begin) * BITS_PER_BYTE * TICKS_PER_SECOND // self._bitrate
