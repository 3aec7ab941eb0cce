"""Which carriers the modules dial and accept, over real sockets: TRANSPORT on both sides, certificates, busy ports."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType

import pytest
from pydantic import ValidationError
from structlog.testing import CapturingLogger

from distreamer.core.store import Store
from distreamer.errors import BindError, LinkError
from distreamer.inputs import distreamer_rev_server
from distreamer.inputs.distreamer_client import DiStreamerClient, DiStreamerClientSettings
from distreamer.inputs.distreamer_rev_server import DiStreamerRevServer, DiStreamerRevServerSettings
from distreamer.outputs import distreamer_server
from distreamer.outputs.distreamer_rev_client import DiStreamerRevClient, DiStreamerRevClientSettings
from distreamer.outputs.distreamer_server import DiStreamerServer, DiStreamerServerSettings
from distreamer.sessions import native_carriers, native_link
from distreamer.sessions.link_faults import LinkFaults
from distreamer.sessions.native_carriers import (
    Transport,
    accepting_quic,
    dialling,
    link_sockets,
    pace_of,
    pace_of_answers,
)
from distreamer.transport.quic import QuicMessages
from distreamer.transport.self_signed import KeyPair
from tests.support.input_context import capturing_log, input_context
from tests.support.instances import free_port
from tests.support.listening_modules import until
from tests.support.native_network import output_context
from tests.support.native_programme import INFO, fill, fragment
from tests.support.patience import growing_limits
from tests.support.quic_network import PAIR

PATIENCE_SECONDS = 60.0
"""A bound, not an expectation."""


Module = DiStreamerServer | DiStreamerClient | DiStreamerRevServer | DiStreamerRevClient


@asynccontextmanager
async def running(module: Module) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(module.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def sent_and_taken(
    direction: str, source: Store, acceptor: Transport, dialler: Transport, host: str = "127.0.0.1"
) -> tuple[DiStreamerServer | DiStreamerRevServer, Callable[[int], DiStreamerClient | DiStreamerRevClient], Store]:
    """An accepting module, what makes the one that dials it, and the store to be filled."""
    url = f"http://[{host}]" if ":" in host else f"http://{host}"
    context = input_context()
    if direction == "receiver dials":
        settings = DiStreamerServerSettings(hostname=host, port=0, password="secret", transport=acceptor)  # type: ignore[arg-type]
        return (
            DiStreamerServer(settings, output_context(source)),
            lambda port: DiStreamerClient(
                DiStreamerClientSettings(serverurl=f"{url}:{port}", password="secret", transport=dialler), context
            ),
            context.store,
        )
    reversed_settings = DiStreamerRevServerSettings(hostname=host, port=0, password="secret", transport=acceptor)  # type: ignore[arg-type]
    return (
        DiStreamerRevServer(reversed_settings, context),
        lambda port: DiStreamerRevClient(
            DiStreamerRevClientSettings(serverurl=f"{url}:{port}", password="secret", transport=dialler),
            output_context(source),
        ),
        context.store,
    )


@pytest.mark.parametrize(
    ("acceptor", "dialler", "carrier"),
    [
        (Transport.AUTO, Transport.AUTO, "quic"),
        (Transport.AUTO, Transport.QUIC, "quic"),
        (Transport.AUTO, Transport.TCP, "websocket"),
        (Transport.TCP, Transport.AUTO, "websocket"),
        (Transport.TCP, Transport.TCP, "websocket"),
    ],
)
@pytest.mark.parametrize("direction", ["receiver dials", "sender dials"])
async def test_both_ends_say_what_carries_the_link(
    direction: str, acceptor: Transport, dialler: Transport, carrier: str
) -> None:
    source = Store()
    fill(source, 5, 1, 5)
    server, client_of, store = sent_and_taken(direction, source, acceptor, dialler)
    async with running(server):
        await until(lambda: server.address is not None)
        assert server.address is not None
        client = client_of(server.address[1])
        async with running(client):
            await until(lambda: list(store) == list(source))
            # On a busy machine TCP may be quicker at first.
            await until(lambda: client.links()[0].carrier == server.links()[0].carrier == carrier)
            [there] = server.links()
            [here] = client.links()
            assert here.connected
            assert there.connected
            fill(source, 5, 6, 7)
            await until(lambda: list(store) == list(source))


@pytest.mark.parametrize("direction", ["receiver dials", "sender dials"])
async def test_over_ipv6_it_is_the_same(direction: str) -> None:
    source = Store()
    fill(source, 5, 1, 5)
    server, client_of, store = sent_and_taken(direction, source, Transport.AUTO, Transport.QUIC, "::1")
    async with running(server):
        await until(lambda: server.address is not None)
        assert server.address is not None
        client = client_of(server.address[1])
        async with running(client):
            await until(lambda: list(store) == list(source))
            assert client.links()[0].carrier == "quic"
            assert server.links()[0].peer == "::1"


@pytest.mark.parametrize("direction", ["receiver dials", "sender dials"])
async def test_where_only_quic_is_allowed_and_only_tcp_answers_the_error_says_so(
    direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native_link, "CONNECT_SECONDS", 0.3)
    server, client_of, _ = sent_and_taken(direction, Store(), Transport.TCP, Transport.QUIC)
    async with running(server):
        await until(lambda: server.address is not None)
        assert server.address is not None
        assert "no answer over QUIC (UDP port " in await last_words(client_of(server.address[1]), monkeypatch)


async def last_words(client: DiStreamerClient | DiStreamerRevClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """Why the client gives up, once one of its attempts has failed until it does."""
    for seconds in growing_limits():
        monkeypatch.setattr(native_link, "FIRST_SECONDS", seconds)
        with pytest.raises(LinkError) as caught:
            await client.run()
        if caught.value.reason != LinkFaults().last_failure:
            break
    return str(caught.value)


@pytest.mark.parametrize(
    ("direction", "module"), [("receiver dials", distreamer_server), ("sender dials", distreamer_rev_server)]
)
async def test_a_server_that_has_no_room_says_so_over_quic_too(
    direction: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CONVERSATIONS", 0)
    server, client_of, _ = sent_and_taken(direction, Store(), Transport.AUTO, Transport.QUIC)
    async with running(server):
        await until(lambda: server.address is not None)
        assert server.address is not None
        assert "there are 0 conversations already" in await last_words(client_of(server.address[1]), monkeypatch)


@pytest.mark.usefixtures("patient_links")
async def test_a_server_that_starts_again_is_found_again_over_quic() -> None:
    source = Store()
    fill(source, 5, 1, 5)
    server, client_of, store = sent_and_taken("receiver dials", source, Transport.AUTO, Transport.AUTO)
    async with running(server):
        await until(lambda: server.address is not None)
        assert server.address is not None
        port = server.address[1]
        client = client_of(port)
        task = asyncio.create_task(client.run())
        await until(lambda: list(store) == list(source))
    settings = DiStreamerServerSettings(hostname="127.0.0.1", port=port, password="secret")
    fill(source, 5, 6, 6)
    # Its certificate is a new one.
    async with running(DiStreamerServer(settings, output_context(source))):
        await until(lambda: list(store) == list(source))
        await until(lambda: client.links()[0].carrier == "quic")
        assert client.links()[0].cuts == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def quic_server(accepted: list[QuicMessages], pair: KeyPair = PAIR) -> AsyncIterator[int]:
    """A port where QUIC is accepted, and nothing else."""
    port = free_port()

    async def accept(stream: object) -> None:
        assert isinstance(stream, QuicMessages)
        accepted.append(stream)
        with contextlib.suppress(LinkError):
            await stream.receive()

    async with accepting_quic(
        ("127.0.0.1", port), Transport.AUTO, lambda: pair, pace_of_answers(), accept, capturing_log()
    ):
        yield port


async def test_an_https_address_asks_for_a_valid_certificate_unless_it_is_told_not_to() -> None:
    accepted: list[QuicMessages] = []
    async with quic_server(accepted) as port:
        url = f"https://127.0.0.1:{port}"
        async with dialling(url, Transport.QUIC, pace_of_answers(), capturing_log(), verify_tls=True) as dials:
            with pytest.raises(LinkError, match="its certificate is not valid"):
                await dials.dial(PATIENCE_SECONDS)
        async with dialling(url, Transport.QUIC, pace_of_answers(), capturing_log(), verify_tls=False) as dials:
            await (await dials.dial(PATIENCE_SECONDS)).close()
        plain = url.replace("https", "http")
        async with dialling(plain, Transport.QUIC, pace_of_answers(), capturing_log(), verify_tls=True) as dials:
            await (await dials.dial(PATIENCE_SECONDS)).close()
        await until(lambda: len(accepted) == 2)


@pytest.mark.parametrize(
    ("transport", "has_better"), [(Transport.AUTO, True), (Transport.TCP, False), (Transport.QUIC, False)]
)
async def test_only_what_is_allowed_is_dialled(transport: Transport, has_better: bool) -> None:
    async with dialling("http://127.0.0.1:1", transport, pace_of_answers(), capturing_log(), verify_tls=True) as dials:
        assert (dials.better is not None) is has_better
        with pytest.raises(LinkError) as caught:
            await dials.dial(0.3)
        assert ("QUIC" in str(caught.value)) is (transport is Transport.QUIC)


async def test_a_udp_port_that_is_taken_leaves_tcp_alone_and_is_told() -> None:
    said = CapturingLogger()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = taken.getsockname()

        async def accept(stream: object) -> None:
            raise AssertionError("nobody comes")

        async with accepting_quic(
            address, Transport.AUTO, lambda: PAIR, pace_of_answers(), accept, capturing_log(said)
        ):
            pass
    [call] = said.calls
    assert "QUIC cannot be offered" in str(call)
    assert f"127.0.0.1:{address[1]}" in str(call)


async def test_with_tcp_alone_the_udp_port_stays_closed() -> None:
    async def accept(stream: object) -> None:
        raise AssertionError("nobody comes")

    said = CapturingLogger()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address, log = taken.getsockname(), capturing_log(said)
        async with accepting_quic(address, Transport.TCP, lambda: PAIR, pace_of_answers(), accept, log):
            pass
    assert said.calls == []


def test_the_bitrate_is_that_of_the_newest_audio_alone() -> None:
    store = Store()
    rules = pace_of(store, 7.0)
    assert rules.factor == 7.0
    assert rules.media_rate() == 0.0
    fill(store, 5, 1, 40, size=16_000)
    assert rules.media_rate() == pytest.approx(16_000)
    # Headers with a cover picture count once at the most, and not as audio.
    store.open_epoch(6, INFO)
    for number in range(1, 11):
        store.add(fragment(6, number, 8_000, setup=bytes(500_000)))
    assert rules.media_rate() == pytest.approx(8_000)


def test_music_after_a_silence_is_known_within_three_fragments() -> None:
    """FLAC: a second of silence has a few bytes, and a loud one very many."""
    store = Store()
    rules = pace_of(store, 1.5)
    fill(store, 5, 1, 40, size=3_000)
    fill(store, 5, 41, 43, size=100_000)
    assert rules.media_rate() == pytest.approx(100_000)
    fill(store, 5, 44, 46, size=3_000)
    assert rules.media_rate() == pytest.approx((27 * 3_000 + 3 * 100_000) / 30)


def test_an_acceptor_cannot_do_without_tcp() -> None:
    for settings in (DiStreamerServerSettings, DiStreamerRevServerSettings):
        with pytest.raises(ValidationError):
            settings(transport="quic")  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [1.4, 101])
def test_the_rate_factor_is_bounded(factor: float) -> None:
    with pytest.raises(ValidationError):
        DiStreamerServerSettings(ratefactor=factor)
    with pytest.raises(ValidationError):
        DiStreamerRevClientSettings(serverurl="http://far:1", ratefactor=factor)


@pytest.mark.parametrize("transport", [Transport.AUTO, Transport.TCP])
def test_a_free_port_is_free_for_both_kinds_of_carriers(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []

    def taken_once(host: str, port: int) -> list[socket.socket]:
        looked_at.append(port)
        if len(looked_at) == 1:
            raise BindError("another program listens there already")
        return []

    monkeypatch.setattr(native_carriers, "udp_sockets", taken_once)
    sockets = link_sockets("127.0.0.1", 0, transport)
    assert len(looked_at) == (2 if transport is Transport.AUTO else 0)
    assert looked_at[-1:] in ([], [sockets[0].getsockname()[1]])
    for one in sockets:
        one.close()
