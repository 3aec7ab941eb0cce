"""The pipe in memory behaves as a TCP connection does, faults included."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distreamer.errors import LinkError
from distreamer.transport.memory import Direction, MemoryPipe, MemoryStream, memory_pipe
from tests.support.virtual_time import run_virtual, virtual_time


async def read_all(stream: MemoryStream) -> bytes:
    data = bytearray()
    while piece := await stream.read():
        data += piece
    return bytes(data)


@virtual_time()
async def test_bytes_arrive_after_the_latency_in_order() -> None:
    near, far = memory_pipe(latency_seconds=0.2)
    await near.write(b"one")
    await near.write(b"two")
    assert await far.read(2) == b"on"
    assert asyncio.get_running_loop().time() == pytest.approx(0.2)
    await near.close()
    assert await read_all(far) == b"etwo"
    assert await far.read() == b""


@virtual_time()
async def test_the_writer_waits_while_too_much_is_on_its_way() -> None:
    near, far = memory_pipe(capacity=10)
    writing = asyncio.create_task(near.write(b"a" * 25))
    await asyncio.sleep(100)
    assert not writing.done()
    assert len(await far.read()) == 10
    await asyncio.sleep(100)
    assert not writing.done()
    assert len(await far.read()) == 10
    await writing
    assert len(await far.read()) == 5


@virtual_time()
async def test_a_cut_holds_back_and_a_restored_line_delivers() -> None:
    pipe = MemoryPipe(latency_seconds=0.1)
    await pipe.near.write(b"before")
    pipe.cut()
    await pipe.near.write(b" during")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60):
            await pipe.far.read()
    pipe.restore()
    assert await pipe.far.read(6) == b"before"
    assert asyncio.get_running_loop().time() == pytest.approx(60.1)
    assert await pipe.far.read() == b" during"


@virtual_time()
async def test_half_open_works_one_way() -> None:
    pipe = MemoryPipe()
    pipe.cut(Direction.TO_NEAR)
    await pipe.near.write(b"heard")
    assert await pipe.far.read() == b"heard"
    await pipe.far.write(b"never")
    await pipe.far.close()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3600):
            await pipe.near.read()


@virtual_time()
async def test_a_broken_line_tells_both_who_wait() -> None:
    pipe = MemoryPipe(far_name="b:1", near_name="a:1", capacity=1)
    reading = asyncio.create_task(pipe.near.read())
    writing = asyncio.create_task(pipe.far.write(b"long"))
    pipe.cut()
    await asyncio.sleep(1)
    pipe.break_with("the other side broke the connection")
    with pytest.raises(LinkError, match="b:1: the other side broke"):
        await reading
    with pytest.raises(LinkError, match="a:1: the other side broke"):
        await writing


@virtual_time()
async def test_a_closed_end_is_the_end_for_both() -> None:
    near, far = memory_pipe()
    await near.write(b"last words")
    await near.close()
    await near.close()
    assert await read_all(far) == b"last words"
    with pytest.raises(LinkError, match="closed"):
        await far.write(b"too late")
    with pytest.raises(LinkError, match="closed"):
        await near.read()
    with pytest.raises(LinkError, match="closed"):
        await near.write(b"x")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20), st.integers(1, 30), st.integers(1, 30))
def test_everything_arrives_unchanged(parts: list[bytes], capacity: int, limit: int) -> None:
    async def scenario() -> bytes:
        pipe = MemoryPipe(latency_seconds=0.05, capacity=capacity)

        async def write() -> None:
            for index, part in enumerate(parts):
                if index == 3:
                    pipe.cut()
                    asyncio.get_running_loop().call_later(5, pipe.restore)
                await pipe.near.write(part)
            await pipe.near.close()

        writing = asyncio.create_task(write())
        data = bytearray()
        while piece := await pipe.far.read(limit):
            assert len(piece) <= limit
            data += piece
        await writing
        return bytes(data)

    assert run_virtual(scenario()) == b"".join(parts)
