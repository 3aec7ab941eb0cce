"""The way from an address to audio: redirects, playlists, passwords, and refusals in plain words."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.errors import AuthenticationError, LinkError, PeerError
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.http1_response import Body
from distreamer.protocol.stream_url import StreamUrl
from distreamer.sessions.source_opener import HttpSourceOpener, HttpSourceOptions
from distreamer.transport.memory import MemoryStream
from tests.support.memory_network import MemoryNetwork, answering
from tests.support.virtual_time import virtual_time

AUDIO = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n\xff\xfb\x90\x00audio"


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def page(content_type: str, body: bytes) -> bytes:
    return f"HTTP/1.0 200 OK\r\nContent-Type: {content_type}\r\n\r\n".encode() + body


async def open_in(network: MemoryNetwork, url: str, options: HttpSourceOptions | None = None) -> tuple[str, bytes]:
    """Where the audio was found and what the body begins with; the source is closed again."""
    opener = HttpSourceOpener(options or HttpSourceOptions(), network.connect)
    source = await opener.open(StreamUrl.parse(url))
    events = await source.next_events()
    await source.close()
    return str(source.url), b"".join(event.data for event in events if isinstance(event, Body))


@virtual_time(600)
async def test_the_request() -> None:
    async with MemoryNetwork() as network:
        network.serve("a.example:8000", answering(AUDIO))
        found, _ = await open_in(network, "http://us%20er:pa:ss@a.example:8000/;?x=1")
    assert found == "http://a.example:8000/;?x=1"
    ((_, request),) = network.requests
    assert (request.method, request.target, request.version) == ("GET", b"/;?x=1", "1.0")
    fields = dict(request.headers)
    assert fields.pop("User-Agent").startswith("DiStreamer/3")
    assert fields == {
        "Host": "a.example:8000",
        "Accept": "*/*",
        "Icy-MetaData": "1",
        "Authorization": "Basic dXMgZXI6cGE6c3M=",
        "Connection": "close",
    }


@virtual_time(600)
async def test_titles_are_not_asked_for_when_nobody_wants_them() -> None:
    async with MemoryNetwork() as network:
        network.serve("a.example:80", answering(AUDIO))
        await open_in(network, "http://a.example/", HttpSourceOptions(icy_metadata=False))
    assert "Icy-MetaData" not in network.requests[0][1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_to_tls_too(status: int) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with MemoryNetwork() as network:
            network.serve("a.example:80", answering(redirect("https://b.example/live;", status)))
            network.serve("b.example:443", answering(AUDIO))
            assert await open_in(network, "http://u:p@a.example/") == (
                "https://b.example/live;",
                b"\xff\xfb\x90\x00audio",
            )
        assert network.tls == [False, True]
        assert ["Authorization" in request.headers for _, request in network.requests] == [True, False]
        assert all(pipe.near.closed for pipe in network.pipes)

    scenario()


@virtual_time(600)
async def test_a_redirect_on_the_same_server_keeps_the_password() -> None:
    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(AUDIO if request.target == b"/live" else redirect("/live"))

    async with MemoryNetwork() as network:
        network.serve("a.example:80", server)
        await open_in(network, "http://u:p@a.example/")
    assert ["Authorization" in request.headers for _, request in network.requests] == [True, True]


@virtual_time(600)
async def test_redirects_end() -> None:
    async with MemoryNetwork() as network:
        network.serve("a.example:80", answering(redirect("/again")))
        with pytest.raises(PeerError, match=r"http://a.example/: redirects more than 10 times"):
            await open_in(network, "http://a.example/")
        assert len(network.requests) == 11
        assert all(pipe.near.closed for pipe in network.pipes)


@virtual_time(600)
async def test_playlists_are_followed_and_their_entries_tried_in_order() -> None:
    async with MemoryNetwork() as network:
        body = b"#EXTM3U\nhttp://off.example/1\nhttp://b.example/missing\nhttp://c.example/list.pls\n"
        network.serve("a.example:80", answering(page("audio/x-mpegurl", body)))
        network.serve("b.example:80", answering(b"HTTP/1.0 404 File Not Found\r\n\r\nnothing"))
        network.serve("c.example:80", answering(page("text/plain", b"[playlist]\nFile1=http://d.example/;\n")))
        network.serve("d.example:80", answering(b"ICY 200 OK\r\n\r\n\xff\xfb\x90\x00audio without a type"))
        assert await open_in(network, "http://a.example/") == (
            "http://d.example/;",
            b"\xff\xfb\x90\x00audio without a type",
        )
        assert all(pipe.near.closed for pipe in network.pipes)


@virtual_time(600)
async def test_when_no_entry_works_the_last_one_says_why() -> None:
    async with MemoryNetwork() as network:
        body = b"http://off.example/1\nhttp://b.example/gone\n"
        network.serve("a.example:80", answering(page("audio/x-mpegurl", body)))
        network.serve("b.example:80", answering(b"HTTP/1.0 404 Not Found\r\n\r\n"))
        with pytest.raises(PeerError, match=r"http://b.example/gone: has no such stream"):
            await open_in(network, "http://a.example/")


@virtual_time(600)
async def test_playlists_that_name_themselves_end() -> None:
    async with MemoryNetwork() as network:
        network.serve("a.example:80", answering(page("audio/x-mpegurl", b"/a\n")))
        with pytest.raises(PeerError, match="more than 3 deep"):
            await open_in(network, "http://a.example/")
        body = b"\n".join(b"/%d" % number for number in range(20))
        network.serve("b.example:80", answering(page("audio/x-mpegurl", body)))
        network.requests.clear()
        with pytest.raises(PeerError, match="with 40 requests"):
            await open_in(network, "http://b.example/")
        assert len(network.requests) == 40
        assert all(pipe.near.closed for pipe in network.pipes)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"HTTP/1.0 401 Unauthorized\r\n\r\n", AuthenticationError, "refuses the user or the password in the address"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n", PeerError, "does not let us in: .* [(]403 Forbidden[)]"),
        (b"HTTP/1.0 404 File Not Found\r\n\r\n", PeerError, "has no such stream: the source may be off"),
        (b"HTTP/1.0 400\r\n\r\n", PeerError, "does not understand the request; .* [(]400[)]"),
        (b"HTTP/1.0 503 x\x1b[31m\r\n\r\n", PeerError, "full or not ready [(]503 x "),
        (b"HTTP/1.0 502 Bad Gateway\r\n\r\n", PeerError, "in trouble itself"),
        (b"HTTP/1.0 304 x\r\n\r\n", PeerError, "gives no audio"),
        (b"HTTP/1.0 302 Found\r\n\r\n", PeerError, "without saying where to"),
        (redirect("rtsp://b.example/"), PeerError, "redirects to what cannot be fetched: only http and https"),
        (redirect("http://b.example:99999/"), PeerError, "host or port is broken"),
        (page("text/html", b"<!DOCTYPE html><title>SHOUTcast</title>"), PeerError, "a page .text/html. instead of"),
        (page("", b"<html>no type at all</html>"), PeerError, "a page .text. instead of audio"),
        (page("audio/x-mpegurl", b"#EXTM3U\n#EXT-X-VERSION:3\na.ts\n"), PeerError, "HLS playlist"),
        (page("audio/x-mpegurl", b"#" * 300_000), PeerError, "longer than 262144 bytes"),
        (b"invalid password\r\n", PeerError, "no HTTP answer"),
        (b"", PeerError, "closed the connection without an answer"),
        (b"HTTP/1.0 200 OK\r\nX: " + b"a" * 70_000, PeerError, "longer than 65536 bytes"),
    ],
)
def test_refusals(answer: bytes, error: type[PeerError], words: str) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        async with MemoryNetwork() as network:
            network.serve("a.example:80", answering(answer))
            with pytest.raises(error, match=words) as caught:
                await open_in(network, "http://user:secret@a.example/live")
            assert "secret" not in str(caught.value)
            assert str(caught.value).startswith("http://a.example/live: ")
            assert all(pipe.near.closed for pipe in network.pipes)

    scenario()


@virtual_time(600)
async def test_a_password_that_was_not_passed_on_is_said_so() -> None:
    async with MemoryNetwork() as network:
        network.serve("a.example:80", answering(redirect("http://b.example/")))
        network.serve("b.example:80", answering(b"HTTP/1.0 401 No\r\n\r\n"))
        with pytest.raises(AuthenticationError, match="not given to another server"):
            await open_in(network, "http://u:p@a.example/")
        with pytest.raises(AuthenticationError, match="wants a user and a password"):
            await open_in(network, "http://b.example/")


@virtual_time(600)
async def test_audio_labelled_as_text_is_audio() -> None:
    async with MemoryNetwork() as network:
        network.serve("a.example:80", answering(page("text/html", b"\xff\xfb\x90\x00" + bytes(30))))
        assert (await open_in(network, "http://a.example/"))[1] == b"\xff\xfb\x90\x00" + bytes(30)


@virtual_time(600)
async def test_a_server_that_says_nothing() -> None:
    async def silent(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 O")
        await asyncio.sleep(3600)

    async with MemoryNetwork() as network:
        network.serve("a.example:80", silent)
        with pytest.raises(LinkError, match=r"http://a.example/: connected, but no answer within 5 s"):
            await open_in(network, "http://a.example/")
        assert asyncio.get_running_loop().time() == 5
        assert network.pipes[0].near.closed


@virtual_time(600)
async def test_a_playlist_that_drips() -> None:
    async def drip(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(page("audio/x-mpegurl", b""))
        for _ in range(1000):
            await stream.write(b"#")
            await asyncio.sleep(4)

    async with MemoryNetwork() as network:
        network.serve("a.example:80", drip)
        with pytest.raises(LinkError, match="M3U playlist did not come within 15 s"):
            await open_in(network, "http://a.example/")


@virtual_time(600)
async def test_a_cancelled_opening_leaves_nothing_open() -> None:
    async def silent(stream: MemoryStream, request: RequestHead) -> None:
        await asyncio.sleep(3600)

    async with MemoryNetwork() as network:
        network.serve("a.example:80", silent)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await open_in(network, "http://a.example/")
        assert network.pipes[0].near.closed
