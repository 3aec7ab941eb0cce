"""Joins a sender and a receiver message by message, without any clock or network."""

from __future__ import annotations

from collections import deque

from distreamer.core.store import Store
from distreamer.protocol.native.events import EpochDescribed, Event, FragmentReceived
from distreamer.protocol.native.wish import want_of
from tests.support.native_programme import Pair, pair


class Carrier:
    """Joins a pair message by message; ``life`` messages after its start it is cut, in the middle of anything."""

    def __init__(self, both: Pair, target: Store, life: int | None = None, latency: int = 0) -> None:
        self.both = both
        self.target = target
        self.life = life
        self.fragments: list[tuple[int, int]] = []
        """Those that arrived, in order."""
        self.carried_bytes = 0
        self.events: list[Event] = []
        self._latency = latency
        self._to_sender: deque[bytes] = deque()
        self._to_receiver: deque[bytes] = deque()

    def ask(self, back_seconds: float = 30, resume_seconds: float = 300) -> None:
        self.both.receiver_role.ask(want_of(self.target, back_seconds, resume_seconds))

    def run(self, now: float, limit: int = 100_000) -> bool:
        """Carries until nobody has anything to say (True) or the carrier is cut (False)."""
        for _ in range(limit):
            # The sender may run ahead of what has arrived by ``latency`` messages.
            while len(self._to_receiver) <= self._latency:
                message = self.both.sender.data_to_send(now)
                if message is None:
                    break
                self._to_receiver.append(message)
            while (message := self.both.receiver.data_to_send(now)) is not None:
                self._to_sender.append(message)
            if not self._to_sender and not self._to_receiver:
                return True
            if self.life is not None:
                if self.life == 0:
                    return False
                self.life -= 1
            if self._to_sender:
                self.events += self.both.sender.receive_data(self._to_sender.popleft(), now)
            else:
                message = self._to_receiver.popleft()
                self.carried_bytes += len(message)
                self._store(self.both.receiver.receive_data(message, now))
        raise AssertionError("they never stop talking")

    def _store(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if isinstance(event, EpochDescribed):
                self.target.open_epoch(event.epoch, event.info)
            elif isinstance(event, FragmentReceived):
                self.fragments.append((event.fragment.epoch, event.fragment.number))
                self.target.add(event.fragment)


def connected(source: Store, target: Store, life: int | None = None, latency: int = 0) -> Carrier:
    carrier = Carrier(pair(source), target, life, latency)
    carrier.run(0.0)
    return carrier
