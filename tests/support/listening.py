"""A listener that writes down everything: bytes, arrival times, the end of the connection."""

from __future__ import annotations

import asyncio
import contextlib
import io
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import av

from distreamer.protocol.icy import Audio, IcyDemuxer, parse_metadata


@dataclass
class Recording:
    """What one response of a server held."""

    status: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    audio: bytearray = field(default_factory=bytearray)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """Loop time, and bytes of audio received by then."""
    titles: list[tuple[int, str]] = field(default_factory=list)
    """Bytes of audio before each title block that was not empty, and its title."""
    ended: bool = False
    """Whether the server closed the connection."""
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def has(self, size: int, seconds: float = 120) -> None:
        """Waits until ``size`` bytes of audio came; fails when the connection ends first or time runs out."""
        try:
            async with asyncio.timeout(seconds), self.grown:
                await self.grown.wait_for(lambda: len(self.audio) >= size or self.ended)
        except TimeoutError:
            raise AssertionError(f"{len(self.audio)} of {size} bytes came within {seconds} s") from None
        assert len(self.audio) >= size, f"the server closed after {len(self.audio)} of {size} bytes"

    async def has_more(self, size: int, seconds: float = 120) -> None:
        """Waits for ``size`` more bytes than there are now."""
        await self.has(len(self.audio) + size, seconds)

    async def has_ended(self, seconds: float = 120) -> None:
        """Waits until the server closes the connection."""
        async with asyncio.timeout(seconds), self.grown:
            await self.grown.wait_for(lambda: self.ended)

    def size_at(self, time: float) -> int:
        """Bytes of audio that had come at that loop time."""
        return max((size for at, size in self.arrivals if at <= time), default=0)

    async def has_title(self, text: str, seconds: float = 120) -> None:
        """Waits until that title came; fails when time runs out."""
        try:
            async with asyncio.timeout(seconds), self.grown:
                await self.grown.wait_for(lambda: text in [title for _, title in self.titles])
        except TimeoutError:
            raise AssertionError(f"no title “{text}” within {seconds} s, but {self.titles}") from None

    def silence(self, bytes_per_second: float, prebuffer_seconds: float) -> float:
        """Seconds for which a player that starts with ``prebuffer_seconds`` would have had nothing to play."""
        stalled, began, before = 0.0, None, 0
        for at, size in self.arrivals:
            if began is None:
                if size >= prebuffer_seconds * bytes_per_second:
                    began = at
            else:
                stalled += max(0.0, at - began - stalled - before / bytes_per_second)
            before = size
        return stalled


@contextlib.asynccontextmanager
async def listening(
    port: int, path: str = "/", *, icy: bool = False, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Recording]:
    """Listens to ``http://host:port/path``, or to https with ``tls``, until the block ends."""
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    recording = Recording()
    task: asyncio.Task[None] | None = None
    try:
        wish = "Icy-MetaData: 1\r\n" if icy else ""
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nUser-Agent: test\r\n{wish}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        recording.status = head[0]
        recording.headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        task = asyncio.create_task(_record(reader, recording), name=f"listener of {port}{path}")
        yield recording
    finally:
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        writer.close()


async def _record(reader: asyncio.StreamReader, recording: Recording) -> None:
    loop = asyncio.get_running_loop()
    demuxer = IcyDemuxer(int(recording.headers.get("icy-metaint", 0)))
    # A reset ends it too, as when a server is killed.
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            async with recording.grown:
                for event in demuxer.feed(data):
                    if isinstance(event, Audio):
                        recording.audio += event.data
                    elif (title := parse_metadata(event.data)) is not None:
                        recording.titles.append((len(recording.audio), title.text))
                recording.arrivals.append((loop.time(), len(recording.audio)))
                recording.grown.notify_all()
    async with recording.grown:
        recording.ended = True
        recording.grown.notify_all()


def packets(audio: bytes, container: str) -> list[bytes]:
    """The packets that libavformat finds (``container``: mp3, aac, ogg), without the last, which may be cut off."""
    return _demuxed(audio, container)[0]


def media_seconds(audio: bytes, container: str) -> float:
    """How long they last."""
    return _demuxed(audio, container)[1]


def _demuxed(audio: bytes, container: str) -> tuple[list[bytes], float]:
    found: list[bytes] = []
    seconds = 0.0
    # libavformat calls an ADTS stream that ends inside a header an input error.
    with contextlib.suppress(av.error.OSError), av.open(io.BytesIO(audio), mode="r", format=container) as opened:
        for packet in opened.demux(audio=0):
            if packet.size:
                found.append(bytes(packet))
                seconds += float((packet.duration or 0) * packet.time_base)
    return found[:-1], seconds


def assert_same_run(heard: list[bytes], sent: list[bytes]) -> None:
    """``heard`` must stand in ``sent`` without a packet missing, repeated or changed."""
    assert len(heard) > 20, f"only {len(heard)} packets were heard"
    place = _place(heard[:3], sent)
    wanted = sent[place : place + len(heard)]
    if heard != wanted:
        first = next(
            (index for index, (one, other) in enumerate(zip(heard, wanted, strict=False)) if one != other), len(wanted)
        )
        missing = len(set(wanted[:-50]) - set(heard))
        repeated = len(heard) - len(set(heard))
        raise AssertionError(
            f"packet {first} of {len(heard)} differs (missing {missing}, repeated {repeated}; "
            f"{len(sent) - place} were sent from there on)"
        )


def _place(begin: list[bytes], sent: list[bytes]) -> int:
    for index in range(len(sent) - len(begin)):
        if sent[index : index + len(begin)] == begin:
            return index
    raise AssertionError("what was heard first was never sent")
