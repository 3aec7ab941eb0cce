"""A download beside the programme: TCP with the congestion control that most have, as fast as the link lets it.

    python -m benchmarks.gauntlet.download serve PORT
    python -m benchmarks.gauntlet.download take HOST PORT

Who takes says on ``{"report": true}`` how many bytes have come.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress

from benchmarks.gauntlet.wire import commands, say

CONGESTION_CONTROL = b"cubic"
CHUNK = bytes(65_536)
AGAIN_SECONDS = 1.0
SILENT_SECONDS = 10.0
"""A connection in which nothing came for so long is begun anew, as a browser's user would do it."""


async def serve(port: int) -> None:
    """Sends to whoever connects, without end."""

    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION_CONTROL)
        with suppress(OSError):
            while True:
                writer.write(CHUNK)
                await writer.drain()

    async with await asyncio.start_server(send, "0.0.0.0", port):
        say({"ready": True})
        async for _ in commands():
            pass


class Taker:
    """Downloads, and counts."""

    def __init__(self, host: str, port: int) -> None:
        self.taken = 0
        self._host = host
        self._port = port

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            with suppress(OSError, TimeoutError):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                try:
                    while True:
                        async with asyncio.timeout(SILENT_SECONDS):
                            data = await reader.read(65_536)
                        if not data:
                            break
                        self.taken += len(data)
                finally:
                    writer.close()
            await asyncio.sleep(AGAIN_SECONDS)


async def take(host: str, port: int) -> None:
    taker = Taker(host, port)
    task = asyncio.create_task(taker.run())
    async for command in commands():
        if command.get("report"):
            say({"taken": taker.taken})
    task.cancel()


if __name__ == "__main__":
    what, *where = sys.argv[1:]
    asyncio.run(serve(int(where[0])) if what == "serve" else take(where[0], int(where[1])))
