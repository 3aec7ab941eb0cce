"""A ShoutcastServer in virtual time, without a network: its playout, and a source of one fragment a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import structlog
from structlog.testing import LogCapture

from distreamer.core.clock import LoopClock
from distreamer.core.lead import LEAD_SECONDS
from distreamer.core.module import Health, OutputContext
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store
from distreamer.model.status import ListenersStatus
from distreamer.outputs.player_server import PlayerServer
from distreamer.outputs.shoutcast_server import ShoutcastServer, ShoutcastServerSettings
from tests.support.made_audio import INFO, fragment
from tests.support.player_transport import UNLIMITED, PlayerTransport

REQUEST = b"GET / HTTP/1.0\r\nUser-Agent: test\r\n\r\n"


class Stage:
    """A server, the playout that it plays, and a source of one fragment a second."""

    def __init__(self, settings: ShoutcastServerSettings) -> None:
        self.store = Store()
        self.store.open_epoch(1, INFO)
        clock = LoopClock(wall=1_000_000.0)
        self.head = PlayoutHead(self.store, clock, lambda info: 3.0)
        self.health = Health(clock)
        self.log = LogCapture()
        log = structlog.wrap_logger(None, processors=[self.log], wrapper_class=structlog.BoundLogger)
        self.server = ShoutcastServer(settings, OutputContext("output", self.store, clock, log, self.health, self.head))
        self.number = 0

    @property
    def players(self) -> PlayerServer:
        assert isinstance(self.server.players, PlayerServer)
        return self.server.players

    @property
    def counters(self) -> ListenersStatus:
        status = self.server.listeners()
        assert status is not None
        return status

    def feed(self, count: int) -> None:
        """``count`` more seconds of programme are there."""
        for _ in range(count):
            self.number += 1
            self.store.add(fragment(self.number))

    async def start(self) -> None:
        """The delay is there: fragment 1, which is all of the lead, is played; 2 and 3 are held."""
        self.number = 1
        self.store.add(replace(fragment(1), duration=round((LEAD_SECONDS + 1) * INFO.format.clock_rate)))
        self.feed(2)
        await asyncio.sleep(0.01)

    async def live(self, seconds: int) -> None:
        """So many seconds later; a fragment came, and another was played, in each."""
        for _ in range(seconds):
            await asyncio.sleep(1)
            self.feed(1)

    def player(self, request: bytes = REQUEST, room: int = UNLIMITED, address: str = "192.0.2.1") -> PlayerTransport:
        transport = PlayerTransport(self.players, room, address)
        transport.says(request)
        return transport


@asynccontextmanager
async def stage(**keys: float | str) -> AsyncIterator[Stage]:
    # Port 0 of the loopback: it listens, but in virtual time nobody connects; the players are in memory.
    one = Stage(ShoutcastServerSettings.model_validate({"hostname": "127.0.0.1", "port": 0, **keys}))
    tasks = [asyncio.create_task(one.head.run()), asyncio.create_task(one.server.run())]
    await asyncio.sleep(0.01)
    try:
        yield one
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def audio(first: int, last: int) -> bytes:
    """Of these fragments and those between."""
    return b"".join(fragment(number).audio for number in range(first, last + 1))
