"""An HlsServer with its playout, fed with fragments that a test made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog
from structlog.testing import LogCapture

from distreamer.core.clock import LoopClock
from distreamer.core.module import Health, OutputContext
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store, StoreLimits
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.model.status import ModuleState
from distreamer.outputs.hls_server import HlsServer, HlsServerSettings
from tests.support.made_audio import fragment

WALL = 1_000_000.5
"""Unix time when it begins."""


class HlsStage:
    """A server of segments of 2 s, and all around it."""

    def __init__(self, keys: dict[str, float | str]) -> None:
        self.store = Store(StoreLimits(seconds=3600))
        clock = LoopClock(wall=WALL)
        self.head = PlayoutHead(self.store, clock, lambda _: 0.99)
        self.health = Health(clock)
        self.log = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.log], wrapper_class=structlog.BoundLogger)
        self.settings = HlsServerSettings.model_validate(
            {"hostname": "127.0.0.1", "port": 0, "segmentseconds": 2, **keys}
        )
        self.context = OutputContext("output", self.store, clock, log, self.health, self.head)
        self.server = HlsServer(self.settings, self.context)

    @property
    def url(self) -> str:
        assert self.server.address is not None
        return f"http://127.0.0.1:{self.server.address[1]}"

    @property
    def listeners(self) -> int:
        status = self.server.listeners()
        assert status is not None
        return status.connected

    def is_in(self, state: ModuleState) -> bool:
        """Whether the server says that it is."""
        return self.health.state is state

    async def live(self, first: int, last: int) -> None:
        """Fragments ``first`` to ``last`` come, one a second."""
        for number in range(first, last + 1):
            self.store.add(fragment(number))
            await asyncio.sleep(1)

    async def until(self, count: int) -> list[str]:
        """Waits until so many segments are listed; gives their names."""
        played = asyncio.Event()
        unsubscribe = self.head.subscribe(lambda _: played.set())
        async with asyncio.timeout(60):
            while len(self.server.window.segments) < count:
                played.clear()
                await played.wait()
        unsubscribe()
        return [one.name for one in self.server.window.segments]


@asynccontextmanager
async def hls_serving(
    info: StreamInfo | None, fragments: Iterable[Fragment] = (), **keys: float | str
) -> AsyncIterator[HlsStage]:
    """It runs, and plays ``fragments``, all of the epoch 1; ten seconds of them at once."""
    stage = HlsStage(keys)
    if info is not None:
        stage.store.open_epoch(1, info)
        for one in fragments:
            stage.store.add(one)
    tasks = [asyncio.create_task(stage.server.run()), asyncio.create_task(stage.head.run())]
    try:
        async with asyncio.timeout(60):
            while stage.server.address is None:
                assert not tasks[0].done(), tasks[0]
                await asyncio.sleep(0.01)
        yield stage
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
