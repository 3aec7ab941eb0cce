"""A day of programme in simulated time, over a link that is cut every hour: what is held stays the same."""

from __future__ import annotations

import asyncio
import gc
import sys
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.playout_head import PlayoutHead
from distreamer.core.store import Store, StoreLimits
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.status import PlayoutState
from distreamer.outputs.fan_out import FanOut
from distreamer.outputs.player_connection import PlayerConnection
from distreamer.protocol.http1 import RequestHead
from tests.support.input_context import input_context
from tests.support.native_network import NativeNetwork
from tests.support.player_transport import PlayerTransport
from tests.support.virtual_time import DAY_SECONDS, virtual_time

HOUR_SECONDS = 3600
CUT_SECONDS = 20
DELAY_SECONDS = 25.0
HISTORY_SECONDS = 300.0
FRAGMENT_BYTES = 1_600
"""A tenth of 128 kbit/s: what is bounded is counted in fragments and seconds here, and the test stays short."""
LISTENERS = 3


pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


class Players:
    """A few listeners that forget what they heard."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self.transports: list[PlayerTransport] = []
        self.heard = [0] * LISTENERS

    def join(self) -> None:
        for _ in range(LISTENERS):
            transport = PlayerTransport(self)
            self.transports.append(transport)
            self._fan_out.join(transport.connection, icy=False, burst=True)

    def forget(self) -> None:
        """Counts what was heard, and drops it."""
        for index, transport in enumerate(self.transports):
            self.heard[index] += sum(len(data) for data in transport.taken)
            transport.taken.clear()

    def begin_tls(self) -> None: ...

    def opened(self, connection: PlayerConnection) -> None: ...

    def asked(self, connection: PlayerConnection, request: RequestHead) -> None: ...

    def misasked(self, connection: PlayerConnection, reason: str) -> None: ...

    def stuck(self, connection: PlayerConnection) -> None:
        self._fan_out.stuck(connection)

    def unstuck(self, connection: PlayerConnection) -> None:
        self._fan_out.unstuck(connection)

    def closed(self, connection: PlayerConnection) -> None:
        self._fan_out.leave(connection)


@virtual_time(DAY_SECONDS + HOUR_SECONDS)
async def test_memory_is_flat_and_nothing_is_heard_over_a_day_with_a_cut_each_hour() -> None:
    limits = StoreLimits(seconds=HISTORY_SECONDS)
    async with NativeNetwork(Store(limits)) as network, asyncio.TaskGroup() as group:
        network.play(size=FRAGMENT_BYTES)
        said = CapturingLogger()
        context = input_context(log=said)
        store = Store(limits)
        head = PlayoutHead(store, context.clock, lambda info: DELAY_SECONDS)
        client = DiStreamerClient(
            DiStreamerClientSettings(serverurl="http://far:1"),
            replace(context, store=store, playout=head, delay_seconds=DELAY_SECONDS),
            dial=network.dial,
        )
        fan_out = FanOut(context.clock, 10, 30, lambda connection: connection.close())
        players = Players(fan_out)
        head.subscribe(fan_out.play)
        tasks = [group.create_task(one) for one in (client.run(), head.run(), fan_out.run())]
        await asyncio.sleep(2 * DELAY_SECONDS)
        players.join()

        blocks: list[int] = []
        while network.clock.now() < DAY_SECONDS:
            await asyncio.sleep(HOUR_SECONDS - CUT_SECONDS)
            network.cut()
            await asyncio.sleep(CUT_SECONDS)
            network.restore()
            assert len(store) <= HISTORY_SECONDS + 1
            assert len(network.source) <= HISTORY_SECONDS + 1
            players.forget()
            del network.carriers[:-1], network.dialled[:], network.ended[:], said.calls[:]
            gc.collect()
            blocks.append(sys.getallocatedblocks())
        status = head.status()
        for task in tasks:
            task.cancel()

    assert status.state is PlayoutState.PLAYING
    assert (status.dry_times, status.skipped_seconds) == (0, 0)
    assert min(players.heard) >= FRAGMENT_BYTES * (DAY_SECONDS - HOUR_SECONDS)
    assert fan_out.moved_forward == 0
    # A leak of one object a minute would add 60 blocks an hour. What other tests have left may be given back meanwhile.
    assert sum(max(later - before, 0) for before, later in pairwise(blocks[2:])) < 500, blocks
