"""A ShoutcastServer on the loopback, fed with fragments that a test made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import structlog
from structlog.testing import LogCapture

from distreamer.core.module import Health, OutputContext, PartJob
from distreamer.core.played import Played
from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store, StoreLimits
from distreamer.model.audio import StreamInfo
from distreamer.model.fragment import Fragment
from distreamer.outputs.shoutcast_server import ShoutcastServer, ShoutcastServerSettings
from distreamer.runtime.supervisor import Supervisor
from tests.support.held_clock import HeldClock

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""

PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""


@asynccontextmanager
async def serving(
    info: StreamInfo, fragments: Iterable[Fragment], *, delay: float = 0.99, played: int = 1, **keys: float | str
) -> AsyncIterator[tuple[ShoutcastServer, int]]:
    """The server and its port, when ``played`` fragments were played. ``fragments``, all of the epoch 1, are in the
    store from the beginning; all but the last ``delay`` seconds are played at once, as lead (it needs two seconds and
    takes ten)."""
    async with _serving(info, fragments, delay, played, 0, keys) as served:
        yield served


@asynccontextmanager
async def serving_to(
    listeners: int,
    info: StreamInfo,
    fragments: Iterable[Fragment],
    *,
    delay: float,
    played: int = 1,
    **keys: float | str,
) -> AsyncIterator[tuple[ShoutcastServer, int]]:
    """As ``serving``, but the last ``delay`` seconds wait for so many ``listeners``: however long a player takes to
    start, it hears all of them."""
    async with _serving(info, fragments, delay, played, listeners, keys) as served:
        yield served


@asynccontextmanager
async def _serving(
    info: StreamInfo,
    fragments: Iterable[Fragment],
    delay: float,
    played: int,
    awaited: int,
    keys: Mapping[str, float | str],
) -> AsyncIterator[tuple[ShoutcastServer, int]]:
    store = Store(StoreLimits(seconds=3600))
    store.open_epoch(1, info)
    for one in fragments:
        store.add(one)
    clock = HeldClock()
    head = PlayoutHead(store, clock, lambda _: delay)
    log = structlog.wrap_logger(None, processors=[LogCapture()], wrapper_class=structlog.BoundLogger)
    settings = ShoutcastServerSettings.model_validate({"hostname": "127.0.0.1", "port": 0, **keys})

    async def supervise(name: str, job: PartJob) -> None:
        await Supervisor(job, Health(clock), log.bind(module=name)).run()

    context = OutputContext("output", store, clock, log, Health(clock), head, supervise=supervise)
    server = ShoutcastServer(settings, context)
    enough = asyncio.Event()

    def note(_: Played) -> None:
        if not enough.is_set() and len(head.recent()) >= played:
            enough.set()
            if awaited:
                clock.hold()
                tasks.append(asyncio.create_task(let_go()))

    async def let_go() -> None:
        for _ in range(PATIENCE_SECONDS * 100):
            if server.players.connected >= awaited:
                break
            await asyncio.sleep(0.01)
        clock.release()

    head.subscribe(note)
    tasks = [asyncio.create_task(job) for job in (server.run(), head.run(), enough.wait())]
    try:
        done, _ = await asyncio.wait(tasks, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # raises what the server could not do
        assert server.address is not None
        assert enough.is_set(), f"{played} fragments were not played within {PATIENCE_SECONDS} s"
        yield server, server.address[1]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
