"""Accepts TLS and plain connections on the same sockets: the first byte of a client tells which it is."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterable

from structlog.typing import FilteringBoundLogger

from distreamer.transport.link_uses import Use
from distreamer.transport.tcp import CLOSE_SECONDS, abort, spoken_fault
from distreamer.transport.tcp_server import HANDSHAKE_SECONDS, accept_next
from distreamer.transport.tls_layer import CLIENT_HELLO

FIRST_BYTE_SECONDS = 10.0
"""How long a client may take to say anything."""
MOST_UNKNOWN = 256
"""Connections that have yet to say what they are, or to agree on TLS. One more takes the place of the oldest: who
only connects cannot lock others out."""

MOST_OPEN = 256
"""Connections that have said what they are, and carry no conversation. One more takes the place of one of which nothing
is asked just now, or else of the oldest."""

Tls = Callable[[], ssl.SSLContext]
"""What a connection that begins must agree on."""


class LinkListener:
    """Gives each connection a protocol. The sockets stay the caller's."""

    def __init__(
        self,
        listeners: Iterable[socket.socket],
        make_protocol: Callable[[], asyncio.BaseProtocol],
        log: FilteringBoundLogger,
        tls: Tls | None = None,
        use_of: Callable[[asyncio.BaseProtocol], Use] = lambda protocol: Use.NOTHING,
    ) -> None:
        """Without ``tls`` all connections are plain. ``use_of`` tells what the connection of a protocol is used for."""
        self._listeners = tuple(listeners)
        self._make_protocol = make_protocol
        self._log = log
        self._tls = tls
        self._use_of = use_of
        self._open: dict[asyncio.Transport, asyncio.BaseProtocol] = {}
        """In the order in which they came."""
        self._unknown: dict[asyncio.Task[None], None] = {}
        self.made_room = 0
        """Connections ended because there were MOST_UNKNOWN or MOST_OPEN."""

    async def run(self) -> None:
        """Until it is cancelled; raises OSError when the sockets cannot be used."""
        async with asyncio.TaskGroup() as group:
            for listener in self._listeners:
                group.create_task(self._accept(listener, group), name="accept")

    async def _accept(self, listener: socket.socket, group: asyncio.TaskGroup) -> None:
        while True:
            accepted, peer = await accept_next(listener)
            if len(self._unknown) >= MOST_UNKNOWN:
                oldest = next(iter(self._unknown))
                self.made_room += 1
                del self._unknown[oldest]
                oldest.cancel()
            task = group.create_task(self._begin(accepted, peer), name=f"connection of {peer}")
            self._unknown[task] = None
            task.add_done_callback(lambda done: self._unknown.pop(done, None))

    async def _begin(self, accepted: socket.socket, peer: str) -> None:
        try:
            accepted.setblocking(False)
            tls = self._tls() if self._tls is not None and await _first_byte(accepted) == CLIENT_HELLO else None
            timeouts = {"ssl_handshake_timeout": HANDSHAKE_SECONDS, "ssl_shutdown_timeout": CLOSE_SECONDS}
            transport, protocol = await asyncio.get_running_loop().connect_accepted_socket(
                self._make_protocol, accepted, ssl=tls, **(timeouts if tls else {})
            )
        except (OSError, TimeoutError) as error:
            accepted.close()
            self._log.debug("a connection ended before it said what it wants", peer=peer, reason=spoken_fault(error))
        except BaseException:
            # Until a transport owns the socket, nobody else closes it.
            accepted.close()
            raise
        else:
            self._make_room()
            self._open[transport] = protocol

    def _make_room(self) -> None:
        self._open = {transport: one for transport, one in self._open.items() if not transport.is_closing()}
        uses = [(self._use_of(one), transport) for transport, one in self._open.items()]
        spare = [pair for pair in uses if pair[0] is not Use.CONVERSATION]
        if len(spare) >= MOST_OPEN:
            _, transport = min(spare, key=lambda pair: pair[0])
            self.made_room += 1
            # Whoever takes nothing of what was said must not keep it open.
            abort(transport)


async def _first_byte(accepted: socket.socket) -> bytes:
    """It stays unread; empty when the client has closed. Raises OSError, TimeoutError among them."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(accepted, readable.set)
    try:
        async with asyncio.timeout(FIRST_BYTE_SECONDS):
            await readable.wait()
    finally:
        loop.remove_reader(accepted)
    return accepted.recv(1, socket.MSG_PEEK)
