"""Modules that are dialled, on real loopback sockets, and the connections to them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from distreamer.core.module import Module
from tests.support.legacy_wire import HttpMessage, read_http

LIMIT_SECONDS = 60.0
"""A bound, not an expectation."""
LOOK_SECONDS = 0.001


class Serving(Module, Protocol):
    """A module that listens."""

    @property
    def address(self) -> tuple[str, int] | None: ...


@asynccontextmanager
async def listening(module: Serving) -> AsyncIterator[int]:
    """The port of a module that serves until the block ends; it must not have ended before."""
    task = asyncio.create_task(module.run())
    try:
        await until(lambda: module.address is not None or task.done())
        assert module.address is not None
        yield module.address[1]
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(LIMIT_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def exchange(port: int, pieces: Iterable[bytes], *, ends: bool = False) -> bytes:
    """All that is answered to ``pieces`` until the module closes; it may do so before it has them all. Nothing comes
    behind them when this side ``ends``."""
    async with connected(port) as (reader, writer):
        answer = b""
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            if ends:
                writer.write_eof()
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                answer += data
        return answer


async def ask(port: int, pieces: Iterable[bytes]) -> HttpMessage:
    """The first answer in HTTP to ``pieces``, which may be refused before they all went out; the connection is then
    ended from this side."""
    async with connected(port) as (reader, writer):
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: ([0-9]+)\r\n", head)
        assert length
        return read_http(head + await reader.readexactly(int(length[1])))


async def until(reached: Callable[[], bool]) -> None:
    """Waits until that holds, in real time, for real sockets are at work."""
    for _ in range(int(LIMIT_SECONDS / LOOK_SECONDS)):
        if reached():
            return
        await asyncio.sleep(LOOK_SECONDS)
    raise AssertionError("it did not come to that")
