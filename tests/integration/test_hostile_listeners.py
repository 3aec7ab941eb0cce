"""Listeners that stall, trickle, talk nonsense or say nothing: the others hear nothing of it, and memory stays bounded.

That they are cut off after a minute is tested in virtual time (``tests/outputs/test_shoutcast_server_listeners.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from pathlib import Path

import pytest

from distreamer.outputs.fan_out import WRITE_BYTES
from distreamer.outputs.player_connection import HIGHEST_BUFFER_BYTES
from distreamer.outputs.player_server import PATIENCE_SECONDS
from distreamer.protocol.http1 import MAXIMUM_HEAD_BYTES
from tests.support import ffmpeg
from tests.support.decoding import complaints_of_a_listener
from tests.support.encoders import started
from tests.support.frame_log import frames_of
from tests.support.instances import RunningDiStreamer, free_port, running_distreamer, served
from tests.support.listening import Recording, assert_same_run, listening
from tests.support.stranger import Stranger, client_hello, stranger
from tests.support.two_ends import PASSWORD, encoder_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

REQUEST = b"GET /live HTTP/1.0\r\n\r\n"
SLOW_LISTENERS, STALLED_LISTENERS = 200, 5
ENCODING = replace(ffmpeg.MP3, bitrate="320k")
BYTES_PER_SECOND = 40_000
"""Much, so that the buffers of those who do not read are full soon."""
AHEAD_SECONDS = 15
"""What the encoder sends at once, so that the buffer is full at once."""
PREBUFFER_SECONDS = 3
HOSTILE_SECONDS = 20
"""Of audio, which is several times what the system and we buffer for a listener."""
OTHERWISE_BYTES = 24_000_000
"""For a minute of programme in the store, connections, and what Python keeps in reserve."""
END_SECONDS = 120
"""A bound, not an expectation."""


async def test_the_others_hear_nothing_and_memory_is_bounded(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        port = free_port()
        station = await enter(running_distreamer(station_config(tmp_path, port)))
        copy = tmp_path / "sent.mp3"
        url = f"icecast\\://source\\:{PASSWORD}@127.0.0.1\\:{await encoder_port(station, 'station')}/live"
        targets = (str(copy), ()), (url, ("content_type=audio/mpeg",))
        await enter(started(*ffmpeg.tee(ENCODING, *targets, speed=1, ahead=AHEAD_SECONDS)))
        await served(port)
        good = [await enter(listening(port, icy=icy)) for icy in (False, True)]
        await all_have_more(good, 5)
        before = station.memory_bytes()
        watch = await enter(memory_watch(station))

        stalled = [await enter(stranger(port)) for _ in range(STALLED_LISTENERS)]
        slow = [await enter(stranger(port)) for _ in range(SLOW_LISTENERS)]
        for one in (*stalled, *slow):
            await one.sends(REQUEST)
        await enter(running(*(reads_a_byte_a_second(one) for one in slow)))
        late = await enter(listening(port))
        async with asyncio.timeout(END_SECONDS):
            await asyncio.gather(
                garbage_is_refused(port),
                tls_is_refused(port),
                a_long_head_is_refused(port),
                who_says_nothing_is_closed(port),
                a_request_in_single_bytes_is_answered(port),
                pipelined_requests_are_one(port),
                garbage_behind_a_request_is_ignored(port),
            )
        await all_have_more([*good, late], HOSTILE_SECONDS)

        hostile = SLOW_LISTENERS + STALLED_LISTENERS
        assert max(watch) - before < hostile * (HIGHEST_BUFFER_BYTES + WRITE_BYTES) + OTHERWISE_BYTES
        assert await listeners(port) == hostile + len(good) + 1
        assert not any(one.is_closed for one in slow)
        assert sum("what came is no HTTP request" in line for line in station.lines) == 3
        assert not any("ran out" in line or "defect" in line for line in station.lines)
        sent = frames_of(copy.read_bytes())
        for recording in (*good, late):
            assert not recording.ended
            assert recording.silence(BYTES_PER_SECOND, PREBUFFER_SECONDS) == 0
            assert_same_run(frames_of(bytes(recording.audio)), sent)
            assert complaints_of_a_listener(bytes(recording.audio), "mp3") == ""


async def garbage_is_refused(port: int) -> None:
    async with stranger(port) as one:
        await one.sends(random.Random(1).randbytes(10_000))
        await one.reads_all()
        assert_refused(one)


async def tls_is_refused(port: int) -> None:
    async with stranger(port) as one:
        await one.sends(client_hello())
        await one.reads_all()
        assert_refused(one)


async def a_long_head_is_refused(port: int) -> None:
    async with stranger(port) as one:
        head = REQUEST[:-2] + b"X-Filler: " + bytes(b"x" * 1_000_000) + b"\r\n\r\n"
        await asyncio.gather(one.sends(head), one.reads_all())
        assert_refused(one)
        assert str(MAXIMUM_HEAD_BYTES).encode() in one.got


def assert_refused(one: Stranger) -> None:
    assert one.got.startswith(b"HTTP/1.0 400 "), bytes(one.got[:100])


async def who_says_nothing_is_closed(port: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with stranger(port) as one:
        await one.reads_all()
        assert not one.got
    assert loop.time() - began >= PATIENCE_SECONDS - 1


async def a_request_in_single_bytes_is_answered(port: int) -> None:
    async with stranger(port, 65536) as one:
        for byte in REQUEST:
            await one.sends(bytes([byte]))
            await asyncio.sleep(0.02)
        await one.reads(10_000)
        assert one.got.startswith(b"HTTP/1.0 200 ")


async def pipelined_requests_are_one(port: int) -> None:
    async with stranger(port, 65536) as one:
        await one.sends(REQUEST * 50)
        while len(one.got) < 5 * BYTES_PER_SECOND:
            await one.reads(65536)
        head, _, audio = bytes(one.got).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 ")
        assert len(frames_of(audio)) > 100


async def garbage_behind_a_request_is_ignored(port: int) -> None:
    async with stranger(port, 65536) as one:
        await one.sends(REQUEST)
        await asyncio.gather(one.sends(bytes(5_000_000)), one.reads(10_000))
        while len(one.got) < 12 * BYTES_PER_SECOND:
            await one.reads(65536)
        assert not one.is_closed


async def reads_a_byte_a_second(one: Stranger) -> None:
    while True:
        await one.reads(1)
        await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def running(*jobs: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Beside what the block does."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def memory_watch(station: RunningDiStreamer) -> AsyncIterator[list[int]]:
    """What it has held, in bytes, looked up again and again."""
    found = [station.memory_bytes()]

    async def look() -> None:
        while True:
            await asyncio.sleep(1)
            found.append(station.memory_bytes())

    async with running(look()):
        yield found


async def listeners(port: int) -> int:
    """As the page for monitoring says."""
    async with stranger(port, 65536) as one:
        await one.sends(b"GET /7.html HTTP/1.0\r\n\r\n")
        await one.reads_all()
    return int(one.got.partition(b"<body>")[2].split(b",")[0])


async def all_have_more(recordings: list[Recording], seconds: int) -> None:
    await asyncio.gather(*(recording.has_more(seconds * BYTES_PER_SECOND) for recording in recordings))


def station_config(folder: Path, port: int) -> Path:
    path = folder / "station.conf"
    path.write_text(
        "[GENERAL]\nDELAY = 10\nOUTPUTLEVEL = 3\n"
        f"[INPUT]\nMODE = ShoutcastSourceServer\nHOSTNAME = 127.0.0.1\nPORT = 0\nPASSWORD = {PASSWORD}\n"
        f"[OUTPUT]\nMODE = ShoutcastServer\nHOSTNAME = 127.0.0.1\nPORT = {port}\n"
    )
    return path
