"""Tasks that end with a test."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from distreamer.errors import LinkError


class OwnedTasks:
    """A context manager: at its end all are cancelled, and what failed in one is raised. A peer that went away, and
    does not take what it is sent, is no failure."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def own(self, job: Coroutine[Any, Any, None], name: str) -> None:
        """Runs ``job`` until then."""
        self._tasks.append(asyncio.create_task(job, name=name))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError, LinkError):
                await task
