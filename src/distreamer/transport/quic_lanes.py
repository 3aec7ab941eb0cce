"""The streams of a QUIC connection that carry what goes out, lane by lane, and what is held because of them."""

from __future__ import annotations

from aioquic.quic.connection import QuicConnection

from distreamer.protocol.native.lanes import Part

MOST_UNACKNOWLEDGED_BYTES = 524_288
"""Beyond it nothing more is taken: twice what the protocol has on its way."""
MOST_HELD_BYTES = 4_194_304
"""Of what goes out and what came in, with all that is noted of packets under way. Our own rules keep far below; a
connection that gets there is ended."""
PACKET_NOTE_BYTES = 1_000
"""What the memory of a packet under way takes at the most, beside its bytes, which the streams hold."""


class LaneStreams:
    """Of one connection: each body has a stream that nobody else writes to."""

    def __init__(self, quic: QuicConnection) -> None:
        self._quic = quic
        self._open: dict[int, int] = {}

    def send(self, part: Part) -> None:
        """Hands a part of a body to its stream."""
        stream = self._open.get(part.lane, -1)
        if stream < 0:
            stream = self._quic.get_next_available_stream_id(is_unidirectional=True)
            self._open[part.lane] = stream
        if part.ends:
            del self._open[part.lane]
        self._quic.send_stream_data(stream, part.data, end_stream=part.ends)

    def abandon(self, lane: int) -> bool:
        """What was sent there need not be delivered, unless it goes on; says whether anything is left out."""
        number = lane << 2 | (2 if self._quic.configuration.is_client else 3)
        stream = self._quic._streams.get(number)
        if lane in self._open or stream is None or stream.sender.is_finished:
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

    def _unacknowledged_bytes(self) -> int:
        return sum(len(stream.sender._buffer) for stream in self._quic._streams.values())
