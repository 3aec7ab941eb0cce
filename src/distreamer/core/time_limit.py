"""``asyncio.timeout`` that holds in a task that is being cancelled, too.

Python 3.11.2, which Debian 12 has, gives CancelledError there in place of TimeoutError (gh-102780), and what is to be
done when the time is over would be left out while something ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """Raises TimeoutError when what is inside takes longer; for what ends something, which may be cancelled."""
    task = asyncio.current_task()
    cancels = task.cancelling() if task else 0
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except asyncio.CancelledError as error:
        if limit.expired() and task and task.cancelling() <= cancels:
            raise TimeoutError from error
        raise
