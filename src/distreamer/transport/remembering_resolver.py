"""Host names that stay known while the link is down.

A question to a name server that was asked while the link was dark is answered some seconds after its return at the
earliest (glibc repeats it every 5 s). A raced connection cannot wait for that.
"""

from __future__ import annotations

import asyncio
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

FRESH_SECONDS = 30.0
"""How long an answer is taken without a new question."""
PATIENCE_SECONDS = 0.3
"""How long a new answer is waited for when an old one is known."""
MOST_NAMES = 16


class RememberingResolver(AbstractResolver):
    """Asks again from time to time, and goes by the last good answer when none comes."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        """To be made inside a running event loop."""
        self._resolver = resolver or DefaultResolver()
        self._loop = asyncio.get_running_loop()
        self._known: dict[tuple[str, int, int], tuple[float, list[ResolveResult]]] = {}
        self._questions: dict[tuple[str, int, int], asyncio.Task[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError when nothing is known and nothing can be learned."""
        name = (host, port, family)
        known = self._known.get(name)
        if known is not None and self._loop.time() - known[0] < FRESH_SECONDS:
            return known[1]
        question = self._questions.get(name)
        if question is None:
            # One question at a time: each that hangs holds a thread.
            question = self._loop.create_task(self._resolver.resolve(host, port, family), name=f"look up {host}")
            self._questions[name] = question
        await asyncio.wait({question}, timeout=None if known is None else PATIENCE_SECONDS)
        if not question.done() and known is not None:
            return known[1]
        self._questions.pop(name, None)
        return self._learned(name, question)

    def _learned(self, name: tuple[str, int, int], question: asyncio.Task[list[ResolveResult]]) -> list[ResolveResult]:
        try:
            answer = question.result()
        except OSError:
            if name not in self._known:
                raise
            return self._known[name][1]
        self._known.pop(name, None)
        self._known[name] = (self._loop.time(), answer)
        if len(self._known) > MOST_NAMES:
            self._known.pop(next(iter(self._known)))
        return answer

    async def close(self) -> None:
        questions = tuple(self._questions.values())
        self._questions.clear()
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)
        await self._resolver.close()
