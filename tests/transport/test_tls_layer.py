"""TLS between bytes and bytes, against the TLS client of the standard library."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.transport.tls_layer import CLIENT_HELLO, Received, TlsConnection, TlsLayer
from tests.support.certificates import make_certificate
from tests.support.tls_client import TlsClient


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return make_certificate(tmp_path_factory.mktemp("certificate")).server_context()


@pytest.fixture
def layer() -> TlsLayer:
    return TlsLayer()


def agreed(ours: TlsConnection, client: TlsClient, step: int = 1 << 20) -> None:
    """Lets both agree; the client's bytes come ``step`` at a time."""
    for _ in range(6):
        said = client.shake_hands()
        for begin in range(0, len(said), step):
            client.hear(ours.receive(said[begin : begin + step]).answer)
    assert ours.is_agreed
    assert client.is_agreed


@pytest.mark.parametrize("step", [1, 7, 300, 1 << 20])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_sides_hear_one_another_however_the_bytes_come(
    context: ssl.SSLContext, layer: TlsLayer, version: ssl.TLSVersion, step: int
) -> None:
    client, ours = TlsClient(version), layer.connection(context)
    agreed(ours, client, step)
    said = client.say(b"GET / HTTP/1.0\r\n\r\n")
    heard = [ours.receive(said[begin : begin + step]) for begin in range(0, len(said), step)]
    assert b"".join(one.data for one in heard) == b"GET / HTTP/1.0\r\n\r\n"
    assert not any(one.ended or one.fault for one in heard)
    audio = bytes(range(256)) * 1000
    assert client.hear(ours.send(audio)) == audio
    assert client.hear(ours.send(b"more")) == b"more"


def test_a_client_begins_with_the_byte_by_which_it_is_known() -> None:
    assert TlsClient().shake_hands().startswith(CLIENT_HELLO)


def test_many_connections_share_the_buffers_without_mixing_anything_up(
    context: ssl.SSLContext, layer: TlsLayer
) -> None:
    clients = [TlsClient() for _ in range(20)]
    connections = [layer.connection(context) for _ in clients]
    for _ in range(6):
        for client, ours in zip(clients, connections, strict=True):
            said = client.shake_hands()
            half = len(said) // 2
            for part in (said[:half], said[half:]):
                client.hear(ours.receive(part).answer)
    requests = [client.say(f"request {number}".encode()) for number, client in enumerate(clients)]
    for ours, said in zip(connections, requests, strict=True):
        assert ours.receive(said[:9]).data == b""
    for number, (ours, said) in enumerate(zip(connections, requests, strict=True)):
        assert ours.receive(said[9:]).data == f"request {number}".encode()
    for number, (client, ours) in enumerate(zip(clients, connections, strict=True)):
        answer = f"answer {number}".encode() * 5_000
        assert client.hear(ours.send(answer)) == answer


def test_the_end_is_told_both_ways(context: ssl.SSLContext, layer: TlsLayer) -> None:
    client, ours = TlsClient(), layer.connection(context)
    agreed(ours, client)
    assert client.hear(ours.send(b"last") + ours.close()) == b"last"
    assert client.has_ended
    assert ours.receive(client.say_farewell()).ended
    other, theirs = TlsClient(), layer.connection(context)
    agreed(theirs, other)
    assert theirs.receive(other.say(b"x") + other.say_farewell()) == Received(b"x", ended=True)


def test_a_connection_that_failed_leaves_nothing_to_the_others(context: ssl.SSLContext, layer: TlsLayer) -> None:
    broken, client = layer.connection(context), TlsClient()
    received = broken.receive(b"\x16\x03\x01\x00\x05hello" * 50)
    assert received.fault
    assert broken.receive(b"more of it" * 50).fault
    assert broken.send(b"audio") == b""
    assert broken.close() == b""
    agreed(layer.connection(context), client)


def test_a_client_that_knows_old_tls_only_is_told_so(context: ssl.SSLContext, layer: TlsLayer) -> None:
    old = TlsClient(ssl.TLSVersion.TLSv1_1)
    received = layer.connection(context).receive(old.shake_hands())
    # The latter in OpenSSL 3.0, whose own bounds come first.
    assert "protocol" in received.fault or "signature algorithm" in received.fault
    assert received.answer.startswith(b"\x15")  # an alert


@given(pieces=st.lists(st.binary(max_size=200), max_size=8), damage=st.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_garbage_is_a_fault_or_nothing_and_never_an_exception(
    context: ssl.SSLContext, pieces: list[bytes], damage: int
) -> None:
    layer = TlsLayer()
    hello = bytearray(TlsClient().shake_hands())
    hello[damage % len(hello)] ^= 0x55
    for begin in (pieces, [bytes(hello), *pieces]):
        ours = layer.connection(context)
        for piece in begin:
            received = ours.receive(piece)
            assert received.data == b""
        ours.send(b"audio")
        ours.close()
    client = TlsClient()
    agreed(layer.connection(context), client)
