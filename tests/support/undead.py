"""Programs that do not end when they are killed, as one that waits for a disk that hangs."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch


@asynccontextmanager
async def undead() -> AsyncIterator[None]:
    """Until the block ends, nobody who waits for the end of a program that was started here sees it."""
    asked: list[Process] = []

    async def wait(process: Process) -> int:
        asked.append(process)
        never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return await never

    with patch.object(Process, "wait", wait):
        yield
    for process in asked:
        await process.wait()
