"""One HTTP connection over which a radio stream comes."""

from __future__ import annotations

import asyncio

from distreamer.core.ports import ByteStream
from distreamer.errors import LinkError, PeerError, ProtocolError
from distreamer.protocol.http1 import ResponseHead
from distreamer.protocol.http1_response import Body, EndOfBody, ResponseEvent, ResponseReader
from distreamer.protocol.stream_url import StreamUrl


class HttpSource:
    """A stream that is open; ``next_events`` gives what comes, ``close`` must be called."""

    def __init__(self, url: StreamUrl, stream: ByteStream, timeout_seconds: float) -> None:
        self.url = url
        self.head = ResponseHead(0)
        self._stream = stream
        self._timeout_seconds = timeout_seconds
        self._reader = ResponseReader()
        self._pending: list[ResponseEvent] = []

    async def request(self, head: bytes) -> None:
        """Sends the request and waits for the head of the answer."""
        seconds = self._timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._stream.write(head)
                while not (events := await self._receive()):
                    pass
        except TimeoutError as error:
            raise LinkError(str(self.url), f"connected, but no answer within {seconds:g} s") from error
        for event in events:
            if isinstance(event, ResponseHead):
                self.head = event
            else:
                self._pending.append(event)

    async def next_events(self) -> list[ResponseEvent]:
        """What comes next: Body, and EndOfBody as the last. Raises LinkError when nothing comes in time."""
        if self._pending:
            events, self._pending = self._pending, []
            return events
        seconds = self._timeout_seconds
        try:
            async with asyncio.timeout(seconds):
                return await self._receive()
        except TimeoutError as error:
            raise LinkError(str(self.url), f"sent nothing for {seconds:g} s") from error

    async def beginning(self, size: int) -> bytes:
        """The first bytes of the body, at least ``size`` of them unless it ends before; they come again as events."""
        seen: list[ResponseEvent] = []
        data = bytearray()
        while len(data) < size:
            events = await self.next_events()
            seen += events
            data += b"".join(event.data for event in events if isinstance(event, Body))
            if any(isinstance(event, EndOfBody) for event in events):
                break
        self._pending = seen
        return bytes(data)

    async def close(self) -> None:
        await self._stream.close()

    async def _receive(self) -> list[ResponseEvent]:
        data = await self._stream.read()
        try:
            return self._reader.receive_data(data) if data else self._reader.receive_eof()
        except ProtocolError as error:
            raise PeerError(str(self.url), str(error)) from error
