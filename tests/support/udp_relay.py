"""Beside a ``Relay``: forwards UDP on the same port, as a NAT does, over a link that can be cut."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self


class _Upstream(asyncio.DatagramProtocol):
    """What one client's packets are sent from, and where its answers come back."""

    def __init__(self, relay: UdpRelay, client: tuple[str, int]) -> None:
        self._relay = relay
        self._client = client
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._relay.answer(data, self._client)


class UdpRelay(asyncio.DatagramProtocol):
    """An async context manager."""

    def __init__(self, target_port: int, port: int) -> None:
        """Both on 127.0.0.1."""
        self._target = ("127.0.0.1", target_port)
        self._port = port
        self._is_cut = False
        self._transport: asyncio.DatagramTransport | None = None
        self._upstreams: dict[tuple[str, int], asyncio.Task[_Upstream]] = {}

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self._port))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.rebind()
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """A black hole, both ways."""
        self._is_cut = True

    def restore(self) -> None:
        self._is_cut = False

    def rebind(self) -> None:
        """From now on packets of all clients leave from new ports, and answers to the old ones are lost."""
        for opening in self._upstreams.values():
            opening.cancel()
            if opening.done() and not opening.cancelled() and (transport := opening.result().transport):
                transport.close()
        self._upstreams.clear()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._is_cut:
            return
        opening = self._upstreams.get(addr)
        if opening is None:
            opening = self._upstreams[addr] = asyncio.create_task(self._open(addr))
        opening.add_done_callback(lambda opened: self._forward(opened, data))

    @staticmethod
    def _forward(opened: asyncio.Task[_Upstream], data: bytes) -> None:
        if not opened.cancelled() and (transport := opened.result().transport):
            transport.sendto(data)

    def answer(self, data: bytes, client: tuple[str, int]) -> None:
        """What came from the target for ``client``."""
        if self._transport is not None and not self._is_cut:
            self._transport.sendto(data, client)

    async def _open(self, client: tuple[str, int]) -> _Upstream:
        loop = asyncio.get_running_loop()
        _, upstream = await loop.create_datagram_endpoint(lambda: _Upstream(self, client), remote_addr=self._target)
        return upstream
