"""The studio of the demo: a small Icecast-like server that sends the programme in real time."""

from __future__ import annotations

import asyncio
import contextlib
import math
from types import TracebackType
from typing import Self

from distreamer.demo.programme import Programme
from distreamer.demo.score import STATION_NAME
from distreamer.errors import ProtocolError
from distreamer.model.audio import Title
from distreamer.protocol.http1 import RequestHead, RequestReader
from distreamer.protocol.icy import encode_metadata
from distreamer.transport.tcp import listening_sockets

BURST_SECONDS = 30.0
"""What a new listener gets at once, as Icecast's burst-on-connect: the buffers behind are full from the start."""
METAINT = 16_000
"""Bytes of audio between two metadata blocks; Icecast's own value."""
TICK_SECONDS = 0.1
"""Frames go out in steps of this length."""
LAGGING_SECONDS = 60.0
"""A listener that is further behind is moved to the present."""
REQUEST_SECONDS = 10.0
MOUNT = "/demo.mp3"


class IcyInterleaver:
    """The byte stream that one listener gets: frames and, when it wants them, titles between them. Pure."""

    def __init__(self, programme: Programme, position: int, metaint: int) -> None:
        """Begins at the frame at ``position``; with ``metaint`` 0 there are no titles."""
        self.position = position
        self._programme = programme
        self._metaint = metaint
        self._audio_left = metaint
        self._told: Title | None = None

    def up_to(self, position: int) -> bytes:
        """The bytes of all frames before ``position`` that were not given yet, as far as they were made."""
        out = bytearray()
        while self.position < position and self._programme.has(self.position):
            self._add(self._programme.frame(self.position), self._programme.title(self.position), out)
            self.position += 1
        return bytes(out)

    def _add(self, frame: bytes, title: Title, out: bytearray) -> None:
        if not self._metaint:
            out += frame
            return
        while len(frame) >= self._audio_left:
            out += frame[: self._audio_left]
            frame = frame[self._audio_left :]
            out += b"\0" if title == self._told else encode_metadata(title)
            self._told = title
            self._audio_left = self._metaint
        out += frame
        self._audio_left -= len(frame)


class ProgrammeServer:
    """Serves ``programme`` at ``host``, on a free port unless told.

    It has been on air for BURST_SECONDS when the server starts.
    """

    def __init__(self, programme: Programme, host: str = "127.0.0.1", port: int = 0) -> None:
        self.moved_forward = 0
        """How often a listener that was too slow lost frames."""
        self._programme = programme
        self._server: asyncio.Server | None = None
        self._listeners: set[asyncio.Task[None]] = set()
        self._began = 0.0
        self._host = host
        self._port = port

    @property
    def url(self) -> str:
        """Where the programme is, once the server runs."""
        return f"http://{self._host}:{self._port}{MOUNT}"

    @property
    def began(self) -> float:
        """When the first frame was on air, by the event loop's clock."""
        return self._began

    @property
    def position(self) -> int:
        """The frame that is on air now."""
        elapsed = asyncio.get_running_loop().time() - self._began
        return math.floor(elapsed / self._programme.frame_seconds)

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time() - BURST_SECONDS
        (listener,) = listening_sockets(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=listener)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._listeners:
            task.cancel()
        await asyncio.gather(*self._listeners, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), name="programme listener")
        self._listeners.add(task)
        task.add_done_callback(self._listeners.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, TimeoutError, ProtocolError):  # It went away, or is no player.
                async with asyncio.timeout(REQUEST_SECONDS):
                    request = await _read_request(reader)
                if request is not None:
                    await self._answer(request, writer)
        finally:
            writer.transport.abort()

    async def _answer(self, request: RequestHead, writer: asyncio.StreamWriter) -> None:
        if request.path != MOUNT.encode():
            writer.write(b"HTTP/1.0 404 Not Found\r\nContent-Type: text/plain\r\n\r\nThe programme is at /demo.mp3\n")
            await writer.drain()
            return
        metaint = METAINT if request.headers.get("icy-metadata").strip() == "1" else 0
        audio = self._programme.format
        fields = {
            "Content-Type": audio.content_type,
            "icy-name": STATION_NAME,
            "icy-description": "Music that this computer makes for itself",
            "icy-genre": "Ambient",
            "icy-br": str(audio.bitrate // 1000),
            "icy-pub": "0",
            **({"icy-metaint": str(metaint)} if metaint else {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.0 200 OK\r\n{head}\r\n".encode())
        await writer.drain()
        await self._send(writer, metaint)

    async def _send(self, writer: asyncio.StreamWriter, metaint: int) -> None:
        """Until the listener goes away."""
        frame_seconds = self._programme.frame_seconds
        begin = max(self.position - round(BURST_SECONDS / frame_seconds), 0)
        stream = IcyInterleaver(self._programme, begin, metaint)
        while True:
            if (self.position - stream.position) * frame_seconds > LAGGING_SECONDS:
                stream.position = self.position
                self.moved_forward += 1
            writer.write(stream.up_to(self.position))
            await writer.drain()
            await asyncio.sleep(TICK_SECONDS)


async def _read_request(reader: asyncio.StreamReader) -> RequestHead | None:
    """None when the connection ended first."""
    request = RequestReader()
    while data := await reader.read(4096):
        if (head := request.receive_data(data)) is not None:
            return head
    return None
