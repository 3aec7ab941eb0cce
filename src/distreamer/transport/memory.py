"""A connection inside one process, with faults on request: for tests, and for what needs no network.

It behaves as TCP does. What is written while the line is cut is not lost: it waits, as retransmission would make
it wait, and arrives after the line is restored. A writer waits when ``capacity`` bytes are on their way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import Flag, auto

from distreamer.errors import LinkError

DEFAULT_CAPACITY = 65_536
"""Bytes on their way in one direction."""

TIMER_RESOLUTION_SECONDS = 1e-9
"""asyncio lets a timer fire this much too early; who then waited again for the rest would spin."""


class Direction(Flag):
    """Which way of a pipe."""

    TO_FAR = auto()
    TO_NEAR = auto()
    BOTH = TO_FAR | TO_NEAR


class _Lane:
    """One direction: bytes with the time at which they arrive; empty bytes are the end."""

    def __init__(self, latency_seconds: float, capacity: int) -> None:
        self.latency_seconds = latency_seconds
        self.is_cut = False
        self.failure: str | None = None
        self._capacity = capacity
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._changed = asyncio.Event()
        self._ended = False

    def wake(self) -> None:
        """Lets everyone who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    def restore(self) -> None:
        self.is_cut = False
        earliest = self._loop.time() + self.latency_seconds
        self._pieces = deque((max(at, earliest), data) for at, data in self._pieces)
        self.wake()

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._pieces.append((self._loop.time() + self.latency_seconds, b""))
            self.wake()

    async def put(self, data: bytes, peer: str) -> None:
        view = memoryview(data)
        while view:
            self._check(peer)
            if self._ended:
                raise LinkError(peer, "the connection is closed")
            room = self._capacity - self._size
            if room <= 0:
                await self._changed.wait()
                continue
            self._pieces.append((self._loop.time() + self.latency_seconds, bytes(view[:room])))
            self._size += len(view[:room])
            view = view[room:]
            self.wake()

    async def get(self, limit: int, peer: str) -> bytes:
        while True:
            self._check(peer)
            arrival = self._pieces[0][0] if self._pieces and not self.is_cut else None
            if arrival is not None and arrival <= self._loop.time() + TIMER_RESOLUTION_SECONDS:
                return self._take(limit)
            try:
                async with asyncio.timeout_at(arrival):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def gather(self) -> None:
        """Makes one piece of all that has arrived, as the kernel does."""
        gathered: list[bytes] = []
        while self._pieces and self._pieces[0][0] <= self._loop.time() and self._pieces[0][1]:
            gathered.append(self._pieces.popleft()[1])
        if gathered:
            self._pieces.appendleft((self._loop.time(), b"".join(gathered)))

    def _take(self, limit: int) -> bytes:
        at, data = self._pieces[0]
        if not data:
            return b""
        self._pieces.popleft()
        if len(data) > limit:
            self._pieces.appendleft((at, data[limit:]))
        taken = data[:limit]
        self._size -= len(taken)
        self.wake()
        return taken

    def _check(self, peer: str) -> None:
        if self.failure is not None:
            raise LinkError(peer, self.failure)


class MemoryStream:
    """One end of a pipe; a ByteStream."""

    def __init__(self, peer: str, incoming: _Lane, outgoing: _Lane) -> None:
        self._peer = peer
        self._incoming = incoming
        self._outgoing = outgoing
        self.closed = False

    @property
    def peer(self) -> str:
        return self._peer

    async def read(self, limit: int = 65536) -> bytes:
        self._refuse_closed()
        return await self._incoming.get(limit, self._peer)

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._incoming.gather()

    async def write(self, data: bytes) -> None:
        self._refuse_closed()
        await self._outgoing.put(data, self._peer)

    async def close(self) -> None:
        self.closed = True
        self._outgoing.end()
        # What the other side sends from now on meets nobody, as with a socket that is gone.
        self._incoming.end()

    def _refuse_closed(self) -> None:
        if self.closed:
            raise LinkError(self._peer, "the connection is closed")


class MemoryPipe:
    """A connection and the script of its faults. To be made inside a running event loop."""

    def __init__(
        self,
        *,
        latency_seconds: float = 0.0,
        capacity: int = DEFAULT_CAPACITY,
        near_name: str = "near:1",
        far_name: str = "far:1",
    ) -> None:
        self._to_far = _Lane(latency_seconds, capacity)
        self._to_near = _Lane(latency_seconds, capacity)
        self.near = MemoryStream(far_name, self._to_near, self._to_far)
        """The end of the one who dialled; its ``peer`` is ``far_name``."""
        self.far = MemoryStream(near_name, self._to_far, self._to_near)

    def cut(self, direction: Direction = Direction.BOTH) -> None:
        """A black hole: nothing arrives, nobody is told. One direction alone makes a half-open connection."""
        for lane in self._lanes(direction):
            lane.is_cut = True

    def restore(self, direction: Direction = Direction.BOTH) -> None:
        """The line works again: what was held back arrives after the latency."""
        for lane in self._lanes(direction):
            lane.restore()

    def break_with(self, reason: str) -> None:
        """The connection breaks: both ends get a LinkError with ``reason``, now and for ever."""
        for lane in self._lanes(Direction.BOTH):
            lane.failure = reason
            lane.wake()

    def _lanes(self, direction: Direction) -> list[_Lane]:
        ways = ((Direction.TO_FAR, self._to_far), (Direction.TO_NEAR, self._to_near))
        return [lane for way, lane in ways if way in direction]


def memory_pipe(latency_seconds: float = 0.0, capacity: int = DEFAULT_CAPACITY) -> tuple[MemoryStream, MemoryStream]:
    """Both ends of a pipe without faults."""
    pipe = MemoryPipe(latency_seconds=latency_seconds, capacity=capacity)
    return pipe.near, pipe.far
