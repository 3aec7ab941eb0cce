"""Real programs, found and ended."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

END_SECONDS = 10


def find_program(*names: str) -> str:
    """The path of the first that is installed; skips the test when none is."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip(f"{names[0]} is not installed")


@asynccontextmanager
async def ended_process(process: asyncio.subprocess.Process) -> AsyncIterator[asyncio.subprocess.Process]:
    """Ends ``process`` at the end, gently if it lets."""
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def run(*command: str, timeout: float = 60) -> tuple[int, str, bytes]:
    """Exit code, messages and output of a program that ends by itself, within ``timeout`` seconds."""
    assert shutil.which(command[0]), f"{command[0]} is not installed"
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(timeout):
            output, messages = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, messages.decode("utf-8", "replace"), output
