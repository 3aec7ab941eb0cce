"""The accept loop: what it survives, and what it passes on."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from distreamer.transport.tcp import TYPE_OF_SERVICE, TcpStream, connect, listening_sockets
from distreamer.transport.tcp_server import NO_ROOM_SECONDS, Serve, StreamServer
from tests.support.virtual_time import virtual_time

LIMIT_SECONDS = 60
"""A bound, not an expectation."""


@asynccontextmanager
async def serving(serve: Serve, limit: int = 10) -> AsyncIterator[tuple[StreamServer, int]]:
    (listener,) = listening_sockets("127.0.0.1", 0)
    server = StreamServer([listener], serve, lambda peer, reason: None, limit=limit)
    task = asyncio.create_task(server.run())
    try:
        yield server, listener.getsockname()[1]
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        listener.close()


async def test_a_connection_is_served_and_closed() -> None:
    peers: list[str] = []

    async def echo(stream: TcpStream) -> None:
        peers.append(stream.peer)
        await stream.write(await stream.read())

    async with serving(echo) as (_, port):
        stream = await connect("127.0.0.1", port, timeout_seconds=LIMIT_SECONDS)
        await stream.write(b"hello")
        assert await stream.read() == b"hello"
        assert await stream.read() == b""
        await stream.close()
    assert peers[0].startswith("127.0.0.1:")


async def test_beyond_the_limit_the_oldest_makes_room() -> None:
    async def wait(stream: TcpStream) -> None:
        await stream.write(b"welcome")
        await stream.read()

    async with serving(wait, limit=2) as (server, port):
        streams = []
        for _ in range(3):
            streams.append(await connect("127.0.0.1", port, timeout_seconds=LIMIT_SECONDS))
            assert await streams[-1].read() == b"welcome"
        async with asyncio.timeout(LIMIT_SECONDS):
            assert await streams[0].read() == b""
        assert server.made_room == 1
        for stream in streams:
            await stream.close()


async def test_accepted_connections_carry_the_mark() -> None:
    marks: list[int] = []

    async def look(stream: TcpStream) -> None:
        marks.append(stream._writer.get_extra_info("socket").getsockopt(socket.IPPROTO_IP, socket.IP_TOS))

    async with serving(look) as (_, port):
        stream = await connect("127.0.0.1", port, timeout_seconds=LIMIT_SECONDS)
        assert await stream.read() == b""
        await stream.close()
    assert marks == [TYPE_OF_SERVICE]


@virtual_time(60)
async def test_it_waits_while_the_system_has_no_room() -> None:
    loop = asyncio.get_running_loop()
    faults = [OSError(errno.ECONNABORTED, "gone before it was accepted"), OSError(errno.EMFILE, "too many files")]
    calls: list[float] = []

    async def sock_accept(listener: socket.socket) -> tuple[socket.socket, tuple[str, int]]:
        calls.append(loop.time())
        if faults:
            raise faults.pop(0)
        raise OSError(errno.EBADF, "the listener was closed")

    async def never(stream: TcpStream) -> None:
        raise AssertionError("nothing was accepted")

    with pytest.MonkeyPatch.context() as patch, socket.socket() as listener:
        patch.setattr(loop, "sock_accept", sock_accept)
        with pytest.raises(ExceptionGroup) as raised:
            await StreamServer([listener], never, lambda peer, reason: None, limit=1).run()
    assert raised.group_contains(OSError, match="the listener was closed")
    assert [time - calls[0] for time in calls] == [0, 0, pytest.approx(NO_ROOM_SECONDS)]
