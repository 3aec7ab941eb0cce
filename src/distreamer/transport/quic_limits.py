"""What the other side of a QUIC connection may send before it was put in order here: real bounds.

aioquic doubles its limits again and again, by how much was sent since the beginning; after a day they are none. And
what comes out of order it holds with all the gaps, so that a few small packets of a stranger can take much memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aioquic.quic.connection import Limit, QuicConnection
from aioquic.quic.packet import QuicFrameType
from aioquic.quic.stream import QuicStream

from distreamer.protocol.native.lanes import MOST_LANES_AHEAD

FIRST_BYTES = 65_536
"""At the beginning, for whoever it is."""
CONNECTION_BYTES = 1_048_576
"""Later, once as much has come: beyond what was put in order, on all streams together."""
MOST_DATAGRAM_BYTES = 1_500
"""Nobody has reason to send larger ones; in one of 64 kB a stranger would have thousands of gaps."""
MOST_HANDSHAKE_GAPS = 64
MOST_GAPS = 512
"""In what came out of order, over all streams: aioquic looks at each one for each frame. A sender that has no more than
512 kB on its way makes about 220 at the most."""
STEPS = 4
"""A new limit is told when it is higher by this part of the window, lest each packet carries one."""


class SlidingLimit(Limit):
    """Of the bytes of a connection: what was put in order, and a window beyond it."""

    def __init__(self, connection: QuicConnection) -> None:
        self._connection = connection
        self._value = FIRST_BYTES
        super().__init__(frame_type=QuicFrameType.MAX_DATA, name="max_data", value=FIRST_BYTES)

    @property
    def value(self) -> int:
        if self.used <= self._value - CONNECTION_BYTES // 2:
            return self._value
        in_order = self.used - sum(
            stream.receiver.highest_offset - stream.receiver.starting_offset()
            for stream in self._connection._streams.values()
            if not stream.receiver.is_finished
        )
        window = min(FIRST_BYTES + in_order, CONNECTION_BYTES)
        if in_order + window - self._value >= window // STEPS:
            self._value = in_order + window
        return self._value

    @value.setter
    def value(self, doubled: int) -> None:
        """It follows what came, whatever aioquic thinks."""


class BodiesLimit(Limit):
    """Of the streams that go one way: as many as may be ahead of the first whose body was not taken."""

    def __init__(self, taken: Callable[[], int]) -> None:
        self._taken = taken
        super().__init__(frame_type=QuicFrameType.MAX_STREAMS_UNI, name="max_streams_uni", value=MOST_LANES_AHEAD)

    @property
    def value(self) -> int:
        return self._taken() + MOST_LANES_AHEAD

    @value.setter
    def value(self, doubled: int) -> None:
        """It follows what was taken, whatever aioquic thinks."""


def limit_peer(connection: QuicConnection, *, most_streams: int, taken: Callable[[], int]) -> None:
    """Bounds what the other side may send on a connection that has sent nothing yet. It may open ``most_streams``
    streams that go both ways; ``taken`` says how many bodies were taken without one missing before them."""
    connection._local_max_streams_uni = BodiesLimit(taken)
    connection._local_max_data = SlidingLimit(connection)
    connection._local_max_streams_bidi.value = most_streams
    connection._local_max_streams_bidi.sent = most_streams


def has_too_many_gaps(connection: QuicConnection) -> bool:
    """Whether what came leaves more gaps than packets that were lost do. To be asked after each datagram."""
    return (
        _gaps(connection._crypto_streams.values()) > MOST_HANDSHAKE_GAPS
        or _gaps(connection._streams.values()) > MOST_GAPS
    )


def _gaps(streams: Iterable[QuicStream]) -> int:
    return sum(len(stream.receiver._ranges) for stream in streams)
