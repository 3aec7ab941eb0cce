"""Accepts connections as byte streams, in a bounded number, with TLS or without."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable

from distreamer.transport.tcp import CLOSE_SECONDS, TcpStream, spoken_address, spoken_fault

HANDSHAKE_SECONDS = 10.0
"""How long a client may take to agree on TLS."""
NO_ROOM_SECONDS = 1.0
"""How long nothing is accepted after the system had no room for one more connection."""

_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}

Serve = Callable[[TcpStream], Awaitable[None]]
"""Serves one connection in a task of its own; the stream is closed when it returns."""


async def accept_next(listener: socket.socket) -> tuple[socket.socket, str]:
    """The next connection, and its ``host:port``. Raises OSError when ``listener`` cannot be used."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            accepted, address = await loop.sock_accept(listener)
        except OSError as error:
            # Any other fault is that of a connection which broke before it was accepted (accept(2)).
            if error.errno in _NO_ROOM:
                await asyncio.sleep(NO_ROOM_SECONDS)
            elif error.errno in {errno.EBADF, errno.EINVAL, errno.ENOTSOCK}:
                raise
        else:
            return accepted, spoken_address(*address[:2])


class StreamServer:
    """Accepts on sockets that listen, which stay the caller's, and runs a task for each connection.

    When there are ``limit`` connections, the oldest of those that are not ``is_kept`` makes room for the next: who
    only connects cannot lock others out.
    """

    def __init__(
        self,
        listeners: Iterable[socket.socket],
        serve: Serve,
        failed: Callable[[str, str], None],
        *,
        limit: int,
        is_kept: Callable[[asyncio.Task[None]], bool] = lambda task: False,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        """``tls`` gives what a connection that begins must agree on; ``failed`` is told the peer of one that could
        not, and why."""
        self.made_room = 0
        """Connections ended because there were ``limit``."""
        self._listeners = tuple(listeners)
        self._serve = serve
        self._failed = failed
        self._limit = limit
        self._is_kept = is_kept
        self._tls = tls
        self._tasks: dict[asyncio.Task[None], None] = {}

    async def run(self) -> None:
        """Until it is cancelled; connections end with it. Raises what ``serve`` raises."""
        async with asyncio.TaskGroup() as group:
            for listener in self._listeners:
                group.create_task(self._accept(listener, group), name="accept")

    async def _accept(self, listener: socket.socket, group: asyncio.TaskGroup) -> None:
        while True:
            accepted, peer = await accept_next(listener)
            self._make_room()
            task = group.create_task(self._hold(accepted, peer), name=f"connection of {peer}")
            self._tasks[task] = None
            task.add_done_callback(self._forget)

    def _make_room(self) -> None:
        if len(self._tasks) < self._limit:
            return
        oldest = next((task for task in self._tasks if not self._is_kept(task)), None)
        if oldest is not None:
            self.made_room += 1
            self._forget(oldest)
            oldest.cancel()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)

    async def _hold(self, accepted: socket.socket, peer: str) -> None:
        try:
            stream = await self._stream(accepted, peer)
        except (OSError, TimeoutError) as error:
            accepted.close()
            self._failed(peer, spoken_fault(error))
            return
        except BaseException:
            accepted.close()
            raise
        try:
            await self._serve(stream)
        finally:
            await stream.close()

    async def _stream(self, accepted: socket.socket, peer: str) -> TcpStream:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        tls = self._tls() if self._tls else None
        timeouts = {"ssl_handshake_timeout": HANDSHAKE_SECONDS, "ssl_shutdown_timeout": CLOSE_SECONDS} if tls else {}
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls, **timeouts)
        return TcpStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop), peer)
