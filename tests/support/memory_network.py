"""Servers in memory: a test says who answers at which address, and with what."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable

from distreamer.errors import LinkError
from distreamer.protocol.http1 import RequestHead, RequestReader
from distreamer.transport.memory import MemoryPipe, MemoryStream
from tests.support.owned_tasks import OwnedTasks

Handler = Callable[[MemoryStream, RequestHead], Awaitable[None]]
"""Serves one connection, whose request was read; the connection ends when it returns."""


class MemoryNetwork(OwnedTasks):
    """Hands out connections to its servers, and remembers all requests and pipes.

    A context manager: at its end all servers are stopped.
    """

    def __init__(self, latency_seconds: float = 0.0) -> None:
        super().__init__()
        self.requests: list[tuple[str, RequestHead]] = []
        """``host:port`` and request, in order."""
        self.pipes: list[MemoryPipe] = []
        """All connections, in order."""
        self.tls: list[bool] = []
        """Whether each of them asked for TLS."""
        self._latency_seconds = latency_seconds
        self._handlers: dict[str, Handler] = {}

    def serve(self, address: str, handler: Handler) -> None:
        """``handler`` answers at ``address`` (``host:port``) from now on."""
        self._handlers[address] = handler

    async def connect(
        self, host: str, port: int, *, timeout_seconds: float, tls: ssl.SSLContext | None = None
    ) -> MemoryStream:
        """As ``transport.tcp.connect``; TLS is only noted."""
        assert timeout_seconds > 0
        address = f"{host}:{port}"
        if address not in self._handlers:
            raise LinkError(address, "refused the connection: nothing listens on that port")
        pipe = MemoryPipe(latency_seconds=self._latency_seconds, far_name=address)
        self.pipes.append(pipe)
        self.tls.append(tls is not None)
        self.own(self._serve(address, pipe.far), f"server {address}")
        return pipe.near

    async def _serve(self, address: str, stream: MemoryStream) -> None:
        reader = RequestReader()
        request = None
        while request is None:
            data = await stream.read()
            if not data:
                return
            request = reader.receive_data(data)
        self.requests.append((address, request))
        try:
            await self._handlers[address](stream, request)
        finally:
            await stream.close()


def answering(*parts: bytes) -> Handler:
    """A server that sends ``parts`` one after the other, then closes."""

    async def answer(stream: MemoryStream, request: RequestHead) -> None:
        for part in parts:
            await stream.write(part)

    return answer
