"""Two kinds of carriers between the same two ends, in virtual time: QUIC over a link that a test spoils, and others,
called TCP here, which go through memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from structlog.testing import CapturingLogger

from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.model.status import LinkStatus
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.sessions.native_carriers import pace_of, pace_of_answers
from tests.support.input_context import capturing_log, input_context, sentences_of
from tests.support.native_network import NativeNetwork, output_context
from tests.support.quic_network import Link, QuicNetwork
from tests.support.reversed_network import ReversedNetwork

FACTOR = 5.0


@dataclass
class TwoCarriers(NativeNetwork):
    """PC A, which sends, and both ways to it."""

    link: Link = field(default_factory=Link)
    """That of QUIC."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.quic = QuicNetwork(self.link, pace_of(self.source, FACTOR), pace_of_answers(), self._accept)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.quic.close()
        await super().__aexit__(kind, error, trace)


@dataclass
class TwoReversedCarriers(ReversedNetwork):
    """PC B, which receives, and both ways to it."""

    link: Link = field(default_factory=Link)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.quic = QuicNetwork(self.link, pace_of_answers(), pace_of(self.source, FACTOR), self._accept)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.quic.close()
        await super().__aexit__(kind, error, trace)


class Caller:
    """The side that dials, by both ways or by one."""

    def __init__(self, network: TwoCarriers | TwoReversedCarriers, *, without_tcp: bool = False) -> None:
        self.network = network
        self.said = CapturingLogger()
        self._without_tcp = without_tcp
        if isinstance(network, TwoCarriers):
            self.input = input_context(log=self.said)
            self.store = self.input.store
            options = DiStreamerClientSettings(serverurl="http://far:1/", password=network.password)
            self.module: DiStreamerClient | DiStreamerRevClient = DiStreamerClient(options, self.input)
            self.health = self.input.health
        else:
            context = output_context(network.source, capturing_log(self.said))
            self.store = network.store
            settings = DiStreamerRevClientSettings(serverurl="http://far:1/", password=network.password)
            self.module = DiStreamerRevClient(settings, context)
            self.health = context.health

    @property
    def link(self) -> LinkStatus:
        [link] = self.module.links()
        return link

    @property
    def newest(self) -> int:
        """Number of the newest fragment at the receiving end."""
        found = self.store.newest()
        return found.number if found else 0

    @property
    def lag(self) -> int:
        """Fragments that the sending end has beyond that."""
        newest = self.network.source.newest()
        return newest.number - self.newest if newest else 0

    def sentences(self) -> list[str]:
        return sentences_of(self.said)

    async def run(self) -> None:
        if self._without_tcp:
            await self.module._pair.first.run(self.network.quic.dial)
        else:
            await self.module._pair.first.run(self.network.dial, self.network.quic.dial)


@asynccontextmanager
async def calling(network: TwoCarriers | TwoReversedCarriers, *, without_tcp: bool = False) -> AsyncIterator[Caller]:
    """A side that dials, as long as it is needed."""
    caller = Caller(network, without_tcp=without_tcp)
    task = asyncio.get_running_loop().create_task(caller.run())
    try:
        yield caller
    finally:
        if task.done():
            await task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
