"""How many conversations a module that accepts has at once, and of whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from distreamer.core.ports import Clock
from distreamer.protocol.forwarded import household
from distreamer.protocol.native.events import Welcomed
from distreamer.protocol.native.faults import GoodbyeCode
from distreamer.sessions.native_session import NativeSession
from distreamer.sessions.wrong_passwords import is_of_this_machine
from distreamer.transport.tcp import host_of

MOST_STRANGERS_OF_HOST = 8
"""Conversations of one address that were not welcomed yet: a module that dials races so many. In IPv6 a network of 64
bits is one address. Those of this machine are not limited: there a proxy stands, and in its name comes everybody."""
MOST_STRANGERS = 64
"""Of all addresses."""
TOLD_SECONDS = 3600.0
"""An address that is turned away is told of once in so long."""
MOST_TOLD = 64


class Conversing(Protocol):
    """A conversation with someone who dialled."""

    @property
    def session(self) -> NativeSession: ...

    @property
    def welcomed(self) -> Welcomed | None: ...


class Admission:
    """Strangers, who have yet to prove themselves, take nothing from those who have: of too many strangers the one
    that came first goes, so that whoever opens carriers and says nothing keeps only himself out."""

    def __init__(self, most: int, who: str, clock: Clock, log: FilteringBoundLogger) -> None:
        """At the most so many that were welcomed; ``who`` they are: ``receivers``."""
        self._most = most
        self._who = who
        self._clock = clock
        self._log = log
        self._here: dict[Conversing, str] = {}
        """In the order in which they came, with their addresses."""
        self._told: dict[str, float] = {}
        self.turned_away = 0
        """Conversations that were ended because there were too many."""

    def enter(self, one: Conversing) -> None:
        """``one`` begins; it, or one that came before, is told to go when there are too many."""
        host = host_of(one.session.stream.peer)
        welcomed = sum(other.welcomed is not None and not other.session.has_ended for other in self._here)
        if welcomed >= self._most:
            self._turn_away(one, host, f"there are {self._most} conversations already")
        else:
            self._make_room(host)
        self._here[one] = household(host)

    def leave(self, one: Conversing) -> None:
        """It has ended."""
        self._here.pop(one, None)

    def _make_room(self, host: str) -> None:
        home = household(host)
        strangers = [one for one in self._here if one.welcomed is None and not one.session.has_ended]
        of_home = [one for one in strangers if self._here[one] == home]
        if len(of_home) >= MOST_STRANGERS_OF_HOST and not is_of_this_machine(host):
            reason = f"{MOST_STRANGERS_OF_HOST} more have come from its address"
            self._turn_away(of_home[0], host, reason)
        elif len(strangers) >= MOST_STRANGERS:
            homes = [self._here[one] for one in strangers]
            fullest = max(homes, key=homes.count)
            first = next(one for one in strangers if self._here[one] == fullest)
            self._turn_away(first, fullest, f"{MOST_STRANGERS} more have come")

    def _turn_away(self, one: Conversing, host: str, reason: str) -> None:
        self.turned_away += 1
        self._say(host, reason)
        one.session.end(GoodbyeCode.BUSY, reason)

    def _say(self, host: str, reason: str) -> None:
        now = self._clock.now()
        told_at = self._told.get(host)
        say: Callable[..., object] = self._log.debug
        if told_at is None or now - told_at >= TOLD_SECONDS:
            say = self._log.warning
            self._told.pop(host, None)
            self._told[host] = now
            if len(self._told) > MOST_TOLD:
                del self._told[next(iter(self._told))]
        say(f"too many {self._who}", peer=host, reason=reason)
