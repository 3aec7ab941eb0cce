"""The last wait for a program that was killed."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process

DYING_SECONDS = 3.0
"""A machine that is overloaded, or stands still for a moment, is no disk that hangs."""


async def until_dead(process: Process) -> None:
    """Waits until it has died, but not for long: it needs a moment of the processor for that, and cannot die while a
    disk hangs. Whoever waited for that would not end either."""
    dying = asyncio.create_task(process.wait(), name=f"end of process {process.pid}")
    try:
        await asyncio.wait({dying}, timeout=DYING_SECONDS)
    finally:
        dying.cancel()
