"""A radio server in memory and virtual time, with faults at chosen moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from distreamer.model.audio import Title
from distreamer.protocol.http1 import RequestHead
from distreamer.protocol.icy import encode_metadata
from distreamer.transport.memory import MemoryStream
from tests.support.made_audio import MP3_FRAME_SAMPLES, mp3_frame

FRAME_SECONDS = MP3_FRAME_SAMPLES / 44100
PIECE_SECONDS = 0.1
"""Of real time between two writes."""
BEFORE_SECONDS = 60.0
"""The programme is so old when the loop's time begins."""

Edit = Callable[[int], bytes]
"""The bytes that are sent for the frame of that number."""


async def drip(stream: MemoryStream, request: RequestHead) -> None:
    """A server that sends a quarter of what there is to hear."""
    await stream.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
    for number in range(10_000):
        await stream.write(mp3_frame(number))
        await asyncio.sleep(0.1)


@dataclass
class ScriptedServer:
    """Serves an endless row of MP3 frames: a burst at once, then real time."""

    burst_seconds: float = 10.0
    speed: float = 1.0
    """Of its clock, as a part of ours."""
    content_type: str = "audio/mpeg"
    metaint: int = 0
    """Bytes; above 0 titles are sent."""
    edit: Edit = mp3_frame
    stalls: Sequence[tuple[float, float]] = ()
    """Begin and length: nothing is sent, and what was missed comes at once."""
    closes: Sequence[float] = ()
    """Moments at which connections that began before are closed."""
    titles: Sequence[tuple[float, str]] = ()
    """From which moment on each is on air."""
    fields: str = ""
    """Further header lines, each with its end."""
    served: list[float] = field(default_factory=list)
    """When connections began."""

    async def serve(self, stream: MemoryStream, request: RequestHead) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.served.append(began)
        asks = self.metaint and request.headers.get("icy-metadata") == "1"
        fields = f"Content-Type: {self.content_type}\r\n{self.fields}" + (
            f"icy-metaint: {self.metaint}\r\n" if asks else ""
        )
        await stream.write(f"HTTP/1.0 200 OK\r\n{fields}\r\n".encode())
        number = self._number(began - self.burst_seconds)
        icy = _Icy(self.metaint) if asks else None
        while True:
            now = loop.time()
            if any(began < at <= now for at in self.closes):
                return
            if not any(begin <= now < begin + seconds for begin, seconds in self.stalls):
                audio = b"".join(self.edit(one) for one in range(number, self._number(now)))
                number = self._number(now)
                if audio:
                    await stream.write(icy.mixed(audio, self._title(now)) if icy else audio)
            await asyncio.sleep(PIECE_SECONDS)

    def _number(self, at: float) -> int:
        return int((at + BEFORE_SECONDS) * self.speed / FRAME_SECONDS)

    def _title(self, now: float) -> str:
        return next((title for begin, title in reversed(self.titles) if begin <= now), "")


class _Icy:
    """Puts titles into one connection's audio."""

    def __init__(self, metaint: int) -> None:
        self._metaint = self._left = metaint
        self._said: str | None = None

    def mixed(self, audio: bytes, title: str) -> bytes:
        out = bytearray()
        while audio:
            piece, audio = audio[: self._left], audio[self._left :]
            self._left -= len(piece)
            out += piece
            if not self._left:
                out += b"\0" if title == self._said else encode_metadata(Title(title))
                self._said, self._left = title, self._metaint
        return bytes(out)


def number_at(seconds: float, speed: float = 1.0) -> int:
    """The number of the frame that is on air at that moment of the loop's time."""
    return int((seconds + BEFORE_SECONDS) * speed / FRAME_SECONDS)
