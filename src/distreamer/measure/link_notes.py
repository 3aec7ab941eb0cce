"""What is seen of one carrier of a link: round trips, silences, lost packets, how late fragments are. Pure.

Nothing is added to the conversation for it: its own pings and pongs, and the fragments that are asked for, tell.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from distreamer.protocol.native.faults import ConversationError
from distreamer.protocol.native.limits import KNOWN_EPOCHS
from distreamer.protocol.native.messages import EpochDescription, FragmentHead, Piece, Ping, Pong, decode
from distreamer.units import BITS_PER_BYTE

MOST_ROUND_TRIPS = 100_000
"""That are kept: a day of them."""
MOST_UNANSWERED = 256
"""Pings whose time is kept."""
RUSH_PAUSE_SECONDS = 0.5
"""What comes at once at the beginning is over when nothing more came for so long."""
LEAST_RUSH_BYTES = 20_000
"""To say how fast it came."""
LEAST_PACKETS = 20
"""To say how many are lost."""


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Seconds."""

    shortest: float
    median: float
    longest_of_most: float
    """All but one in a hundred are shorter."""
    count: int


@dataclass(frozen=True, slots=True)
class CarrierFigures:
    """What was seen of a carrier."""

    round_trips: RoundTrips | None
    """None when no answer came."""
    loss: float | None
    """Part of the packets that came not here; None where they cannot be counted (TCP)."""
    packets: int
    """By which that is known."""
    longest_silence_seconds: float
    """In which nothing was heard."""
    latest_fragment_seconds: float
    """By how much the latest one was later than the most punctual."""
    breaks: int
    """How often the carrier was lost."""
    throughput: float | None
    """Bits per second at which what was held there came; None when too little did."""
    bitrate: float | None
    """Of the programme, bits per second; None when none came."""


class LinkNotes:
    """Through all connections of one kind."""

    def __init__(self) -> None:
        self.breaks = 0
        self._round_trips: list[float] = []
        self._pings: OrderedDict[int, float] = OrderedDict()
        self._heard_at: float | None = None
        self._longest_silence = 0.0
        self._came = 0
        self._sent = 0
        self._lateness: list[float] = []
        self._held_to: tuple[int, int] | None = None
        """The newest that the other side held when the connection began: epoch and number."""
        self._clock_rates: dict[int, int] = {}
        self._rush_from: float | None = None
        self._rush_to = 0.0
        self._rush_bytes = 0
        self._rush_is_over = False
        self._size = 0
        self._seconds = 0.0
        self._head: FragmentHead | None = None
        self._head_left = 0

    # -- what happens

    def began(self, now: float) -> None:
        """A connection is up, and both sides are welcome."""
        self._heard(now)
        self._pings.clear()
        self._head = self._held_to = None

    def broke(self) -> None:
        """It is lost. The silence goes on until the next one is up."""
        self.breaks += 1
        self._rush_is_over = self._rush_is_over or self._rush_from is not None

    def sent(self, message: bytes, now: float) -> None:
        """A message goes out."""
        if message[0] != Ping.TYPE:
            return
        ping, _ = decode(message)
        if isinstance(ping, Ping):
            self._pings[ping.id] = now
            if len(self._pings) > MOST_UNANSWERED:
                self._pings.popitem(last=False)

    def received(self, message: bytes, now: float, wall: float) -> None:
        """A message came, at ``now`` and the Unix time ``wall``."""
        self._heard(now)
        try:
            found, payload = decode(message)
        except ConversationError:
            return  # The conversation says it.
        if isinstance(found, Pong):
            at = self._pings.pop(found.id, None)
            if at is not None and len(self._round_trips) < MOST_ROUND_TRIPS:
                self._round_trips.append(now - at)
        elif isinstance(found, Ping):
            if self._held_to is None and found.newest is not None:
                self._held_to = found.newest.epoch, found.newest.number
        elif isinstance(found, EpochDescription):
            self._clock_rates[found.epoch] = found.clock_rate
            if len(self._clock_rates) > KNOWN_EPOCHS:
                del self._clock_rates[next(iter(self._clock_rates))]
        elif isinstance(found, FragmentHead):
            self._head, self._head_left = found, found.size
            self._rush(0, now)
        elif isinstance(found, Piece) and self._head is not None:
            self._rush(len(payload), now)
            self._head_left -= len(payload)
            if self._head_left <= 0:
                self._fragment(self._head, wall)
                self._head = None

    def packets(self, came: int, sent: int) -> None:
        """Of a connection that is over: so many packets came of so many that were sent while it was looked at."""
        self._came += came
        self._sent += sent

    def ended(self, now: float) -> None:
        """Nothing more is looked at."""
        if self._heard_at is not None:
            self._longest_silence = max(self._longest_silence, now - self._heard_at)

    def figures(self) -> CarrierFigures:
        """Of all up to now."""
        has_packets = self._sent >= LEAST_PACKETS
        rush_seconds = self._rush_to - self._rush_from if self._rush_from is not None else 0.0
        is_rush = self._rush_bytes >= LEAST_RUSH_BYTES and rush_seconds > 0
        return CarrierFigures(
            round_trips=_round_trips(self._round_trips),
            loss=max(1 - self._came / self._sent, 0.0) if has_packets else None,
            packets=self._sent,
            longest_silence_seconds=self._longest_silence,
            latest_fragment_seconds=max(self._lateness) - min(self._lateness) if self._lateness else 0.0,
            breaks=self.breaks,
            throughput=self._rush_bytes * BITS_PER_BYTE / rush_seconds if is_rush else None,
            bitrate=self._size * BITS_PER_BYTE / self._seconds if self._seconds else None,
        )

    # -- inside

    def _heard(self, now: float) -> None:
        if self._heard_at is not None:
            self._longest_silence = max(self._longest_silence, now - self._heard_at)
        self._heard_at = now

    def _rush(self, size: int, now: float) -> None:
        """What was held there comes as fast as the link brings it."""
        if self._rush_is_over:
            return
        if self._rush_from is None:
            self._rush_from = self._rush_to = now
        if now - self._rush_to > RUSH_PAUSE_SECONDS:
            self._rush_is_over = True
            return
        self._rush_to = now
        self._rush_bytes += size

    def _fragment(self, head: FragmentHead, wall: float) -> None:
        self._size += head.size
        self._seconds += head.duration / self._clock_rates.get(head.epoch, head.duration)
        # What was held there is old, and not late.
        if self._is_live(head) and len(self._lateness) < MOST_ROUND_TRIPS:
            self._lateness.append(wall - head.captured_at)

    def _is_live(self, head: FragmentHead) -> bool:
        """Whether it was made since the connection began."""
        if self._held_to is None:
            return False
        epoch, number = self._held_to
        return head.epoch != epoch or head.number > number


def _round_trips(seconds: Sequence[float]) -> RoundTrips | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    most = ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)]
    return RoundTrips(ordered[0], median(ordered), most, len(ordered))
