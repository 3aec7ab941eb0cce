"""Notices audio that comes twice, by its content. Pure.

Pieces are known by the digests by which a returning source is recognised (``media.pieces``). A run of pieces that
stood in the last two minutes in the same order is a repeat. Pieces that are equal by nature, digital silence, prove
nothing: a run cannot begin with them.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from distreamer.core.overlap import MEMORY_PIECES, MEMORY_SECONDS
from distreamer.media.pieces import pieces
from distreamer.model.audio import Frame

ENOUGH = 4
"""Pieces in a row that are no accident: a few frames of a fade may be equal."""


class Repeat(NamedTuple):
    """A run that came before."""

    seconds: float
    """What it lasts so far."""
    ago_seconds: float
    """How much audio before that it came first."""
    is_over: bool
    """Whether something else came behind it."""


class _Known(NamedTuple):
    digest: bytes
    seconds: float
    """Of audio before it."""


class RepeatCheck:
    """``frame`` is told of each frame in order."""

    def __init__(self) -> None:
        self._known: deque[_Known] = deque()
        self._first = 0
        """The number of the oldest that is known."""
        self._numbers: dict[bytes, deque[int]] = {}
        self._seconds = 0.0
        self._run: set[bytes] = set()
        """Different pieces of a run, as many as prove it."""
        self._run_seconds = 0.0
        self._follows: int | None = None
        """The number of the piece that would go on with the run."""
        self._ago_seconds = 0.0

    def frame(self, frame: Frame) -> Repeat | None:
        """A repeat that has just ended."""
        found = pieces(frame.data, frame.format.codec)
        seconds = frame.duration / frame.format.clock_rate / max(len(found), 1)
        ended = None
        for piece in found:
            ended = self._piece(piece.digest, seconds) or ended
        return ended

    def end(self) -> Repeat | None:
        """Nothing more comes: the repeat that is going on, if there is one."""
        return self._told(is_over=False)

    def _piece(self, digest: bytes, seconds: float) -> Repeat | None:
        ended = None
        if not self._goes_on(digest):
            ended = self._told(is_over=True)
            self._begin(digest)
        if self._follows is not None:
            self._follows += 1
            self._run_seconds += seconds
            if len(self._run) < ENOUGH:
                self._run.add(digest)
        self._remember(digest, seconds)
        return ended

    def _goes_on(self, digest: bytes) -> bool:
        if self._follows is None:
            return False
        place = self._follows - self._first
        return 0 <= place < len(self._known) and self._known[place].digest == digest

    def _begin(self, digest: bytes) -> None:
        """A run may begin with a piece that stands in what is known exactly once."""
        numbers = self._numbers.get(digest) or deque[int]()
        self._run, self._run_seconds = set(), 0.0
        self._follows = numbers[0] if len(numbers) == 1 else None
        if self._follows is not None:
            self._ago_seconds = self._seconds - self._known[self._follows - self._first].seconds

    def _told(self, *, is_over: bool) -> Repeat | None:
        is_proved = self._follows is not None and len(self._run) >= ENOUGH
        return Repeat(self._run_seconds, self._ago_seconds, is_over) if is_proved else None

    def _remember(self, digest: bytes, seconds: float) -> None:
        self._numbers.setdefault(digest, deque()).append(self._first + len(self._known))
        self._known.append(_Known(digest, self._seconds))
        self._seconds += seconds
        while len(self._known) > MEMORY_PIECES or self._seconds - self._known[0].seconds > MEMORY_SECONDS:
            numbers = self._numbers[self._known[0].digest]
            numbers.popleft()
            if not numbers:
                del self._numbers[self._known[0].digest]
            self._known.popleft()
            self._first += 1
