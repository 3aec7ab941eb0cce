"""MODE = Webhook against a real HTTP server."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from aiohttp import web

from distreamer.alerts.webhook import Webhook, WebhookSettings
from distreamer.errors import LinkError, PeerError, ResourceError
from tests.support.alerts import WALL, alert_context, began, told
from tests.support.certificates import Certificate, make_certificate
from tests.support.patience import growing_limits

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """What a server was sent."""

    port: int = 0
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)

    def url(self, path: str = "/hook", scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def receiving(answer: Handler, certificate: Certificate | None = None) -> AsyncIterator[Receiver]:
    """A server that notes each request and then answers it; until the block ends."""
    receiver = Receiver()

    async def handle(request: web.Request) -> web.StreamResponse:
        receiver.requests.append((request, await request.read()))
        return await answer(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = certificate.server_context() if certificate else None
    with socket.create_server(("127.0.0.1", 0)) as listener:
        site = web.SockSite(runner, listener, ssl_context=context)
        await site.start()
        receiver.port = listener.getsockname()[1]
        try:
            yield receiver
        finally:
            await runner.cleanup()


def webhook(url: str, **keys: object) -> Webhook:
    return Webhook(WebhookSettings.model_validate({"mode": "Webhook", "url": url, **keys}), alert_context())


def answering(status: int, text: str = "", content_type: str = "text/plain", **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type=content_type, headers=headers)

    return answer


async def hang(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    raise AssertionError


async def test_the_event_is_posted_as_json() -> None:
    down = began(carrier="quic")
    async with receiving(answering(204)) as receiver:
        hook = webhook(receiver.url("/a?b=c%2F"))
        assert await hook.deliver(told(down)) == "answered 204 No Content"
        assert hook.receiver == f"webhook of 127.0.0.1:{receiver.port}"
    ((request, body),) = receiver.requests
    assert (request.method, request.raw_path) == ("POST", "/a?b=c%2F")
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["DiStreamer-Event"] == "link_down"
    assert request.headers["DiStreamer-State"] == "problem"
    assert "DiStreamer-Signature" not in request.headers
    found = json.loads(body)
    assert (found["kind"], found["state"], found["number"]) == ("link_down", "problem", down.number)
    assert found["facts"] == {"carrier": "quic"}


async def test_the_signature_is_right_whoever_computes_it() -> None:
    async with receiving(answering(200)) as receiver:
        await webhook(receiver.url(), secret="geheim", body="ü {title}").deliver(told(began()))
    ((request, body),) = receiver.requests
    at, signature = (part.split("=", 1)[1] for part in request.headers["DiStreamer-Signature"].split(","))
    assert at == str(int(WALL))
    # Independent of the code under test: HMAC by its definition (RFC 2104).
    key = b"geheim".ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + at.encode() + b"." + body).digest()
    assert signature == hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()
    assert body.startswith("ü [problem]".encode())
    assert not hmac.compare_digest(signature, hmac.new(b"other", at.encode() + b"." + body, "sha256").hexdigest())


async def test_user_and_password_of_the_address_are_basic_auth_and_a_body_is_filled_in() -> None:
    async with receiving(answering(200)) as receiver:
        url = receiver.url().replace("://", "://me:geheim@")
        hook = webhook(url, body='{"text": "{title}"}')
        await hook.deliver(told(began()))
        assert "geheim" not in hook.receiver
    ((request, body),) = receiver.requests
    assert request.headers["Authorization"] == "Basic bWU6Z2VoZWlt"
    assert json.loads(body) == {"text": "[problem] studio: link_down began"}


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (answering(500, "no such\nchannel"), "answered 500 Internal Server Error: no such channel"),
        (answering(404, "<html>", "text/html"), "answered 404 Not Found"),
        (answering(403, "nothing at /hook/T0 for geheim"), "answered 403 Forbidden: nothing at *** for ***"),
        (answering(403, "no token-of-ours at /hook/T0"), "answered 403 Forbidden: no *** at ***"),
        (answering(302, Location="http://127.0.0.1:1/"), "answered 302 Found"),
        (answering(400, "x" * 100_000), f"answered 400 Bad Request: {'x' * 79}…"),
    ],
)
async def test_what_is_not_taken_is_told_with_the_answer_and_without_secrets(handler: Handler, words: str) -> None:
    async with receiving(handler) as receiver:
        url = receiver.url("/hook/T0?key=token-of-ours")
        with pytest.raises(PeerError) as caught:
            await webhook(url, secret="geheim").deliver(told(began()))
    assert caught.value.reason == words
    assert caught.value.peer == f"127.0.0.1:{receiver.port}"
    assert len(receiver.requests) == 1


async def test_one_that_took_it_and_hangs_is_not_tried_for_a_day() -> None:
    async with receiving(hang) as receiver:
        for seconds in growing_limits():
            with pytest.raises((PeerError, LinkError), match=f"has not answered within {seconds:g} s") as caught:
                await webhook(receiver.url(), timeout=seconds).deliver(told(began()))
            if receiver.requests:
                break
        assert isinstance(caught.value, PeerError)


async def test_one_that_closes_without_an_answer_has_refused() -> None:
    async def close(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        raise web.HTTPOk

    async with receiving(close) as receiver:
        with pytest.raises(PeerError):
            await webhook(receiver.url()).deliver(told(began()))


async def test_what_cannot_be_reached_is_the_networks_fault() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(LinkError, match=r"cannot be reached: .*refused"):
            await webhook(f"http://127.0.0.1:{taken.getsockname()[1]}/").deliver(told(began()))


async def test_one_that_closes_when_it_hears_tls_is_told_in_words(tmp_path: Path) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)  # what was read when it closes is not answered with a reset
        writer.close()

    certificate = make_certificate(tmp_path)
    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(LinkError, match=r": closed the connection when it was asked for TLS$"):
            await webhook(url, cafile=str(certificate.certificate)).deliver(told(began()))


async def test_one_that_never_takes_the_connection_is_the_networks_fault(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0), backlog=5) as silent:  # it takes the bytes, and says nothing to TLS
        url = f"https://localhost:{silent.getsockname()[1]}/"
        with pytest.raises(LinkError, match="has not answered within 1 s"):
            await webhook(url, timeout=1, cafile=str(certificate.certificate)).deliver(told(began()))


async def test_a_name_server_that_hangs_holds_up_the_alert_alone() -> None:
    asked, answered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def look_up(*_: object, **__: object) -> list[object]:
        asked.set()
        asyncio.run_coroutine_threadsafe(answered.wait(), loop).result()
        raise socket.gaierror(-2, "Name or service not known")

    with patch("distreamer.alerts.webhook.socket.getaddrinfo", look_up):
        hook = webhook("http://hooks.example/", timeout=1)
        while not asked.is_set():
            with pytest.raises(LinkError, match="has not answered within 1 s"):
                await hook.deliver(told(began()))
        with pytest.raises(LinkError, match="has not answered the question before yet"):
            await hook.deliver(told(began()))
        answered.set()
        await loop.run_in_executor(None, lambda: None)
        async with asyncio.timeout(60):
            while True:  # until the thread has its answer
                with pytest.raises(LinkError) as caught:
                    await hook.deliver(told(began()))
                if "cannot be looked up: Name or service not known" in str(caught.value):
                    break
                await asyncio.sleep(0.01)


async def test_a_host_that_is_no_name_is_told_as_that() -> None:
    with pytest.raises(LinkError, match="the name cannot be looked up: it is none"):
        await webhook(f"http://{'a' * 70}.example/").deliver(told(began()))


async def test_https_is_verified(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    async with receiving(answering(200), certificate) as receiver:
        with pytest.raises(PeerError, match="its certificate is not valid: self-signed certificate"):
            await webhook(receiver.url(scheme="https", host="localhost")).deliver(told(began()))
        trusting = {"cafile": str(certificate.certificate)}
        with pytest.raises(PeerError, match=r"its certificate is not valid: .*127.0.0.1"):
            await webhook(receiver.url(scheme="https"), **trusting).deliver(told(began()))
        hook = webhook(receiver.url(scheme="https", host="localhost"), **trusting)
        assert await hook.deliver(told(began())) == "answered 200 OK"
        assert await hook.deliver(told(began())) == "answered 200 OK"
    assert len(receiver.requests) == 2


async def test_a_cafile_that_is_missing_is_this_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"CAFILE .*/nothing.pem cannot be used: No such file or directory"):
        await webhook("https://localhost:1/", cafile=str(tmp_path / "nothing.pem")).deliver(told(began()))
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(ResourceError, match=r"CAFILE .*/text.pem cannot be used"):
        await webhook("https://localhost:1/", cafile=str(tmp_path / "text.pem")).deliver(told(began()))


async def test_one_that_speaks_no_http() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"220 this is a mail server\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PeerError, match="answered what is no HTTP: ") as caught:
            await webhook(f"http://127.0.0.1:{port}/T0").deliver(told(began()))
        assert "T0" not in str(caught.value)
        assert "http://" not in str(caught.value)
        with pytest.raises(PeerError, match="does not speak TLS as expected: "):
            await webhook(f"https://127.0.0.1:{port}/").deliver(told(began()))
