"""The webhook that is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

QUIET_SECONDS, LOOK_SECONDS = 10.0, 1.0


@dataclass
class Receiver:
    """Notes what comes, and when."""

    port: int = 0
    messages: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    """The monotonic time at which it came, from whom, and what."""
    slowest_seconds: float = 0.0
    """From the moment at which an event was told to that at which its message came."""
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, station: str) -> str:
        """Where that station's alerts go."""
        return f"http://127.0.0.1:{self.port}/{station}"

    async def told(self, station: str, kind: str, state: str, since: float, seconds: float) -> float | None:
        """When ``station`` told of the first problem of that kind, or of its end, after ``since``; None when it has not
        within ``seconds``."""
        field_name = "kind" if state == "problem" else "resolves"
        try:
            async with asyncio.timeout(seconds), self._grown:
                while True:
                    for at, who, message in self.messages:
                        is_it = (who, message["state"], message[field_name]) == (station, state, kind)
                        if is_it and at >= since:
                            return at
                    await self._grown.wait()
        except TimeoutError:
            return None

    async def well(self, station: str, kinds: Collection[str], seconds: float) -> None:
        """Waits until nothing of these kinds is the matter at ``station``, and nothing was told for a while; raises
        TimeoutError when that takes longer than ``seconds``."""
        async with asyncio.timeout(seconds), self._grown:
            while not self._is_well(station, kinds):
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._grown.wait()

    def _is_well(self, station: str, kinds: Collection[str]) -> bool:
        ongoing: set[object] = set()
        for at, who, message in self.messages:
            if who != station or not {message["kind"], message["resolves"]} & set(kinds):
                continue
            if message["state"] == "resolved":
                ongoing.discard(message["problem"])
            else:
                ongoing.add(message["problem"])
            if time.monotonic() - at < QUIET_SECONDS:
                return False
        return not ongoing

    async def take(self, request: web.Request) -> web.Response:
        """One POST."""
        message = await request.json()
        self.slowest_seconds = max(self.slowest_seconds, time.time() - message["at"])
        async with self._grown:
            self.messages.append((time.monotonic(), request.match_info["station"], message))
            self._grown.notify_all()
        return web.Response(text="thank you")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Until the block ends."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{station}", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()
