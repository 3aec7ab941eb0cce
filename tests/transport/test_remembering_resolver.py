"""Names that stay known while no name server answers, in virtual time."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from distreamer.errors import LinkError
from distreamer.transport.pace_memory import PaceRules
from distreamer.transport.quic import QuicDialler
from distreamer.transport.remembering_resolver import FRESH_SECONDS, PATIENCE_SECONDS, RememberingResolver
from distreamer.transport.websocket import WebSocketDialler
from tests.support.input_context import capturing_log
from tests.support.virtual_time import virtual_time


class NameServer(AbstractResolver):
    """Answers with a counting address, after ``delay`` seconds, or fails."""

    def __init__(self) -> None:
        self.delay = 0.01
        self.fails = False
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        number = self.asked
        await asyncio.sleep(self.delay)
        if self.fails:
            raise OSError("no name server")
        return [ResolveResult(hostname=host, host=f"192.0.2.{number}", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return


async def ask(resolver: RememberingResolver) -> str:
    return (await resolver.resolve("studio.example", 7080))[0]["host"]


@virtual_time()
async def test_an_answer_is_taken_for_a_while_then_asked_for_again() -> None:
    server = NameServer()
    resolver = RememberingResolver(server)
    assert await ask(resolver) == "192.0.2.1"
    await asyncio.sleep(FRESH_SECONDS - 1)
    assert await ask(resolver) == "192.0.2.1"
    await asyncio.sleep(2)
    assert await ask(resolver) == "192.0.2.2"
    await resolver.close()


@virtual_time()
async def test_while_no_answer_comes_the_last_one_holds_and_one_question_waits() -> None:
    server = NameServer()
    resolver = RememberingResolver(server)
    await ask(resolver)
    await asyncio.sleep(FRESH_SECONDS + 1)
    server.delay = 5.0
    loop = asyncio.get_running_loop()
    for _ in range(4):
        began = loop.time()
        assert await ask(resolver) == "192.0.2.1"
        assert loop.time() - began == pytest.approx(PATIENCE_SECONDS)
    assert server.asked == 2
    await asyncio.sleep(5)
    assert await ask(resolver) == "192.0.2.2"
    await resolver.close()


@virtual_time()
async def test_a_failure_is_told_only_when_nothing_is_known() -> None:
    server = NameServer()
    server.fails = True
    resolver = RememberingResolver(server)
    with pytest.raises(OSError, match="no name server"):
        await ask(resolver)
    server.fails = False
    assert await ask(resolver) == "192.0.2.2"
    server.fails = True
    await asyncio.sleep(FRESH_SECONDS + 1)
    assert await ask(resolver) == "192.0.2.2"
    await resolver.close()


@virtual_time()
async def test_closing_ends_a_question_that_hangs() -> None:
    server = NameServer()
    server.delay = 1e6
    resolver = RememberingResolver(server)
    asking = asyncio.create_task(ask(resolver))
    await asyncio.sleep(1)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)


@virtual_time()
async def test_carriers_of_both_kinds_ask_one_question_where_nobody_answers() -> None:
    """Each question holds one of few threads, until glibc gives it up."""
    server = NameServer()
    server.delay = 40.0
    resolver = RememberingResolver(server)
    quic = QuicDialler("studio.example", 7080, PaceRules(lambda: 0.0, 5.0), capturing_log(), resolver)
    async with WebSocketDialler("http://studio.example:7080", resolver=resolver) as websocket:
        for _ in range(5):
            for dialler in (quic, websocket):
                with pytest.raises(LinkError):
                    await dialler.dial(3)
    assert server.asked == 1
    # It is not the dialler's to close.
    assert (await resolver.resolve("studio.example", 7080, socket.AF_UNSPEC))[0]["host"] == "192.0.2.1"
    await resolver.close()
