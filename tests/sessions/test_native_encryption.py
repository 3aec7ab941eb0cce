"""The link with TLS, over real sockets: who is taken for whom, and who is found out on the way."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, DiStreamerError, LinkError, OtherWireError
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.protocol.native.scram import NO_CHANNEL, WRONG_CHANNEL
from distreamer.sessions import native_link
from distreamer.sessions.native_carriers import Transport
from distreamer.transport.quic import QuicMessages
from distreamer.transport.self_signed import read_key_pair, spoken_fingerprint
from tests.support import quic_server
from tests.support.certificates import Certificate, make_certificate
from tests.support.input_context import capturing_log, input_context
from tests.support.listening_modules import until
from tests.support.native_network import output_context
from tests.support.native_programme import fill
from tests.support.patience import growing_limits
from tests.support.tls_middle import tls_middle

DIRECTIONS = pytest.mark.parametrize("direction", ["receiver dials", "sender dials"])
CARRIERS = pytest.mark.parametrize("transport", ["tcp", "quic"])


class Pair:
    """An accepting module that runs, those who dial it, and the programme between them."""

    def __init__(self, direction: str, said: CapturingLogger, **keys: Any) -> None:
        self.direction = direction
        self.source = Store()
        self.newest = 0
        self.context = input_context()
        self.server: DiStreamerServer | DiStreamerRevServer
        if direction == "receiver dials":
            settings = DiStreamerServerSettings(hostname="127.0.0.1", port=0, **keys)
            self.server = DiStreamerServer(settings, output_context(self.source, capturing_log(said)))
        else:
            reversed_settings = DiStreamerRevServerSettings(hostname="127.0.0.1", port=0, **keys)
            self.context = input_context(log=said)
            self.server = DiStreamerRevServer(reversed_settings, self.context)

    @property
    def port(self) -> int:
        assert self.server.address is not None
        return self.server.address[1]

    def client(
        self, port: int = 0, scheme: str = "https", host: str = "127.0.0.1", **keys: Any
    ) -> DiStreamerClient | DiStreamerRevClient:
        url = f"{scheme}://{host}:{port or self.port}"
        if self.direction == "receiver dials":
            return DiStreamerClient(DiStreamerClientSettings(serverurl=url, **keys), self.context)
        settings = DiStreamerRevClientSettings(serverurl=url, **keys)
        return DiStreamerRevClient(settings, output_context(self.source))

    async def carries(self, **keys: Any) -> str:
        """Dials, until a fragment that is new has come; what carried it."""
        self.newest += 1
        fill(self.source, 5, self.newest, self.newest)
        client = self.client(**keys)
        task = asyncio.create_task(client.run())
        try:
            await until(lambda: task.done() or list(self.context.store) == list(self.source))
            if task.done():
                await task
            return client.links()[0].carrier
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def refusal(self, **keys: Any) -> DiStreamerError:
        """Dials, and is not let in, so that nothing new comes."""
        held = list(self.context.store)
        self.newest += 1
        fill(self.source, 5, self.newest, self.newest)
        with pytest.raises(DiStreamerError) as caught:
            async with asyncio.timeout(quic_server.PATIENCE_SECONDS):
                await self.client(**keys).run()
        assert list(self.context.store) == held
        return caught.value


@asynccontextmanager
async def accepting(direction: str, said: CapturingLogger | None = None, **keys: Any) -> AsyncIterator[Pair]:
    pair = Pair(direction, said or CapturingLogger(), **keys)
    task = asyncio.create_task(pair.server.run())
    try:
        await until(lambda: task.done() or pair.server.address is not None)
        yield pair
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def quic_middle(certificate: Certificate, pair: Pair) -> AsyncIterator[int]:
    """Somebody on the way who ends QUIC with a certificate of his own."""
    real = quic_server.Server("127.0.0.1", pair.port, None, None)  # type: ignore[arg-type]

    async def accept(near: QuicMessages) -> None:
        far = await real.dial()

        async def pass_on(source: QuicMessages, target: QuicMessages) -> None:
            with contextlib.suppress(DiStreamerError):
                while True:
                    await target.send(await source.receive())

        await asyncio.wait([asyncio.create_task(pass_on(*way)) for way in ((near, far), (far, near))])
        await far.close()

    key_pair = read_key_pair(certificate.certificate.read_bytes(), certificate.key.read_bytes())
    async with quic_server.serving(accept, pair=key_pair) as server:
        yield server.port


async def certificate_refusal(pair: Pair, monkeypatch: pytest.MonkeyPatch, **keys: Any) -> DiStreamerError:
    """What is told of a certificate that is not taken, once an attempt has come so far."""
    for seconds in growing_limits():
        with monkeypatch.context() as quick:
            quick.setattr(native_link, "FIRST_SECONDS", seconds)
            refusal = await pair.refusal(**keys)
        if "certificate" in str(refusal):
            break
    return refusal


def fingerprint_of(certificate: Certificate) -> str:
    pair = read_key_pair(certificate.certificate.read_bytes(), certificate.key.read_bytes())
    return spoken_fingerprint(pair.fingerprint)


@DIRECTIONS
@CARRIERS
async def test_the_certificate_that_is_made_here_encrypts_and_the_password_vouches_for_it(
    direction: str, transport: str
) -> None:
    async with accepting(direction, password="secret") as pair:
        carrier = await pair.carries(password="secret", tlsverify=False, transport=transport)
        assert carrier == {"tcp": "websocket", "quic": "quic"}[transport]
        if transport == "tcp":
            # On the same port as ever.
            assert await pair.carries(password="secret", scheme="http", transport=transport) == "websocket"


@DIRECTIONS
@CARRIERS
async def test_a_man_in_the_middle_with_a_certificate_of_his_own_is_found_out(
    direction: str, transport: str, tmp_path: Path
) -> None:
    his = make_certificate(tmp_path)
    async with accepting(direction, password="secret") as pair:
        middle = tls_middle(his, pair.port) if transport == "tcp" else quic_middle(his, pair)
        async with middle as port:
            keys: dict[str, Any] = {"port": port, "tlsverify": False, "transport": transport}
            refusal = await pair.refusal(password="secret", **keys)
            assert isinstance(refusal, AuthenticationError)
            assert WRONG_CHANNEL in str(refusal)


@DIRECTIONS
async def test_one_who_takes_the_encryption_away_behind_him_is_found_out_too(direction: str, tmp_path: Path) -> None:
    """A proxy looks the same: where nobody vouches for its certificate it is refused, and told how to be let in."""
    async with (
        accepting(direction, password="secret") as pair,
        tls_middle(make_certificate(tmp_path), pair.port, speaks_tls=False) as port,
    ):
        refusal = await pair.refusal(port=port, password="secret", tlsverify=False, transport="tcp")
        assert isinstance(refusal, AuthenticationError)
        assert NO_CHANNEL in str(refusal)


@DIRECTIONS
async def test_a_proxy_for_whose_certificate_somebody_vouches_may_stand_before_it(
    direction: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxys = make_certificate(tmp_path)
    async with (
        accepting(direction, password="secret") as pair,
        tls_middle(proxys, pair.port, speaks_tls=False) as port,
        tls_middle(proxys, pair.port) as encrypting_port,
    ):
        for one in (port, encrypting_port):
            keys: dict[str, Any] = {"port": one, "password": "secret", "transport": "tcp"}
            assert await pair.carries(fingerprint=fingerprint_of(proxys), **keys) == "websocket"


@DIRECTIONS
@CARRIERS
async def test_with_a_fingerprint_only_that_certificate_is_taken(
    direction: str, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = CapturingLogger()
    own = make_certificate(tmp_path)
    files: dict[str, Any] = {"certfile": own.certificate, "keyfile": own.key}
    async with accepting(direction, said, **files) as pair:
        right = fingerprint_of(own)
        assert f"'fingerprint': '{right}'" in str(said.calls[0])
        wrong = right[:-2] + ("00" if right[-2:] != "00" else "11")
        refusal = await certificate_refusal(pair, monkeypatch, fingerprint=wrong, transport=transport)
        assert isinstance(refusal, LinkError)
        assert right in str(refusal)
        assert wrong in str(refusal)
        for spelling in (right, right.lower(), right.replace(":", "")):
            await pair.carries(fingerprint=spelling, transport=transport)


@DIRECTIONS
@CARRIERS
async def test_a_valid_certificate_is_enough_for_both_carriers(
    direction: str, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_certificate(tmp_path)
    files: dict[str, Any] = {"certfile": own.certificate, "keyfile": own.key}
    async with accepting(direction, password="secret", **files) as pair:
        keys: dict[str, Any] = {"password": "secret", "transport": transport}
        assert "certificate is not valid" in str(await certificate_refusal(pair, monkeypatch, **keys))
        monkeypatch.setenv("SSL_CERT_FILE", str(own.certificate))
        # It is valid for its name only.
        assert "certificate is not valid" in str(await certificate_refusal(pair, monkeypatch, **keys))
        assert await pair.carries(host="localhost", **keys)


@DIRECTIONS
@pytest.mark.parametrize("keys", [{"tlsverify": False}, {"fingerprint": "ab" * 32}], ids=["unverified", "fingerprint"])
async def test_nobody_on_the_way_gets_the_password_by_asking_for_the_old_wire(
    direction: str, keys: dict[str, Any], tmp_path: Path
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=404)

    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    his = make_certificate(tmp_path)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=his.server_context()).start()
    if "fingerprint" in keys:
        keys = {"fingerprint": fingerprint_of(his)}
    try:
        async with accepting(direction) as pair:
            port = runner.addresses[0][1]
            refusal = await pair.refusal(port=port, password="secret", transport="tcp", **keys)
        assert isinstance(refusal, OtherWireError)
        assert ("PASSWORD" if "tlsverify" in keys else "FINGERPRINT") in str(refusal)
        assert set(asked) == {"/distreamer3"}
    finally:
        await runner.cleanup()


@DIRECTIONS
async def test_a_renewed_certificate_is_taken_by_both_carriers(
    direction: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distreamer.transport.certificate.CHECK_SECONDS", 0.05)
    said = CapturingLogger()
    own = make_certificate(tmp_path)
    async with accepting(direction, said, certfile=own.certificate, keyfile=own.key) as pair:
        await pair.carries(fingerprint=fingerprint_of(own), transport="tcp")
        make_certificate(tmp_path)
        await until(lambda: any("the certificate has changed" in str(call) for call in said.calls))
        for transport in ("tcp", "quic"):
            await pair.carries(fingerprint=fingerprint_of(own), transport=transport)


async def test_who_connects_and_says_nothing_or_no_tls_is_only_that_one_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distreamer.transport.link_listener.MOST_UNKNOWN", 2)
    async with accepting("receiver dials", password="secret") as pair:
        silent = [await asyncio.open_connection("127.0.0.1", pair.port) for _ in range(5)]
        # Room is made of those that came first.
        for reader, _ in silent[:2]:
            assert await reader.read() == b""
        _, writer = silent[-1]
        writer.write(b"\x16\x03\x01 is no TLS at all, but begins like it")
        assert await silent[-1][0].read() is not None
        await pair.carries(password="secret", tlsverify=False, transport="tcp")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        async with aiohttp.ClientSession() as session:
            for scheme in ("http", "https"):
                async with session.get(f"{scheme}://127.0.0.1:{pair.port}/", ssl=context) as answer:
                    assert "serves a programme" in await answer.text()
        for _, one in silent:
            one.close()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (
            lambda: DiStreamerClientSettings(serverurl="http://a:1", fingerprint="ab" * 32),
            "FINGERPRINT needs a SERVERURL that begins with https",
        ),
        (lambda: DiStreamerRevClientSettings(serverurl="https://a:1", fingerprint="ab"), "64 hexadecimal digits"),
        (lambda: DiStreamerClientSettings(serverurl="https://a:1", fingerprint="xy" * 32), "64 hexadecimal digits"),
        (lambda: DiStreamerClientSettings(serverurl="http://a:1", proxy="https://b:1"), "must begin with http://"),
        (
            lambda: DiStreamerRevClientSettings(serverurl="http://a:1", proxy="http://b:1", transport=Transport.QUIC),
            "TRANSPORT = quic cannot go through a PROXY",
        ),
        (lambda: DiStreamerServerSettings(certfile=Path("a.pem")), "must both be given"),
        (lambda: DiStreamerRevServerSettings(keyfile=Path("a.pem")), "must both be given"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(make: Callable[[], object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        make()
