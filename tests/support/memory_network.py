"""Servers in memory: a test says who answers at which address, and with what."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from distreamer.errors import LinkError
from distreamer.protocol.http1 import RequestHead, RequestReader
from distreamer.transport.memory import MemoryPipe, MemoryStream

Handler = Callable[[MemoryStream, RequestHead], Awaitable[None]]
"""Serves one connection, whose request was read; the connection ends when it returns."""


class MemoryNetwork:
    """Hands out connections to its servers, and remembers all requests and pipes.

    A context manager: at its end all servers are stopped.
    """

    def __init__(self, latency_seconds: float = 0.0) -> None:
        self.requests: list[tuple[str, RequestHead]] = []
        """``host:port`` and request, in order."""
        self.pipes: list[MemoryPipe] = []
        """All connections, in order."""
        self.tls: list[bool] = []
        """Whether each of them asked for TLS."""
        self._latency_seconds = latency_seconds
        self._handlers: dict[str, Handler] = {}
        self._tasks: list[asyncio.Task[None]] = []

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
        self._tasks.append(asyncio.create_task(self._serve(address, pipe.far), name=f"server {address}"))
        return pipe.near

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            # A server whose client went away fails with LinkError; anything else is a fault of the test.
            with suppress(asyncio.CancelledError, LinkError):
                await task

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
