"""TCP connections that are carried over a bad link inside this process."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from functools import partial

from distreamer.chaos.link import Link
from distreamer.chaos.parcel import Parcel
from distreamer.chaos.tcp_flow import LARGEST_WINDOW, Segment, TcpFlow
from distreamer.transport.relay import CHUNK_BYTES, prepare, reset_when_closed
from distreamer.transport.tcp import spoken_fault

CONNECT_SECONDS = 10.0
"""For the target to answer."""


class TcpConnection:
    """A client's connection and its continuation to the target. It owns ``client``."""

    def __init__(self, client: socket.socket, target: tuple[str, int], there: Link[Parcel], back: Link[Parcel]) -> None:
        self.fault = ""
        """Why the target could not be reached."""
        self._target = target
        self._client = client
        self._server: socket.socket | None = None
        self._there = TcpPipe(there, back, is_open=False)
        self._back = TcpPipe(back, there, is_open=True)
        self._ended_in_order = False

    @property
    def repeated(self) -> int:
        """Segments sent again, both ways."""
        return self._there.flow.repeated + self._back.flow.repeated

    async def run(self) -> None:
        """Until both sides ended, or one broke."""
        try:
            prepare(self._client)
            await self._there.open()
            try:
                server = await self._reach_target()
            except (OSError, TimeoutError) as error:
                self.fault = spoken_fault(error)
                await self._back.refuse()
            else:
                await self._carry(server)
        finally:
            self._close()

    async def _reach_target(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        family, kind, protocol, _, address = (await loop.getaddrinfo(*self._target, type=socket.SOCK_STREAM))[0]
        self._server = socket.socket(family, kind, protocol)
        prepare(self._server)
        async with asyncio.timeout(CONNECT_SECONDS):
            await loop.sock_connect(self._server, address)
        return self._server

    async def _carry(self, server: socket.socket) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                watchers = [group.create_task(pipe.until_broken()) for pipe in (self._there, self._back)]
                async with asyncio.TaskGroup() as carriers:
                    carriers.create_task(_read(self._client, self._there))
                    carriers.create_task(_write(self._there, server, self._back))
                    carriers.create_task(_read(server, self._back))
                    carriers.create_task(_write(self._back, self._client, self._there))
                for watcher in watchers:
                    watcher.cancel()
            self._ended_in_order = True
        except* ConnectionResetError:
            pass  # One side broke, and that has crossed the link; the other is reset when it is closed.

    def _close(self) -> None:
        for pipe in (self._there, self._back):
            pipe.close()
        for one in (self._client, self._server):
            if one is not None:
                if not self._ended_in_order:
                    reset_when_closed(one)
                one.close()


class TcpPipe:
    """One direction of a connection, from the bytes that are read at one end to those that are due at the other."""

    def __init__(self, link: Link[Parcel], way_back: Link[Parcel], *, is_open: bool) -> None:
        self.flow = TcpFlow(0.0, is_open=is_open)
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._way_back = way_back
        self._arrived: deque[Segment] = deque()
        """In order; not many more than LARGEST_WINDOW, twice."""
        self._changed = asyncio.Event()
        """Set when a segment has arrived or was sent."""
        self._broken = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Waits until the opening of the connection has crossed the link."""
        self.flow.open()
        self._pump()
        await self.next()

    async def refuse(self) -> None:
        """Waits until a reset has crossed the link."""
        self.break_off()
        await self.next()

    async def write(self, data: bytes) -> None:
        """Sends ``data``; waits while there is much to send already."""
        await self._until(lambda: self.flow.wants_more)
        self.flow.write(data)
        self._pump()

    def end(self) -> None:
        """All is sent."""
        self.flow.end()
        self._pump()

    def break_off(self) -> None:
        """The connection broke at this end."""
        self.flow.break_off()
        self._pump()

    async def until_broken(self) -> None:
        """Raises ConnectionResetError when a reset has crossed the link."""
        await self._broken.wait()
        raise ConnectionResetError

    async def next(self) -> Segment:
        """The next segment that has crossed the link."""
        await self._until(lambda: bool(self._arrived))
        segment = self._arrived.popleft()
        self._pump()
        return segment

    def close(self) -> None:
        """Nothing is sent any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def _pump(self) -> None:
        """Puts on the link what is due, unless nobody takes it at the far end, and comes back for repetitions."""
        if self._is_closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.flow.round_trip_seconds = self._link.settings.delay_seconds + self._way_back.settings.delay_seconds
        self._changed.set()
        if len(self._arrived) >= LARGEST_WINDOW:
            return
        for segment in self.flow.due(self._loop.time()):
            parcel = Parcel(partial(self._has_arrived, segment), partial(self._was_lost, segment))
            self._link.send(parcel, segment.size)
        at = self.flow.next_time()
        if at is not None:
            self._timer = self._loop.call_at(at, self._pump)

    def _has_arrived(self, segment: Segment) -> None:
        in_order = self.flow.arrived(segment)
        self._arrived += in_order
        if any(one.breaks for one in in_order):
            self._broken.set()
        self._pump()

    def _was_lost(self, segment: Segment) -> None:
        self.flow.lost(segment, self._loop.time())
        # Not _pump: this may be called by the link while something is put on it.
        self._loop.call_soon(self._pump)


async def _read(source: socket.socket, pipe: TcpPipe) -> None:
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(source, CHUNK_BYTES):
            await pipe.write(data)
        pipe.end()
    except OSError:
        pipe.break_off()


async def _write(pipe: TcpPipe, destination: socket.socket, way_back: TcpPipe) -> None:
    """Until ``pipe`` ends; what breaks ``destination`` is told by ``way_back``."""
    loop = asyncio.get_running_loop()
    try:
        while not (segment := await pipe.next()).ends:
            await loop.sock_sendall(destination, segment.data)
        if not segment.breaks:
            destination.shutdown(socket.SHUT_WR)
    except OSError:
        way_back.break_off()
