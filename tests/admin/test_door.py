"""A client that asks and takes nothing of the answer, at a server of aiohttp."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from distreamer.admin import door
from distreamer.admin.door import Door
from distreamer.core.clock import LoopClock
from tests.support.listening_modules import until

MORE_THAN_KERNELS_TAKE = bytes(30_000_000)


class Guarded:
    """A server with room for one connection."""

    def __init__(self) -> None:
        self.server = web.Server(self._answer)
        self.door = Door(self.server, LoopClock(), 1)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.door.begins(request)()
        return web.Response(body=MORE_THAN_KERNELS_TAKE)

    @property
    def waiting(self) -> list[RequestHandler]:
        """Those whose answers are not taken."""
        return [one for one in self.server.connections if one.transport and one.transport.get_write_buffer_size()]


@asynccontextmanager
async def greedy() -> AsyncIterator[tuple[Guarded, tuple[str, int]]]:
    """Somebody has asked, and takes nothing, until the block ends; gives the address beside the server."""
    guarded = Guarded()
    server = await asyncio.get_running_loop().create_server(guarded.door, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    async with server:
        with socket.create_connection(address) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await until(lambda: bool(guarded.waiting))
            yield guarded, address
        await guarded.server.shutdown()


async def test_who_takes_nothing_is_closed() -> None:
    with patch.object(door, "IDLE_SECONDS", 0.2), patch.object(door, "SWEEP_SECONDS", 0.05):
        async with greedy() as (guarded, _):
            sweep = asyncio.create_task(guarded.door.sweep())
            await until(lambda: not guarded.server.connections)
            sweep.cancel()


async def test_who_takes_nothing_makes_room() -> None:
    async with greedy() as (guarded, address):
        (first,) = guarded.waiting
        with socket.create_connection(address):
            await until(lambda: first not in guarded.server.connections and len(guarded.server.connections) == 1)
        assert guarded.door.turned_away == 1
