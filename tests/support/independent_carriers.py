"""The two carriers of docs/protocol.md, for a second peer that dials; see ``independent_peer``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeAlias

import aiohttp
from aiohttp import web

from tests.support.independent_quic import QuicCarrier
from tests.support.independent_rules import MOST_MESSAGE_BYTES, BrokenRule

CLOSING_SECONDS = 0.5
"""How long a WebSocket may take to close; the other side may be gone."""
ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


class Carrier(Protocol):
    """What a conversation needs of either."""

    binding: bytes | None
    """What a SCRAM proof is bound to: the SHA-256 of the acceptor's certificate."""
    silence_seconds: float
    """How long a peer may say nothing until the conversation ends."""

    async def send(self, data: bytes) -> None:
        """Raises ConnectionError when the carrier is gone."""

    async def receive(self) -> bytes:
        """The next message; raises ConnectionError when the carrier is gone, BrokenRule when there is none."""

    async def hang_up(self) -> None:
        """Returns when nothing is left of it."""


class WebSocketCarrier:
    """One WebSocket message is one message."""

    binding: bytes | None = None
    silence_seconds = 2.5

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse | web.WebSocketResponse) -> None:
        self.websocket = websocket

    async def send(self, data: bytes) -> None:
        await self.websocket.send_bytes(data)

    async def receive(self) -> bytes:
        incoming = await self.websocket.receive()
        if incoming.type in ENDS:
            raise ConnectionError("the WebSocket ended")
        if incoming.type is not aiohttp.WSMsgType.BINARY:
            raise BrokenRule(f"a WebSocket message of type {incoming.type}")
        assert isinstance(incoming.data, bytes)
        return incoming.data

    async def hang_up(self) -> None:
        await self.websocket.close()


Dial: TypeAlias = Callable[[int], AbstractAsyncContextManager[Carrier]]
"""A way to whoever listens at that port of this machine."""


@asynccontextmanager
async def websocket_to(port: int) -> AsyncIterator[Carrier]:
    url = f"http://127.0.0.1:{port}/distreamer3"
    patience = aiohttp.ClientWSTimeout(ws_close=CLOSING_SECONDS)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, timeout=patience, max_msg_size=MOST_MESSAGE_BYTES) as websocket,
    ):
        yield WebSocketCarrier(websocket)


@asynccontextmanager
async def quic_to(port: int) -> AsyncIterator[Carrier]:
    async with opened_quic(port) as carrier:
        yield carrier


@asynccontextmanager
async def opened_quic(port: int, lose_each: int = 0) -> AsyncIterator[QuicCarrier]:
    """With ``lose_each``, each packet of that number that arrives is lost, once it is open."""
    loop = asyncio.get_running_loop()
    _, carrier = await loop.create_datagram_endpoint(QuicCarrier, local_addr=("127.0.0.1", 0))
    try:
        await carrier.open(port)
        carrier.lose_each = lose_each
        yield carrier
    finally:
        await carrier.hang_up()
        carrier.end()
