"""A QUIC server on the loopback, and those who dial it."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from structlog.testing import CapturingLogger

from distreamer.errors import DiStreamerError
from distreamer.protocol.native.messages import FragmentHead, Message, Piece, Want, encode
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import QuicDialler, QuicMessages
from distreamer.transport.quic_acceptor import QuicAcceptor, udp_sockets
from distreamer.transport.remembering_resolver import RememberingResolver
from distreamer.transport.self_signed import KeyPair, make_key_pair
from tests.support.input_context import capturing_log

Accept = Callable[[QuicMessages], Awaitable[None]]
PATIENCE_SECONDS = 60.0
"""A bound, not an expectation."""
WANT = encode(Want(holdings=(), back_seconds=30, resume_seconds=300))
"""Without it no audio may come."""
FAST = PaceRules(lambda: 1_000_000.0, 10.0)
"""No pace to speak of."""


@dataclass
class Server:
    """One that runs."""

    host: str
    port: int
    pair: KeyPair
    acceptor: QuicAcceptor

    def dialler(self, *, verify: bool = False, trusted: str | None = None) -> QuicDialler:
        trust = LinkTrust(verify=verify)
        return QuicDialler(
            self.host, self.port, FAST, capturing_log(), RememberingResolver(), trust=trust, trusted=trusted
        )

    async def dial(self) -> QuicMessages:
        return await self.dialler().dial(PATIENCE_SECONDS)

    @property
    def connections(self) -> int:
        return sum(listener.connections for listener in self.acceptor._servers)


@asynccontextmanager
async def serving(
    accept: Accept,
    host: str = "127.0.0.1",
    port: int = 0,
    pair: KeyPair | None = None,
    said: CapturingLogger | None = None,
) -> AsyncIterator[Server]:
    """A server that gives its carriers to ``accept``. Nothing may be raised into the event loop meanwhile."""
    sockets = udp_sockets(host, port)
    used = pair or make_key_pair(datetime.datetime.now(datetime.UTC))
    loop = asyncio.get_running_loop()
    raised: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: raised.append(context))
    async with QuicAcceptor(sockets, lambda: used, FAST, accept, capturing_log(said)) as acceptor:
        yield Server(host, sockets[0].getsockname()[1], used, acceptor)
    loop.set_exception_handler(None)
    assert raised == []


async def echo(carrier: QuicMessages) -> None:
    """Says what it hears, until the carrier ends."""
    with contextlib.suppress(DiStreamerError):
        while True:
            await carrier.send(await carrier.receive())


def body(head: Message, size: int) -> list[bytes]:
    """What is announced by ``head``, with ``size`` bytes in pieces."""
    pieces = [encode(Piece(), bytes([at % 251]) * min(2_000, size - at)) for at in range(0, size, 2_000)]
    return [encode(head), *pieces]


def fragment(number: int, size: int, *, setup: bool = False) -> list[bytes]:
    """A fragment as messages."""
    head = FragmentHead(
        epoch=1, number=number, start=0, duration=1, captured_at=0.0, size=size, digest=f"{number:032x}", setup=setup
    )
    return body(head, size)
