"""One address that TCP leads to, in virtual time: a module that dials it by two connections, of which a test makes one
stand still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from structlog.testing import CapturingLogger

from distreamer.core.module import Health
from distreamer.core.ports import CarrierKind, MessageStream
from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.status import LinkStatus
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.sessions.native_carriers import Dials
from distreamer.sessions.native_link import NativeLink
from tests.support.input_context import capturing_log, input_context, sentences_of
from tests.support.native_network import output_context
from tests.support.two_carriers import TwoCarriers, TwoReversedCarriers

Network = TwoCarriers | TwoReversedCarriers
TCP = CarrierKind("websocket", stands_still=True)


@dataclass
class Paired:
    """The side that dials, and what arrived at the receiving end."""

    network: Network
    module: DiStreamerClient | DiStreamerRevClient
    health: Health
    store: Store
    """Of the receiving end."""
    said: CapturingLogger
    arrived: dict[int, float] = field(default_factory=dict)
    """When each number came first."""

    @property
    def first(self) -> NativeLink:
        return self.module._pair.first

    @property
    def second(self) -> NativeLink:
        return self.module._pair.second

    @property
    def link(self) -> LinkStatus:
        """As the module shows it."""
        [link] = self.module.links()
        return link

    @property
    def far_link(self) -> LinkStatus:
        """As the other side shows it."""
        network = self.network
        [link] = network.receivers.links() if isinstance(network, TwoCarriers) else network.server.links()
        return link

    @property
    def received(self) -> LinkStatus:
        """As the receiving end shows it."""
        return self.link if isinstance(self.network, TwoCarriers) else self.far_link

    @property
    def newest(self) -> int:
        found = self.store.newest()
        return found.number if found else 0

    def sentences(self) -> list[str]:
        """What was said aloud."""
        return sentences_of(self.said, aloud=True)

    def lateness(self, since: int = 1) -> float:
        """The longest that a fragment needed, from the number ``since`` on; the first was made at 0."""
        return max(at - (number - 1) for number, at in self.arrived.items() if number >= since)

    async def stand_still(self, link: NativeLink, seconds: float) -> None:
        """Nothing comes on the carrier of ``link``, and no new one comes up meanwhile."""
        assert link.session is not None
        stream = link.session.stream
        self.network.cut()
        for carrier in self.network.carriers:
            if carrier.near_messages is not stream:
                carrier.restore()
        await asyncio.sleep(seconds)
        self.network.restore()

    def note(self) -> None:
        for one in self.store:
            self.arrived.setdefault(one.number, asyncio.get_running_loop().time())


def _module(network: Network, dials: Dials, password: str) -> Paired:
    said = CapturingLogger()
    if isinstance(network, TwoCarriers):
        context = input_context(log=said)
        options = DiStreamerClientSettings(serverurl="http://far:1/", password=password)
        client = DiStreamerClient(options, context, dial_paths=[dials])
        return Paired(network, client, context.health, context.store, said)
    sending = output_context(network.source, capturing_log(said))
    settings = DiStreamerRevClientSettings(serverurl="http://far:1/", password=password)
    sender = DiStreamerRevClient(settings, sending, dial_paths=[dials])
    return Paired(network, sender, sending.health, network.store, said)


@asynccontextmanager
async def paired(network: Network, *, with_quic: bool = False, password: str = "") -> AsyncIterator[Paired]:
    """A module that dials as long as it is needed."""

    async def dial(timeout_seconds: float) -> MessageStream:
        stream = await network.dial(timeout_seconds)
        stream.kind = TCP
        return stream

    pair = _module(network, Dials(dial, network.quic.dial if with_quic else None), password)
    pair.store.subscribe(pair.note)
    task = asyncio.create_task(pair.module.run())
    try:
        yield pair
    finally:
        if task.done():
            await task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
