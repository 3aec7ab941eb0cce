"""How much memory QUIC takes while nothing gets through, in virtual time, at 320 kbit/s."""

from __future__ import annotations

import asyncio

import pytest

from distreamer.core.filler import OnReturn
from distreamer.transport import quic_connection
from distreamer.transport.quic_connection import LiveConnection
from distreamer.transport.quic_lanes import MOST_UNACKNOWLEDGED_BYTES, PACKET_NOTE_BYTES
from tests.support.played_link import PlayedLink, played_link
from tests.support.quic_network import Link
from tests.support.virtual_time import run_virtual

DARK_SECONDS = 600
UNKNOWN = b"\x41"
"""A message that whoever does not know it ignores."""
MOST_BYTES = MOST_UNACKNOWLEDGED_BYTES + 65_536 + 2_000 * PACKET_NOTE_BYTES
"""Of one connection."""
MOST_CONNECTIONS = 12
"""At both ends together: the one that is kept, and those that are tried."""


def connections(ends: PlayedLink) -> set[LiveConnection]:
    """All that have not ended, of both ends."""
    quic = ends.network.quic
    known = {*quic.clients.values(), *quic.server._protocols.values()}
    return {one for one in known if isinstance(one, LiveConnection) and not one.fault}


async def watch(ends: PlayedLink, seconds: int) -> tuple[int, int]:
    """The most bytes of one connection, and the most connections, seen meanwhile."""
    most_bytes = most_connections = 0
    for _ in range(seconds // 5):
        await asyncio.sleep(5)
        found = connections(ends)
        most_connections = max(most_connections, len(found))
        most_bytes = max([most_bytes, *(one.lanes.held_bytes() for one in found)])
    return most_bytes, most_connections


async def listeners_hear(ends: PlayedLink) -> None:
    heard = len(ends.numbers)
    await asyncio.sleep(40)
    assert len(ends.numbers) > heard + 20


@pytest.mark.timeout(900)  # of work: a slow machine takes some minutes
def test_a_black_hole_of_ten_minutes() -> None:
    async def scenario() -> None:
        async with played_link(Link(), OnReturn.LIVE, 320) as ends:
            ends.network.link.is_dark = True
            most_bytes, most_connections = await watch(ends, DARK_SECONDS)
            ends.network.link.is_dark = False
            assert 0 < most_bytes < MOST_BYTES
            assert 0 < most_connections < MOST_CONNECTIONS
            await listeners_hear(ends)

    run_virtual(scenario(), 1_000)


def test_a_way_back_that_is_dark_for_a_minute() -> None:
    async def scenario() -> None:
        async with played_link(Link(), OnReturn.LIVE, 320) as ends:
            ends.network.link.dark_up = True
            most_bytes, most_connections = await watch(ends, 60)
            ends.network.link.dark_up = False
            assert 0 < most_bytes < MOST_BYTES
            assert 0 < most_connections < MOST_CONNECTIONS
            await listeners_hear(ends)

    run_virtual(scenario(), 1_000)


def test_a_receiver_that_stops_reading_holds_up_nothing_but_itself() -> None:
    """Its connection lives, and acknowledges all that comes."""

    async def scenario() -> None:
        async with played_link(Link(), OnReturn.LIVE, 320) as ends:
            receive = ends.caller.module._pair.first._current.session.stream.receive  # type: ignore[union-attr]
            assert receive is not None
            for connection in ends.network.quic.clients.values():
                connection.inbox.receive = lambda part: None  # type: ignore[method-assign]
            most_bytes, _ = await watch(ends, 60)
            assert 0 < most_bytes < MOST_BYTES
            sent = ends.network.link.sent_bytes["down"]
            await asyncio.sleep(60)
            # Only what is under way without a ``have``, and pings.
            assert ends.network.link.sent_bytes["down"] - sent < 60 * 320_000 // 8

    run_virtual(scenario(), 500)


def test_a_connection_that_holds_too_much_is_ended_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with played_link(Link(), OnReturn.LIVE, 320) as ends:
            [connection] = ends.network.quic.clients.values()
            monkeypatch.setattr(quic_connection, "MOST_HELD_BYTES", 100_000)
            for _ in range(4):
                connection.lanes.send(UNKNOWN + bytes(50_000))
            connection.transmit()
            await asyncio.sleep(1)
            assert connection.fault == "holds too much"
            monkeypatch.undo()
            await listeners_hear(ends)

    run_virtual(scenario(), 500)
