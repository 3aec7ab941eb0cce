"""What goes out over a QUIC connection: which message on which stream, and which stream first."""

from __future__ import annotations

from aioquic.quic.connection import QuicConnection
from aioquic.quic.stream import QuicStream

from distreamer.protocol.native.lanes import CONTROL, LaneSplitter, Part

CONTROL_STREAM = 0
"""The first that a client opens; both sides write their control messages to it."""


class QuicOutbox:
    """Of one connection."""

    def __init__(self, quic: QuicConnection) -> None:
        self._quic = quic
        self._splitter = LaneSplitter()
        self._streams: dict[int, int] = {}
        self._too_early: list[bytes] = []
        """Control messages of an acceptor to which no stream was opened yet."""

    @property
    def under_way(self) -> int:
        """Bytes that were not acknowledged."""
        return sum(len(stream.sender._buffer) for stream in self._quic._streams.values())

    def send(self, message: bytes) -> None:
        """Hands ``message`` to aioquic."""
        part = self._splitter.split(message)
        if part.lane != CONTROL:
            self._quic.send_stream_data(self._stream_of(part), part.data, end_stream=part.ends)
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

    def _stream_of(self, part: Part) -> int:
        stream = self._streams.get(part.lane, -1)
        if stream < 0:
            stream = self._quic.get_next_available_stream_id(is_unidirectional=True)
            self._streams[part.lane] = stream
        if part.ends:
            del self._streams[part.lane]
        return stream


def _age(stream: QuicStream) -> int:
    return stream.stream_id or 0
