"""What one output has yet to send of what is played: bounded, and the writer never waits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from distreamer.core.played import Played

MAXIMUM_SECONDS = 30.0
"""Of audio that waits; then the oldest is dropped."""
MAXIMUM_BYTES = 16_000_000


class PlayedQueue:
    """Keeps what was played until it is taken."""

    def __init__(self) -> None:
        self.dropped_seconds = 0.0
        """Audio that was never taken because too much waited."""
        self._waiting: deque[Played] = deque()
        self._seconds = 0.0
        self._bytes = 0
        self._latest: Played | None = None
        self._changed = asyncio.Event()

    @property
    def seconds(self) -> float:
        """Media seconds that wait."""
        return self._seconds

    def put(self, played: Played) -> None:
        """To be subscribed to the playout."""
        self._latest = played
        self._waiting.append(played)
        self._seconds += played.seconds
        self._bytes += len(played.fragment.audio)
        while len(self._waiting) > 1 and (self._seconds > MAXIMUM_SECONDS or self._bytes > MAXIMUM_BYTES):
            self.dropped_seconds += self._pop().seconds
        self._changed.set()

    def catch_up(self, recent: Sequence[Played]) -> None:
        """Puts what was played since the last ``put``, out of ``recent``, oldest first: while a module waits to be run
        again it hears nothing."""
        if self._latest is None:
            return
        known = next((index for index, played in enumerate(recent) if played is self._latest), -1)
        for played in recent[known + 1 :]:
            self.put(played)

    async def first(self) -> Played:
        """Waits for the next; it stays until it is done, or dropped."""
        while not self._waiting:
            self._changed.clear()
            await self._changed.wait()
        return self._waiting[0]

    def done(self, played: Played) -> None:
        """What ``first`` gave was sent; it may have been dropped meanwhile."""
        if self._waiting and self._waiting[0] is played:
            self._pop()

    def _pop(self) -> Played:
        played = self._waiting.popleft()
        self._seconds -= played.seconds
        self._bytes -= len(played.fragment.audio)
        return played
