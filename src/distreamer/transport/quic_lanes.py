"""The streams of a QUIC connection that carry what goes out, lane by lane, and what is held because of them."""

from __future__ import annotations

from aioquic.quic.connection import QuicConnection
from aioquic.quic.stream import QuicStream

from distreamer.protocol.native.lanes import CONTROL, LaneSplitter, Part

CONTROL_STREAM = 0
"""The first that a client opens; both sides write their control messages to it."""
MOST_UNACKNOWLEDGED_BYTES = 524_288
"""Beyond it nothing more is taken: twice what the protocol has on its way."""
MOST_HELD_BYTES = 4_194_304
"""Of what goes out and what came in, with all that is noted of packets under way. Our own rules keep far below; a
connection that gets there is ended."""
PACKET_NOTE_BYTES = 1_000
"""What the memory of a packet under way takes at the most, beside its bytes, which the streams hold."""


class LaneStreams:
    """Of one connection: each body has a stream that nobody else writes to, and the rest shares the control stream."""

    def __init__(self, quic: QuicConnection) -> None:
        self._quic = quic
        self._splitter = LaneSplitter()
        self._open: dict[int, int] = {}
        self._too_early: list[bytes] = []
        """Control messages of an acceptor to which no stream was opened yet."""

    def send(self, message: bytes) -> None:
        """Hands ``message`` to its stream."""
        part = self._splitter.split(message)
        if part.lane != CONTROL:
            self._send_body(part)
        elif self._quic.configuration.is_client or CONTROL_STREAM in self._quic._streams:
            self._quic.send_stream_data(CONTROL_STREAM, part.data)
        else:
            self._too_early.append(part.data)

    def opened(self) -> None:
        """The other side has opened the control stream."""
        for message in self._too_early:
            self._quic.send_stream_data(CONTROL_STREAM, message)
        self._too_early.clear()

    def put_in_order(self) -> None:
        """To be told before packets are made. aioquic gives each stream its turn: all fragments would be finished at
        the same time, late. This way the control stream comes first, and then the oldest fragment."""
        self._quic._streams_queue.sort(key=_age)

    def abandon(self, lane: int) -> bool:
        """What was sent there need not be delivered, unless it goes on; says whether anything is left out."""
        number = lane << 2 | (2 if self._quic.configuration.is_client else 3)
        stream = self._quic._streams.get(number)
        # One that the other side does not allow yet must not even be reset, which aioquic does not look at.
        if lane in self._open or stream is None or stream.sender.is_finished or stream.is_blocked:
            return False
        self._quic.reset_stream(number, 0)
        stream.sender._buffer.clear()
        return True

    @property
    def is_full(self) -> bool:
        """Whether too much is under way to take more."""
        return self._unacknowledged_bytes() > MOST_UNACKNOWLEDGED_BYTES

    def held_bytes(self) -> int:
        """What the library holds for this connection, about: to be looked at now and then."""
        came = sum(len(stream.receiver._buffer) for stream in self._quic._streams.values())
        packets = sum(len(space.sent_packets) for space in self._quic._loss.spaces)
        return self._unacknowledged_bytes() + came + PACKET_NOTE_BYTES * packets

    def _send_body(self, part: Part) -> None:
        stream = self._open.get(part.lane, -1)
        if stream < 0:
            stream = self._quic.get_next_available_stream_id(is_unidirectional=True)
            self._open[part.lane] = stream
        if part.ends:
            del self._open[part.lane]
        self._quic.send_stream_data(stream, part.data, end_stream=part.ends)

    def _unacknowledged_bytes(self) -> int:
        return sum(len(stream.sender._buffer) for stream in self._quic._streams.values())


def _age(stream: QuicStream) -> int:
    return stream.stream_id or 0
