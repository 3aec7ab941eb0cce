"""When filler ends, and what is played behind it: ONRETURN and MAXDELAY. Pure; time is an argument.

What is too old to be played shows only when all that was missed is here. So either whoever brings it leaves out what is
too old (see ``Comeback``), or the rest is waited for, as long as it comes fast.
"""

from __future__ import annotations

from collections.abc import Callable

from distreamer.core.catch_up import CatchUp
from distreamer.core.comeback import Comeback, Oldest
from distreamer.core.filler import FillerRules, OnReturn
from distreamer.core.played import Played
from distreamer.core.store import Position, Store

RESTART_SECONDS = 5.0
"""After it ran dry, the head goes on when this much is held (or the delay, when that is shorter).

A link that is back brings all that was missed within a moment, so nobody waits for it. A source that is back brings
a second per second: waiting for the whole delay would keep listeners in silence for as long, and going on with the
first fragment would end in a second stop at the next hiccup, which is worse than one that is a little longer.
"""
MOST_CATCH_UP_SECONDS = 10.0
"""Once the buffer is full behind filler, the rest of what was missed is waited for no longer than this: a thin link may
bring it for minutes."""
FIRST_ARRIVAL_SECONDS = 5.0
"""Behind a start of the program the first of what was missed is waited for no longer than this: the link has to come
up before."""
TOO_OLD_SECONDS = 1.5
"""Beyond what may be, audio is played all the same: what it takes until the first fragments are there."""
FULL = 0.9
"""A store at this part of a limit of its own holds all that it ever will."""


class ProgrammeReturn:
    """Decides when a playout that had nothing left goes on with the programme, and where."""

    def __init__(
        self, store: Store, delay: Callable[[], float], restart_seconds: float, rules: FillerRules | None
    ) -> None:
        """``delay`` gives the seconds behind the newest fragment at which the programme is played at present; for
        ``restart_seconds`` see RESTART_SECONDS. Without ``rules`` nobody hears filler."""
        self.rules = rules
        self.is_rest_expected = False
        """Whether the program was started anew, and all that was missed meanwhile is to come first."""
        self.first_due: float | None = None
        """Until when the first of that is waited for; None when it is not any more."""
        self._store = store
        self._delay = delay
        self._restart_seconds = restart_seconds
        self._catch_up = CatchUp()
        self._comeback = Comeback(store)
        self._last: Played | None = None
        self._dry_since = 0.0
        self._full_since: float | None = None
        """When enough was held to end the filler."""

    def observe(self, now: float) -> None:
        """To be called after each change of the store, and when ``first_due`` is over."""
        if self.first_due is not None and now >= self.first_due:
            self.first_due = None
        self._catch_up.observe(now, self._store.added_seconds)
        self._comeback.observe(now)

    def expect_rest(self, now: float) -> None:
        """The program was started anew, and the link, if it works, brings what was missed meanwhile."""
        self.is_rest_expected, self.first_due = True, now + FIRST_ARRIVAL_SECONDS
        self._catch_up.expect(now, self._store.added_seconds, FIRST_ARRIVAL_SECONDS)

    def ran_dry(self, last: Played, due: float) -> None:
        """What follows ``last``, and was ``due``, is not there."""
        self._last, self._dry_since = last, due

    def happened(self) -> None:
        """The programme is played again."""
        self._comeback.is_expected = False
        self.is_rest_expected, self.first_due = False, None
        self._full_since = None

    def oldest_wanted(self, now: float) -> Oldest:
        """The oldest that will be played behind filler. From now on it is relied upon that what is older comes behind
        everything else, or not at all."""
        self._comeback.is_expected = True
        return self._oldest(now)

    def wanted_seconds(self, kept: float, *, is_filling: bool) -> float:
        """Seconds that must be held to go on; ``kept`` are those at a first start. Who hears filler hears it until a
        second outage as long as the first would not be heard."""
        return kept if is_filling else min(self._delay(), self._restart_seconds)

    def place(self, now: float, head: Position, wanted: float, *, is_hastened: bool) -> Position | None:
        """Where the programme goes on behind ``head`` now; None while filler has to. ``wanted`` are the seconds of it
        to be held. ``is_hastened``: it is made here as it is wanted, and never too old."""
        held = self._store.seconds_after(head)
        place: Position | None = head
        if self._comeback.is_expected and not is_hastened:
            place = self._comeback.place(now, head, self._oldest(now), wanted)
            if place is None and self._holds_all(held):
                place = head
        elif not self.is_enough(held, wanted) or (not is_hastened and self.is_rest_awaited(now)):
            place = None
        return None if place is None else max(place, self._store.position_before_newest(self._most_delay()))

    def is_enough(self, held: float, wanted: float) -> bool:
        """Whether ``held``, the seconds behind the head, are as many as ``wanted``, or will not become more."""
        return held > 0 and (held >= wanted or self._holds_all(held))

    def is_rest_awaited(self, now: float) -> bool:
        """Whether to wait for the rest of what was missed, although enough is held: what is too old to be played shows
        only when all is there."""
        if self._full_since is None:
            self._full_since = now
        return self._catch_up.is_on(now) and now < self._full_since + MOST_CATCH_UP_SECONDS

    def _holds_all(self, held: float) -> bool:
        """Whether ``held`` will not become more: the store has reached a limit, and holds hardly anything that was
        played."""
        limits = self._store.limits
        is_full = self._store.seconds >= FULL * limits.seconds or self._store.size >= FULL * limits.size
        return is_full and held >= FULL * self._store.seconds

    def _most_delay(self) -> float:
        """Seconds behind live that may be what is played behind filler."""
        wanted = self._delay()
        if self.rules is None or self.rules.on_return is OnReturn.LIVE:
            return wanted
        return max(wanted, self.rules.most_delay_seconds)

    def _oldest(self, now: float) -> Oldest:
        """Of what may be played. As long as the programme was played it was as old as it should be."""
        most = self._most_delay()
        if self._last is None:
            return Oldest(most, 0.0)
        due = self._last.fragment.captured_at + self._last.seconds + now - self._dry_since
        return Oldest(most, due - (most - self._delay()) - TOO_OLD_SECONDS)
