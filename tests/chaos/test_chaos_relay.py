"""The relay that is a bad link, between real sockets on loopback."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from distreamer.chaos import relay as relay_module
from distreamer.chaos.link_model import LinkSettings
from distreamer.chaos.relay import ChaosRelay
from distreamer.errors import BindError, LinkError
from tests.support.instances import free_port
from tests.support.listening_modules import until

PATIENCE_SECONDS = 60.0
"""Only a failing test waits as long as this."""


class EchoDatagrams(asyncio.DatagramProtocol):
    """Answers each datagram with the same, and the sender's port behind it."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(data + b" from %d" % address[1], address)


@pytest.fixture
async def target() -> AsyncIterator[int]:
    """The port of a server that gives back all it gets, with TCP and with UDP."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    port = free_port()
    server = await asyncio.start_server(echo, "127.0.0.1", port)
    datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        EchoDatagrams, local_addr=("127.0.0.1", port)
    )
    yield port
    datagrams.close()
    server.close()


@asynccontextmanager
async def connected(relay: ChaosRelay) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection(*relay.address)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


@pytest.mark.parametrize("settings", [LinkSettings(), LinkSettings(loss=0.1, duplication=0.2, jitter_seconds=0.01)])
async def test_all_bytes_of_a_connection_arrive_in_order(target: int, settings: LinkSettings) -> None:
    data = random.Random(1).randbytes(100_000)
    async with ChaosRelay(("127.0.0.1", target), settings) as relay, connected(relay) as (reader, writer):
        writer.write(data)
        writer.write_eof()
        assert await reader.read(-1) == data
        assert relay.there.lost == 0 or relay.repeated_segments > 0
        assert bool(relay.there.lost) == bool(settings.loss)


async def test_nothing_passes_while_it_is_cut_and_all_of_it_afterwards(target: int) -> None:
    async with ChaosRelay(("127.0.0.1", target), LinkSettings()) as relay, connected(relay) as (reader, writer):
        writer.write(b"before\n")
        assert await reader.readline() == b"before\n"
        relay.cut()
        writer.write(b"while\n")
        delivered = relay.there.delivered
        await until(lambda: relay.there.lost_in_the_dark >= 2)
        assert relay.is_dark
        assert relay.there.delivered == delivered
        relay.restore()
        assert await reader.readline() == b"while\n"


async def test_who_comes_while_it_is_cut_is_connected_afterwards(target: int) -> None:
    settings = LinkSettings(is_dark=True)
    async with ChaosRelay(("127.0.0.1", target), settings) as relay, connected(relay) as (reader, writer):
        writer.write(b"hello\n")
        await until(lambda: relay.there.lost_in_the_dark >= 1)
        relay.restore()
        assert await reader.readline() == b"hello\n"


async def test_a_target_that_refuses_resets_the_client_and_is_named() -> None:
    said: list[str] = []
    port = free_port()
    async with ChaosRelay(("127.0.0.1", port), LinkSettings(), tell=said.append) as relay:
        async with connected(relay) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        await until(lambda: len(said) == 2)
        assert relay.back.delivered == 1, "the refusal crosses the link"
    assert said == [
        "TCP connection 1 begins",
        f"TCP connection 1 has ended: 127.0.0.1:{port}: refused the connection: nothing listens on that port",
    ]


async def test_a_client_that_goes_away_in_the_middle_is_told_to_the_target() -> None:
    broke = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
        except ConnectionError:
            broke.set()
        finally:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ChaosRelay(("127.0.0.1", port), LinkSettings()) as relay:
        async with connected(relay) as (reader, _):
            await reader.readexactly(1000)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await broke.wait()


async def test_a_reader_that_is_slow_slows_down_the_other_end() -> None:
    sent = 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        try:
            while True:
                writer.write(bytes(65536))
                await writer.drain()
                sent += 65536
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, ChaosRelay(("127.0.0.1", port), LinkSettings()) as relay:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            await loop.sock_connect(client, relay.address)
            await loop.sock_sendall(client, b"x")
            before = -1
            while before != sent or not sent:  # until it stands still
                before = sent
                await asyncio.sleep(0.3)
            assert sent < 8_000_000
            assert await loop.sock_recv(client, 1) == b"\0"


async def test_datagrams_go_there_and_back_and_are_really_lost(target: int) -> None:
    async with ChaosRelay(("127.0.0.1", target), LinkSettings(loss=0.2)) as relay:
        loop = asyncio.get_running_loop()
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
        ):
            for client in (one, other):
                client.setblocking(False)
                client.connect(relay.address)
            for number in range(100):
                one.send(b"one %d" % number)
                other.send(b"other %d" % number)
            await until(lambda: relay.there.offered == 200 and relay.back.offered == 200 - relay.there.lost)
            await until(lambda: relay.back.delivered + relay.back.lost == relay.back.offered)
            got = [await loop.sock_recv(client, 100) for client in (one, other) for _ in range(50)]
    assert all(text.startswith(b"one ") for text in got[:50])
    assert all(text.startswith(b"other ") for text in got[50:])
    assert relay.there.lost > 20
    assert relay.back.lost > 15


async def test_a_datagram_to_nobody_does_not_end_the_relay(target: int) -> None:
    nobody = free_port()
    async with ChaosRelay(("127.0.0.1", nobody), LinkSettings()) as relay:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(relay.address)
            for number in range(1, 4):
                client.send(b"anyone?")
                await until(lambda number=number: relay.there.delivered == number)  # type: ignore[misc]
        async with connected(relay) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.read(1)


async def test_the_client_that_was_silent_for_longest_is_forgotten(
    target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distreamer.chaos.udp_relay.MAXIMUM_CLIENTS", 2)
    loop = asyncio.get_running_loop()
    async with ChaosRelay(("127.0.0.1", target), LinkSettings()) as relay:
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(3)]
            for client in clients:
                client.setblocking(False)
                client.connect(relay.address)

            async def port_of(number: int) -> bytes:
                """As the target sees it."""
                clients[number].send(b"hello")
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await loop.sock_recv(clients[number], 100)

            first, second = await port_of(0), await port_of(1)
            assert await port_of(0) == first
            await port_of(2)
            assert relay.udp_clients == 2
            assert await port_of(0) == first
            assert await port_of(1) != second


async def test_more_connections_than_it_can_have_are_closed(target: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "MAXIMUM_CONNECTIONS", 1)
    async with ChaosRelay(("127.0.0.1", target), LinkSettings()) as relay, connected(relay) as (reader, writer):
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        async with connected(relay) as (second, _):
            assert await second.read() == b""
        assert relay.counters.refused_connections == 1


async def test_a_port_that_is_taken_is_named(target: int) -> None:
    with pytest.raises(BindError, match=rf"the relay cannot listen on 127\.0\.0\.1:{target}: another program"):
        async with ChaosRelay(("127.0.0.1", target), LinkSettings(), port=target):
            pass


async def test_a_target_without_an_address_is_named() -> None:
    with pytest.raises(LinkError, match=r"nowhere\.invalid:80: "):
        async with ChaosRelay(("nowhere.invalid", 80), LinkSettings()):
            pass
