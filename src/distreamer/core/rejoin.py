"""What a source brings when it is connected to again, until it is known how much of it is repeated. Pure.

Servers repeat their last seconds, the burst, to whoever connects. What is known is held here: nothing is late by that,
for it has gone its way already. What follows the last known piece goes on as if nothing had happened.

    what came                                                    then
    leads to the last known piece, and pieces prove it        →  it goes on there
    leads there, but is the same again and again (silence)    →  the clock says how much of it is repeated
    is nowhere in what is known, or leaves it                 →  it is new, behind a gap; but what of a burst is, by
                                                                 the clock, from before the gap is left out, or each
                                                                 connection made listeners later

What comes before the burst (an announcement for new listeners, or what is older than all that is remembered) is left
out with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from distreamer.core.overlap import ENOUGH, Alignment, Memory, enough
from distreamer.media.pieces import Piece
from distreamer.model.audio import Frame, Title

LEAD_SECONDS = 1.0
"""So long is looked for the beginning of a burst."""
LEAD_PIECES = 4
"""So many pieces before it may be none: it begins inside of a frame, and a framer can be deceived once. More of them
were something of its own, and are left out only if the clock says as well that nothing was missed."""
DOUBT_SECONDS = 2.0
"""After this what is likely but not proved is decided: a burst comes within a moment."""
DIFFERENT = 10
"""So many different pieces in a row that lead to the end are no silence, whatever the clock says."""
CLOCK_TOLERANCE_SECONDS = 1.0
MOST_BYTES = 8_000_000
"""That are held: two minutes at 530 kbit/s."""


class Arrived(NamedTuple):
    """A frame, and what belongs to it."""

    frame: Frame
    title: Title | None
    """That begins with it."""
    at: float
    """Unix time."""
    pieces: Sequence[Piece]
    """None when nobody understands the format."""

    @property
    def piece_seconds(self) -> float:
        """What each of them lasts."""
        return self.frame.duration / self.frame.format.clock_rate / max(len(self.pieces), 1)

    def without(self, count: int, title: Title | None) -> Arrived:
        """Without the first ``count`` pieces, which are not all; ``title`` begins with the rest."""
        if not count:
            return self._replace(title=title)
        offset, left = self.pieces[count].offset, len(self.pieces) - count
        duration = round(self.frame.duration * left / len(self.pieces))
        frame = replace(
            self.frame, data=self.frame.data[offset:], duration=duration, position=self.frame.position + offset
        )
        rest = [Piece(piece.offset - offset, piece.digest) for piece in self.pieces[count:]]
        return Arrived(frame, title, self.at, rest)


class Verdict(NamedTuple):
    """How what came goes together with what was there."""

    known: int
    """Pieces, from the first that came, that were there already."""
    goes_on: bool
    """What follows them follows the last that was there."""
    is_proved: bool = True
    """False: the clock has said how much of it is repeated. It was the same again and again, or nothing is known."""


NOTHING_KNOWN = Verdict(0, goes_on=False)


class Parted(NamedTuple):
    """What was held, by a verdict."""

    new: list[Arrived]
    known_seconds: float
    title: Title | None
    """What came too late for its place in what is known: it is to begin with the next frame."""


class _End(NamedTuple):
    """A place in what came at which what is known may end, and what came before it."""

    pieces: int
    seconds: float
    different: int
    """Different ones of the pieces that match."""
    lead: int
    """Pieces before those."""


class Rejoin:
    """Made when a connection begins; ``take`` each frame until there is a verdict."""

    def __init__(self, memory: Memory, last_at: float, most_seconds: float, *, has_burst: bool = False) -> None:
        """``last_at``: Unix time at which the last known piece came. ``most_seconds``: when what comes was nothing but
        known for longer than this, it is taken as new. ``has_burst``: see ``SourceDescription``."""
        self.arrived: list[Arrived] = []
        """All that is held."""
        self.overflowed = False
        """Whether too much came to wait for a verdict."""
        self._memory = memory
        self._alignment = Alignment(memory.digests)
        self._enough = ENOUGH
        self._last_at = last_at
        self._most_seconds = most_seconds
        self._has_burst = has_burst
        self._ends: list[_End] = []
        self._likely_at = 0.0
        self._different: set[bytes] = set()
        self._seconds = 0.0
        self._size = 0

    def take(self, arrived: Arrived) -> Verdict | None:
        """The next frame; None while it is not known what it is."""
        self.arrived.append(arrived)
        self._size += len(arrived.frame.data)
        if not arrived.pieces:
            return NOTHING_KNOWN
        self._enough = enough(arrived.frame.format.codec)
        for piece in arrived.pieces:
            self._seconds += arrived.piece_seconds
            self._add(piece.digest, arrived.at)
        return self._judge(arrived.at)

    def end(self, at: float) -> Verdict:
        """The connection has ended, at Unix time ``at``."""
        if self._ends:
            return self._weigh(at)
        is_behind = self._alignment.missing(self._enough) is not None and self._lead <= LEAD_PIECES
        if is_behind or (self._alignment.is_matching and not self._lead):
            return Verdict(self._alignment.count, goes_on=False)
        return self._by_the_clock(at)

    def parted(self, verdict: Verdict) -> Parted:
        """What is new of what is held, and how much is known. Titles of what is known stand there already."""
        left, seconds = verdict.known, 0.0
        title: Title | None = None
        new: list[Arrived] = []
        for arrived in self.arrived:
            known = min(left, len(arrived.pieces))
            begins = arrived.title
            if known and begins is not None:
                ago = left if verdict.goes_on else math.inf
                title = None if self._memory.is_older(begins, ago) else begins
                begins = None
            left -= known
            seconds += known * arrived.piece_seconds
            if known < len(arrived.pieces) or not arrived.pieces:
                new.append(arrived.without(known, begins or title))
                title = None
        return Parted(new, seconds, title)

    def _add(self, digest: bytes, at: float) -> None:
        is_end = self._alignment.add(digest, may_begin=self._is_early(at))
        if self._alignment.matched <= 1:
            self._different.clear()
        self._different.add(digest)
        if is_end:
            if not self._ends:
                self._likely_at = at
            self._ends.append(_End(self._alignment.count, self._seconds, len(self._different), self._lead))

    @property
    def _lead(self) -> int:
        """Pieces before those that match."""
        return self._alignment.count - self._alignment.matched

    def _is_early(self, at: float) -> bool:
        return 0 <= at - self.arrived[0].at < LEAD_SECONDS

    def _judge(self, at: float) -> Verdict | None:
        alignment = self._alignment
        self.overflowed = self._size > MOST_BYTES
        if self._ends:
            last = self._ends[-1]
            if alignment.proof(last.pieces) >= self._enough and not self._is_doubtful(last, at):
                return Verdict(last.pieces, goes_on=True)
            is_late = not 0 <= at - self._likely_at < DOUBT_SECONDS
            return self._weigh(at) if is_late or self.overflowed else None
        held_seconds = at - self.arrived[0].at
        has_left = not alignment.is_matching and not self._is_early(at)
        is_late = held_seconds > self._most_seconds
        # Silence is in many places; a source that is behind is waited for when it is known to be.
        is_vague = not 0 <= held_seconds < DOUBT_SECONDS and alignment.missing(self._enough) is None
        if self.overflowed:
            return NOTHING_KNOWN  # No burst is as long: it is all that a server has, and meant to be heard.
        return self._by_the_clock(at) if has_left or is_late or is_vague else None

    def _by_the_clock(self, at: float) -> Verdict:
        """Nothing is known of what came. A server that has an encoder for each connection, or is another station's,
        repeats its last seconds as well: what was on air before the last known piece came."""
        away = at - self._last_at
        repeated = min(self._seconds - away, self._most_seconds)
        if not self._has_burst or away < 0 or repeated <= CLOCK_TOLERANCE_SECONDS:
            return NOTHING_KNOWN
        count, seconds = 0, 0.0
        for arrived in self.arrived:
            for _ in arrived.pieces:
                if seconds + arrived.piece_seconds > repeated:
                    return Verdict(count, goes_on=False, is_proved=False)
                count, seconds = count + 1, seconds + arrived.piece_seconds
        return Verdict(count, goes_on=False, is_proved=False)

    def _is_missing_some(self, at: float) -> bool:
        """Whether less came than the time that went by since the last known piece."""
        return self._seconds + CLOCK_TOLERANCE_SECONDS < at - self._last_at

    def _is_doubtful(self, end: _End, at: float) -> bool:
        return end.lead > LEAD_PIECES and self._is_missing_some(at)

    def _weigh(self, at: float) -> Verdict:
        """Which of the places it is."""
        proved = max(self._ends, key=lambda end: self._alignment.proof(end.pieces))
        if self._alignment.proof(proved.pieces) > 0 and not self._is_doubtful(proved, at):
            return Verdict(proved.pieces, goes_on=True)
        ends = [end for end in self._ends if not end.lead]
        likely = [end for end in ends if end.different >= DIFFERENT]
        if not likely and (not ends or self._is_missing_some(at)):
            return self._by_the_clock(at)
        repeated = self._seconds - (at - self._last_at)
        chosen = min(likely or ends, key=lambda end: abs(end.seconds - repeated))
        return Verdict(chosen.pieces, goes_on=True, is_proved=False)
