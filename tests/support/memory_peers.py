"""The other side of a module that dials, in memory: each connection is played by the test, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from distreamer.core.module import Module
from distreamer.core.ports import MessageStream
from distreamer.errors import DiStreamerError, OtherWireError
from distreamer.transport.memory import MemoryPipe, MemoryStream
from tests.support.owned_tasks import OwnedTasks

Play = Callable[[MemoryStream], Awaitable[None]]
"""Plays the other side of one connection, which ends when it returns."""

AGAIN_SECONDS = 1.0
"""Before a module is run again."""


class MemoryPeers(OwnedTasks):
    """``dial`` is what the module gets. A context manager: what failed in a play is raised at its end."""

    def __init__(self, play: Play) -> None:
        super().__init__()
        self.play = play
        """For the connections from now on."""
        self.dialled = 0

    async def dial(self, timeout_seconds: float) -> MemoryStream:
        assert timeout_seconds > 0
        pipe = MemoryPipe(latency_seconds=0.01, far_name="far:1")
        self.dialled += 1
        self.own(self._hold(self.play, pipe.far), "the other side")
        return pipe.near

    async def _hold(self, play: Play, stream: MemoryStream) -> None:
        try:
            await play(stream)
        finally:
            await stream.close()


async def not_native(timeout_seconds: float) -> MessageStream:
    """What a DiStreamer 2 says to a module that tries the native wire first."""
    raise OtherWireError("far:1", "answered 404")


@asynccontextmanager
async def running(module: Module, again_seconds: float = AGAIN_SECONDS) -> AsyncIterator[list[DiStreamerError]]:
    """``module`` runs until the block ends, and again each time when it ends with an error, as under its supervisor.
    Gives those errors. What is no documented error is raised."""
    errors: list[DiStreamerError] = []
    task = asyncio.create_task(_supervised(module, errors, again_seconds))
    try:
        yield errors
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _supervised(module: Module, errors: list[DiStreamerError], again_seconds: float) -> None:
    while True:
        try:
            await module.run()
        except DiStreamerError as error:
            errors.append(error)
        await asyncio.sleep(again_seconds)
