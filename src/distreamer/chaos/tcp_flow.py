"""What TCP makes of a bad link, for a relay that sees no packets of its own. Pure; time is an argument.

A relay on loopback cannot lose a part of a TCP connection: both kernels talk over a link that is perfect. So each
direction is cut into segments here, these travel over a ``LinkModel``, and what is lost is sent again when TCP would do
so. It is an estimate of what a plain TCP does, not a copy of one:

- nothing behind a lost segment reaches the application before it, and while one is missing nothing new is sent;
- the first repetition comes after a round trip, as when later segments give the loss away; each further one after twice
  the time of the one before, up to 120 s (RFC 6298): so a connection sleeps on when a long outage is over;
- the window begins with ten segments, grows with what arrives, and is halved by a loss (RFC 5681).
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

SEGMENT_BYTES = 1448
"""Of data, on Ethernet with time stamps."""
HEADER_BYTES = 52
"""IPv4 and TCP with time stamps; what a segment costs the link on top."""
LARGEST_WINDOW = 128
"""Segments that are sent and have not arrived: 2 Mbit/s with a round trip of 700 ms."""
FIRST_WINDOW = 10
"""Linux' own (RFC 6928)."""
SMALLEST_WINDOW = 2
MAXIMUM_UNSENT_BYTES = 65536
"""Above that ``wants_more`` is False."""
REPEAT_SECONDS = 0.2
"""Linux' shortest retransmission timeout (TCP_RTO_MIN), on top of the round trip."""
FIRST_REPEAT_SECONDS = 1.0
"""That of the packet that opens a connection (RFC 6298, section 2.1)."""
LONGEST_REPEAT_SECONDS = 120.0


@dataclass(slots=True, eq=False)
class Segment:
    """A piece of one direction of a connection."""

    number: int
    data: bytes = b""
    opens: bool = False
    """It begins the connection."""
    ends: bool = False
    """Nothing follows it."""
    breaks: bool = False
    """It ends the connection at once, both ways (a reset)."""
    losses: int = 0

    @property
    def size(self) -> int:
        """Bytes on the link."""
        return len(self.data) + HEADER_BYTES


class TcpFlow:
    """One direction of a connection."""

    def __init__(self, round_trip_seconds: float, *, is_open: bool) -> None:
        """Unless it ``is_open`` already, nothing is sent before ``open`` and the arrival of what that sends."""
        self.round_trip_seconds = round_trip_seconds
        """May be changed at any time."""
        self.repeated = 0
        """Segments sent again."""
        self._is_open = is_open
        self._unsent: deque[Segment] = deque()
        self._unsent_bytes = 0
        self._next_number = 0
        self._under_way = 0
        """Segments that were sent and have not arrived, those that wait for their repetition included."""
        self._repeats: list[tuple[float, int, Segment]] = []
        """A heap of what was lost, by the time at which it is sent again."""
        self._early: dict[int, Segment] = {}
        """What has arrived before its turn; at most LARGEST_WINDOW."""
        self._next_arrival = 0
        self._window = float(FIRST_WINDOW)
        self._grows_fast = True
        """Until the first loss."""

    @property
    def wants_more(self) -> bool:
        """Whether ``write`` may be called."""
        return self._unsent_bytes <= MAXIMUM_UNSENT_BYTES

    def open(self) -> None:
        """The connection begins; first of all."""
        self._add(Segment(self._next_number, opens=True))

    def write(self, data: bytes) -> None:
        """The application sends ``data``."""
        for begin in range(0, len(data), SEGMENT_BYTES):
            self._add(Segment(self._next_number, data[begin : begin + SEGMENT_BYTES]))

    def end(self) -> None:
        """The application has sent all."""
        self._add(Segment(self._next_number, ends=True))

    def break_off(self) -> None:
        """The connection is reset: what was not sent yet never is."""
        if self._unsent:
            self._next_number = self._unsent[0].number
            self._unsent.clear()
            self._unsent_bytes = 0
        self._is_open = True
        self._add(Segment(self._next_number, ends=True, breaks=True))

    def due(self, now: float) -> list[Segment]:
        """What is to be put on the link now."""
        found = []
        while self._repeats and self._repeats[0][0] <= now:
            found.append(heapq.heappop(self._repeats)[2])
            self.repeated += 1
        while self._unsent and self._may_send(self._unsent[0]):
            segment = self._unsent.popleft()
            self._unsent_bytes -= len(segment.data)
            self._under_way += 1
            found.append(segment)
        return found

    def next_time(self) -> float | None:
        """When ``due`` has something to repeat; None = only when something is written or arrives."""
        return self._repeats[0][0] if self._repeats else None

    def lost(self, segment: Segment, now: float) -> None:
        """The link has lost ``segment``."""
        if not self._repeats:
            self._window = max(self._window / 2, SMALLEST_WINDOW)
            self._grows_fast = False
        segment.losses += 1
        heapq.heappush(self._repeats, (now + self._patience(segment), segment.number, segment))

    def arrived(self, segment: Segment) -> list[Segment]:
        """``segment`` is at the far end, perhaps for a second time; gives what has its turn there now."""
        if segment.number < self._next_arrival or segment.number in self._early:
            return []
        self._under_way -= 1
        self._window = min(self._window + (1 if self._grows_fast else 1 / self._window), LARGEST_WINDOW)
        self._early[segment.number] = segment
        in_order = []
        while (following := self._early.pop(self._next_arrival, None)) is not None:
            self._next_arrival += 1
            self._is_open = True
            in_order.append(following)
        return in_order

    def _may_send(self, segment: Segment) -> bool:
        return (self._is_open or segment.opens) and not self._repeats and self._under_way < self._window

    def _add(self, segment: Segment) -> None:
        self._unsent.append(segment)
        self._unsent_bytes += len(segment.data)
        self._next_number += 1

    def _patience(self, segment: Segment) -> float:
        """How long TCP waits before it sends ``segment`` again."""
        longer = 2.0 ** min(segment.losses - 1, 16)
        if segment.opens:
            return min(FIRST_REPEAT_SECONDS * longer, LONGEST_REPEAT_SECONDS)
        if segment.losses == 1 and self.round_trip_seconds:
            return self.round_trip_seconds
        return min((self.round_trip_seconds + REPEAT_SECONDS) * longer, LONGEST_REPEAT_SECONDS)
