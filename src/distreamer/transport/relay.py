"""A TCP relay inside this process whose link can be cut, like a cable, an address change or a machine that is off.

The demo puts it between its two instances, and tests put it before real servers.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from distreamer.errors import BindError

CHUNK_BYTES = 16384
"""The most that the relay itself holds for one direction of a connection; the rest waits in the kernel."""
KERNEL_BUFFER_BYTES = 65536
"""SO_RCVBUF and SO_SNDBUF of every socket, so that a cut link swallows little."""
BACKLOG = 128
"""Connections that the kernel accepts while the link is cut."""
MAXIMUM_DEAD_CONNECTIONS = 256
"""Connections that are kept open after ``drop_connections``; above that the oldest are reset."""
_LINGER_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: close() sends a reset instead of an orderly end."""


class RelayState(StrEnum):
    """What the link does."""

    OPEN = "open"
    CUT = "cut"
    """A black hole: connections stay, connecting succeeds, no byte passes."""
    REFUSING = "refusing"
    """As if nothing listened: connections are reset, connecting is refused."""


@dataclass(slots=True)
class RelayCounters:
    """All since the relay's start."""

    connections: int = 0
    """Connections accepted."""
    bytes_to_target: int = 0
    bytes_from_target: int = 0
    target_failures: int = 0
    """Connections ended because the target could not be reached."""
    dead_connections_reset: int = 0
    """Dropped connections reset because MAXIMUM_DEAD_CONNECTIONS was reached."""


class Relay:
    """Listens on ``host``:``port`` (0 = any free port) and forwards each connection to the target.

    Use it as an async context manager, or call ``start`` and ``close``. Every switch works at once and from any
    state; only ``restore`` opens the link again.
    """

    def __init__(self, target_host: str, target_port: int, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.counters = RelayCounters()
        self._target = (target_host, target_port)
        self._address = (host, port)
        self._state = RelayState.OPEN
        self._open = asyncio.Event()
        self._open.set()
        self._listener: socket.socket | None = None
        self._pairs: dict[asyncio.Task[None], _Pair] = {}
        self._dead: deque[_Pair] = deque()

    # -- life

    async def start(self) -> None:
        """Begins to listen; raises BindError when the address is taken."""
        self._listener = self._bound_socket()
        host, port = self._listener.getsockname()[:2]
        self._address = (host, port)
        self._listen()

    async def close(self) -> None:
        """Resets all connections and stops listening. The relay cannot be started again."""
        self._stop_listening()
        tasks = list(self._pairs)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._dead:
            self._dead.popleft().close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- reading

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to; the port is known after ``start``."""
        return self._address

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def state(self) -> RelayState:
        return self._state

    @property
    def connections(self) -> int:
        """Connections that are carried now; those that were dropped do not count."""
        return len(self._pairs)

    # -- switching

    def cut(self) -> None:
        """Makes the link a black hole. What was under way is held, at most CHUNK_BYTES and the kernel's buffers."""
        if self._state is RelayState.REFUSING and self._listener is not None:
            self._listener.listen(BACKLOG)
        elif self._state is RelayState.OPEN:
            self._ignore_newcomers()
        self._state = RelayState.CUT
        self._open.clear()

    def restore(self) -> None:
        """Opens the link: what was held flows on, and who waits is accepted."""
        if self._state is not RelayState.OPEN:
            self._state = RelayState.OPEN
            self._listen()
            self._open.set()

    def refuse(self) -> None:
        """Resets all connections and refuses new ones, as a machine does whose program has ended."""
        if self._state is RelayState.REFUSING:
            return
        self._stop_listening()
        self._state = RelayState.REFUSING
        self._open.clear()
        for task in self._pairs:
            task.cancel()
        # A socket that is bound and does not listen keeps the port and makes the kernel refuse.
        self._listener = self._bound_socket()

    def drop_connections(self) -> None:
        """Makes the present connections dead for ever without a word to either side, as after an address change;
        new ones work."""
        for task, pair in self._pairs.items():
            pair.abandoned = True
            task.cancel()

    # -- inside

    def _bound_socket(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # An accepted socket inherits the size, and it must be known before the handshake (tcp(7)).
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER_BYTES)
        try:
            listener.bind(self._address)
        except OSError as error:
            listener.close()
            host, port = self._address
            raise BindError(f"the relay cannot listen on {host}:{port}: {error.strerror}") from error
        return listener

    def _listen(self) -> None:
        if self._listener is not None:
            self._listener.listen(BACKLOG)
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _ignore_newcomers(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._ignore_newcomers()
            self._listener.close()
            self._listener = None

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            client, address = self._listener.accept()
        except OSError:
            return  # It went away between its handshake and this moment, or no file descriptor is free just now.
        self.counters.connections += 1
        try:
            pair = _Pair(client, self._target, self._open, self.counters)
        except OSError:
            self.counters.target_failures += 1  # No file descriptor is free for the other half.
            client.close()
            return
        name = f"relay {address[0]}:{address[1]} to {self._target[0]}:{self._target[1]}"
        task = asyncio.get_running_loop().create_task(pair.run(), name=name)
        self._pairs[task] = pair
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        pair = self._pairs.pop(task)
        if not pair.abandoned:
            pair.close()
            return
        self._dead.append(pair)
        if len(self._dead) > MAXIMUM_DEAD_CONNECTIONS:
            self._dead.popleft().close()
            self.counters.dead_connections_reset += 1


class _Pair:
    """One connection and its continuation to the target."""

    def __init__(
        self, client: socket.socket, target: tuple[str, int], gate: asyncio.Event, counters: RelayCounters
    ) -> None:
        self.abandoned = False
        """Whether the sockets are to stay open, unread, when the task ends."""
        self._ended_in_order = False
        self._client = client
        self._server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._target = target
        self._gate = gate
        self._counters = counters
        for one in (self._client, self._server):
            prepare(one)

    async def run(self) -> None:
        """Carries bytes both ways until both sides ended, or one broke."""
        await self._gate.wait()
        try:
            await asyncio.get_running_loop().sock_connect(self._server, self._target)
        except OSError:
            self._counters.target_failures += 1
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(self._client, self._server, self._count_to_target))
                group.create_task(self._carry(self._server, self._client, self._count_from_target))
            self._ended_in_order = True
        except* OSError:
            pass  # One side was reset: the other will be, when the pair is closed.

    def close(self) -> None:
        """Closes both sides; a side that had not ended in order sees a reset."""
        for one in (self._client, self._server):
            if not self._ended_in_order:
                reset_when_closed(one)
            one.close()

    def _count_to_target(self, size: int) -> None:
        self._counters.bytes_to_target += size

    def _count_from_target(self, size: int) -> None:
        self._counters.bytes_from_target += size

    async def _carry(self, source: socket.socket, destination: socket.socket, count: Callable[[int], None]) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(source, CHUNK_BYTES):
            await self._gate.wait()
            await loop.sock_sendall(destination, data)
            count(len(data))
            await self._gate.wait()
        await self._gate.wait()
        destination.shutdown(socket.SHUT_WR)


def prepare(one: socket.socket) -> None:
    """For one end of a connection that a relay carries."""
    one.setblocking(False)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER_BYTES)


def reset_when_closed(one: socket.socket) -> None:
    """Its other side then sees that the connection broke, and not an orderly end."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
