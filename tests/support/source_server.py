"""A ShoutcastSourceServer on the loopback, and raw encoders that talk to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from distreamer.core.module import InputContext
from distreamer.inputs.shoutcast_source_server import ShoutcastSourceServer, ShoutcastSourceServerSettings

PASSWORD = "loopback-only"


@asynccontextmanager
async def running_source_server(
    context: InputContext, **keys: object
) -> AsyncIterator[tuple[ShoutcastSourceServer, int]]:
    """The server and its PORT, on free ports of 127.0.0.1, until the end of the block."""
    values = {"hostname": "127.0.0.1", "port": 0, "password": PASSWORD, **keys}
    server = ShoutcastSourceServer(ShoutcastSourceServerSettings.model_validate(values), context)
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
