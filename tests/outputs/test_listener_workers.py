"""ShoutcastServer with several processes on its port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvloop

from distreamer.errors import BindError
from distreamer.model.audio import Title
from distreamer.model.status import ListenersStatus
from distreamer.outputs import worker_pool
from distreamer.outputs.shoutcast_server import ShoutcastServer
from distreamer.outputs.worker_messages import REPORT_SECONDS
from distreamer.outputs.worker_pool import added
from distreamer.transport.tcp import client_tls, listening_sockets
from tests.support.certificates import make_certificate
from tests.support.instances import free_port
from tests.support.listening import Recording, listening
from tests.support.listening_modules import until
from tests.support.made_audio import INFO, fragment
from tests.support.shoutcast_server import serving_to

COUNT = 52
FRAGMENTS = [replace(fragment(number, seconds=0.25), title=Title("Morning")) for number in range(1, COUNT + 1)]
ALL = b"".join(one.audio for one in FRAGMENTS)
LIMIT_SECONDS = 60
"""A bound, not an expectation."""


def serving_by(processes: int, awaited: int, **keys: Any) -> AbstractAsyncContextManager[tuple[ShoutcastServer, int]]:
    """The programme goes on to its end when so many listeners are there at a time, however long it takes until then."""
    return serving_to(awaited, INFO, FRAGMENTS, workers=processes, delay=4, burstseconds=25, **{"timeout": 0, **keys})


def status(server: ShoutcastServer) -> ListenersStatus:
    found = server.listeners()
    assert found is not None
    return found


@contextlib.asynccontextmanager
async def listeners(port: int, count: int) -> AsyncIterator[list[Recording]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(listening(port)) for _ in range(count)]


def workers() -> list[int]:
    """The process ids of our children that serve listeners."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [one for one in map(int, children) if b"listener_worker" in command_of(one)]


def command_of(process: int) -> bytes:
    """Empty when it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


async def test_all_processes_serve_the_same_and_are_counted_together() -> None:
    async with (
        serving_by(3, 30) as (server, port),
        listeners(port, 30) as players,
    ):
        for player in players:
            assert player.status == "HTTP/1.0 200 OK"
            await player.has(len(ALL))
            assert bytes(player.audio) == ALL
        await until(lambda: status(server).connected == 30)
        assert status(server).peak == status(server).served == 30
        assert len(workers()) == 3
        # Where the kernel deals 30 connections out among three sockets, none gets all (once in 10^13 times).
        assert all(len(os.listdir(f"/proc/{one}/fd")) < 40 for one in workers())
    assert workers() == []


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_they_are_started_from_either_event_loop(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def listen() -> None:
        async with (
            serving_by(2, 2) as (_, port),
            listeners(port, 2) as players,
        ):
            for player in players:
                await player.has(len(ALL))
                assert bytes(player.audio) == ALL
            assert len(workers()) == 2
        assert workers() == []

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(listen())


async def test_the_pages_tell_of_all_of_them() -> None:
    async with (
        serving_by(2, 13) as (server, port),
        listeners(port, 12) as players,
    ):
        await players[-1].has(1)
        await until(lambda: status(server).connected == 12)
        async with aiohttp.ClientSession() as session, asyncio.timeout(LIMIT_SECONDS):
            found: set[tuple[int, int, str]] = set()
            while found != {(12, 12, "Morning")}:
                found = {await figures(session, port) for _ in range(12)}


async def figures(session: aiohttp.ClientSession, port: int) -> tuple[int, int, str]:
    headers = {"Connection": "close"}
    async with session.get(f"http://127.0.0.1:{port}/status-json.xsl", headers=headers) as response:
        source = json.loads(await response.text())["icestats"]["source"]
    return source["listeners"], source["listener_peak"], source["title"]


async def test_when_a_worker_dies_the_listeners_of_the_others_stay_and_it_is_replaced() -> None:
    async with (
        serving_by(2, 25) as (server, port),
        listeners(port, 24) as players,
    ):
        await until(lambda: status(server).connected == 24)
        killed, kept = workers()
        os.kill(killed, signal.SIGKILL)
        await until(lambda: status(server).connected < 24)
        left = status(server).connected
        assert status(server).served == 24, "what the dead one had counted stays"
        await until(lambda: len(workers()) == 2)
        assert kept in workers()
        async with listeners(port, 24) as others:
            for player in others:
                await player.has(len(ALL) // 2)
            await until(lambda: status(server).connected == left + 24)
        staying = [player for player in players if not player.ended]
        assert len(staying) == left > 0
        for player in staying:
            await player.has(len(ALL))
            assert bytes(player.audio) == ALL


async def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "SILENT_SECONDS", REPORT_SECONDS + 6.0)
    monkeypatch.setattr(worker_pool, "END_SECONDS", 0.2)
    async with serving_by(2, 10) as (server, port):
        await until(lambda: len(workers()) == 2)
        stopped = workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        await until(lambda: stopped not in workers() and len(workers()) == 2)
        async with listeners(port, 10) as players:
            assert {player.status for player in players} == {"HTTP/1.0 200 OK"}
            await until(lambda: status(server).connected == 10)


async def test_signals_to_a_worker_change_nothing() -> None:
    async with (
        serving_by(2, 6) as (server, port),
        listeners(port, 6) as players,
    ):
        await until(lambda: status(server).connected == 6)
        before = workers()
        for one in before:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(one, number)
        for player in players:
            await player.has(len(ALL))
        assert workers() == before


async def test_too_many_are_refused_whoever_they_come_to() -> None:
    async with (
        serving_by(2, 4, maxlisteners=4) as (server, port),
        listeners(port, 4) as players,
    ):
        for player in players:
            await player.has(1)
        await until(lambda: status(server).connected == 4)
        async with asyncio.timeout(LIMIT_SECONDS):
            refused = 0
            while refused < 10:  # in a row: both know of one another's listeners
                async with listening(port) as one:
                    refused = refused + 1 if one.status.startswith("HTTP/1.0 503") else 0


async def test_workers_serve_tls(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    keys: dict[str, Any] = {"certfile": str(made.certificate), "keyfile": str(made.key)}
    async with (
        serving_by(2, 6, **keys) as (_, port),
        contextlib.AsyncExitStack() as stack,
    ):
        tls = client_tls(verify=False)
        players = [await stack.enter_async_context(listening(port, tls=tls)) for _ in range(6)]
        for player in players:
            await player.has(len(ALL))
            assert bytes(player.audio) == ALL


def test_a_port_that_is_shared_is_shared_with_no_other_program() -> None:
    port = free_port()
    first = listening_sockets("127.0.0.1", port, processes=2)
    try:
        with pytest.raises(BindError, match="another program listens there"):
            listening_sockets("127.0.0.1", port, processes=2)
    finally:
        for one in first:
            one.close()


def test_counters_add_up() -> None:
    one = ListenersStatus(connected=1, peak=2, served=3, moved_forward=4, closed_without_audio=5, refused_connections=6)
    two = ListenersStatus(
        connected=2, peak=4, served=6, moved_forward=8, closed_without_audio=10, refused_connections=12
    )
    assert added([one, one]) == two
    assert added([]) == ListenersStatus()
