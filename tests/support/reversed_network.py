"""A DiStreamerRevServer, a link to it that can be cut, and room for senders that dial, all inside one event loop."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from structlog.testing import CapturingLogger

from distreamer.core.ports import MessageStream
from distreamer.core.store import Store
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from tests.support.input_context import input_context, sentences_of
from tests.support.native_network import NativeNetwork


class ReversedNetwork(NativeNetwork):
    """PC B and the link to it; ``dial`` is what PC A gets, and ``source`` is the store of PC A."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.said = CapturingLogger()
        self.context = input_context(log=self.said)
        settings = DiStreamerRevServerSettings(hostname="127.0.0.1", port=0, password=self.password)
        self.server = DiStreamerRevServer(settings, self.context)
        self._serving = asyncio.create_task(self.server.run())
        # It listens before it waits for anything but itself.
        await asyncio.sleep(0.001)
        assert self.server.address is not None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    @property
    def store(self) -> Store:
        """Of PC B."""
        return self.context.store

    def sentences(self) -> list[str]:
        """What the server logged."""
        return sentences_of(self.said)

    async def _accept(self, stream: MessageStream) -> None:
        await self.server.accept(stream)
