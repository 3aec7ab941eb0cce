"""TLS without a transport of its own: bytes in, bytes out. For servers of very many connections.

asyncio's TLS keeps buffers of 290 kB for each connection. Here a connection is one object of OpenSSL, which lets go of
its own buffers when they are empty; all share two more, which are empty again after each call.
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from dataclasses import dataclass

CLIENT_HELLO = b"\x16"
"""The first byte of a client that speaks TLS: the content type of a handshake record (RFC 8446, section 5.1)."""
_READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Received:
    """What came of some bytes."""

    data: bytes = b""
    """What the peer said."""
    answer: bytes = b""
    """To be sent to it."""
    ended: bool = False
    """It said that it will say nothing more."""
    fault: str = ""
    """Why nothing can be said or heard any more."""


class TlsLayer:
    """Makes connections that share their buffers. Not for several threads."""

    def __init__(self) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    def connection(self, context: ssl.SSLContext) -> TlsConnection:
        """The server's side of a connection that begins."""
        ours = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        return TlsConnection(ours, self._incoming, self._outgoing)


class TlsConnection:
    """One connection. Every call leaves the shared buffers empty."""

    __slots__ = ("_incoming", "_outgoing", "_tls", "is_agreed")

    def __init__(self, tls: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self.is_agreed = False
        """Whether the handshake is done."""

    def receive(self, data: bytes) -> Received:
        """Takes what came from the peer."""
        self._incoming.write(data)
        said: list[bytes] = []
        ended, fault = False, ""
        try:
            if not self.is_agreed:
                self._tls.do_handshake()
                self.is_agreed = True
            while part := self._tls.read(_READ_BYTES):
                said.append(part)
            ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError as error:
            fault = (error.reason or str(error)).lower().replace("_", " ")
        self._incoming.read()  # Nothing is left, unless it ended or failed.
        return Received(b"".join(said), self._outgoing.read(), ended, fault)

    def send(self, data: bytes) -> bytes:
        """``data`` as it must be sent; nothing when the connection has failed."""
        try:
            written = 0
            view = memoryview(data)
            while written < len(data):
                written += self._tls.write(view[written:])
        except ssl.SSLError:
            self._outgoing.read()
            return b""
        return self._outgoing.read()

    def close(self) -> bytes:
        """What tells the peer that nothing more will come."""
        # It would wait for the peer's farewell, which nobody needs; or there is no connection to end.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._outgoing.read()
