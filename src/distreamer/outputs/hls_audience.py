"""The audience of an HLS server. Its listeners hold no connection: they are known by how often they come."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

from distreamer.model.status import ListenersStatus
from distreamer.outputs.audience import AGENT_CHARACTERS
from distreamer.protocol.forwarded import household

MOST_CLIENTS = 20_000
"""Listeners that are told apart; beyond it the one that has not come for the longest time is not counted any more."""


@dataclass(frozen=True, slots=True)
class _Client:
    address: str
    agent: str


class HlsAudience:
    """Counts players by their addresses and User-Agents."""

    def __init__(self, most_clients: int = MOST_CLIENTS) -> None:
        self.forgotten = 0
        """Listeners that were not counted any more because there were too many."""
        self._most_clients = most_clients
        self._seen_at: OrderedDict[_Client, float] = OrderedDict()
        """When each came last; who has not come for the longest time stands first."""
        self._households: Counter[str] = Counter()
        self._peak = 0
        self._served = 0

    @property
    def connected(self) -> int:
        """Listeners, as far as nobody has been let go since."""
        return len(self._seen_at)

    def came(self, address: str, agent: str, now: float) -> None:
        """A player asked for the playlist."""
        client = _Client(address, agent[:AGENT_CHARACTERS])
        if client not in self._seen_at:
            self._served += 1
            self._households[household(address)] += 1
        self._seen_at[client] = now
        self._seen_at.move_to_end(client)
        if len(self._seen_at) > self._most_clients:
            self._let_go()
            self.forgotten += 1
        self._peak = max(self._peak, len(self._seen_at))

    def let_go(self, since: float) -> None:
        """Who has not come since then does not listen any more."""
        while self._seen_at and next(iter(self._seen_at.values())) < since:
            self._let_go()

    def status(self) -> ListenersStatus:
        """The counters since the start."""
        return ListenersStatus(
            connected=len(self._seen_at), unique=len(self._households), peak=self._peak, served=self._served
        )

    def _let_go(self) -> None:
        client, _ = self._seen_at.popitem(last=False)
        place = household(client.address)
        self._households[place] -= 1
        if not self._households[place]:
            del self._households[place]
