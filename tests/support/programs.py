"""Real programs, found and ended."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

END_SECONDS = 10
WORDS_BYTES = 4000
"""What is told of a program's words, from their end."""


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


@contextmanager
def words_of(name: str) -> Iterator[int]:
    """A file for what a program says; who fails within is told it."""
    with tempfile.TemporaryFile() as file:
        try:
            yield file.fileno()
        except Exception as error:
            begin = max(os.fstat(file.fileno()).st_size - WORDS_BYTES, 0)
            said = os.pread(file.fileno(), WORDS_BYTES, begin).decode(errors="replace")
            error.add_note(f"{name} said:\n{said}")
            raise


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
