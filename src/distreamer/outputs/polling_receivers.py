"""Receivers that poll: nobody is connected, so who asked lately is there."""

from __future__ import annotations

from dataclasses import dataclass

from distreamer.core.ports import Clock
from distreamer.model.status import DISTREAMER_2, LinkStatus

MOST_REMEMBERED = 64
"""Addresses; of one more the one that has been silent longest is forgotten."""
REMEMBERED_SECONDS = 30.0
"""Ten of the intervals at which a DiStreamer 2 asks by default."""


@dataclass(slots=True)
class _Receiver:
    since: float
    heard_at: float
    fragments: int = 0


class PollingReceivers:
    """By their address without the port, which is another for each request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_host: dict[str, _Receiver] = {}
        """The one that was heard last is the last."""

    def heard(self, host: str, *, took_fragment: bool) -> bool:
        """``host`` was answered; says whether it is new."""
        now = self._clock.now()
        known = self._by_host.pop(host, None)
        receiver = known or _Receiver(now, now)
        receiver.heard_at = now
        receiver.fragments += took_fragment
        self._by_host[host] = receiver
        if len(self._by_host) > MOST_REMEMBERED:
            del self._by_host[next(iter(self._by_host))]
        return known is None

    def forget(self) -> list[str]:
        """Forgets those that ask no more, and gives their addresses."""
        now = self._clock.now()
        gone = [host for host, one in self._by_host.items() if now - one.heard_at > REMEMBERED_SECONDS]
        for host in gone:
            del self._by_host[host]
        return gone

    def links(self) -> tuple[LinkStatus, ...]:
        """Those that asked lately."""
        now = self._clock.now()
        return tuple(
            LinkStatus(
                peer=host,
                connected=True,
                carrier=DISTREAMER_2,
                connected_seconds=now - one.since,
                silent_seconds=now - one.heard_at,
                fragments=one.fragments,
            )
            for host, one in self._by_host.items()
        )

    def sentence(self) -> str:
        """For the health of the output; empty when there is none."""
        return ", ".join(f"{host} polls" for host in self._by_host)
