"""The listener that checks everything, at servers that do what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from distreamer.demo.hearing import Heard, KnownFrames
from distreamer.demo.judge import Judge
from distreamer.demo.strict_listener import StrictListener
from distreamer.model.audio import Title
from distreamer.protocol.icy import encode_metadata
from tests.support.made_audio import MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, mp3_frame

PATIENCE_SECONDS = 60
FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint: %d\r\n\r\n" % MP3_FRAME_BYTES


class SetClock:
    """Stands still unless it is set."""

    def __init__(self) -> None:
        self.time = 50.0

    def now(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time


def known_row(count: int) -> KnownFrames:
    known = KnownFrames()
    for number in range(count):
        known.learn(mp3_frame(number))
    return known


def icy(*parts: range | str) -> bytes:
    """Frames, a metadata block behind each: the title that follows it in ``parts``, or an empty one."""
    out = b""
    for index, part in enumerate(parts):
        if isinstance(part, str):
            continue
        title = parts[index + 1] if index + 1 < len(parts) else ""
        for number in part:
            out += mp3_frame(number)
            is_last = number == part[-1]
            out += encode_metadata(Title(title)) if is_last and isinstance(title, str) and title else b"\0"
    return out


@asynccontextmanager
async def listener_of(clock: SetClock, known: KnownFrames, *connections: bytes) -> AsyncIterator[StrictListener]:
    """A running listener whose server sends one of ``connections`` each time and closes all but the last."""
    left = list(connections)
    last_is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET / HTTP/1.0\r\n")
        assert b"Icy-MetaData: 1\r\n" in request
        writer.write(left.pop(0))
        await writer.drain()
        if not left:
            await last_is_over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    listener = StrictListener(host, port, Judge(known), clock)
    task = asyncio.create_task(listener.run())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        last_is_over.set()
        server.close()


async def heard_when(listener: StrictListener, condition: Callable[[Heard], bool]) -> Heard:
    for _ in range(PATIENCE_SECONDS * 1000):
        heard = listener.heard()
        if condition(heard):
            return heard
        await asyncio.sleep(0.001)
    raise AssertionError(f"it never came to that: {listener.heard()}")


async def test_hears_frames_titles_and_silence() -> None:
    clock = SetClock()
    audio = icy(range(10, 100), "One", range(100, 200), "Two", range(200, 210), "The end")
    async with listener_of(clock, known_row(300), HEAD + audio) as listener:
        heard = await heard_when(listener, lambda heard: "The end" in heard.titles)
        assert heard.titles == ("One", "Two", "The end")
        assert (heard.missing, heard.repeated, heard.strange, heard.disconnects) == (0, 0, 0, 0)
        assert heard.seconds == 0, "the clock stands still"
        clock.time += 1.0
        assert listener.heard().seconds == 0
        clock.time += 2.0
        heard = listener.heard()
        assert heard.seconds == pytest.approx(2)
        assert heard.is_flawless
        clock.time += 2.0
        heard = listener.heard()
        assert heard.seconds == pytest.approx(3)
        assert heard.silent_seconds == pytest.approx(1)
        assert heard.is_silent
        assert not heard.is_flawless


async def test_counts_what_is_missing_repeated_or_strange() -> None:
    audio = icy(range(20), range(25, 40), range(38, 50), range(990, 991), range(51, 60), "The end")
    async with listener_of(SetClock(), known_row(300), HEAD + audio) as listener:
        heard = await heard_when(listener, lambda heard: "The end" in heard.titles)
        assert (heard.missing, heard.repeated, heard.strange) == (5 + 1, 2, 1)


async def test_comes_back_when_it_is_disconnected() -> None:
    first, second = icy(range(40), "One"), icy(range(30, 60), "Two")
    refusal = b"HTTP/1.0 404 Not Found\r\n\r\nNo stream yet\n"
    async with listener_of(SetClock(), known_row(300), HEAD + first, refusal, b"rubbish", HEAD + second) as listener:
        heard = await heard_when(listener, lambda heard: "Two" in heard.titles)
        assert heard.titles == ("One", "Two")
        assert heard.disconnects == 3
        assert heard.repeated == 10
