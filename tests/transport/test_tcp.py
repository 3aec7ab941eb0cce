"""Real sockets on loopback: connecting, TLS, and faults in plain words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from distreamer.errors import BindError, LinkError
from distreamer.transport.tcp import (
    TYPE_OF_SERVICE,
    client_tls,
    connect,
    listening_sockets,
    mark_socket,
    spoken_address,
    spoken_fault,
)
from tests.support.certificates import Certificate, make_certificate
from tests.support.patience import growing_limits

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[object, object, None]]
PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Sends everything back, then closes."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says hello and closes."""
    writer.write(b"hello")
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free loopback port."""
    (listener,) = listening_sockets("127.0.0.1", 0)
    server = await asyncio.start_server(serve, sock=listener, ssl=tls)
    async with server:
        yield listener.getsockname()[1]


async def test_bytes_go_both_ways() -> None:
    received = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        received.set_result(await reader.read())
        writer.close()

    async with serving(serve) as port:
        stream = await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)
        assert stream.peer == f"127.0.0.1:{port}"
        assert await stream.read() == b"hello"
        await stream.write(b"a" * 1_000_000)
        await stream.close()
        await stream.close()
        assert await received == b"a" * 1_000_000


async def test_what_comes_while_it_rests_waits_and_is_read_at_once() -> None:
    goes_on = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"first")
        assert await reader.readexactly(1)
        for part in (b"second ", b"third"):
            writer.write(part)
            await writer.drain()
        goes_on.set()
        writer.close()

    async with serving(serve) as port:
        stream = await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)
        assert await stream.read() == b"first"
        rest = asyncio.create_task(stream.rest(60))
        await stream.write(b"!")
        await goes_on.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        rest.cancel()
        await asyncio.wait([rest])
        assert await stream.read() == b"second third"
        assert await stream.read() == b""
        await stream.close()


async def test_what_was_written_arrives_though_the_peer_is_slow_and_the_end_sudden() -> None:
    may_read = asyncio.Event()
    received = asyncio.get_running_loop().create_future()
    data = bytes(range(256)) * 80_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_read.wait()
        received.set_result(await reader.read())
        writer.close()

    async with serving(serve) as port:
        stream = await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)
        writing = asyncio.create_task(stream.write(data))
        done, _ = await asyncio.wait([writing], timeout=0.1)
        assert not done, "20 MB do not fit into the kernel: the write must wait"
        may_read.set()
        await writing
        await stream.close()
        assert await received == data


async def test_closing_does_not_wait_for_a_peer_that_takes_nothing() -> None:
    may_end = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_end.wait()
        writer.close()

    async with serving(serve) as port:
        stream = await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await stream.write(bytes(20_000_000))
        await stream.close()
        may_end.set()


async def test_the_end_is_empty_bytes() -> None:
    async with serving(greet) as port:
        stream = await connect("localhost", port, timeout_seconds=PATIENCE_SECONDS)
        assert await stream.read(3) == b"hel"
        assert await stream.read(3) == b"lo"
        assert await stream.read(3) == b""
        await stream.close()


async def test_ipv6() -> None:
    try:
        (listener,) = listening_sockets("::1", 0)
    except BindError:
        pytest.skip("this machine has no IPv6")
    async with await asyncio.start_server(greet, sock=listener):
        port = listener.getsockname()[1]
        stream = await connect("::1", port, timeout_seconds=PATIENCE_SECONDS)
        assert stream.peer == f"[::1]:{port}"
        assert await stream.read() == b"hello"
        await stream.close()


async def test_every_socket_is_marked() -> None:
    marks: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted: socket.socket = writer.get_extra_info("socket")
        marks.append(accepted.getsockopt(socket.IPPROTO_IP, socket.IP_TOS))
        marks.append(accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        writer.close()

    async with serving(serve) as port:
        stream = await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)
        assert await stream.read() == b""
        await stream.close()
    assert marks == [TYPE_OF_SERVICE, 1]


def test_marking_takes_any_socket() -> None:
    with socket.socket(socket.AF_UNIX) as one:
        mark_socket(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


async def test_nobody_listens() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(LinkError, match=f"127.0.0.1:{port}: refused the connection"):
            await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "ü" * 70])
async def test_no_such_host(host: str) -> None:
    with pytest.raises(LinkError, match=r"no such host|no host name|no answer within"):
        await connect(host, 80, timeout_seconds=PATIENCE_SECONDS)


async def test_a_server_that_never_agrees_on_tls() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with serving(silent) as port:
        said = ""
        for seconds in growing_limits():
            with pytest.raises(LinkError) as caught:
                await connect("127.0.0.1", port, timeout_seconds=seconds, tls=client_tls())
            said = str(caught.value)
            if said.endswith("while agreeing on TLS"):
                break
        assert f"no answer within {seconds:g} s while agreeing on TLS" in said


async def test_tls_to_a_server_without() -> None:
    async with serving(greet) as port:
        with pytest.raises(LinkError, match="TLS does not work with it"):
            await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS, tls=client_tls())


async def test_tls(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
    async with serving(greet, certificate.server_context()) as port:
        stream = await connect(
            "127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS, tls=client_tls(), server_hostname="localhost"
        )
        assert await stream.read() == b"hello"
        assert await stream.read() == b""
        await stream.close()
        with pytest.raises(LinkError, match=r"certificate is not valid: .*127.0.0.1"):
            await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS, tls=client_tls())


async def test_over_tls_one_may_write_on_to_a_peer_that_says_nothing(certificate: Certificate) -> None:
    """As to an Icecast server, which only listens."""
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.readexactly(50 * 10_000))
        writer.close()

    async with serving(listen, certificate.server_context()) as port:
        stream = await connect("localhost", port, timeout_seconds=PATIENCE_SECONDS, tls=client_tls(verify=False))
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(50):
                await stream.write(bytes(10_000))
            assert await heard == bytes(500_000)
        await stream.close()


async def test_a_strange_certificate_is_refused_unless_told(certificate: Certificate) -> None:
    async with serving(greet, certificate.server_context()) as port:
        with pytest.raises(LinkError, match=r"its certificate is not valid: self.signed certificate"):
            await connect("localhost", port, timeout_seconds=PATIENCE_SECONDS, tls=client_tls())
        stream = await connect("localhost", port, timeout_seconds=PATIENCE_SECONDS, tls=client_tls(verify=False))
        assert await stream.read() == b"hello"
        await stream.close()


async def test_a_connection_that_breaks() -> None:
    async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        linger = b"\1\0\0\0\0\0\0\0"
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    async with serving(slam) as port:
        stream = await connect("127.0.0.1", port, timeout_seconds=PATIENCE_SECONDS)
        await stream.write(b"x")
        with pytest.raises(LinkError, match="the other side broke the connection"):
            await stream.read()
        await stream.close()


async def test_a_port_that_is_taken() -> None:
    (listener,) = listening_sockets("127.0.0.1", 0)
    with listener:
        port = listener.getsockname()[1]
        with pytest.raises(BindError, match=f"cannot listen on 127.0.0.1:{port}: another program listens there"):
            listening_sockets("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(BindError, match=r"this machine has no such address|no such host"):
        listening_sockets(host, 0)


def test_all_addresses_share_one_free_port() -> None:
    listeners = listening_sockets("", 0)
    assert len({listener.getsockname()[1] for listener in listeners}) == 1
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(2, "x"), "No such file or directory"),
        (OSError("free text"), "free text"),
        (OSError(), "OSError"),
        (ConnectionResetError(104, "x"), "the other side broke the connection"),
        (ConnectionResetError(), "the other side closed the connection"),
        (PermissionError(13, "x"), "this user may not use that port (ports below 1024 are privileged)"),
    ],
)
def test_faults_in_words(error: OSError, words: str) -> None:
    assert spoken_fault(error) == words


def test_addresses_in_words() -> None:
    assert [spoken_address(host, 80) for host in ("a", "::1", "")] == ["a:80", "[::1]:80", "*:80"]


def test_addresses_that_fail_in_different_ways_are_told_in_words() -> None:
    """As aiohappyeyeballs sums them up for a host with an IPv6 and an IPv4 address."""
    error = OSError(
        "Multiple exceptions: [Errno 101] Network is unreachable, [Errno 111] Connect call failed ('192.0.2.1', 80),"
        " [Errno 111] Connect call failed ('192.0.2.2', 80)"
    )
    assert spoken_fault(error) == (
        "there is no network that leads to that address; refused the connection: nothing listens on that port"
    )
