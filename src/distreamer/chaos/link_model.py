"""A bad link, one way, as a value: what it does to each packet. Pure; time and chance are arguments.

A packet first waits for its turn in a queue with a bound, and leaves it at the link's rate. On the air it may then be
lost, be delayed, or come twice. The same settings, packets, times and chances always give the same outcome.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from distreamer.units import BITS_PER_BYTE

Item = TypeVar("Item")
Chance = Callable[[], float]
"""Gives a random number in [0, 1) with each call."""

MAXIMUM_ON_THE_AIR_BYTES = 64_000_000
"""What may be under way at once on a link without a rate: 5 s at 100 Mbit/s."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What a link does, one way. Without arguments it is a perfect one."""

    loss: float = 0.0
    """Share of packets that are lost, each by itself; 0 to 1."""
    burst_loss: float = 0.0
    """Share of the time in which everything is lost, in bursts (Gilbert and Elliott's model, in time: a sender that is
    silent does not make a burst last longer); 0 to 1. ``loss`` is for what lies between them."""
    burst_seconds: float = 0.5
    """How long a burst lasts on average; above 0."""
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    """Up to so much is added to the delay of each packet, evenly spread."""
    reorders: bool = False
    """Whether jitter may put packets out of order; else one that is late holds up those behind it."""
    duplication: float = 0.0
    """Share of packets that come twice; 0 to 1."""
    rate: float = 0.0
    """Bits per second; 0 = as fast as you like."""
    queue_bytes: int = 32_000
    """What may wait for its turn when there is a rate; what comes on top is dropped. One packet may always wait."""
    largest_packet: int = 0
    """Bytes; bigger packets vanish without a word, as behind a tunnel that nobody told of; 0 = no limit."""
    is_dark: bool = False
    """Whether nothing passes at all."""


@dataclass(slots=True)
class LinkCounters:
    """Packets since the beginning; what waits or is on the air is in ``offered`` alone."""

    offered: int = 0
    offered_bytes: int = 0
    delivered: int = 0
    """Copies included."""
    delivered_bytes: int = 0
    lost: int = 0
    """By chance, in bursts or not."""
    lost_in_the_dark: int = 0
    too_large: int = 0
    dropped_by_queue: int = 0
    duplicated: int = 0
    """Copies made."""


class LinkModel(Generic[Item]):
    """One way of a link. Every call brings it up to ``now``, which never goes back."""

    def __init__(
        self, settings: LinkSettings, chance: Chance, now: float, lost: Callable[[Item], None] | None = None
    ) -> None:
        """``lost`` is called for each item that does not arrive, when that is decided."""
        self.counters = LinkCounters()
        self._settings = settings
        self._chance = chance
        self._note_lost = lost
        self._now = now
        self._queue: deque[tuple[Item, int]] = deque()
        self._queued_bytes = 0
        self._bits_left = 0.0
        """Of the packet at the head of the queue."""
        self._air: list[tuple[float, int, Item, int]] = []
        """A heap of what is on its way: when it arrives, in which order it left, itself, its size."""
        self._air_bytes = 0
        self._departures = 0
        self._last_arrival = -math.inf
        self._in_burst = False
        self._burst_changes_at = math.inf
        self._begin_bursts()

    @property
    def settings(self) -> LinkSettings:
        return self._settings

    @property
    def queued_bytes(self) -> int:
        """What waits for its turn, what is just leaving included."""
        return self._queued_bytes

    def change(self, settings: LinkSettings, now: float) -> None:
        """From ``now`` on the link is like this; what waits in the queue included."""
        self._advance(now)
        had_bursts = self._settings.burst_loss, self._settings.burst_seconds
        self._settings = settings
        if had_bursts != (settings.burst_loss, settings.burst_seconds):
            self._begin_bursts()
        self._advance(now)

    def put(self, item: Item, size: int, now: float) -> None:
        """A packet of ``size`` bytes is sent."""
        self._advance(now)
        self.counters.offered += 1
        self.counters.offered_bytes += size
        if self._queue and self._queued_bytes + size > self._settings.queue_bytes:
            self.counters.dropped_by_queue += 1
            self._lose(item)
            return
        if not self._queue:
            self._bits_left = size * BITS_PER_BYTE
        self._queue.append((item, size))
        self._queued_bytes += size
        self._advance(now)

    def take(self, now: float) -> list[Item]:
        """What has arrived by ``now`` and was not taken yet, in the order of arrival."""
        self._advance(now)
        arrived = []
        while self._air and self._air[0][0] <= now:
            _, _, item, size = heapq.heappop(self._air)
            self._air_bytes -= size
            self.counters.delivered += 1
            self.counters.delivered_bytes += size
            arrived.append(item)
        return arrived

    def next_time(self) -> float | None:
        """When there is something to do again (``take`` does it); None = nothing is under way."""
        times = [self._air[0][0]] if self._air else []
        if self._queue:
            times.append(self._head_leaves_at())
        return min(times, default=None)

    def _head_leaves_at(self) -> float:
        rate = self._settings.rate
        return self._now + self._bits_left / rate if rate else self._now

    def _advance(self, now: float) -> None:
        """Lets go what has had its turn by ``now``."""
        while self._queue and (leaves_at := self._head_leaves_at()) <= now:
            self._now = leaves_at
            item, size = self._queue.popleft()
            self._queued_bytes -= size
            self._leave(item, size)
            if self._queue:
                self._bits_left = self._queue[0][1] * BITS_PER_BYTE
        passed = max(now - self._now, 0.0)
        if self._queue:
            self._bits_left -= passed * self._settings.rate
        self._now += passed

    def _leave(self, item: Item, size: int) -> None:
        """Decides what becomes of a packet, in the order of what is certain."""
        settings, counters = self._settings, self.counters
        if settings.is_dark:
            counters.lost_in_the_dark += 1
        elif settings.largest_packet and size > settings.largest_packet:
            counters.too_large += 1
        elif self._is_in_burst() or self._chance() < settings.loss:
            counters.lost += 1
        elif self._air_bytes + size > MAXIMUM_ON_THE_AIR_BYTES:
            counters.dropped_by_queue += 1
        else:
            self._fly(item, size)
            if self._chance() < settings.duplication and self._air_bytes + size <= MAXIMUM_ON_THE_AIR_BYTES:
                counters.duplicated += 1
                self._fly(item, size)
            return
        self._lose(item)

    def _fly(self, item: Item, size: int) -> None:
        settings = self._settings
        arrival = self._now + settings.delay_seconds + settings.jitter_seconds * self._chance()
        if not settings.reorders:
            arrival = max(arrival, self._last_arrival)
        self._last_arrival = max(arrival, self._last_arrival)
        heapq.heappush(self._air, (arrival, self._departures, item, size))
        self._departures += 1
        self._air_bytes += size

    def _lose(self, item: Item) -> None:
        if self._note_lost is not None:
            self._note_lost(item)

    def _begin_bursts(self) -> None:
        """Draws anew whether there is a burst now."""
        share = self._settings.burst_loss
        self._in_burst = self._chance() < share
        self._burst_changes_at = math.inf if share in {0.0, 1.0} else self._now + self._stay()

    def _is_in_burst(self) -> bool:
        while self._burst_changes_at <= self._now:
            self._in_burst = not self._in_burst
            self._burst_changes_at += self._stay()
        return self._in_burst

    def _stay(self) -> float:
        """How long it stays in a burst, or between two of them: exponentially spread."""
        settings = self._settings
        mean = settings.burst_seconds
        if not self._in_burst:
            mean *= (1 - settings.burst_loss) / settings.burst_loss
        return -mean * math.log(1 - self._chance())
