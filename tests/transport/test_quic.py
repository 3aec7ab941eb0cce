"""Carriers over real QUIC connections on the loopback: what they carry, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

import pytest
from aioquic.quic.events import ConnectionTerminated
from aioquic.tls import Epoch

from distreamer.errors import BindError, DiStreamerError, LinkError, PeerError
from distreamer.protocol.native.messages import Have, Piece, Ping, SetupHead, decode, encode
from distreamer.transport.quic import CIPHERS, QuicDialler, QuicMessages
from distreamer.transport.quic_acceptor import IPV6_ADDR_PREFERENCES, IPV6_PREFER_SRC_PUBLIC, udp_sockets
from distreamer.transport.quic_words import spoken_end
from distreamer.transport.remembering_resolver import RememberingResolver
from distreamer.transport.tcp import TYPE_OF_SERVICE
from tests.support.input_context import capturing_log
from tests.support.listening_modules import until
from tests.support.quic_server import FAST, PATIENCE_SECONDS, WANT, body, echo, fragment, serving


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_sides_know_the_certificate_and_each_other(host: str) -> None:
    bindings: list[bytes | None] = []
    peers: list[str] = []

    async def accept(carrier: QuicMessages) -> None:
        bindings.append(carrier.binding)
        peers.append(carrier.peer)
        await echo(carrier)

    async with serving(accept, host) as server:
        carrier = await server.dial()
        await carrier.send(encode(Ping(id=1)))
        assert await carrier.receive() == encode(Ping(id=1))
        assert [carrier.binding] == bindings == [server.pair.binding]
        shown = f"[{host}]" if ":" in host else host
        assert carrier.peer == f"{shown}:{server.port}"
        assert peers[0].startswith(f"{shown}:")
        assert (carrier.kind.name, carrier.kind.preference, carrier.kind.lasting_seconds) == ("quic", 1, 80.0)
        assert carrier._connection._quic._cryptos[Epoch.ONE_RTT].send.cipher_suite is CIPHERS[0]
        assert carrier.heard_at is not None
        assert 0 <= asyncio.get_running_loop().time() - carrier.heard_at < PATIENCE_SECONDS
        await carrier.close()
        await until(lambda: server.connections == 0)


async def test_large_bodies_and_several_at_once_come_whole_in_both_directions() -> None:
    bodies = [
        body(SetupHead(size=1_048_576, digest="0" * 32), 1_048_576),
        fragment(1, 2_097_152, setup=True),
        *(fragment(number, 16_000 + number) for number in range(2, 10)),
    ]
    said = [message for one in bodies for message in one]
    async with serving(echo) as server:
        carrier = await server.dial()

        # Its echo asks for audio too.
        await carrier.send(WANT)
        assert await carrier.receive() == WANT

        async def talk() -> None:
            for message in said:
                await carrier.send(message)

        talking = asyncio.create_task(talk())
        heard = [await carrier.receive() for _ in said]
        await talking
        await carrier.close()
    assert sorted(heard) == sorted(said)
    found = []
    for index, message in enumerate(heard):
        kind = decode(message)[0]
        if not isinstance(kind, Piece):
            [one] = [one for one in bodies if one[0] == message]
            assert heard[index : index + len(one)] == one
            found.append(bodies.index(one))
    assert found.index(0) < found.index(1)


@pytest.mark.parametrize("closes", ["dialler", "acceptor"])
async def test_when_one_side_closes_the_other_hears_of_it_and_a_waiting_receive_ends(closes: str) -> None:
    ended = asyncio.Event()
    last_words: list[bytes] = []

    async def accept(carrier: QuicMessages) -> None:
        await carrier.receive()
        if closes == "acceptor":
            await carrier.send(encode(Ping(id=9)))
            await carrier.close()
        with pytest.raises(LinkError):
            await carrier.receive()
        with pytest.raises(LinkError):
            await carrier.send(encode(Ping(id=2)))
        ended.set()

    async with serving(accept) as server:
        carrier = await server.dial()
        await carrier.send(encode(Ping(id=1)))
        if closes == "dialler":
            waiting = asyncio.create_task(carrier.receive())
            await asyncio.sleep(0)
            await carrier.close()
            with pytest.raises(LinkError):
                await waiting
        else:
            last_words.append(await carrier.receive())
            with pytest.raises(LinkError, match="the other side closed the connection"):
                await carrier.receive()
        with pytest.raises(LinkError):
            await carrier.send(encode(Ping(id=3)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended.wait()
        await carrier.close()
        await carrier.close()
        await until(lambda: server.connections == 0)
    assert last_words == ([encode(Ping(id=9))] if closes == "acceptor" else [])


async def test_an_acceptor_may_speak_first_though_it_has_no_stream_yet() -> None:
    """As it does to one that it has no room for."""

    async def accept(carrier: QuicMessages) -> None:
        await carrier.send(encode(Ping(id=7)))
        with contextlib.suppress(LinkError):
            while True:
                await carrier.receive()

    async with serving(accept) as server:
        carrier = await server.dial()
        await carrier.send(encode(Ping(id=1)))
        assert await carrier.receive() == encode(Ping(id=7))
        await carrier.close()


async def test_what_breaks_the_rules_is_the_peer_s_fault_on_both_sides() -> None:
    caught: list[DiStreamerError] = []

    async def accept(carrier: QuicMessages) -> None:
        with pytest.raises(PeerError) as error:
            await carrier.receive()
        caught.append(error.value)

    async with serving(accept) as server:
        carrier = await server.dial()
        carrier._connection._quic.send_stream_data(0, b"\xff\xff\xff\xffGET / HTTP/1.1")
        carrier._connection.transmit()
        with pytest.raises(LinkError, match="a message of 4294967295 bytes is not within 1 to 65536"):
            await carrier.receive()
        await carrier.close()
    assert "4294967295" in str(caught[0])


@pytest.mark.parametrize("ends", ["with a FIN", "with a reset", "with STOP_SENDING"])
async def test_a_control_stream_that_ends_is_the_peer_s_fault(ends: str) -> None:
    caught: list[str] = []

    async def accept(carrier: QuicMessages) -> None:
        await carrier.receive()
        await carrier.send(encode(Ping(id=2)))
        with pytest.raises(PeerError) as error:
            await carrier.receive()
        caught.append(error.value.reason)

    async with serving(accept) as server:
        carrier = await server.dial()
        await carrier.send(encode(Ping(id=1)))
        await carrier.receive()
        library = carrier._connection._quic
        if ends == "with a FIN":
            library.send_stream_data(0, b"", end_stream=True)
        elif ends == "with a reset":
            library.reset_stream(0, 0)
        else:
            library.stop_stream(0, 0)
        carrier._connection.transmit()
        with pytest.raises(LinkError):
            await carrier.receive()
        await carrier.close()
    assert caught == ["does not want the stream 0" if ends == "with STOP_SENDING" else "ended the control stream"]


async def test_a_server_that_starts_again_is_reached_anew_and_its_old_connections_are_told_nothing() -> None:
    async with serving(echo) as first:
        port = first.port
        carrier = await first.dial()
        await carrier.send(encode(Ping(id=1)))
        await carrier.receive()
        # Its process is killed: it says nothing.
        for listener in first.acceptor._servers:
            assert listener._transport is not None
            listener._transport.abort()
        await asyncio.sleep(0.05)
    async with serving(echo, port=port) as second:
        await carrier.send(encode(Ping(id=2)))
        again = await second.dial()
        assert again.binding != carrier.binding
        await again.send(encode(Have(epoch=1, ranges=())))
        await again.receive()
        # What the old one sent has long been there, for packets keep their order.
        assert second.connections == 1
        assert carrier._connection.fault == ""
        await again.close()
        await carrier.close()


async def test_the_port_is_free_as_soon_as_the_acceptor_has_ended() -> None:
    port = 0
    for _ in range(3):
        async with serving(echo, port=port) as server:
            port = server.port


async def test_an_acceptor_that_ends_tells_those_who_are_connected() -> None:
    async with serving(echo) as server:
        carrier = await server.dial()
        await carrier.send(encode(Ping(id=1)))
        await carrier.receive()
    with pytest.raises(LinkError, match="the other side closed the connection"):
        await carrier.receive()
    await carrier.close()


async def test_an_attempt_that_is_given_up_leaves_nothing_behind() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        dialler = QuicDialler("127.0.0.1", port, FAST, capturing_log(), RememberingResolver())
        with pytest.raises(LinkError, match=f"127.0.0.1:{port}: no answer over QUIC"):
            await dialler.dial(0.3)
        attempt = asyncio.create_task(dialler.dial(30))
        await asyncio.sleep(0.05)
        silent.settimeout(0.0)
        with contextlib.suppress(BlockingIOError):
            while silent.recv(2_000):
                pass
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        # It says nothing more, not even that it is closed: nobody there has heard of it.
        await asyncio.sleep(0.5)
        with pytest.raises(BlockingIOError):
            silent.recv(2_000)


async def test_a_host_that_is_not_there_is_named() -> None:
    with pytest.raises(LinkError, match="no such host"):
        await QuicDialler("nowhere.invalid", 7080, FAST, capturing_log(), RememberingResolver()).dial(PATIENCE_SECONDS)


async def test_a_udp_port_that_is_taken_is_named() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(BindError, match=rf"127\.0\.0\.1:{port} \(UDP, for QUIC\): another program listens"):
            udp_sockets("127.0.0.1", port)


def test_packets_carry_the_mark_of_distreamer() -> None:
    [one] = udp_sockets("127.0.0.1", 0)
    with one:
        assert one.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == TYPE_OF_SERVICE


@pytest.mark.skipif(sys.platform != "linux", reason="the option is Linux's")
def test_answers_do_not_leave_from_a_temporary_address() -> None:
    [one] = udp_sockets("::1", 0)
    with one:
        chosen = one.getsockopt(socket.IPPROTO_IPV6, IPV6_ADDR_PREFERENCES)
        assert chosen & IPV6_PREFER_SRC_PUBLIC


@pytest.mark.parametrize(
    ("code", "phrase", "words"),
    [
        (0, "", "the other side closed the connection"),
        (0, "sent nonsense", "sent nonsense"),
        (1, "Idle timeout", "nothing came any more"),
        (0x100 + 42, "no subject", "its certificate is not valid: no subject"),
        (0x100 + 48, "unknown issuer", "its certificate is not valid: unknown issuer"),
        (0x100 + 120, "No common ALPN protocols", "it speaks something else over QUIC"),
        (0x100 + 40, "handshake failure", "handshake failure"),
        (0, "x" * 5_000, "x" * 200),
    ],
)
def test_why_a_connection_ended_is_said_in_words(code: int, phrase: str, words: str) -> None:
    assert spoken_end(ConnectionTerminated(error_code=code, frame_type=None, reason_phrase=phrase)) == words
