"""The framer of formats whose frames each begin with a sync word and tell their own size (MPEG audio, ADTS)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, auto
from typing import ClassVar, Generic, NamedTuple, TypeVar

from distreamer.media.id3 import BLIND_LIMIT, TAG_STARTS, tag_size
from distreamer.model.audio import AudioFormat, Frame

CHAIN = 3
"""Headers in a row that must agree before the first of them is believed."""

_TAIL = 7
"""Bytes kept behind a vain search: the longest beginning of a sync word or tag that may yet be completed."""

_TAG_IN_GARBAGE = rb"(?P<tag>ID3|APETAGEX)"
"""Tags looked for out of step as well. ``TAG`` is not: three letters are weak evidence, and ID3v1 is text, in
which no sync word chain hides."""

RunT = TypeVar("RunT")
"""What a format's frames must share to be one run: an immutable value with equality."""


class Header(NamedTuple, Generic[RunT]):
    """A frame header, read."""

    size: int
    """Bytes of the whole frame, header included."""
    duration: int
    """Samples per channel."""
    run: RunT
    """Equal for frames that one decoder plays in a row."""
    bitrate: int
    """Bits per second of this frame; 0 when the header does not say."""


class _State(Enum):
    HUNTING = auto()
    """Looks for a chain of headers."""
    IN_STEP = auto()
    """The next frame is expected right here; it is given as soon as it is complete."""
    IN_TAG = auto()
    """Drops a tag, then goes on in the state before it."""


class SyncFramer(ABC, Generic[RunT]):
    """Cuts a stream at its frame headers; satisfies ``FormatFramer``.

    Out of step it believes a frame only when ``CHAIN`` headers in a row agree; in step it waits for nothing but
    the frame's own last byte. A change of format puts it out of step, and costs no frame. What it gives depends
    on the bytes alone, not on how they were split.
    """

    header_size: ClassVar[int]
    """Bytes that ``header`` looks at."""
    largest_frame: ClassVar[int]
    """Bytes."""
    sync_pattern: ClassVar[bytes]
    """A regular expression for the beginning of a header."""

    @classmethod
    @abstractmethod
    def header(cls, data: bytes, at: int) -> Header[RunT] | None:
        """The header at ``at``, where ``header_size`` bytes are there; None when it is none."""

    @classmethod
    @abstractmethod
    def audio_format(cls, header: Header[RunT]) -> AudioFormat:
        """The format of the run that ``header`` begins."""

    @classmethod
    def has_audio(cls, frame: bytes, run: RunT) -> bool:
        """Whether the frame is to be kept."""
        return True

    def __init__(self, position: int = 0) -> None:
        """``position`` is that of the first byte to be fed."""
        self._hunt_pattern = re.compile(self.sync_pattern + b"|" + _TAG_IN_GARBAGE, re.DOTALL)
        self._buffer = b""
        self._at = 0
        self._fed = position
        self._dropped = 0
        self._accepted_from: int | None = None
        self._accepted_to = position
        self._state = _State.HUNTING
        self._state_after_tag = _State.HUNTING
        self._tag_left = 0
        self._current: tuple[RunT, AudioFormat] | None = None
        self._frames: list[Frame] = []
        self._ended = False
        self._steps: dict[_State, Callable[[], bool]] = {
            _State.HUNTING: self._hunt,
            _State.IN_STEP: self._follow,
            _State.IN_TAG: self._skip_tag,
        }

    @property
    def fed(self) -> int:
        """The position at which the next byte will be."""
        return self._fed

    @property
    def dropped(self) -> int:
        """Bytes dropped: garbage, tags, frames without audio, cut-off frames."""
        return self._dropped

    @property
    def buffered(self) -> int:
        """Bytes kept that are not yet decided on: at most those of ``CHAIN`` frames and a header."""
        return len(self._buffer)

    @property
    def held(self) -> int:
        """None: a frame is recognised when it is given."""
        return 0

    @property
    def setup_bytes(self) -> int:
        """None: these formats have no set-up."""
        return 0

    @property
    def patience(self) -> int:
        """A chain of the largest frames, and as much again."""
        return 2 * CHAIN * self.largest_frame

    @property
    def accepted_from(self) -> int | None:
        """The position of the first frame; None before it."""
        return self._accepted_from

    @property
    def accepted_to(self) -> int:
        """The position behind the last whole frame."""
        return self._accepted_to

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that ``data`` completes, in order; never raises on any bytes."""
        self._buffer += data
        self._fed += len(data)
        return self._drain()

    def close(self) -> list[Frame]:
        """The stream ended: frames whose chain ends with it are given, the rest is dropped."""
        self._ended = True
        frames = self._drain()
        self._dropped += len(self._buffer)
        self._buffer = b""
        self._state = _State.HUNTING
        self._current = None
        self._ended = False
        return frames

    def _drain(self) -> list[Frame]:
        while self._steps[self._state]():
            pass
        self._buffer = self._buffer[self._at :]
        self._at = 0
        frames, self._frames = self._frames, []
        return frames

    @property
    def _available(self) -> int:
        return len(self._buffer) - self._at

    def _drop(self, count: int) -> None:
        self._at += count
        self._dropped += count

    def _skip_tag(self) -> bool:
        """Drops what is there of the tag; False when more of it is to come."""
        count = min(self._tag_left, self._available)
        self._drop(count)
        self._tag_left -= count
        if self._tag_left:
            return False
        self._state = self._state_after_tag
        return True

    def _enter_tag(self, size: int) -> None:
        self._tag_left = min(size, BLIND_LIMIT)
        self._state_after_tag = self._state if size <= BLIND_LIMIT else _State.HUNTING
        self._state = _State.IN_TAG

    def _follow(self) -> bool:
        """Takes the frame or tag that begins here; False when it is not complete."""
        if self._available < self.header_size:
            return False
        header = self.header(self._buffer, self._at)
        if header is not None and self._current is not None and header.run == self._current[0]:
            if self._available < header.size:
                return False
            self._take(header, self._current[1])
            return True
        size = tag_size(self._buffer, self._at)
        if size is None:
            return False
        if size:
            self._enter_tag(size)
        else:
            self._state = _State.HUNTING
        return True

    def _take(self, header: Header[RunT], audio_format: AudioFormat) -> None:
        frame = self._buffer[self._at : self._at + header.size]
        position = self._fed - self._available
        self._accepted_from = position if self._accepted_from is None else self._accepted_from
        self._accepted_to = position + header.size
        if self.has_audio(frame, header.run):
            self._frames.append(Frame(frame, header.duration, audio_format, position))
            self._at += header.size
        else:
            self._drop(header.size)

    def _hunt(self) -> bool:
        """Goes to the next place that may be a frame or a tag, and judges it; False when more bytes are needed."""
        match = self._hunt_pattern.search(self._buffer, self._at)
        if match is None:
            self._drop(max(0, self._available - _TAIL))
            return False
        self._drop(match.start() - self._at)
        verdict = self._judge_tag() if match["tag"] else self._judge_chain()
        if verdict is False:
            self._drop(1)
        return verdict is not None

    def _judge_tag(self) -> bool | None:
        size = tag_size(self._buffer, self._at)
        if size:
            self._enter_tag(size)
        return None if size is None else size > 0

    def _judge_chain(self) -> bool | None:
        """Whether a chain of frames begins here, and gets in step with it; None when more bytes are needed."""
        first: Header[RunT] | None = None
        at = self._at
        for links in range(CHAIN):
            if len(self._buffer) < at + self.header_size:
                if not self._ended:
                    return None
                if first is None or (links < CHAIN - 1 and len(self._buffer) != at):
                    return False
                break
            header = self.header(self._buffer, at)
            if first is None:
                first = header
            elif self._buffer.startswith(TAG_STARTS, at):
                break
            if header is None or first is None or header.run != first.run:
                return False
            at += header.size
        assert first is not None
        self._get_in_step(first)
        return True

    def _get_in_step(self, first: Header[RunT]) -> None:
        if self._current is None or self._current[0] != first.run:
            self._current = first.run, self.audio_format(first)
        self._state = _State.IN_STEP
