"""The fragment: about one second of whole audio frames, numbered and timed."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.model.audio import Title

FIRST_NUMBER = 1
"""The number of an epoch's first fragment."""


@dataclass(frozen=True, slots=True)
class TitleMark:
    """A title that begins inside a fragment."""

    offset: int
    """Bytes into the fragment's audio, at a frame boundary: 0 ≤ offset < len(audio)."""
    title: Title


@dataclass(frozen=True, slots=True)
class Fragment:
    """About one second of whole frames. Immutable; (epoch, number) names it everywhere.

    It can be understood without the fragments before it: ``title`` and ``setup`` hold what is in force where
    it begins.
    """

    epoch: int
    """The epoch's identifier (63 bits, opaque: it orders nothing)."""
    number: int
    """Counts from 1 in each epoch. A source that was started anew skips some: whether audio is missing shows in
    ``start``."""
    start: int
    """Media time at which it begins, in ticks since the beginning of the epoch."""
    duration: int
    """In ticks of the epoch's ``clock_rate``; above 0."""
    audio: bytes
    captured_at: float
    """Unix time in seconds at which the source's last byte of it arrived."""
    title: Title | None = None
    """The title in force at its first byte; None when none is known."""
    title_marks: tuple[TitleMark, ...] = ()
    """The title changes inside it, by ascending offset."""
    setup: bytes = b""
    """The Ogg header pages in force for all of it (a fragment never spans two sets); empty for other codecs."""
    discontinuity: bool = False
    """True when audio is known to be missing before it (the source was lost and came back)."""

    @property
    def size(self) -> int:
        """Bytes of audio and set-up headers, and characters of titles."""
        titles = [self.title, *(mark.title for mark in self.title_marks)]
        return len(self.audio) + len(self.setup) + sum(len(one.text) + len(one.url) for one in titles if one)

    @property
    def end(self) -> int:
        """Media time at which it ends, in ticks."""
        return self.start + self.duration

    @property
    def last_title(self) -> Title | None:
        """The title in force behind its last byte."""
        return self.title_marks[-1].title if self.title_marks else self.title
