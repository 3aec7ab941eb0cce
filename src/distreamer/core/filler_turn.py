"""Filler in the programme's place: whether it is its turn, and what of it is due. Pure; time is an argument."""

from __future__ import annotations

from distreamer.core.filler import FillerRules
from distreamer.core.played import Played
from distreamer.core.playout_joins import PlayoutJoins

MOST_FILLED_AT_ONCE_SECONDS = 10.0
"""A machine that slept does not make up for more filler than this."""


class FillerTurn:
    """What a playout has behind its end: nothing yet, then filler, until the programme is back."""

    def __init__(self, rules: FillerRules | None, joins: PlayoutJoins) -> None:
        """Without ``rules`` it is never filler's turn."""
        self.rules = rules
        self.waits = False
        """Whether the playout ran dry, and filler is to begin if that lasts."""
        self.is_on = False
        self.is_last = False
        """Whether filler was played behind all that was played of the programme."""
        self._joins = joins

    @property
    def plays_clip(self) -> bool:
        """Whether a clip is played, and not silence."""
        return self.is_on and self.rules is not None and self.rules.filler.plays_clip

    @property
    def has_title(self) -> bool:
        """Whether listeners see another title while filler is played."""
        return self.rules is not None and self.rules.filler.title is not None

    @property
    def leaves_title(self) -> bool:
        """Whether the programme, when it goes on without a title, stands behind one of filler's."""
        return self.is_last and self.rules is not None and bool(self.rules.filler.title)

    def change(self, rules: FillerRules | None, *, is_dry: bool) -> None:
        """Other rules from now on; a run of filler that has begun goes on under them."""
        is_first = self.rules is None
        self.rules = rules
        if rules is None:
            self.end()
        elif is_first and is_dry:
            self.waits = True

    def ran_dry(self) -> None:
        """From now on there is nothing of the programme."""
        self.waits = self.rules is not None

    def end(self) -> None:
        """The programme goes on, or nothing does."""
        self.is_last |= self.is_on
        self.waits = self.is_on = False

    def begin(self, last: Played) -> None:
        """It is filler's turn behind ``last``, if there is any in that format."""
        self.waits = False
        self.is_on = self.rules is not None and self.rules.filler.begin(last.fragment, last.info)

    def due(self, now: float, next_due: float, last: Played, *, is_first: bool) -> list[Played]:
        """What is due until ``now``, from ``next_due`` on; ``last`` was the last of the programme, ``is_first`` says
        whether nothing was played since."""
        due: list[Played] = []
        if not self.is_on or self.rules is None:
            return due
        earliest = now - MOST_FILLED_AT_ONCE_SECONDS
        if next_due < earliest:
            next_due, is_first = earliest, False
        while next_due <= now:
            fragment = self._joins.filling(self.rules.filler.next(last.fragment.captured_at))
            due.append(Played(fragment, last.info, next_due, discontinuity=is_first, is_filler=True))
            next_due, is_first = next_due + due[-1].seconds, False
        return due
