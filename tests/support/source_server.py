"""A ShoutcastSourceServer on the loopback, and raw encoders that talk to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from distreamer.core.module import InputContext
from distreamer.core.ports import ByteStream
from distreamer.inputs.shoutcast_source_server import ShoutcastSourceServer, ShoutcastSourceServerSettings

PASSWORD = "loopback-only"


class _RecordedStream:
    """A ByteStream that keeps what is read from it."""

    def __init__(self, stream: ByteStream, received: bytearray) -> None:
        self.peer = stream.peer
        self.rest = stream.rest
        self.write = stream.write
        self.close = stream.close
        self._read = stream.read
        self._received = received

    async def read(self, limit: int = 65536) -> bytes:
        data = await self._read(limit)
        self._received += data
        return data


class _RecordedServer(ShoutcastSourceServer):
    received: list[bytearray]

    async def serve(self, stream: ByteStream) -> None:
        self.received.append(bytearray())
        await super().serve(_RecordedStream(stream, self.received[-1]))


@asynccontextmanager
async def running_source_server(
    context: InputContext, received: list[bytearray] | None = None, /, **keys: object
) -> AsyncIterator[tuple[ShoutcastSourceServer, int]]:
    """The server and its PORT, on free ports of 127.0.0.1, until the end of the block. What each connection brings
    is kept in ``received``, byte for byte."""
    values = {"hostname": "127.0.0.1", "port": 0, "password": PASSWORD, **keys}
    server = _RecordedServer(ShoutcastSourceServerSettings.model_validate(values), context)
    server.received = [] if received is None else received
    task = asyncio.create_task(server.run(), name="source server")
    try:
        # It listens before it waits for anything.
        await asyncio.sleep(0)
        if task.done():
            task.result()  # raises why it could not listen
        assert server.address is not None
        yield server, server.address[1]
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
