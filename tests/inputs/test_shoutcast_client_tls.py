"""From http to https over real sockets, with a certificate that nobody vouches for."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from distreamer.errors import LinkError
from distreamer.inputs.shoutcast_client import ShoutcastClient, ShoutcastClientSettings
from distreamer.transport.tcp import listening_sockets
from tests.support.certificates import Certificate, make_certificate
from tests.support.input_context import input_context, stored_audio
from tests.support.made_audio import mp3_stream

AUDIO = mp3_stream(0, 100)


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


@asynccontextmanager
async def answering(answer: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free loopback port that reads a request, answers and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    (listener,) = listening_sockets("127.0.0.1", 0)
    async with await asyncio.start_server(serve, sock=listener, ssl=tls):
        yield listener.getsockname()[1]


@asynccontextmanager
async def redirecting_to_tls(certificate: Certificate) -> AsyncIterator[tuple[str, str]]:
    """The http address and the https address that it leads to."""
    audio = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + AUDIO
    async with answering(audio, certificate.server_context()) as tls_port:
        target = f"https://localhost:{tls_port}/live"
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\n\r\n".encode()
        async with answering(redirect) as port:
            yield f"http://localhost:{port}/", target


async def test_a_strange_certificate_is_refused(certificate: Certificate) -> None:
    async with redirecting_to_tls(certificate) as (url, _):
        client = ShoutcastClient(ShoutcastClientSettings(streamurl=url), input_context())
        with pytest.raises(LinkError, match="its certificate is not valid: self"):
            await client.run()


async def test_a_strange_certificate_is_taken_when_told(certificate: Certificate) -> None:
    context = input_context()
    async with redirecting_to_tls(certificate) as (url, target):
        client = ShoutcastClient(ShoutcastClientSettings(streamurl=url, tlsverify=False), context)
        with pytest.raises(LinkError, match=f"{target}: the source closed the connection"):
            await client.run()
    assert stored_audio(context.store) == AUDIO


async def test_a_certificate_that_is_vouched_for(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    context = input_context()
    async with redirecting_to_tls(certificate) as (url, target):
        client = ShoutcastClient(ShoutcastClientSettings(streamurl=url), context)
        with pytest.raises(LinkError, match=f"{target}: the source closed the connection"):
            await client.run()
    assert stored_audio(context.store) == AUDIO
