"""Who may connect over QUIC, how many at once, and what they may leave unread."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from pathlib import Path

import pytest
from aioquic.quic.connection import QuicConnection
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from structlog.testing import CapturingLogger

from distreamer.core.clock import LoopClock
from distreamer.core.store import Store
from distreamer.errors import AuthenticationError, DiStreamerError, LinkError
from distreamer.protocol.native.conversation import Conversation
from distreamer.protocol.native.events import PeerReport
from distreamer.protocol.native.handshake import Acceptor, Dialler
from distreamer.protocol.native.messages import Ping, encode
from distreamer.protocol.native.receiver import ReceiverRole
from distreamer.protocol.native.scram import WRONG_CHANNEL
from distreamer.protocol.native.sender import SenderRole
from distreamer.sessions.native_session import NativeSession, error_of
from distreamer.transport import quic, quic_acceptor, quic_lanes
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.quic import QuicDialler, QuicMessages
from distreamer.transport.quic_acceptor import QuicListener
from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.remembering_resolver import RememberingResolver
from distreamer.transport.self_signed import KeyPair
from tests.support.certificates import make_certificate
from tests.support.input_context import capturing_log
from tests.support.listening_modules import until
from tests.support.native_programme import RECEIVER_IDENTITY, SENDER_IDENTITY, verifier
from tests.support.quic_server import FAST, PATIENCE_SECONDS, echo, fragment, serving

NAMES = itertools.count(1)


async def test_another_protocol_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as server:
        monkeypatch.setattr(quic, "PROTOCOL_NAME", "h3")
        with pytest.raises(LinkError, match="it speaks something else over QUIC"):
            await server.dial()
        monkeypatch.undo()
        carrier = await server.dial()
        await carrier.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused_where_a_valid_one_is_asked_for() -> None:
    async with serving(echo) as server:
        with pytest.raises(LinkError, match="its certificate is not valid"):
            await server.dialler(verify=True).dial(PATIENCE_SECONDS)


async def test_a_certificate_that_is_trusted_is_taken_for_its_name_only(
    tmp_path: Path,
) -> None:
    made = make_certificate(tmp_path)
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    pair = KeyPair(certificate, load_pem_private_key(made.key.read_bytes(), None))
    async with serving(echo, pair=pair) as server:
        trusted = str(made.certificate)
        resolver = RememberingResolver()
        named = QuicDialler(
            "localhost", server.port, FAST, capturing_log(), resolver, trusted=trusted, trust=LinkTrust()
        )
        carrier = await named.dial(PATIENCE_SECONDS)
        assert carrier.binding == pair.binding
        await carrier.close()
        with pytest.raises(LinkError, match="its certificate is not valid"):
            await server.dialler(verify=True, trusted=trusted).dial(PATIENCE_SECONDS)


def session(carrier: QuicMessages, password: str, *, dials: bool) -> NativeSession:
    clock = LoopClock()
    handshake = (
        Dialler(RECEIVER_IDENTITY, password, f"dialler-{next(NAMES)}", carrier.binding)
        if dials
        else Acceptor(SENDER_IDENTITY, verifier(password), f"acceptor-{next(NAMES)}", carrier.binding)
    )
    role = ReceiverRole(PeerReport) if dials else SenderRole(Store())
    return NativeSession(carrier, Conversation(role, handshake, clock.now()), clock, lambda event: None)


async def test_a_man_in_the_middle_with_a_certificate_of_his_own_is_refused_by_both_sides() -> None:
    at_acceptor: list[DiStreamerError] = []

    async def accept(carrier: QuicMessages) -> None:
        at_acceptor.append(error_of(await session(carrier, "secret", dials=False).run(), carrier.peer))

    async with serving(accept) as real:

        async def between(near: QuicMessages) -> None:
            far = await real.dial()

            async def pass_on(source: QuicMessages, target: QuicMessages) -> None:
                with contextlib.suppress(LinkError):
                    while True:
                        await target.send(await source.receive())

            both = [asyncio.create_task(pass_on(*way)) for way in ((near, far), (far, near))]
            await asyncio.wait(both)
            await far.close()

        async with serving(between) as impostor:
            carrier = await impostor.dial()
            assert carrier.binding == impostor.pair.binding != real.pair.binding
            ended = await session(carrier, "secret", dials=True).run()
            assert isinstance(error_of(ended, "far"), AuthenticationError)
            assert ended.reason == WRONG_CHANNEL
            assert ended.by_peer
        # Without him it works.
        carrier = await real.dial()
        honest = session(carrier, "secret", dials=True)
        running = asyncio.create_task(honest.run())
        await until(lambda: honest.conversation.state.value == "talks")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: len(at_acceptor) == 2)
    [refusal] = [error for error in at_acceptor if isinstance(error, AuthenticationError)]
    assert refusal.reason == WRONG_CHANNEL


async def test_an_impostor_that_does_not_know_the_password_is_refused_by_the_dialler() -> None:
    async def accept(carrier: QuicMessages) -> None:
        with contextlib.suppress(DiStreamerError):
            await session(carrier, "guessed", dials=False).run()

    async with serving(accept) as impostor:
        ended = await session(await impostor.dial(), "secret", dials=True).run()
        assert isinstance(error_of(ended, "far"), AuthenticationError)


# -- bounds


async def test_more_connections_than_there_may_be_are_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_acceptor, "MOST_CONNECTIONS", 2)
    said = CapturingLogger()
    async with serving(echo, said=said) as server:
        first, second = await server.dial(), await server.dial()
        while not server.acceptor.refused:  # A machine that stands still may not even have asked within that time.
            with pytest.raises(LinkError, match=r"no answer over QUIC \(UDP port \d+\) within 0.4 s"):
                await server.dialler().dial(0.4)
        assert server.connections == 2
        # Those that are there are not disturbed.
        await first.send(encode(Ping(id=1)))
        assert await first.receive() == encode(Ping(id=1))
        await second.close()
        await until(lambda: server.connections == 1)
        third = await server.dial()
        await third.close()
        await first.close()
    assert sum("too many QUIC connections" in str(call) for call in said.calls) == 1


async def test_clients_that_never_finish_the_handshake_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[object] = []
    make = QuicListener._make

    def note(self: QuicListener, library: QuicConnection, stream_handler: object = None) -> LiveConnection:
        begun.append(library)
        return make(self, library, stream_handler)

    monkeypatch.setattr(QuicListener, "_make", note)
    async with serving(echo) as server:
        carrier = await server.dial()
        monkeypatch.setattr(quic_acceptor, "HANDSHAKE_SECONDS", 0.5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            for packet in first_packets(5):
                stranger.sendto(packet, (server.host, server.port))
            await until(lambda: len(begun) == 6 and server.connections == 1)
        await carrier.send(encode(Ping(id=1)))
        assert await carrier.receive() == encode(Ping(id=1))
        await carrier.close()
        await until(lambda: not any(listener._protocols for listener in server.acceptor._servers))


async def test_in_a_flood_of_handshakes_clients_prove_their_address_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_acceptor, "MOST_HANDSHAKES", 3)
    monkeypatch.setattr(quic_acceptor, "HANDSHAKE_SECONDS", 600.0)
    async with serving(echo) as server:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            for packet in first_packets(20):
                stranger.sendto(packet, (server.host, server.port))
            await until(lambda: server.connections == 3)
            # Whoever is where he says gets in, and no one else.
            carrier = await server.dial()
            await carrier.send(encode(Ping(id=1)))
            assert await carrier.receive() == encode(Ping(id=1))
            assert server.connections == 4
            await carrier.close()


def first_packets(count: int) -> list[bytes]:
    """Of clients that will say no more."""
    found = []
    for _ in range(count):
        library = QuicConnection(configuration=quic.quic_configuration(is_client=True))
        library.configuration.server_name = "localhost"
        library.connect(("127.0.0.1", 1), now=0.0)
        [(packet, _)] = library.datagrams_to_send(now=0.0)
        found.append(packet)
    return found


async def test_send_waits_for_a_peer_that_acknowledges_nothing() -> None:
    over = asyncio.Event()

    async def accept(carrier: QuicMessages) -> None:
        await carrier.receive()
        carrier._connection.datagram_received = lambda data, addr: None  # type: ignore[method-assign]
        await over.wait()

    async with serving(accept) as server:
        carrier = await server.dial()
        await carrier.send(encode(Ping(id=1)))
        sent = 0

        async def talk() -> None:
            nonlocal sent
            for number in range(1, 1_000):
                for message in fragment(number, 16_000):
                    await carrier.send(message)
                    sent += len(message)

        talking = asyncio.create_task(talk())
        most = quic_lanes.MOST_UNACKNOWLEDGED_BYTES
        await until(lambda: sent >= 0.95 * most)
        await asyncio.sleep(0.3)
        assert sent <= 1.1 * most
        # An end wakes who waits.
        await carrier.close()
        with pytest.raises(LinkError):
            await talking
        over.set()
