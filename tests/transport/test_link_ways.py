"""The ways to a server: names with dead addresses, and HTTP proxies."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.resolver import DefaultResolver

from distreamer.errors import DiStreamerError, LinkError
from distreamer.transport.http_proxy import DEFAULT_PORT, HttpProxy
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.quic import QuicDialler
from distreamer.transport.remembering_resolver import RememberingResolver
from distreamer.transport.tcp import listening_sockets
from distreamer.transport.websocket import WebSocketDialler, WebSocketMessages, WebSocketServer
from tests.support import quic_server
from tests.support.input_context import capturing_log

NAME = "studio.example"
PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""


async def echo(carrier: WebSocketMessages) -> None:
    with contextlib.suppress(DiStreamerError):
        while True:
            await carrier.send(await carrier.receive())


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    sockets = listening_sockets("127.0.0.1", 0)
    async with WebSocketServer(sockets, echo, {}):
        yield sockets[0].getsockname()[1]


@contextlib.contextmanager
def mute(port: int) -> Iterator[None]:
    """Where ``::1`` answers nothing to who would connect to ``port``, as an address that leads nowhere."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_INET6))
        listener.bind(("::1", port))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket(socket.AF_INET6))
            waiting.setblocking(False)
            waiting.connect_ex(("::1", port))
        yield


async def test_a_dead_ipv6_address_does_not_hold_up_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolve(self: object, host: str, port: int = 0, family: int = 0) -> list[dict[str, Any]]:
        assert host == NAME
        return [
            {"hostname": host, "host": "::1", "port": port, "family": socket.AF_INET6, "proto": 0, "flags": 0},
            {"hostname": host, "host": "127.0.0.1", "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0},
        ]

    monkeypatch.setattr(DefaultResolver, "resolve", resolve)
    async with serving() as port:
        with mute(port):
            async with WebSocketDialler(f"http://{NAME}:{port}") as dialler:
                carrier = await dialler.dial(PATIENCE_SECONDS)
                await carrier.send(b"hello")
                assert await carrier.receive() == b"hello"
                await carrier.close()


@pytest.mark.parametrize("dead", [["::1"], ["::1", "127.0.0.2", "127.0.0.3"], ["127.0.0.2"]], ids=str)
async def test_dead_addresses_do_not_hold_up_quic(dead: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async with quic_server.serving(quic_server.echo) as server:

        async def addresses(host: str, port: int, **keys: Any) -> list[Any]:
            assert host == NAME
            return [
                (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", (one, port, 0, 0))
                if ":" in one
                else (socket.AF_INET, socket.SOCK_DGRAM, 17, "", (one, port))
                for one in [*dead, "127.0.0.1"]
            ]

        with contextlib.ExitStack() as stack:
            for one in dead:
                family = socket.AF_INET6 if ":" in one else socket.AF_INET
                hole = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                hole.bind((one, server.port))
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
            resolver = RememberingResolver()
            dialler = QuicDialler(NAME, server.port, quic_server.FAST, capturing_log(), resolver)
            carrier = await dialler.dial(PATIENCE_SECONDS)
            assert carrier.peer == f"127.0.0.1:{server.port}"
            await carrier.close()


class Proxy:
    """One that answers as it is told, and passes on if it is told nothing."""

    def __init__(self, answer: bytes = b"", target: int = 0) -> None:
        self.answer = answer
        self.target = target
        self.asked: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *fault: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        if self.answer:
            writer.write(self.answer)
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for part in (b"HTTP/1.1 200 ", b"Connection established\r\nVia: a\r", b"\n\r\n"):
            writer.write(part)
            await asyncio.sleep(0.01)
        ways = ((reader, far_writer), (far_reader, writer))
        self._tasks |= {asyncio.create_task(pass_on(*way)) for way in ways}


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


async def test_a_proxy_is_asked_for_the_way_and_knows_the_user() -> None:
    async with serving() as port, Proxy(target=port) as proxy:
        way = HttpProxy.of(f"http://anna:s%C3%B8t%40@127.0.0.1:{proxy.port}")
        # Only the proxy knows the name.
        async with WebSocketDialler(f"http://{NAME}:{port}", LinkTrust(), proxy=way) as dialler:
            carrier = await dialler.dial(PATIENCE_SECONDS)
            await carrier.send(b"hello")
            assert await carrier.receive() == b"hello"
            assert carrier.peer == f"{NAME}:{port}"
            await carrier.close()
    user = base64.b64encode("anna:søt@".encode()).decode()
    assert proxy.asked == [
        f"CONNECT {NAME}:{port} HTTP/1.1\r\nHost: {NAME}:{port}\r\nProxy-Authorization: Basic {user}\r\n\r\n".encode()
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.0 403 Filtered\r\n\r\n", r"it answered 403 \(Filtered\), asked for studio\.example:7080"),
        (b"HTTP/1.1 407\r\nProxy-Authenticate: Basic\r\n\r\n", "it wants a user and a password"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "did not answer as an HTTP proxy does"),
        (b"HTTP/1.1 200 OK\r\n", "did not answer as an HTTP proxy does"),
        (b"HTTP/1.1 200 OK\r\n" + b"a" * 9_000, "did not answer as an HTTP proxy does"),
    ],
)
async def test_a_proxy_that_does_not_let_through_is_named_with_its_reason(answer: bytes, words: str) -> None:
    async with Proxy(answer) as proxy:
        way = HttpProxy("127.0.0.1", proxy.port)
        async with WebSocketDialler(f"https://{NAME}:7080", proxy=way) as dialler:
            with pytest.raises(LinkError, match=words) as caught:
                await dialler.dial(PATIENCE_SECONDS)
        assert f"127.0.0.1:{proxy.port}: PROXY: " in str(caught.value)


async def test_a_proxy_that_is_not_there_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with WebSocketDialler(f"http://{NAME}:7080", proxy=HttpProxy("127.0.0.1", port)) as dialler:
            with pytest.raises(LinkError, match=f"127.0.0.1:{port}: refused the connection"):
                await dialler.dial(PATIENCE_SECONDS)


def test_its_address_is_read_as_people_write_it() -> None:
    assert HttpProxy.of("") is None
    assert HttpProxy.of("http://proxy.example") == HttpProxy("proxy.example", DEFAULT_PORT)
    found = HttpProxy.of("http://a:b@[2001:db8::1]:8080/")
    assert found == HttpProxy("2001:db8::1", 8080, "Basic YTpi")
    assert "YTpi" not in repr(found)
