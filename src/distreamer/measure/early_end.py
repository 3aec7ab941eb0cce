"""Something that takes its time, and may be ended earlier by who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def unless_ended(
    job: Coroutine[Any, Any, Result], ended: asyncio.Event, seconds: float | None = None
) -> Result | None:
    """What ``job`` gives; None when ``ended`` was set, or ``seconds`` were over, before it was done."""
    working = asyncio.create_task(job, name="is worked on")
    ending = asyncio.create_task(ended.wait(), name="waits for the end")
    try:
        await asyncio.wait((working, ending), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        ending.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)
