"""Connections that leave by a given address or interface, over the real loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from distreamer.core.ports import MessageStream
from distreamer.errors import LinkError
from distreamer.sessions.native_carriers import Transport, accepting_quic, dialling, pace_of_answers
from distreamer.transport.local_end import LocalEnd
from distreamer.transport.tcp import listening_sockets
from distreamer.transport.websocket import WebSocketServer
from tests.support.input_context import capturing_log
from tests.support.quic_network import PAIR

ELSEWHERE = "127.0.0.3"
"""Every address of 127.0.0.0/8 is one of this machine."""
PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""


async def peer_of(bind: str, transport: Transport) -> str:
    """Where a carrier comes from that leaves by ``bind``."""
    accepted: asyncio.Queue[str] = asyncio.Queue()

    async def accept(stream: MessageStream) -> None:
        accepted.put_nowait(stream.peer)
        with contextlib.suppress(LinkError):
            await stream.receive()

    sockets = listening_sockets("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    async with (
        WebSocketServer(sockets, accept, {}),
        accepting_quic(("127.0.0.1", port), Transport.AUTO, lambda: PAIR, pace_of_answers(), accept, capturing_log()),
        dialling(
            f"http://127.0.0.1:{port}",
            transport,
            pace_of_answers(),
            capturing_log(),
            verify_tls=True,
            local_end=LocalEnd(bind),
        ) as dials,
    ):
        carrier = await dials.dial(PATIENCE_SECONDS)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return (await accepted.get()).rpartition(":")[0]
        finally:
            await carrier.close()


@pytest.mark.parametrize("transport", [Transport.QUIC, Transport.TCP])
async def test_an_address_and_an_interface_are_where_it_leaves(transport: Transport) -> None:
    assert await peer_of(ELSEWHERE, transport) == ELSEWHERE
    assert await peer_of("lo", transport) == "127.0.0.1"


@pytest.mark.parametrize("transport", [Transport.QUIC, Transport.TCP])
@pytest.mark.parametrize(
    ("bind", "words"),
    [
        ("nosuch0", "no such network interface now"),
        ("192.0.2.1", "this machine has no such address"),
        ("::1", "no address of the kind of BIND"),
    ],
)
async def test_what_is_not_there_now_is_a_link_that_does_not_work(transport: Transport, bind: str, words: str) -> None:
    with pytest.raises(LinkError, match=words):
        await peer_of(bind, transport)


def test_where_an_interface_may_not_be_named_its_address_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_BINDTODEVICE")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        LocalEnd("lo").bind(one)
        assert one.getsockname()[0] == "127.0.0.1"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
        LocalEnd("lo").bind(one)
        assert one.getsockname()[0] == "::1"


@pytest.mark.parametrize("wrong", ["", "a b", "a/b", "sixteen-letters0"])
def test_what_can_be_neither_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="network interface"):
        LocalEnd(wrong)
