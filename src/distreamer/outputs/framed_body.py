"""What stands before the transport of a connection: TLS, and bodies for players that do not take one which ends with
the connection. All others write to theirs directly."""

from __future__ import annotations

from typing import Protocol

from distreamer.protocol.listener_http import ENDLESS_BYTES
from distreamer.protocol.player_habits import Framing
from distreamer.transport.tls_layer import TlsConnection


class Sink(Protocol):
    """What a connection writes to."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Encrypted:
    """What is written is sent over TLS."""

    __slots__ = ("_has_ended", "_sink", "_tls")

    def __init__(self, sink: Sink, tls: TlsConnection) -> None:
        self._sink = sink
        self._tls = tls
        self._has_ended = False

    def write(self, data: bytes) -> None:
        self._sink.write(self._tls.send(data))

    def close(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._sink.write(self._tls.close())
        self._sink.close()

    def abort(self) -> None:
        self._sink.abort()


class ChunkedBody:
    """Each write becomes a chunk (RFC 9112, section 7.1)."""

    __slots__ = ("_has_ended", "_sink")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._has_ended = False

    def write(self, data: bytes) -> None:
        if data:  # An empty chunk would be the last.
            self._sink.write(b"%x\r\n%b\r\n" % (len(data), data))

    def close(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._sink.write(b"0\r\n\r\n")
        self._sink.close()

    def abort(self) -> None:
        self._sink.abort()


class MeasuredBody:
    """Ends when as many bytes were written as its player was told."""

    __slots__ = ("_left", "_sink")

    def __init__(self, sink: Sink, size: int = ENDLESS_BYTES) -> None:
        self._sink = sink
        self._left = size

    def write(self, data: bytes) -> None:
        if not self._left:
            return
        data = data[: self._left]
        self._left -= len(data)
        self._sink.write(data)
        if not self._left:
            self._sink.close()

    def close(self) -> None:
        self._sink.close()

    def abort(self) -> None:
        self._sink.abort()


def framed(sink: Sink, framing: Framing) -> Sink:
    """What to write a body of that ``framing`` to."""
    match framing:
        case Framing.CHUNKED:
            return ChunkedBody(sink)
        case Framing.LENGTH:
            return MeasuredBody(sink)
        case _:
            return sink
