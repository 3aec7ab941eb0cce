"""What the bytes of a stream are: frames, titles, and what is neither. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from distreamer.media.auto import RETAINED_LIMIT, AutoFramer
from distreamer.media.id3 import tag_size
from distreamer.model.audio import Frame, Title
from distreamer.protocol.charset import DEFAULT_CHARSET
from distreamer.protocol.icy import Audio, IcyDemuxer, parse_metadata

MOST_KEPT_BYTES = 2 * RETAINED_LIMIT
"""Behind the last frame; what is older is not looked at any more."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes between two frames that belong to neither, and are no tag."""

    size: int


class StreamReading:
    """Of one connection. What stands before the first frame is no damage: a connection begins anywhere."""

    def __init__(
        self,
        content_type: str = "",
        bitrate: int = 0,
        metaint: int = 0,
        charset: str = DEFAULT_CHARSET,
        audio: Callable[[bytes], None] = lambda data: None,
    ) -> None:
        """``bitrate`` in bits per second, ``metaint`` in bytes, as the server says them; 0 for neither. ``audio`` is
        given what is left without titles. Raises ProtocolError for a ``metaint`` that nobody can mean."""
        self.audio_bytes = 0
        """Of all frames."""
        self.audio_seconds = 0.0
        self.metadata_blocks = 0
        """That were not empty."""
        self._framer = AutoFramer(content_type, bitrate)
        self._demuxer = IcyDemuxer(metaint)
        self._charset = charset
        self._tell_audio = audio
        self._title: Title | None = None
        self._kept = bytearray()
        self._kept_from = 0
        """The position of the first byte of what is kept."""
        self._ends: int | None = None
        """The position behind the last frame."""
        self._setup_bytes = 0
        """Of header pages that were met between frames."""

    def receive(self, data: bytes) -> Iterator[Frame | Title | Damage]:
        """What the next bytes of the body bring, in order; a title only when it is another one."""
        for event in self._demuxer.feed(data):
            if isinstance(event, Audio):
                self._tell_audio(event.data)
                yield from self._audio(event.data)
                continue
            self.metadata_blocks += 1
            title = parse_metadata(event.data, self._charset)
            if title is not None and title != self._title:
                self._title = title
                yield title

    def _audio(self, data: bytes) -> Iterator[Frame | Title | Damage]:
        self._kept += data
        for frame in self._framer.feed(data):
            damage = self._between(frame)
            if damage:
                yield Damage(damage)
            if frame.title is not None and frame.title != self._title:
                self._title = frame.title
                yield frame.title
            self._ends = frame.position + len(frame.data)
            self._forget(self._ends)
            self.audio_bytes += len(frame.data)
            self.audio_seconds += frame.duration / frame.format.clock_rate
            yield frame
        self._forget(self._kept_from + max(len(self._kept) - MOST_KEPT_BYTES, 0))

    def _between(self, frame: Frame) -> int:
        """How many bytes before ``frame`` are nothing that belongs there."""
        skipped = frame.position - (self._ends or 0)
        # Header pages of Ogg, before the first frame of each logical stream.
        setup = min(skipped, self._framer.setup_bytes - self._setup_bytes)
        self._setup_bytes += setup
        between = bytes(self._kept[: max(frame.position - self._kept_from, 0)])
        return 0 if self._ends is None or skipped <= setup or _is_tags(between) else skipped - setup

    def _forget(self, position: int) -> None:
        """What stands before ``position``."""
        if position > self._kept_from:
            del self._kept[: position - self._kept_from]
            self._kept_from = position


def _is_tags(data: bytes) -> bool:
    """Whether it is nothing but tags, as files have them."""
    at = 0
    while at < len(data):
        size = tag_size(data, at)
        if not size:
            return False
        at += size
    return at == len(data)
