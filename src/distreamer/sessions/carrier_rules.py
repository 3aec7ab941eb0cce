"""When a carrier gets rivals, and which of two kinds is preferred. Pure; time is an argument."""

from __future__ import annotations

import math

HEAD_START_SECONDS = 0.2
"""The preferred kind is dialled so much earlier than the other."""
HANDSHAKE_START_SECONDS = 1.0
"""More of it, when the preferred one is up by then: where it works, the other is not opened at all."""
FIRST_UPGRADE_SECONDS = 5.0
LONGEST_UPGRADE_SECONDS = 300.0
"""While only the lesser kind works, the better one is tried again after so long; each time after twice as long."""

UNHEARD_SECONDS = 1.2
"""A carrier that was silent for so long gets a rival: more than a ping interval and the round trip of a satellite."""
UNHEARD_ROUND_TRIPS = 1.5
UNHEARD_BEYOND_SECONDS = 0.7
"""Where round trips are long, silence is longer too: a ping interval and some of them."""
SHORTEST_ROUND_TRIPS = 4.0
SHORTEST_BEYOND_SECONDS = 1.0
LONGEST_UNHEARD_SECONDS = 5.0
"""But no longer than some of the shortest round trips take, or this: one that outlived an outage tells nothing."""

YOUNG_SECONDS = 60.0
"""A carrier of the better kind that is silent so soon after it was taken, and has to be replaced, has died young."""
DEATHS = 2
"""So many in a row that died young, and the other kind is preferred for a while."""
FIRST_AVOIDED_SECONDS = 5.0
LONGEST_AVOIDED_SECONDS = 3600.0
"""For how long, twice as long with each: something on the way lets that kind begin and then swallows it."""
LIVED_SECONDS = 180.0
"""One that works for so long has proven that it can be relied on, and all that is forgotten."""


def rival_after(round_trip: float | None, shortest: float | None) -> float:
    """How many seconds a conversation may be silent before another carrier is dialled. On a link whose queue is full it
    is always behind by a round trip."""
    if round_trip is None:
        return UNHEARD_SECONDS
    most = LONGEST_UNHEARD_SECONDS
    if shortest is not None:
        most = min(most, SHORTEST_ROUND_TRIPS * shortest + SHORTEST_BEYOND_SECONDS)
    return max(UNHEARD_SECONDS, min(UNHEARD_ROUND_TRIPS * round_trip + UNHEARD_BEYOND_SECONDS, most))


class Preference:
    """Which kind is dialled first, and takes the place of one of the other kind that works.

    =============================================================  ===================================================
    What became of a carrier of the better kind                    What follows
    =============================================================  ===================================================
    it was silent soon after it was taken, and spoke again         nothing: it was the link
    it was silent soon after it was taken, and another replaced    the second time in a row, and each time after: the
    it, of whichever kind                                          other kind is preferred for 5 s × 2ⁿ, up to an hour
    it works for some minutes                                      the better kind is preferred, as at the beginning
    =============================================================  ===================================================
    """

    def __init__(self) -> None:
        self._deaths = 0
        self._avoided_until = -math.inf
        self._pause = FIRST_UPGRADE_SECONDS
        self._upgrade_at = 0.0
        self._better_since: float | None = None
        """When the carrier of the better kind that is in use was taken; None when the other kind is in use."""
        self._dying_since: float | None = None
        """When it fell silent; None while it is heard."""

    def is_for_better(self, now: float) -> bool:
        """Whether the better kind is preferred."""
        return now >= self._avoided_until and not (self._is_dying_young and self._deaths + 1 >= DEATHS)

    @property
    def next_upgrade(self) -> float:
        """When the better kind may be dialled, to take the place of one of the other that works."""
        return max(self._upgrade_at, self._avoided_until)

    def upgrades(self, now: float) -> None:
        """It is dialled for that."""
        self._pause = min(2 * self._pause, LONGEST_UPGRADE_SECONDS)
        self._upgrade_at = now + self._pause

    def taken(self, now: float, pause: float, *, is_better: bool) -> None:
        """Another carrier is used from now on, and not given up for a better kind before ``pause`` seconds."""
        self._pause, self._upgrade_at = pause, now + pause
        if self._is_dying_young:
            self._deaths += 1
            if self._deaths >= DEATHS:
                seconds = min(FIRST_AVOIDED_SECONDS * 2.0 ** min(self._deaths, 16), LONGEST_AVOIDED_SECONDS)
                self._avoided_until = now + seconds
        self._better_since = now if is_better else None
        self._dying_since = None

    def silent(self, now: float) -> None:
        """The carrier in use has been silent for so long that it gets rivals."""
        if self._dying_since is None:
            self._dying_since = now

    def heard(self, now: float) -> None:
        """The carrier in use works."""
        self._dying_since = None
        if self._better_since is not None and now - self._better_since >= LIVED_SECONDS:
            self._deaths, self._avoided_until = 0, -math.inf

    @property
    def _is_dying_young(self) -> bool:
        if self._better_since is None or self._dying_since is None:
            return False
        return self._dying_since - self._better_since < YOUNG_SECONDS
