"""Gathers frames into fragments of about one second, at frame boundaries."""

from __future__ import annotations

from distreamer.model.audio import Frame, Title
from distreamer.model.fragment import FIRST_NUMBER, Fragment, TitleMark

MAXIMUM_FRAGMENT_BYTES = 1_048_576
"""A fragment is closed before it would be larger, however short it is, so that every carrier can bound a message; a
single frame may be larger."""
MAXIMUM_TITLE_MARKS = 16
"""A fragment is closed before a further title, so that every carrier can bound a fragment's description."""


class Fragmenter:
    """Numbers and times the fragments of one epoch."""

    def __init__(
        self, epoch: int, clock_rate: int, fragment_seconds: float = 1.0, first: int = FIRST_NUMBER, start: int = 0
    ) -> None:
        """``first`` and ``start`` are the number and the media time of the first fragment."""
        self.epoch = epoch
        self.dropped_bytes = 0
        """Of frames that last no time and met no other to go with."""
        self._clock_rate = clock_rate
        self._target = 1
        self.aim_at(fragment_seconds)
        self._number = first
        self._start = start
        self._title: Title | None = None
        self._discontinuity = False
        self._frames: list[bytes] = []
        self._size = 0
        self._duration = 0
        self._setup = b""
        self._first_title: Title | None = None
        self._marks: list[TitleMark] = []
        self._captured_at = 0.0

    @property
    def title(self) -> Title | None:
        """The title in force behind the last frame that was added."""
        return self._title

    def go_on_under(self, title: Title | None) -> None:
        """That title is in force where the first frame comes."""
        self._title = title

    def aim_at(self, fragment_seconds: float) -> None:
        """So long is a fragment from now on."""
        self._target = max(round(fragment_seconds * self._clock_rate), 1)

    def add(self, frame: Frame, captured_at: float, title: Title | None = None) -> list[Fragment]:
        """Takes a frame that arrived at Unix time ``captured_at`` and, when given, begins ``title`` with it.
        Gives the fragments that this completes: none, one, or two when ``frame`` cannot go with those before it."""
        done: list[Fragment] = []
        changes_title = title is not None and title != self._title
        is_too_large = self._size + len(frame.data) > MAXIMUM_FRAGMENT_BYTES
        has_too_many_titles = changes_title and len(self._marks) >= MAXIMUM_TITLE_MARKS
        if frame.setup != self._setup or is_too_large or has_too_many_titles:
            done.extend(self.cut())
        if title is not None and changes_title:
            self._title = title
            if self._frames:
                self._marks.append(TitleMark(self._size, title))
        if not self._frames:
            self._first_title = self._title
            self._setup = frame.setup
        self._frames.append(frame.data)
        self._size += len(frame.data)
        self._duration += frame.duration
        self._captured_at = captured_at
        if self._duration >= self._target or self._size >= MAXIMUM_FRAGMENT_BYTES:
            done.extend(self.cut())
        return done

    def cut(self) -> list[Fragment]:
        """Closes the fragment that is being gathered, however short; gives it, or nothing when there is none, or
        when its frames last no time at all (the first packet of Vorbis, alone): then they are dropped."""
        if self._duration <= 0:
            self.dropped_bytes += self._size
            self._begin()
            return []
        fragment = Fragment(
            epoch=self.epoch,
            number=self._number,
            start=self._start,
            duration=self._duration,
            audio=b"".join(self._frames),
            captured_at=self._captured_at,
            title=self._first_title,
            title_marks=tuple(self._marks),
            setup=self._setup,
            discontinuity=self._discontinuity,
        )
        self._number += 1
        self._start += self._duration
        self._discontinuity = False
        self._begin()
        return [fragment]

    def interrupt(self) -> list[Fragment]:
        """The source was lost: closes the fragment that is being gathered, and marks the next as discontinuous."""
        done = self.cut()
        self._discontinuity = self._number > FIRST_NUMBER
        return done

    def _begin(self) -> None:
        self._frames.clear()
        self._marks.clear()
        self._size = self._duration = 0
