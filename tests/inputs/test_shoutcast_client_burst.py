"""The input and servers that repeat their last seconds to whoever connects, in memory and in virtual time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from structlog.testing import CapturingLogger

from distreamer.core.module import InputContext
from distreamer.errors import DiStreamerError, LinkError
from distreamer.inputs.shoutcast_client import ShoutcastClient, ShoutcastClientSettings
from distreamer.model.audio import Title
from distreamer.model.status import ModuleState
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.icy import encode_metadata
from distreamer.transport.memory import MemoryStream
from tests.support.input_context import input_context, stored_audio, stored_titles
from tests.support.made_audio import MP3_FRAME_BYTES, MP3_FRAME_SAMPLES, mp3_frame
from tests.support.memory_network import Handler, MemoryNetwork
from tests.support.virtual_time import virtual_time

URL = "http://a.example:8000/live"
FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
BURST_BYTES = 65_536
BURST_SECONDS = BURST_BYTES / MP3_FRAME_BYTES * FRAME_SECONDS
"""4.1 s."""
METAINT = 8192
LATE_FRAMES = 400
"""On air when the tests begin."""


class Icecast:
    """A server that has been on air for a while: it gives BURST_BYTES, from inside of a frame on, then real time."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.titles: list[tuple[float, Title]] = []
        """From which moment on each is in force."""
        self.behind_seconds = 0.0
        self.ends_at = math.inf
        """When it loses its encoder."""
        self.head = b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nicy-metaint:8192\r\n\r\n"

    async def serve(self, stream: MemoryStream, request: RequestHead) -> None:
        loop = asyncio.get_running_loop()
        begin = max(self._bytes_at(loop.time()) - BURST_BYTES, 0)
        sent = begin
        said: Title | None = None
        await stream.write(self.head)
        while True:
            piece = bytearray()
            while sent < self._bytes_at(loop.time()):
                size = min(METAINT - (sent - begin) % METAINT, self._bytes_at(loop.time()) - sent)
                piece += programme(sent, size)
                sent += size
                if (sent - begin) % METAINT == 0:
                    title = self._title_at(sent)
                    piece += encode_metadata(title) if title and title != said else b"\0"
                    said = title
            if piece:
                await stream.write(bytes(piece))
            await asyncio.sleep(0.1)

    def cut(self) -> None:
        self.network.pipes[-1].break_with("the other side broke the connection")

    def _bytes_at(self, now: float) -> int:
        """What of the programme it has then."""
        frames = (min(now, self.ends_at) - self.behind_seconds) / FRAME_SECONDS
        return int((LATE_FRAMES + frames) * MP3_FRAME_BYTES)

    def _title_at(self, place: int) -> Title | None:
        now = (place / MP3_FRAME_BYTES - LATE_FRAMES) * FRAME_SECONDS
        return next((title for begin, title in reversed(self.titles) if begin <= now), None)


def programme(place: int, size: int) -> bytes:
    """Bytes of the endless row of frames."""
    first, last = place // MP3_FRAME_BYTES, (place + size) // MP3_FRAME_BYTES
    row = b"".join(mp3_frame(number) for number in range(first, last + 1))
    return row[place - first * MP3_FRAME_BYTES :][:size]


def numbers(context: InputContext) -> list[int]:
    audio = stored_audio(context.store)
    return [int.from_bytes(audio[at + 4 : at + 12], "big") for at in range(0, len(audio), MP3_FRAME_BYTES)]


def holes(found: list[int]) -> list[int]:
    """By how much each frame differs from that before, where it is not the next."""
    return [after - before for before, after in pairwise(found) if after != before + 1]


class Station:
    """The input, run again whenever it fails, as the supervisor does it."""

    def __init__(self, handler: Handler | None = None) -> None:
        self.icecast = Icecast()
        self.logger = CapturingLogger()
        self.context = input_context(log=self.logger)
        self.errors: list[DiStreamerError] = []
        self.pauses: list[float] = []
        self.icecast.network.serve("a.example:8000", handler or self.icecast.serve)
        settings = ShoutcastClientSettings(streamurl=URL)
        self.client = ShoutcastClient(settings, self.context, self.icecast.network.connect)

    async def run(self, *steps: tuple[float, Callable[[], None]], end: float) -> None:
        """Each step at its moment; the input until ``end``."""
        async with self.icecast.network:
            task = asyncio.create_task(self._run_again())
            for at, step in steps:
                await asyncio.sleep(at - asyncio.get_running_loop().time())
                step()
            await asyncio.sleep(end - asyncio.get_running_loop().time())
            task.cancel()
            await asyncio.wait([task])

    async def _run_again(self) -> None:
        while True:
            try:
                await self.client.run()
            except DiStreamerError as error:
                self.errors.append(error)
            await asyncio.sleep(self.pauses.pop(0) if self.pauses else 1.0)

    def said(self, text: str) -> int:
        return sum(text in call.kwargs["event"] for call in self.logger.calls)


@pytest.mark.parametrize("away", [0.0, 0.5, 2.0, 3.8])
def test_an_outage_shorter_than_the_burst_leaves_no_trace(away: float) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        station = Station()
        station.pauses = [away, away]
        await station.run((20.05, station.icecast.cut), (41.33, station.icecast.cut), end=60)
        assert len(station.errors) == 2
        found = numbers(station.context)
        assert holes(found) == []
        assert found[-1] - found[0] > 60 / FRAME_SECONDS
        assert not any(one.discontinuity for one in station.context.store)
        assert station.said("nothing is lost or comes twice") == 2

    scenario()


@pytest.mark.parametrize("away", [4.5, 30.0, 300.0])
def test_a_longer_outage_is_a_gap_of_what_is_missing_and_no_more(away: float) -> None:
    @virtual_time(1200)
    async def scenario() -> None:
        station = Station()
        station.pauses = [away]
        await station.run((20.05, station.icecast.cut), end=away + 60)
        (hole,) = holes(numbers(station.context))
        assert abs((hole - 1) * FRAME_SECONDS - (away - BURST_SECONDS)) <= 0.2
        assert sum(one.discontinuity for one in station.context.store) == 1
        assert station.said("the programme has a gap here") == 1

    scenario()


@pytest.mark.parametrize("behind", [3.0, 20.0, 60.0])
def test_another_server_that_is_behind_is_no_source_that_starves(behind: float) -> None:
    @virtual_time(600)
    async def scenario() -> None:
        station = Station()
        icecast = station.icecast

        def go_over() -> None:
            icecast.behind_seconds = behind
            icecast.cut()

        await station.run((100.05, go_over), end=100 + behind + 60)
        assert len(station.errors) == 1
        assert holes(numbers(station.context)) == []
        assert station.context.health.state is ModuleState.RUNNING
        assert not any(one.discontinuity for one in station.context.store)

    scenario()


@virtual_time(600)
async def test_a_server_without_an_encoder_repeats_its_burst_in_vain() -> None:
    station = Station()
    station.icecast.ends_at = 20.0
    await station.run(end=120)
    assert len(station.errors) > 10
    assert all("sent nothing for 5 s" in str(error) for error in station.errors)
    found = numbers(station.context)
    assert holes(found) == []
    assert found[-1] == LATE_FRAMES + int(20 / FRAME_SECONDS) - 1


@virtual_time(600)
async def test_titles_stay_in_place_through_a_reconnection() -> None:
    station = Station()
    icecast = station.icecast
    icecast.titles = [(0.0, Title("One")), (19.0, Title("Two")), (20.5, Title("Three")), (30.0, Title("Four"))]
    station.pauses = [1.0]
    await station.run((20.05, icecast.cut), end=40)
    assert [text for _, text in stored_titles(station.context.store)] == ["One", "Two", "Three", "Four"]
    first = numbers(station.context)[0]
    block_seconds = METAINT / MP3_FRAME_BYTES * FRAME_SECONDS
    for (place, _), (begin, _) in zip(stored_titles(station.context.store)[1:], icecast.titles[1:], strict=True):
        at = (first + place // MP3_FRAME_BYTES - LATE_FRAMES) * FRAME_SECONDS
        assert begin <= at <= begin + 2 * block_seconds
    # That it says One and Two again is no news.
    assert [call.kwargs["title"] for call in station.logger.calls if call.kwargs["event"] == "new title"] == [
        "One",
        "Two",
        "Three",
        "Four",
    ]


@virtual_time(600)
async def test_a_short_file_that_is_fetched_again_and_again_is_played_again_and_again() -> None:
    file = programme(0, 100 * MP3_FRAME_BYTES)

    async def server(stream: MemoryStream, request: RequestHead) -> None:
        await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: %d\r\n\r\n" % len(file))
        await stream.write(file)

    station = Station(server)
    await station.run(end=2.5)
    assert numbers(station.context) == list(range(100)) * 3
    assert all(isinstance(error, LinkError) for error in station.errors)
