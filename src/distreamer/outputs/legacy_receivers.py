"""Who receives over an old wire, in words and as a status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from distreamer.core.ports import Clock
from distreamer.model.status import DISTREAMER_2, LinkStatus


@dataclass(frozen=True, slots=True)
class _Receiver:
    peer: str
    since: float


class LegacyReceivers:
    """The receivers that are connected now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._here: dict[int, _Receiver] = {}
        self._next = 0

    @property
    def count(self) -> int:
        return len(self._here)

    @contextmanager
    def connected(self, peer: str) -> Iterator[None]:
        """``peer`` receives until the block ends."""
        key = self._next
        self._next += 1
        self._here[key] = _Receiver(peer, self._clock.now())
        try:
            yield
        finally:
            del self._here[key]

    def links(self) -> tuple[LinkStatus, ...]:
        now = self._clock.now()
        return tuple(
            LinkStatus(peer=one.peer, connected=True, carrier=DISTREAMER_2, connected_seconds=now - one.since)
            for one in self._here.values()
        )

    def sentence(self) -> str:
        """For the health of the output."""
        if not self._here:
            return "no receiver is connected"
        count = "1 receiver" if len(self._here) == 1 else f"{len(self._here)} receivers"
        return f"{count} on the wire of DiStreamer 2"
