"""A link that all connections of a network share and that carries little more than the programme, in virtual time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from distreamer.core.ports import CarrierKind, MessageStream
from tests.support.two_carriers import TwoCarriers

BUFFER_BYTES = 16_000
"""Of a connection: written, and not yet sent."""


class _Sent:
    """The sending end of a connection whose bytes wait for their turn; those of others go between."""

    def __init__(self, stream: MessageStream, turn: asyncio.Lock, rate: float) -> None:
        self._stream = stream
        self._turn = turn
        self._rate = rate
        self._waiting: deque[bytes] = deque()
        self._changed = asyncio.Event()

    @property
    def kind(self) -> CarrierKind:
        return self._stream.kind

    @property
    def heard_at(self) -> float | None:
        return self._stream.heard_at

    @property
    def binding(self) -> bytes | None:
        return self._stream.binding

    @property
    def peer(self) -> str:
        return self._stream.peer

    async def receive(self) -> bytes:
        return await self._stream.receive()

    async def send(self, message: bytes) -> None:
        while sum(map(len, self._waiting)) > BUFFER_BYTES:
            self._changed.clear()
            await self._changed.wait()
        self._waiting.append(message)
        self._changed.set()

    async def close(self) -> None:
        await self._stream.close()

    async def pump(self) -> None:
        """Until it is cancelled."""
        while True:
            while not self._waiting:
                self._changed.clear()
                await self._changed.wait()
            async with self._turn:
                await asyncio.sleep(len(self._waiting[0]) / self._rate)
            await self._stream.send(self._waiting.popleft())
            self._changed.set()


@dataclass
class NarrowNetwork(TwoCarriers):
    """PC A, which sends over such a link by TCP."""

    rate: float = 20_000.0
    """Bytes a second."""
    sent_bytes: int = 0

    async def _accept(self, stream: MessageStream) -> None:
        if not hasattr(self, "turn"):
            self.turn = asyncio.Lock()
        sent = _Sent(stream, self.turn, self.rate)
        pump = asyncio.create_task(sent.pump())
        try:
            await super()._accept(sent)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
