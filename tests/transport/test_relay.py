"""The relay that can be cut, between real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from distreamer.errors import BindError
from distreamer.transport import relay as relay_module
from distreamer.transport.relay import Relay, RelayState
from tests.support.listening_modules import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PATIENCE_SECONDS = 60.0
"""Only a failing test waits as long as this."""


@pytest.fixture
async def target() -> AsyncIterator[int]:
    """The port of a server that answers each line with the same line."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def relay(target: int) -> AsyncIterator[Relay]:
    async with Relay("127.0.0.1", target) as relay:
        yield relay


async def connected(relay: Relay) -> Streams:
    return await asyncio.wait_for(asyncio.open_connection(*relay.address), PATIENCE_SECONDS)


async def say(streams: Streams, line: bytes) -> None:
    streams[1].write(line)
    await streams[1].drain()


async def hear(streams: Streams) -> bytes:
    return await asyncio.wait_for(streams[0].readline(), PATIENCE_SECONDS)


async def nothing_is_heard(*connections: Streams) -> bool:
    """Whether no byte and no end comes while many rounds of the event loop and of the kernel go by: three other
    connections are made and answered in the meantime."""
    reads = [asyncio.create_task(reader.read(1)) for reader, _ in connections]
    for _ in range(3):
        await a_round_trip_elsewhere()
    silent = not any(read.done() for read in reads)
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)
    return silent


async def a_round_trip_elsewhere() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x")
        assert await reader.read(1) == b"x"
        writer.close()


async def test_carries_both_ways_and_counts(relay: Relay) -> None:
    streams = await connected(relay)
    await say(streams, b"hello\n")
    assert await hear(streams) == b"hello\n"
    assert relay.state is RelayState.OPEN
    assert relay.connections == 1
    assert relay.counters.connections == 1
    assert relay.counters.bytes_to_target == 6
    await until(lambda: relay.counters.bytes_from_target == 6)
    streams[1].close()
    await until(lambda: relay.connections == 0)


async def test_an_orderly_end_of_one_side_lets_the_other_finish(relay: Relay) -> None:
    streams = await connected(relay)
    await say(streams, b"last words\n")
    streams[1].write_eof()
    assert await asyncio.wait_for(streams[0].read(), PATIENCE_SECONDS) == b"last words\n"
    await until(lambda: relay.connections == 0)


async def test_a_cut_holds_what_is_said_until_the_link_is_back(relay: Relay) -> None:
    streams = await connected(relay)
    await say(streams, b"before\n")
    assert await hear(streams) == b"before\n"
    relay.cut()
    assert relay.state is RelayState.CUT
    await say(streams, b"during\n")
    assert await nothing_is_heard(streams)
    relay.restore()
    assert await hear(streams) == b"during\n"


async def test_connecting_while_cut_succeeds_but_nothing_answers_until_restored(relay: Relay) -> None:
    relay.cut()
    streams = await connected(relay)
    await say(streams, b"anyone?\n")
    assert await nothing_is_heard(streams)
    assert relay.counters.connections == 0
    relay.restore()
    assert await hear(streams) == b"anyone?\n"


async def test_the_end_of_a_side_does_not_pass_a_cut_link(relay: Relay) -> None:
    gone = await connected(relay)
    await say(gone, b"x\n")
    assert await hear(gone) == b"x\n"
    relay.cut()
    gone[1].close()
    for _ in range(3):
        await a_round_trip_elsewhere()
    assert relay.connections == 1
    relay.restore()
    await until(lambda: relay.connections == 0)


async def test_a_cut_link_takes_a_bounded_amount() -> None:
    taken = 0

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        while data := await reader.read(65536):
            taken += len(data)
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server, Relay(*server.sockets[0].getsockname()) as relay:
        _, writer = await connected(relay)
        writer.write(b"x")
        await until(lambda: taken == 1)
        relay.cut()
        size = 20_000_000
        writer.write(bytes(size))
        for _ in range(20):
            await a_round_trip_elsewhere()
        assert taken == 1
        # Everything is still on this side of the relay: in our own transport, and a little in the kernel.
        assert writer.transport.get_write_buffer_size() > size - 8_000_000
        relay.restore()
        await until(lambda: taken == size + 1)
        writer.close()
        await until(lambda: relay.connections == 0)


async def test_dropped_connections_are_dead_for_both_sides_and_new_ones_work(relay: Relay) -> None:
    old = await connected(relay)
    await say(old, b"old\n")
    assert await hear(old) == b"old\n"
    relay.drop_connections()
    await until(lambda: relay.connections == 0)
    await say(old, b"still there?\n")
    new = await connected(relay)
    await say(new, b"new\n")
    assert await hear(new) == b"new\n"
    assert await nothing_is_heard(old)
    relay.cut()
    relay.restore()
    assert await nothing_is_heard(old)


async def test_too_many_dead_connections_are_reset_and_counted(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "MAXIMUM_DEAD_CONNECTIONS", 1)
    first = await connected(relay)
    await until(lambda: relay.connections == 1)
    relay.drop_connections()
    await until(lambda: relay.connections == 0)
    second = await connected(relay)
    await until(lambda: relay.connections == 1)
    relay.drop_connections()
    await until(lambda: relay.counters.dead_connections_reset == 1)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(first[0].read(), PATIENCE_SECONDS)
    assert await nothing_is_heard(second)


async def test_refusing_resets_the_old_and_refuses_the_new_on_the_same_port(relay: Relay) -> None:
    streams = await connected(relay)
    await say(streams, b"hello\n")
    assert await hear(streams) == b"hello\n"
    port = relay.port
    relay.refuse()
    with pytest.raises(ConnectionRefusedError):
        await connected(relay)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(streams[0].read(), PATIENCE_SECONDS)
    relay.restore()
    assert relay.port == port
    again = await connected(relay)
    await say(again, b"again\n")
    assert await hear(again) == b"again\n"


async def test_every_switch_works_from_every_state(relay: Relay) -> None:
    switches = {
        RelayState.OPEN: relay.restore,
        RelayState.CUT: relay.cut,
        RelayState.REFUSING: relay.refuse,
    }
    for before in switches:
        for after in switches:
            switches[before]()
            switches[after]()
            assert relay.state is after
            if after is RelayState.REFUSING:
                with pytest.raises(ConnectionRefusedError):
                    await connected(relay)
                continue
            streams = await connected(relay)
            await say(streams, b"ping\n")
            if after is RelayState.CUT:
                assert await nothing_is_heard(streams)
                relay.restore()
            assert await hear(streams) == b"ping\n"
            streams[1].close()


async def test_a_target_that_refuses_resets_the_connection() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with Relay(*nobody.getsockname()) as relay:
            reader, writer = await connected(relay)
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.read(), PATIENCE_SECONDS)
            assert relay.counters.target_failures == 1
            writer.close()


async def test_a_taken_port_is_named(target: int) -> None:
    relay = Relay("127.0.0.1", 1, port=target)
    with pytest.raises(BindError, match=rf"the relay cannot listen on 127\.0\.0\.1:{target}: Address already in use"):
        await relay.start()


async def test_closing_resets_what_is_left(target: int) -> None:
    relay = Relay("127.0.0.1", target)
    await relay.start()
    alive, dead = await connected(relay), await connected(relay)
    for streams in (alive, dead):
        await say(streams, b"x\n")
        assert await hear(streams) == b"x\n"
    relay.drop_connections()
    late = await connected(relay)
    await say(late, b"x\n")
    assert await hear(late) == b"x\n"
    await relay.close()
    for streams in (alive, dead, late):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(streams[0].read(), PATIENCE_SECONDS)
    with pytest.raises(ConnectionRefusedError):
        await connected(relay)
