"""The place in another input's store at which the programme goes on: where both carry the same. Pure.

Two relays of one station bring the same frames, one of them seconds ahead, in fragments that are cut elsewhere. The
frames tell where the programme stands in what the other has brought; from there on it is taken over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from distreamer.core.overlap import ENOUGH, MEMORY_SECONDS, Alignment, Memory, enough
from distreamer.core.rendition import title_at
from distreamer.core.store import START, Position, Store
from distreamer.media.pieces import Piece, pieces
from distreamer.model.audio import Title
from distreamer.model.fragment import Fragment, TitleMark

LOOKED_THROUGH_SECONDS = 2 * MEMORY_SECONDS
"""Of what the other input has brought: what is remembered, and by how much it may be ahead."""


class Place(NamedTuple):
    """Behind a piece of a fragment."""

    fragment: Fragment
    rest: Fragment | None
    """What of the fragment stands behind it; None when nothing does."""
    stale_title: Title | None
    """What the input says here, when that was over already where the programme stands."""


class Continuation:
    """Made when an input is to take over; ``find`` again after each change of its store."""

    def __init__(self, programme: Store, other: Store) -> None:
        """``programme`` is what was sent so far."""
        newest = programme.newest_epoch
        self._format = newest.info.format if newest else None
        self._memory = remembered(programme)
        self._alignment = Alignment(self._memory.digests)
        self._enough = enough(newest.info.format.codec) if newest else ENOUGH
        self._other = other
        self._looked_to = other.position_before_newest(LOOKED_THROUGH_SECONDS)
        self._title: Title | None = None
        self._title_at = 0
        self.known_to = START
        """In the other input's store, all before this was sent already."""

    def find(self) -> Place | None:
        """Where the programme goes on; None when that is not there, or not yet."""
        while (fragment := self._other.after(self._looked_to)) is not None:
            self._looked_to = self._other.position_of(fragment)
            epoch = self._other.epoch(fragment.epoch)
            if epoch is None or self._format is None or not self._format.joins(epoch.info.format):
                continue
            found = pieces(fragment.audio, self._format.codec)
            for index, (piece, title) in enumerate(titled(fragment, found)):
                self._note(title)
                is_end = self._alignment.add(piece.digest)
                if is_end and self._alignment.proof(self._alignment.count) >= self._enough:
                    return self._place(fragment, found, index + 1)
            if self._alignment.missing(self._enough) is not None:
                self.known_to = self._looked_to
        return None

    @property
    def behind_seconds(self) -> float | None:
        """How much the input still has to bring until it is where the programme stands; None when it is not known to
        bring the same."""
        missing = self._alignment.missing(self._enough)
        return None if missing is None else self._memory.seconds_of_last(missing)

    def _note(self, title: Title | None) -> None:
        if title != self._title:
            self._title, self._title_at = title, self._alignment.count

    def _place(self, fragment: Fragment, found: list[Piece], index: int) -> Place:
        title, ago = self._title, self._alignment.count - self._title_at
        stale_title = title if title is not None and self._memory.is_older(title, ago) else None
        rest = None if index == len(found) else rest_of(fragment, found[index].offset, 1 - index / len(found))
        return Place(fragment, rest, stale_title)


def remembered(programme: Store) -> Memory:
    """The last pieces of what was sent."""
    memory = Memory()
    newest = programme.newest_epoch
    if newest is None:
        return memory
    position = max(programme.position_before_newest(MEMORY_SECONDS), Position(newest.order, 0))
    while (fragment := programme.after(position)) is not None:
        position = programme.position_of(fragment)
        found = pieces(fragment.audio, newest.info.format.codec)
        if not found:
            memory = Memory()  # What goes on behind this cannot be recognised.
        for piece, title in titled(fragment, found):
            memory.add(piece.digest, newest.seconds(fragment.duration) / len(found), title)
    return memory


def titled(fragment: Fragment, found: list[Piece]) -> Iterator[tuple[Piece, Title | None]]:
    """The pieces of a fragment, each with the title in force."""
    return ((piece, title_at(fragment, piece.offset)) for piece in found)


def rest_of(fragment: Fragment, offset: int, part: float) -> Fragment:
    """What stands behind ``offset`` bytes of it, and lasts ``part`` of the whole."""
    return replace(
        fragment,
        start=fragment.end - max(round(fragment.duration * part), 1),
        duration=max(round(fragment.duration * part), 1),
        audio=fragment.audio[offset:],
        title=title_at(fragment, offset),
        title_marks=tuple(
            TitleMark(mark.offset - offset, mark.title) for mark in fragment.title_marks if mark.offset > offset
        ),
        discontinuity=False,
    )
