"""A screen in memory for programs that only have a window."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.programs import ended_process, find_program

START_SECONDS = 60


@asynccontextmanager
async def virtual_screen() -> AsyncIterator[str]:
    """The value of DISPLAY that leads to it, until the end of the block."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as said:
        try:
            process = await asyncio.create_subprocess_exec(
                *(find_program("Xvfb"), "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                pass_fds=[writing],
            )
        finally:
            os.close(writing)
        async with ended_process(process):
            async with asyncio.timeout(START_SECONDS):
                number = await asyncio.to_thread(said.readline)
            assert number, "Xvfb ended before it had a screen"
            yield f":{number.decode().strip()}"
