"""Carriers over real WebSockets on the loopback."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from distreamer.errors import DiStreamerError, LinkError, PeerError
from distreamer.transport.link_sockets import SEGMENT_BYTES
from distreamer.transport.link_trust import LinkTrust
from distreamer.transport.relay import Relay
from distreamer.transport.tcp import TYPE_OF_SERVICE, listening_sockets
from distreamer.transport.websocket import MESSAGE_BYTES, WebSocketDialler, WebSocketMessages, WebSocketServer
from tests.support.certificates import make_certificate

Accept = Callable[[WebSocketMessages], Awaitable[None]]
PATIENCE_SECONDS = 60
"""Only a failing test waits as long as this."""


@asynccontextmanager
async def serving(accept: Accept, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The http address of a server that gives its carriers to ``accept``."""
    sockets = listening_sockets(host, 0)
    port = sockets[0].getsockname()[1]
    async with WebSocketServer(sockets, accept, {"/": lambda: "hello, person\n"}):
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def echo(carrier: WebSocketMessages) -> None:
    try:
        while True:
            await carrier.send(await carrier.receive())
    except DiStreamerError:
        return


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_messages_come_whole_and_in_order_over_both_families(host: str) -> None:
    messages = [b"\x00", b"", bytes(range(256)) * 8, bytes(MESSAGE_BYTES)]
    async with serving(echo, host) as url, WebSocketDialler(url + "/") as dialler:
        carrier = await dialler.dial(PATIENCE_SECONDS)
        for message in messages:
            await carrier.send(message)
        assert [await carrier.receive() for _ in messages] == messages
        await carrier.close()


async def test_a_message_above_the_limit_is_the_peer_s_fault_on_both_sides() -> None:
    caught: list[DiStreamerError] = []

    async def accept(carrier: WebSocketMessages) -> None:
        try:
            await carrier.receive()
        except DiStreamerError as error:
            caught.append(error)

    async with serving(accept) as url, WebSocketDialler(url) as dialler:
        carrier = await dialler.dial(PATIENCE_SECONDS)
        await carrier.send(bytes(MESSAGE_BYTES + 1))
        with pytest.raises(DiStreamerError):
            await carrier.receive()
    assert isinstance(caught[0], PeerError)
    assert "65537" in str(caught[0])


async def test_a_text_message_is_the_peer_s_fault() -> None:
    caught = asyncio.get_running_loop().create_future()

    async def accept(carrier: WebSocketMessages) -> None:
        with pytest.raises(PeerError, match="text") as error:
            await carrier.receive()
        caught.set_result(str(error.value))

    async with (
        serving(accept) as url,
        aiohttp.ClientSession() as session,
        session.ws_connect(url + "/distreamer3") as websocket,
    ):
        await websocket.send_str("hello")
        assert "text message" in await caught


@pytest.mark.parametrize("closes", ["dialler", "acceptor"])
async def test_when_one_side_closes_the_other_hears_of_it_and_a_waiting_receive_ends(closes: str) -> None:
    ended = asyncio.Event()

    async def accept(carrier: WebSocketMessages) -> None:
        if closes == "acceptor":
            await carrier.close()
        with pytest.raises(LinkError):
            await carrier.receive()
        with pytest.raises(LinkError):
            await carrier.send(b"too late")
        ended.set()

    async with serving(accept) as url, WebSocketDialler(url) as dialler:
        carrier = await dialler.dial(PATIENCE_SECONDS)
        waiting = asyncio.create_task(carrier.receive())
        if closes == "dialler":
            await asyncio.sleep(0)
            await carrier.close()
        with pytest.raises(LinkError):
            await waiting
        with pytest.raises(LinkError):
            await carrier.send(b"too late")
        await ended.wait()


@pytest.mark.parametrize("sender", ["dialler", "acceptor"])
async def test_send_waits_for_a_peer_that_does_not_read(sender: str) -> None:
    """What piles up is what the kernels hold, whoever sends."""
    over = asyncio.Event()
    sent: list[int] = []

    async def push(carrier: WebSocketMessages) -> None:
        for count in range(20_000):
            await carrier.send(bytes(2048))
            sent.append(count)

    async def accept(carrier: WebSocketMessages) -> None:
        if sender == "acceptor":
            with pytest.raises(LinkError):
                await push(carrier)
            return
        await over.wait()

    async with serving(accept) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        async with Relay(host, int(port)) as relay, WebSocketDialler(f"http://127.0.0.1:{relay.port}") as dialler:
            carrier = await dialler.dial(PATIENCE_SECONDS)
            relay.cut()
            pushing = asyncio.create_task(push(carrier)) if sender == "dialler" else None
            before = -1
            while not sent or len(sent) > before:
                before = len(sent)
                await asyncio.sleep(0.2)
            # 20,000 would be 40 MB; the kernels and the relay hold less than one.
            assert 0 < len(sent) < 500
            await carrier.close()
            if pushing is not None:
                with pytest.raises(LinkError):
                    await pushing
            over.set()


async def test_closing_a_carrier_in_a_black_hole_does_not_hang_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The kernel must not end before us what hangs.
    monkeypatch.setattr("distreamer.transport.link_sockets.USER_TIMEOUT_MILLISECONDS", 10 * 60_000)
    left_behind: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: left_behind.append(context["message"]))
    async with serving(swallow) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        async with Relay(host, int(port)) as relay, WebSocketDialler(f"http://127.0.0.1:{relay.port}") as dialler:
            await fill_and_close(await dialler.dial(PATIENCE_SECONDS), relay)
            gc.collect()
            assert left_behind == []


async def fill_and_close(carrier: WebSocketMessages, relay: Relay) -> None:
    relay.cut()
    filling = asyncio.create_task(fill(carrier))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.sleep(0.2)
        await carrier.close()
        await asyncio.wait({filling})
    assert isinstance(filling.exception(), LinkError)


async def swallow(carrier: WebSocketMessages) -> None:
    try:
        while True:
            await carrier.receive()
    except LinkError:
        return


async def fill(carrier: WebSocketMessages) -> None:
    while True:
        await carrier.send(bytes(60_000))


CONGESTION_CONTROLS = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")
HAS_BBR = CONGESTION_CONTROLS.exists() and "bbr" in CONGESTION_CONTROLS.read_text().split()


def settings_of(carrier: WebSocketMessages) -> dict[str, int | bytes]:
    assert carrier._transport is not None
    one = carrier._transport.get_extra_info("socket")
    names = ("TCP_NODELAY", "TCP_USER_TIMEOUT", "TCP_NOTSENT_LOWAT", "TCP_MAXSEG")
    found: dict[str, int | bytes] = {
        name: one.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names if hasattr(socket, name)
    }
    found["IP_TOS"] = one.getsockopt(socket.IPPROTO_IP, socket.IP_TOS)
    found["SO_KEEPALIVE"] = one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    # Linux counts its own overhead: it says twice what was asked for.
    found["SO_SNDBUF"] = one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2
    found["congestion"] = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")
    return found


@pytest.mark.skipif(not hasattr(socket, "TCP_CONGESTION"), reason="only Linux has all of these options")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_ends_are_set_up_for_a_bad_link(host: str) -> None:
    there: list[dict[str, int | bytes]] = []

    async def accept(carrier: WebSocketMessages) -> None:
        there.append(settings_of(carrier))
        await echo(carrier)

    async with serving(accept, host) as url, WebSocketDialler(url) as dialler:
        carrier = await dialler.dial(PATIENCE_SECONDS)
        await carrier.send(b"over")
        assert await carrier.receive() == b"over"
        here = settings_of(carrier)
        await carrier.close()
    for end in (here, *there):
        segment, congestion = end.pop("TCP_MAXSEG"), end.pop("congestion")
        # What is left of it where each segment carries a time stamp.
        assert segment in {SEGMENT_BYTES, SEGMENT_BYTES - 12}
        if HAS_BBR:
            assert congestion == b"bbr"
        assert end.pop("IP_TOS") == TYPE_OF_SERVICE or host == "::1"
        assert end == {
            "TCP_NODELAY": 1,
            "TCP_USER_TIMEOUT": 6_000,
            "TCP_NOTSENT_LOWAT": 4_096,
            "SO_KEEPALIVE": 1,
            "SO_SNDBUF": 32_768,
        }
    assert len(there) == 1


async def test_a_stream_of_a_high_bitrate_may_have_more_under_way() -> None:
    rate = 0.0
    async with serving(echo) as url, WebSocketDialler(url, media_rate=lambda: rate) as dialler:
        carrier = await dialler.dial(PATIENCE_SECONDS)
        await carrier.send(b"before the programme is known")
        assert settings_of(carrier)["SO_SNDBUF"] == 32_768
        rate = 40_000.0
        await carrier.send(b"320 kbit/s")
        assert settings_of(carrier)["SO_SNDBUF"] == 80_000
        await carrier.close()


async def test_an_option_that_the_system_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distreamer.transport.link_sockets.CONGESTION_CONTROL", b"no-such-control")
    monkeypatch.delattr(socket, "TCP_NOTSENT_LOWAT", raising=False)
    async with serving(echo) as url, WebSocketDialler(url) as dialler:
        carrier = await dialler.dial(PATIENCE_SECONDS)
        await carrier.send(b"still works")
        assert await carrier.receive() == b"still works"
        await carrier.close()


async def test_an_https_server_cannot_send_the_dialler_on_to_an_address_without_tls(tmp_path: Path) -> None:
    async def accept(carrier: WebSocketMessages) -> None:
        raise AssertionError("it was dialled without TLS")

    async with serving(accept) as plain:

        async def send_on(request: web.Request) -> web.Response:
            raise web.HTTPFound(plain + "/distreamer3")

        application = web.Application()
        application.router.add_get("/distreamer3", send_on)
        runner = web.AppRunner(application)
        await runner.setup()
        context = make_certificate(tmp_path).server_context()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        try:
            async with WebSocketDialler(
                f"https://localhost:{runner.addresses[0][1]}", LinkTrust(verify=False)
            ) as dialler:
                with pytest.raises(LinkError, match="sends us on to an address without TLS"):
                    await dialler.dial(PATIENCE_SECONDS)
        finally:
            await runner.cleanup()


async def test_a_server_that_is_no_distreamer_is_named_and_one_that_is_away_is_the_link_s_fault() -> None:
    async def gone(request: web.Request) -> web.Response:
        return web.Response(status=502)

    application = web.Application()
    application.router.add_get("/proxied/distreamer3", gone)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with WebSocketDialler(url) as dialler:
            with pytest.raises(PeerError, match="answered 404 to /distreamer3"):
                await dialler.dial(PATIENCE_SECONDS)
        async with WebSocketDialler(url + "/proxied/") as dialler:
            with pytest.raises(LinkError, match="answered 502"):
                await dialler.dial(PATIENCE_SECONDS)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("verify", [True, False])
async def test_a_certificate_is_checked_unless_the_operator_says_no(tmp_path: Path, verify: bool) -> None:
    async def shake(request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_bytes(b"over TLS")
        return websocket

    application = web.Application()
    application.router.add_get("/distreamer3", shake)
    runner = web.AppRunner(application)
    await runner.setup()
    context = make_certificate(tmp_path).server_context()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        async with WebSocketDialler(f"https://localhost:{runner.addresses[0][1]}", LinkTrust(verify=verify)) as dialler:
            if verify:
                with pytest.raises(LinkError, match="its certificate is not valid"):
                    await dialler.dial(PATIENCE_SECONDS)
            else:
                carrier = await dialler.dial(PATIENCE_SECONDS)
                assert await carrier.receive() == b"over TLS"
                await carrier.close()
    finally:
        await runner.cleanup()


async def test_faults_of_the_link_are_told_in_words() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with WebSocketDialler(f"http://user:pw@127.0.0.1:{unused.getsockname()[1]}") as dialler:
            with pytest.raises(LinkError, match="nothing listens on that port") as caught:
                await dialler.dial(PATIENCE_SECONDS)
        assert "pw" not in str(caught.value)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(1)
        async with WebSocketDialler(f"http://127.0.0.1:{mute.getsockname()[1]}") as dialler:
            with pytest.raises(LinkError, match=r"no answer within 0\.2 s"):
                await dialler.dial(0.2)
    async with WebSocketDialler("http://host.invalid:7080") as dialler:
        with pytest.raises(LinkError, match=r"host\.invalid:7080"):
            await dialler.dial(PATIENCE_SECONDS)

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        linger = struct.pack("ii", 1, 0)  # What was sent is thrown away, and the connection reset.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server, WebSocketDialler(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as dialler:
        with pytest.raises(LinkError, match="the other side broke the connection"):
            await dialler.dial(PATIENCE_SECONDS)


UPGRADE = (
    b"GET /distreamer3 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def test_carriers_that_were_given_up_before_they_were_accepted_are_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    accepted: list[str] = []

    async def accept(carrier: WebSocketMessages) -> None:
        accepted.append(carrier.peer)
        await echo(carrier)

    async with serving(accept) as url, WebSocketDialler(url) as dialler:
        host, _, port = url.removeprefix("http://").partition(":")
        for _ in range(20):
            # Blocking, so that the server sees the request and the reset at the same moment.
            with socket.create_connection((host, int(port))) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gone.sendall(UPGRADE)
        carrier = await dialler.dial(PATIENCE_SECONDS)
        await carrier.send(b"still here")
        assert await carrier.receive() == b"still here"
    assert caplog.records == []


async def test_people_get_a_page_and_everything_else_is_not_found() -> None:
    async with serving(echo) as url, aiohttp.ClientSession() as session:
        async with session.get(url + "/") as answer:
            assert (answer.status, await answer.text()) == (200, "hello, person\n")
        async with session.get(url + "/list") as answer:
            assert answer.status == 404
        async with session.get(url + "/distreamer3") as answer:
            assert answer.status == 400


async def test_who_opens_connections_and_asks_for_nothing_locks_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distreamer.transport.link_listener.MOST_OPEN", 3)
    async with serving(echo) as url, WebSocketDialler(url) as dialler:
        address = url.removeprefix("http://").split(":")
        carrier = await dialler.dial(PATIENCE_SECONDS)
        strangers: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        for _ in range(3):
            strangers.append(await asyncio.open_connection(address[0], int(address[1])))
            strangers[-1][1].write(b"GET / HTTP/1.1\r\n")
        other = await dialler.dial(PATIENCE_SECONDS)
        (first, _), *later = strangers
        assert await first.read() == b""
        for reader, writer in later:
            writer.write(b"Host: studio\r\nConnection: close\r\n\r\n")
            assert b"hello, person" in await reader.read()
        for one in (carrier, other):
            await one.send(b"hello")
            assert await one.receive() == b"hello"
            await one.close()
        for _, writer in strangers:
            writer.close()


async def test_a_connection_on_which_a_request_is_answered_goes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distreamer.transport.link_listener.MOST_OPEN", 3)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        return web.Response(text="here it is")

    sockets = listening_sockets("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    async with WebSocketServer(sockets, echo, {"/": lambda: "hello, person"}, answer):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /list HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n\r\n")
        await asked.wait()
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        newest, stranger = strangers[-1]
        stranger.write(b"GET / HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n\r\n")
        assert b"hello, person" in await newest.read()
        go_on.set()
        assert b"here it is" in await reader.read()
        for _, one in [(reader, writer), *strangers]:
            one.close()
