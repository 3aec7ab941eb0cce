"""The audience of a server of players: how many listen, from how many addresses, and who was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

from distreamer.core.ports import Clock
from distreamer.model.status import ListenersStatus
from distreamer.protocol.forwarded import household
from distreamer.protocol.server_view import Refusal

PROBE_SECONDS = 5.0
"""Who asked for the first bytes only and still listens after this does not only look what there is."""

AGENT_CHARACTERS = 200
"""What is kept of a player's User-Agent."""


class Listener(Hashable, Protocol):
    """One who is counted, as far as it matters for that."""

    address: str
    """Its IP address."""
    begun_at: float
    """When it began to listen, on the clock of the audience."""
    number: int
    """0 as long as it is not counted; given by the audience."""


ListenerT = TypeVar("ListenerT", bound=Listener)


class Audience(Generic[ListenerT]):
    """Counts listeners as they come and go; what it costs does not depend on how many there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._peak = 0
        self._served = 0
        self._connected = 0
        self._by_household: Counter[str] = Counter()
        self._begun_sum = 0.0
        self._refused: Counter[Refusal] = Counter()
        # Who asked for the first bytes only, and when it is a listener after all.
        self._probes: dict[ListenerT, float] = {}

    @property
    def connected(self) -> int:
        """Listeners now."""
        return self._connected

    @property
    def average_seconds(self) -> float:
        """For how long those who listen now have been listening, on average."""
        return self._clock.now() - self._begun_sum / self._connected if self._connected else 0.0

    def refusal(self, address: str, most: int, most_per_address: int) -> Refusal | None:
        """Why nobody else may listen from ``address``; None when one may. ``most_per_address`` is 0 for any number."""
        if self._connected >= most:
            return Refusal.FULL
        if most_per_address and self._by_household[household(address)] >= most_per_address:
            return Refusal.ADDRESS
        return None

    def refused(self, refusal: Refusal) -> None:
        """Somebody was refused."""
        self._refused[refusal] += 1

    def join(self, listener: ListenerT) -> None:
        """Counts ``listener`` from now on."""
        self._connected += 1
        self._served += 1
        self._peak = max(self._peak, self._connected)
        self._begun_sum += listener.begun_at
        self._by_household[household(listener.address)] += 1
        listener.number = self._served

    def watch(self, listener: ListenerT) -> None:
        """``listener`` gets audio, but asked for the first bytes only: it does not count yet."""
        self._probes[listener] = self._clock.now() + PROBE_SECONDS

    def probes_that_listen(self) -> list[ListenerT]:
        """Those who have been watched for so long that they listen; given once."""
        now = self._clock.now()
        found = [listener for listener, end in self._probes.items() if end <= now]
        for listener in found:
            del self._probes[listener]
        return found

    def leave(self, listener: ListenerT) -> bool:
        """``listener`` is gone; says whether it was counted."""
        self._probes.pop(listener, None)
        if not listener.number:
            return False
        self._connected -= 1
        self._begun_sum = self._begun_sum - listener.begun_at if self._connected else 0.0
        place = household(listener.address)
        self._by_household[place] -= 1
        if not self._by_household[place]:
            del self._by_household[place]
        listener.number = 0
        return True

    def status(self) -> ListenersStatus:
        """The counters since the start, as far as they are known here."""
        return ListenersStatus(
            connected=self._connected,
            unique=len(self._by_household),
            peak=self._peak,
            served=self._served,
            refused_full=self._refused[Refusal.FULL],
            refused_per_address=self._refused[Refusal.ADDRESS],
            refused_password=self._refused[Refusal.PASSWORD],
        )
