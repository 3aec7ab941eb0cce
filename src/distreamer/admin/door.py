"""Bounds the connections of an aiohttp server, and ends those on which nothing is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from distreamer.core.ports import Clock

MOST_CONNECTIONS = 128
IDLE_SECONDS = 15.0
"""For a request to come whole, and between two."""
SWEEP_SECONDS = 5.0


class Door:
    """Makes the protocol of each connection. When there are too many, the one that was idle for longest makes room:
    who only connects cannot lock others out."""

    def __init__(self, server: web.Server, clock: Clock, limit: int = MOST_CONNECTIONS) -> None:
        self.turned_away = 0
        """Connections closed to make room, or because there was none."""
        self._server = server
        self._clock = clock
        self._limit = limit
        self._idle_since: dict[RequestHandler, float] = {}

    def __call__(self) -> asyncio.Protocol:
        """The protocol of the next connection."""
        self._forget()
        if len(self._server.connections) >= self._limit:
            self.turned_away += 1
            if not self._idle_since:
                return _ClosedDoor()
            handler = min(self._idle_since, key=lambda one: self._idle_since[one])
            self._close(handler)
        handler = self._server()
        self._idle_since[handler] = self._clock.now()
        return handler

    def begins(self, request: web.BaseRequest) -> Callable[[], None]:
        """A request has come; gives what is to be called when it is answered."""
        handler = request.protocol
        self._idle_since.pop(handler, None)

        def ended() -> None:
            self._idle_since[handler] = self._clock.now()

        return ended

    async def sweep(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._forget()
            limit = self._clock.now() - IDLE_SECONDS
            for handler in [one for one, since in self._idle_since.items() if since <= limit]:
                self._close(handler)

    def _close(self, handler: RequestHandler) -> None:
        del self._idle_since[handler]
        transport = handler.transport
        handler.force_close()
        if transport is not None:
            # Whoever takes nothing of what he asked for would keep his place for ever.
            transport.abort()

    def _forget(self) -> None:
        """Those that are gone. A connection counts from the moment at which it is made."""
        alive = set(self._server.connections)
        now = self._clock.now()
        for handler in [one for one, since in self._idle_since.items() if one not in alive and since < now]:
            del self._idle_since[handler]


class _ClosedDoor(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()
