"""A DiStreamerPersRevServer to which is pushed what was recorded, damaged; the next connection makes it good."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from distreamer.inputs.distreamer_pers_rev_server import DiStreamerPersRevServer, DiStreamerPersRevServerSettings
from distreamer.model.status import ModuleState
from distreamer.protocol.legacy import limits
from tests.protocol.legacy.recordings import PASSWORD
from tests.support.damaged_messages import (
    CONTRADICTING_LISTS,
    DAMAGED_FRAGMENTS,
    DAMAGED_LISTS,
    Beginning,
    ShortRecording,
    cases,
)
from tests.support.input_context import input_context
from tests.support.listening_modules import connected, exchange, listening, until
from tests.support.module_table import DAMAGED, DISTREAMER_PERS_REV_SERVER, proves
from tests.support.recorded_programme import EVERY_FRAME

pytestmark = proves(DISTREAMER_PERS_REV_SERVER, DAMAGED)
RECORDING = ShortRecording("persrev")
OPENING = b"pw\r\n"
CUTS = sorted({*RECORDING.edges, *range(0, len(RECORDING.wire), 10_007)} - {len(RECORDING.wire)})


class Server:
    """The module, and what it said."""

    def __init__(self) -> None:
        self.said = CapturingLogger()
        self.context = input_context(EVERY_FRAME, self.said)
        self.store = self.context.store
        settings = DiStreamerPersRevServerSettings(hostname="127.0.0.1", port=0, password=PASSWORD)
        self.module = DiStreamerPersRevServer(settings, self.context)

    def reasons(self, event: str = "the sender was lost") -> list[str]:
        """Why senders were lost, or what else was said of them."""
        return [str(one.kwargs["reason"]) for one in self.said.calls if one.kwargs.get("event") == event]

    async def damaged(self, port: int, beginning: Beginning) -> str:
        """Pushes that; gives the reason why it ended."""
        before = len(self.reasons())
        await exchange(port, [OPENING, beginning.wire], ends=True)
        await until(lambda: self.module.links() == ())
        [reason] = self.reasons()[before:]
        assert self.context.health.state is ModuleState.STARTING
        return reason

    async def good(self, port: int, lists: int) -> None:
        """Another pusher, whose store is that of the list with that index, sends what is lacking."""
        async with connected(port) as (reader, writer):
            writer.write(OPENING)
            answer = re.fullmatch(rb"ok\|([0-9/]*)\r\n", await reader.readline())
            assert answer
            holdings = [int(number) for number in answer[1].split(b"/") if number]
            writer.write(RECORDING.from_round(lists, holdings))
            writer.write_eof()
            assert await reader.read() == b""


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, int]]:
    server = Server()
    async with listening(server.module) as port:
        yield server, port


@pytest.mark.parametrize("first", range(4))
async def test_wherever_the_connection_is_cut_nothing_is_lost_and_nothing_comes_twice(first: int) -> None:
    for place in CUTS[first::4]:
        beginning = RECORDING.cut(place)
        async with serving() as (server, port):
            assert (await server.damaged(port, beginning)).endswith("the other side closed the connection")
            await server.good(port, beginning.lists)
        RECORDING.programme.check(server.store)


@cases(DAMAGED_FRAGMENTS)
async def test_a_damaged_fragment_is_told_and_comes_whole_on_the_next_connection(case: tuple[bytes, str]) -> None:
    wire, words = case
    beginning = RECORDING.damaged_fragment(wire)
    async with serving() as (server, port):
        assert re.search(f"^127.0.0.1:.*{words}", await server.damaged(port, beginning))
        await server.good(port, beginning.lists)
    RECORDING.programme.check(server.store)


@cases(DAMAGED_LISTS)
async def test_a_damaged_list_is_told_and_nothing_is_lost_by_it(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    damage, words = case
    beginning = RECORDING.damaged_list(damage(RECORDING.listing()))
    async with serving() as (server, port):
        assert re.search(f"^127.0.0.1:.*{words}", await server.damaged(port, beginning))
        await server.good(port, beginning.lists)
    RECORDING.programme.check(server.store)


@cases(CONTRADICTING_LISTS)
async def test_a_fragment_that_its_list_contradicts_is_left_out_and_all_others_are_kept(
    case: tuple[Callable[[dict[str, Any]], bytes], str],
) -> None:
    damage, words = case
    beginning = RECORDING.damaged_list(damage(RECORDING.listing()))
    async with serving() as (server, port):
        assert re.search(f"^127.0.0.1:.*{words}", await server.damaged(port, beginning))
        await server.good(port, beginning.lists)
    RECORDING.check_without_damaged_fragment(server.store)


async def test_an_opening_that_is_none_disturbs_nobody() -> None:
    async with serving() as (server, port):
        for opening in (b"", b"p", b"pw", b"\xff" * 1_023):
            assert await exchange(port, [opening], ends=True) == b""
        for opening in (b"\r\n", b"pw2\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\0\xff\n", b"9" * 500 + b"\n"):
            assert await exchange(port, [opening]) in {b"err|Invalid password\r\n", b""}
        await exchange(port, [b"x" * 100_000])
        refused = server.reasons("a sender was refused")
        assert refused[-1] == "the first line is longer than 1024 bytes"
        assert set(refused[:-1]) == {"wrong password"}
        assert server.reasons() == []
        assert not server.store.epochs
        await server.good(port, 0)
    RECORDING.programme.check(server.store)


async def test_fragments_that_no_list_ever_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "HELD_BYTES", 2_000_000)
    data = bytes(100_000)
    async with serving() as (server, port):
        tracemalloc.start()
        try:
            async with connected(port) as (reader, writer):
                writer.write(OPENING)
                for number in range(1, 500):
                    writer.write(b"%d|100000\r\n%b\r\n" % (number, data))
                    await writer.drain()
                writer.write_eof()
                with suppress(ConnectionError):
                    assert await reader.read() == b"ok|\r\n"
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 5_000_000
        await server.good(port, 0)
    RECORDING.programme.check(server.store)
