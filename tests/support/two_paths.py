"""Several paths between the same two ends, in virtual time: each a NativeNetwork that can be cut by itself.

``receiving`` is a DiStreamerClient that dials by them, ``sending`` a DiStreamerRevClient.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext, OutputContext
from distreamer.core.ports import MessageStream
from distreamer.core.store import Store
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.status import LinkStatus
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.sessions.native_carriers import Dials
from distreamer.sessions.path_choice import Multipath
from tests.support.input_context import input_context, sentences_of
from tests.support.native_network import NativeNetwork, output_context
from tests.support.reversed_network import ReversedNetwork
from tests.support.two_carriers import TwoCarriers


@dataclass
class Receiving:
    """PC B, which dials by several paths."""

    networks: Sequence[NativeNetwork]
    context: InputContext
    module: DiStreamerClient
    said: CapturingLogger
    arrived: dict[int, float] = field(default_factory=dict)
    """When each number came first."""

    @property
    def store(self) -> Store:
        return self.context.store

    @property
    def links(self) -> tuple[LinkStatus, ...]:
        return self.module.links()

    @property
    def numbers(self) -> list[int]:
        return [one.number for one in self.store]

    @property
    def newest(self) -> int:
        found = self.store.newest()
        return found.number if found else 0

    def brought(self) -> list[int]:
        """How many fragments each path brought, duplicates included."""
        return [link.fragments for link in self.links]

    def sentences(self) -> list[str]:
        return sentences_of(self.said)

    def note(self) -> None:
        for one in self.store:
            self.arrived.setdefault(one.number, asyncio.get_running_loop().time())


def _dials_of(network: NativeNetwork) -> Dials:
    return Dials(network.dial, network.quic.dial if isinstance(network, TwoCarriers) else None)


@asynccontextmanager
async def receiving(multipath: Multipath | str, *networks: NativeNetwork) -> AsyncIterator[Receiving]:
    """A client that dials over ``networks``, the preferred one first."""
    said = CapturingLogger()
    async with AsyncExitStack() as stack:
        for network in networks:
            await stack.enter_async_context(network)
        context = input_context(log=said)
        urls = ", ".join(f"http://a{number}:1" for number in range(1, len(networks) + 1))
        settings = DiStreamerClientSettings(serverurl=urls, multipath=Multipath(multipath))
        alone = networks[0].dial if len(networks) == 1 else None
        paths = [_dials_of(network) for network in networks]
        module = DiStreamerClient(settings, context, alone, dial_paths=paths)
        receiver = Receiving(networks, context, module, said)
        context.store.subscribe(receiver.note)
        task = asyncio.create_task(module.run())
        try:
            yield receiver
        finally:
            if task.done():
                await task
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class WayTo(NativeNetwork):
    """A further path to the DiStreamerRevServer of another network."""

    def __init__(self, network: ReversedNetwork) -> None:
        super().__init__(network.source)
        self._network = network

    async def _accept(self, stream: MessageStream) -> None:
        await self._network.server.accept(stream)


@dataclass
class Sending:
    """PC A, which dials by two paths, and PC B."""

    first: ReversedNetwork
    second: WayTo
    context: OutputContext
    module: DiStreamerRevClient
    arrived: dict[int, float] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Of PC B."""
        return self.first.store

    def brought(self) -> list[int]:
        """How many fragments each path brought, duplicates included."""
        return [link.fragments for link in self.first.server.links()]

    def note(self) -> None:
        for one in self.store:
            self.arrived.setdefault(one.number, asyncio.get_running_loop().time())


@asynccontextmanager
async def sending(multipath: Multipath | str, source: Store) -> AsyncIterator[Sending]:
    """A DiStreamerRevClient that sends from ``source`` by two paths."""
    async with ReversedNetwork(source) as first, WayTo(first) as second:
        context = output_context(source)
        settings = DiStreamerRevClientSettings(serverurl="http://b1:1 http://b2:1", multipath=Multipath(multipath))
        module = DiStreamerRevClient(settings, context, dial_paths=[Dials(first.dial), Dials(second.dial)])
        sender = Sending(first, second, context, module)
        first.store.subscribe(sender.note)
        task = asyncio.create_task(module.run())
        try:
            yield sender
        finally:
            if task.done():
                await task
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
