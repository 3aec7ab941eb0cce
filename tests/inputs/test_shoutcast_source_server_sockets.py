"""The source server on real sockets: its two ports, TLS, and who must make room."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext
from distreamer.errors import BindError, LinkError, ResourceError
from distreamer.inputs import shoutcast_source_server
from distreamer.inputs.shoutcast_source_server import listening_pair
from distreamer.transport.tcp import TcpStream, connect
from tests.support.certificates import Certificate, make_certificate
from tests.support.input_context import input_context, stored_audio
from tests.support.made_audio import mp3_stream
from tests.support.source_server import PASSWORD, running_source_server

AUDIO = mp3_stream(0, 100)
LIMIT_SECONDS = 60
"""A bound, not an expectation."""
OK2 = b"OK2\r\nicy-caps:11\r\n\r\n"


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@pytest.fixture
async def context(log: CapturingLogger) -> InputContext:
    return input_context(log=log)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


async def dial(port: int, tls: ssl.SSLContext | None = None) -> TcpStream:
    return await connect("127.0.0.1", port, timeout_seconds=LIMIT_SECONDS, tls=tls, server_hostname="localhost")


async def log_in(stream: TcpStream) -> None:
    await stream.write(f"{PASSWORD}\r\nicy-name:x\r\n\r\n".encode())
    assert await stream.read() == OK2


async def send(context: InputContext, stream: TcpStream, audio: bytes) -> None:
    """Until all is stored, and the connection ended."""
    await stream.write(audio)
    await stream.close()
    await stored(context, lambda: stored_audio(context.store).endswith(audio))


async def stored(context: InputContext, reached: Callable[[], bool]) -> None:
    """Looks after each change of the store."""
    changed = asyncio.Event()
    unsubscribe = context.store.subscribe(changed.set)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not reached():
                await changed.wait()
                changed.clear()
    finally:
        unsubscribe()


@pytest.mark.parametrize("beyond", [0, 1])
async def test_both_ports_take_every_encoder(context: InputContext, beyond: int) -> None:
    async with running_source_server(context) as (_, port):
        stream = await dial(port + beyond)
        await log_in(stream)
        asking = await dial(port + beyond)
        await asking.write(b"GET /stats HTTP/1.0\r\n\r\n")
        assert b'{"sourceConnected": true}' in await asking.read()
        await asking.close()
        await send(context, stream, AUDIO)
    assert stored_audio(context.store) == AUDIO


@pytest.mark.parametrize("beyond", [0, 1])
async def test_encoders_over_tls(context: InputContext, certificate: Certificate, beyond: int) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate.certificate))
    keys = {"certfile": certificate.certificate, "keyfile": certificate.key}
    async with running_source_server(context, **keys) as (_, port):
        stream = await dial(port + beyond, trusting)
        await log_in(stream)
        await send(context, stream, AUDIO)
    assert stored_audio(context.store) == AUDIO


async def test_who_does_not_speak_tls_is_named(
    context: InputContext, log: CapturingLogger, certificate: Certificate
) -> None:
    keys = {"certfile": certificate.certificate, "keyfile": certificate.key}
    async with running_source_server(context, **keys) as (_, port):
        stream = await dial(port)
        await stream.write(f"{PASSWORD}\r\nicy-name:x\r\n\r\n".encode())
        async with asyncio.timeout(LIMIT_SECONDS):
            with suppress(LinkError):  # a reset says the same
                assert await stream.read() == b""
        await stream.close()
    assert "a connection could not agree on TLS" in str(log.calls)


async def test_who_speaks_tls_where_none_is_set_is_told_in_the_log(context: InputContext, log: CapturingLogger) -> None:
    async with running_source_server(context) as (_, port):
        with pytest.raises(LinkError):
            await dial(port, ssl.create_default_context())
    assert "it speaks TLS, which needs CERTFILE and KEYFILE here" in str(log.calls)


@pytest.mark.parametrize("contents", [None, "no PEM"])
async def test_a_certificate_that_cannot_be_used(context: InputContext, tmp_path: Path, contents: str | None) -> None:
    file = tmp_path / "certificate.pem"
    if contents is not None:
        file.write_text(contents)
    with pytest.raises(ResourceError, match=f"CERTFILE = {file} and KEYFILE = {file} cannot be used: "):
        async with running_source_server(context, certfile=file, keyfile=file):
            pass


async def test_who_only_connects_locks_nobody_out(context: InputContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shoutcast_source_server, "MAXIMUM_CONNECTIONS", 3)
    async with running_source_server(context) as (server, port):
        source = await dial(port)
        await log_in(source)
        idle = [await dial(port) for _ in range(4)]
        last = await dial(port)
        await last.write(b"GET /stats HTTP/1.0\r\n\r\n")
        assert b" 200 OK" in await last.read()
        # The oldest had to go; the source was there before all of them, and stayed.
        assert await idle[0].read() == b""
        assert server.is_connected
        await send(context, source, AUDIO)
        for stream in (*idle, last):
            await stream.close()
    assert stored_audio(context.store) == AUDIO


async def test_the_shoutcast_port_that_is_taken_is_named(context: InputContext) -> None:
    sockets = listening_pair("127.0.0.1", 0)
    try:
        taken = sockets[1].getsockname()[1]
        assert taken == sockets[0].getsockname()[1] + 1
        sockets[0].close()
        with pytest.raises(BindError, match=f"cannot listen on 127.0.0.1:{taken}: another program listens there"):
            async with running_source_server(context, port=taken - 1):
                pass
    finally:
        for one in sockets:
            one.close()


async def test_the_end_of_the_server_is_the_end_of_its_connections(context: InputContext) -> None:
    async with running_source_server(context) as (server, port):
        source = await dial(port)
        await log_in(source)
        await source.write(AUDIO)
        await stored(context, lambda: context.store.seconds > 0)
    assert server.address is None
    assert not server.is_connected
    async with asyncio.timeout(LIMIT_SECONDS):
        assert await source.read() == b""
    await source.close()
    assert AUDIO.startswith(stored_audio(context.store))
