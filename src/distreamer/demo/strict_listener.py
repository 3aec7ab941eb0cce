"""A listener that connects like a player, and has every frame and every second judged."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from distreamer.core.ports import Clock
from distreamer.demo.hearing import Heard
from distreamer.demo.judge import Judge
from distreamer.errors import LinkError, PeerError, ProtocolError
from distreamer.measure.stream_reading import Damage, StreamReading
from distreamer.model.audio import Frame, Title
from distreamer.protocol.http1 import ResponseHead, request_bytes
from distreamer.protocol.http1_response import Body, EndOfBody, ResponseReader
from distreamer.transport.tcp import TcpStream, connect

CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 0.5
"""A player that lost its server comes back, as VLC does."""


class StrictListener:
    """Listens to ``http://host:port/path`` with titles; ``judge`` is told everything."""

    def __init__(self, host: str, port: int, judge: Judge, clock: Clock, path: str = "/") -> None:
        self._address = (host, port)
        self._path = path
        self._clock = clock
        self._judge = judge

    async def run(self) -> None:
        """Until it is cancelled; comes back whenever it is disconnected."""
        while True:
            with contextlib.suppress(LinkError, PeerError, ProtocolError):
                await self._listen()
            self._judge.disconnected()
            await asyncio.sleep(RECONNECT_SECONDS)

    def heard(self) -> Heard:
        """What it heard up to now."""
        return self._judge.heard(self._clock.now())

    async def _listen(self) -> None:
        """One connection, until it ends."""
        stream = await connect(*self._address, timeout_seconds=CONNECT_SECONDS)
        try:
            fields = [("Host", stream.peer), ("User-Agent", "DiStreamer-demo"), ("Icy-MetaData", "1")]
            await stream.write(request_bytes("GET", self._path, fields))
            await self._take(stream)
        finally:
            await stream.close()

    async def _take(self, stream: TcpStream) -> None:
        reader, reading = ResponseReader(), StreamReading()
        while data := await stream.read():
            for event in reader.receive_data(data):
                if isinstance(event, ResponseHead):
                    if event.status != 200:
                        raise PeerError(stream.peer, f"answered {event.status} {event.reason}")
                    headers = event.headers
                    reading = StreamReading(headers.get("content-type"), metaint=int(headers.get("icy-metaint", "0")))
                elif isinstance(event, Body):
                    self._judge_all(reading.receive(event.data))
                elif isinstance(event, EndOfBody):
                    return

    def _judge_all(self, found: Iterable[Frame | Title | Damage]) -> None:
        for event in found:
            if isinstance(event, Frame):
                self._judge.frame(event, self._clock.now())
            elif isinstance(event, Title):
                self._judge.title(event.text)
