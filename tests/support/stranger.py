"""A TCP client that does as it likes: it sends anything, and reads little, late or never."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

SMALL_BUFFER_BYTES = 4096
"""What its system takes although it reads nothing; the kernel doubles it."""


class Stranger:
    """One connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.got = bytearray()
        """All that it has read."""
        self.is_closed = False
        """Whether the other side has ended or reset the connection, as far as it has read."""

    async def sends(self, data: bytes) -> None:
        """Sends all, or as much as the other side takes before it resets the connection."""
        with contextlib.suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(self._connection, data)

    async def reads(self, size: int) -> None:
        """Reads up to so much of what comes next."""
        try:
            data = await asyncio.get_running_loop().sock_recv(self._connection, size)
        except ConnectionError:
            data = b""
        self.got += data
        self.is_closed = not data

    async def reads_all(self) -> None:
        """Until the other side ends the connection."""
        while not self.is_closed:
            await self.reads(65536)


@contextlib.asynccontextmanager
async def stranger(port: int, buffer_bytes: int = SMALL_BUFFER_BYTES) -> AsyncIterator[Stranger]:
    """Connects to that loopback port."""
    with socket.socket() as connection:
        # It must be known before the handshake (tcp(7)).
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        yield Stranger(connection)


def client_hello() -> bytes:
    """How TLS begins."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()
