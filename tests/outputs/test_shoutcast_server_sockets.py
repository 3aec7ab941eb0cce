"""ShoutcastServer on real sockets. The fragments last a twenty-fifth of a second by their own word."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import socket
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace

import aiohttp
import pytest

from distreamer.errors import BindError
from distreamer.model.audio import Title
from distreamer.outputs.open_files import SPARE_FILES, raise_open_file_limit
from distreamer.outputs.player_connection import PlayerConnection
from distreamer.outputs.shoutcast_server import ShoutcastServer
from distreamer.transport.tcp import TYPE_OF_SERVICE
from tests.support.listening import listening
from tests.support.made_audio import INFO, fragment
from tests.support.shoutcast_server import serving, serving_to

SECONDS = 0.04
COUNT = 75
DELAY_SECONDS = 0.99
FRAGMENTS = [fragment(number, seconds=SECONDS) for number in range(1, COUNT + 1)]
ALL = b"".join(one.audio for one in FRAGMENTS)
HERD = """
import contextlib, resource, socket, sys
port, count = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 50, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
players = []
for _ in range(count):
    player = socket.create_connection(("127.0.0.1", port))
    with contextlib.suppress(ConnectionError):
        player.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    players.append(player)
with contextlib.suppress(ConnectionError):
    assert players[-1].recv(1) == b""
print("one was refused", flush=True)
sys.stdin.readline()
"""
"""More players than there may be open files."""


def connected(server: ShoutcastServer) -> int:
    status = server.listeners()
    return status.connected if status else 0


async def test_a_player_hears_every_byte_once() -> None:
    async with serving_to(1, INFO, FRAGMENTS, delay=DELAY_SECONDS) as (_, port), listening(port) as player:
        assert player.status == "HTTP/1.0 200 OK"
        assert player.headers["content-type"] == "audio/mpeg"
        await player.has(len(ALL))
        assert bytes(player.audio) == ALL


async def test_a_player_with_titles_hears_the_same() -> None:
    async with serving_to(1, INFO, FRAGMENTS, delay=DELAY_SECONDS) as (_, port), listening(port, icy=True) as player:
        assert player.headers["icy-metaint"] == "16000"
        await player.has(len(ALL))
        assert ALL in bytes(player.audio)


async def test_the_pages_beside_the_stream_tell_who_listens_and_what_is_heard() -> None:
    titled = [replace(one, title=Title("Žofie – Ólafur & Co")) for one in FRAGMENTS]
    async with serving(INFO, titled, maxlisteners=50) as (_, port), listening(port), aiohttp.ClientSession() as session:

        async def page(path: str) -> str:
            async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                assert response.status == 200
                return await response.text()

        assert await page("/currentsong") == "Žofie – Ólafur & Co"
        assert (await page("/7.html")).startswith("<html><body>1,1,1,50,1,128,")
        source = json.loads(await page("/status-json.xsl"))["icestats"]["source"]
        assert (source["listeners"], source["title"]) == (1, "Žofie – Ólafur & Co")
        assert f"http://127.0.0.1:{port}/live" in await page("/live.m3u")


async def test_many_players_hear_the_same() -> None:
    async with contextlib.AsyncExitStack() as stack:
        server, port = await stack.enter_async_context(serving_to(50, INFO, FRAGMENTS, delay=DELAY_SECONDS))
        players = [await stack.enter_async_context(listening(port)) for _ in range(50)]
        for player in players:
            await player.has(len(ALL))
            assert bytes(player.audio) == ALL
        assert connected(server) == 50


async def test_a_player_that_reads_nothing_is_bounded_and_harms_no_other() -> None:
    fragments = [fragment(number, seconds=SECONDS, frames=400) for number in range(1, COUNT + 1)]
    async with serving(INFO, fragments) as (server, port):
        _, deaf = await asyncio.open_connection("127.0.0.1", port, limit=1)
        deaf.write(b"GET / HTTP/1.0\r\n\r\n")
        async with listening(port) as player:
            await player.has(COUNT * len(fragments[0].audio) * 3 // 4)
            assert connected(server) == 2
        deaf.close()


async def test_stats() -> None:
    async with serving(INFO, FRAGMENTS) as (_, port), listening(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
        writer.close()
        values = json.loads(body)
        assert values["connectedClients"] == 1
        assert values["fragmentsList"] == list(range(1, COUNT + 1))
        assert values["storeAge"] >= 0


async def test_accepted_connections_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[socket.socket] = []
    made = PlayerConnection.connection_made

    def note(self: PlayerConnection, transport: asyncio.BaseTransport) -> None:
        accepted.append(transport.get_extra_info("socket"))
        made(self, transport)

    monkeypatch.setattr(PlayerConnection, "connection_made", note)
    async with serving(INFO, FRAGMENTS) as (_, port), listening(port):
        (one,) = accepted
        assert one.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == TYPE_OF_SERVICE
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_a_port_in_use_is_told_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BindError, match=f"cannot listen on 127.0.0.1:{port}: another program listens there"):
            async with serving(INFO, FRAGMENTS, port=port):
                pass


async def test_a_herd_beyond_the_limit_of_open_files_leaves_some_for_the_link(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = len(os.listdir("/proc/self/fd")) + SPARE_FILES + 20
    monkeypatch.setattr("distreamer.outputs.open_files.raise_open_file_limit", lambda _: files)
    async with serving(INFO, FRAGMENTS) as (server, port):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
        try:
            herd = await asyncio.create_subprocess_exec(
                sys.executable, "-c", HERD, str(port), str(files), stdin=PIPE, stdout=PIPE
            )
            assert herd.stdout is not None
            assert await herd.stdout.readline() == b"one was refused\n"
            status = server.listeners()
            assert status is not None
            assert status.refused_connections > 0
            with socket.socket() as one:
                assert one.fileno() < files
            await herd.communicate(b"go\n")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "out of system resource" not in caplog.text


def test_the_limit_of_open_files_is_never_lowered() -> None:
    before = raise_open_file_limit(0)
    assert raise_open_file_limit(1) == before
    assert raise_open_file_limit(before) == before
