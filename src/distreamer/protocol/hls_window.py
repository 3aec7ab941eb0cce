"""Gathers what is played into segments, and keeps those that are listed or may still be asked for. Times go in."""

from __future__ import annotations

from collections import deque
from math import ceil

from distreamer.model.audio import AudioFormat, Title
from distreamer.model.fragment import Fragment
from distreamer.protocol.hls import TIMESTAMP_RATE, Packing, Segment, packing_of, playlist, segment_tag

MOST_SEGMENT_BYTES = 2_000_000
"""A segment ends before it grows beyond this, whatever it lasts."""
LEAST_TARGETS_LISTED = 3
"""A playlist lasts at least so many target durations (RFC 8216, section 6.2.2)."""
MOST_KEPT_FACTOR = 6
"""No more than so many times the segments to list are kept, however short they are."""


class SegmentWindow:
    """Segments by their age: the open one, the listed ones, and those that have left the list."""

    def __init__(self, started_at: float, segment_seconds: float, segments: int) -> None:
        """``started_at`` is Unix time. A segment ends when it lasts ``segment_seconds``; ``segments`` are listed."""
        self.left_early = 0
        """Segments that were dropped sooner than players may rely on, because too many short ones came."""
        self._segment_seconds = segment_seconds
        self._most_listed = segments
        # A fragment is about a second; the target must not change (RFC 8216, section 6.2.1), so there is room for one.
        self._target_seconds = ceil(segment_seconds) + 1
        # Numbers go on rising when the program is started again: segments last longer than a second.
        self._first_number = self._next_number = int(started_at)
        self._discontinuities = self._first_number
        self._listed: deque[Segment] = deque()
        self._listed_seconds = 0.0
        self._left: deque[tuple[float, Segment]] = deque()
        self._by_name: dict[str, Segment] = {}
        self._open: list[bytes] = []
        self._open_bytes = 0
        self._open_ticks = 0
        self._open_begins_at = 0.0
        self._open_title: Title | None = None
        self._is_discontinuous = False
        """Whether the next segment, or the open one, is."""
        self._format: AudioFormat | None = None
        self._packing: Packing | None = None
        self._base = 0
        """The time stamp at which the present format began."""
        self._ticks = 0
        """Of the present format, up to where the open segment begins."""

    @property
    def target_seconds(self) -> int:
        """The target duration: no segment lasts longer, when rounded."""
        return self._target_seconds

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Those that are listed, oldest first."""
        return tuple(self._listed)

    def playlist(self) -> str | None:
        """None as long as there is no segment."""
        return playlist(self._listed, self._target_seconds) if self._listed else None

    def segment(self, name: str, now: float) -> Segment | None:
        """The segment of that name at ``now``; None when there is none, or none any more."""
        self._forget(now)
        return self._by_name.get(name)

    def add(
        self, fragment: Fragment, audio: AudioFormat, begins_at: float, now: float, *, is_discontinuous: bool
    ) -> None:
        """What is played next, which is due at the Unix time ``begins_at``. ``now`` is on a clock that never goes back.
        Only formats that can be packed may come."""
        if self._format is None or not self._format.joins(audio):
            self._change_format(audio, now)
        if is_discontinuous:
            self.interrupt(now)
        seconds = (self._open_ticks + fragment.duration) / audio.clock_rate
        is_too_big = self._open_bytes + len(fragment.audio) > MOST_SEGMENT_BYTES
        if self._open and (is_too_big or _rounded(seconds) > self._target_seconds):
            self._close(now)
        if not self._open:
            self._open_begins_at, self._open_title = begins_at, fragment.title
        self._open.append(fragment.audio)
        self._open_bytes += len(fragment.audio)
        self._open_ticks += fragment.duration
        if self._open_ticks >= self._segment_seconds * audio.clock_rate:
            self._close(now)

    def interrupt(self, now: float) -> None:
        """What comes next does not go on from what came last."""
        self._close(now)
        self._is_discontinuous = self._next_number > self._first_number

    def _change_format(self, audio: AudioFormat, now: float) -> None:
        self.interrupt(now)
        self._base = self._timestamp()
        self._ticks = 0
        self._format = audio
        self._packing = packing_of(audio.codec)
        assert self._packing is not None, f"{audio.codec} cannot be packed"

    def _timestamp(self) -> int:
        return self._base + (self._ticks * TIMESTAMP_RATE // self._format.clock_rate if self._format else 0)

    def _close(self, now: float) -> None:
        if not self._open or self._format is None or self._packing is None:
            return
        seconds = self._open_ticks / self._format.clock_rate
        self._discontinuities += self._is_discontinuous
        segment = Segment(
            number=self._next_number,
            name=f"{self._first_number}-{self._next_number - self._first_number}.{self._packing.ending}",
            content_type=self._packing.content_type,
            seconds=seconds,
            begins_at=self._open_begins_at,
            discontinuities=self._discontinuities,
            is_discontinuous=self._is_discontinuous,
            body=segment_tag(self._timestamp(), self._open_title) + b"".join(self._open),
        )
        self._next_number += 1
        self._ticks += self._open_ticks
        self._open, self._open_bytes, self._open_ticks = [], 0, 0
        self._is_discontinuous = False
        self._list(segment, now)

    def _list(self, segment: Segment, now: float) -> None:
        self._target_seconds = max(self._target_seconds, _rounded(segment.seconds))
        self._listed.append(segment)
        self._listed_seconds += segment.seconds
        self._by_name[segment.name] = segment
        while self._can_leave_list():
            lasted = self._listed_seconds
            oldest = self._listed.popleft()
            self._listed_seconds -= oldest.seconds
            # Who has read the playlist just now may take its whole length to come for it (RFC 8216, section 6.2.2).
            self._left.append((now + lasted + oldest.seconds, oldest))
        self._forget(now)

    def _can_leave_list(self) -> bool:
        if len(self._listed) <= self._most_listed:
            return False
        rest = self._listed_seconds - self._listed[0].seconds
        return rest >= LEAST_TARGETS_LISTED * self._target_seconds or len(self._listed) > 2 * self._most_listed

    def _forget(self, now: float) -> None:
        most = MOST_KEPT_FACTOR * self._most_listed
        while self._left and (self._left[0][0] <= now or len(self._by_name) > most):
            until, segment = self._left.popleft()
            self.left_early += until > now
            del self._by_name[segment.name]


def _rounded(seconds: float) -> int:
    """To the nearest whole, a half up."""
    return int(seconds + 0.5)
