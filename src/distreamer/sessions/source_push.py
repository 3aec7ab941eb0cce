"""One connection of ours, as a source client, to a server: log in, send audio, hear whether it still wants it."""

from __future__ import annotations

import asyncio

from distreamer.core.ports import ByteStream
from distreamer.errors import AuthenticationError, LinkError, PeerError, ProtocolError
from distreamer.protocol.charset import one_line
from distreamer.protocol.http1 import ResponseHead
from distreamer.protocol.http1_response import ResponseReader
from distreamer.protocol.source.source_client import LoggedIn, Refused, SourceClient

UNANSWERED_SECONDS = 4.0
"""How long a server to which PUT was sent may say nothing; then the audio follows (libshout waits as long)."""


class RefusedError(PeerError):
    """The server understood, and does not want it; ``status`` is its HTTP status, 0 when it has none."""

    def __init__(self, peer: str, status: int, reason: str) -> None:
        super().__init__(peer, reason)
        self.status = status


class SourcePush:
    """A connection that is open; whoever made it closes its stream."""

    def __init__(self, stream: ByteStream, client: SourceClient, peer: str, timeout_seconds: float) -> None:
        """``peer`` names the server and mount in errors; ``timeout_seconds`` is how long it may take to answer, and to
        take what it is sent."""
        self._stream = stream
        self._client = client
        self._peer = peer
        self._timeout_seconds = timeout_seconds

    async def log_in(self) -> None:
        """Returns when audio may follow. Raises LinkError, AuthenticationError, RefusedError or PeerError."""
        await self.send(self._client.data_to_send())
        patience = min(UNANSWERED_SECONDS, self._timeout_seconds) if self._client.may_go_unanswered else None
        try:
            async with asyncio.timeout(patience or self._timeout_seconds):
                while not await self._hear():
                    pass
        except TimeoutError as error:
            if patience is None:
                raise LinkError(self._peer, f"connected, but no answer within {self._timeout_seconds:g} s") from error
        await self.send(self._client.data_to_send())

    async def send(self, data: bytes) -> None:
        """Waits until the system has taken ``data``. Raises LinkError when the server does not take it in time."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._stream.write(data)
        except TimeoutError as error:
            raise LinkError(self._peer, f"has taken no audio for {self._timeout_seconds:g} s") from error

    async def listen(self) -> None:
        """Hears what the server says while audio is sent; ends only by an error."""
        while True:
            await self._hear()

    async def _hear(self) -> bool:
        """Whether the server let us in with what it said."""
        data = await self._stream.read()
        if not data:
            raise LinkError(self._peer, "the server closed the connection")
        try:
            event = self._client.receive_data(data)
        except ProtocolError as error:
            raise PeerError(self._peer, str(error)) from error
        if isinstance(event, Refused):
            raise refusal(self._peer, event)
        return isinstance(event, LoggedIn)


async def ask(stream: ByteStream, request: bytes, peer: str, timeout_seconds: float) -> ResponseHead:
    """Sends a request and gives the head of the answer; raises LinkError or PeerError."""
    reader = ResponseReader()
    try:
        async with asyncio.timeout(timeout_seconds):
            await stream.write(request)
            while True:
                data = await stream.read()
                events = reader.receive_data(data) if data else reader.receive_eof()
                for event in events:
                    if isinstance(event, ResponseHead):
                        return event
    except TimeoutError as error:
        raise LinkError(peer, f"no answer within {timeout_seconds:g} s") from error
    except ProtocolError as error:
        raise PeerError(peer, str(error)) from error


def refusal(peer: str, refused: Refused) -> PeerError:
    """In words that say who is to blame."""
    answer = f"{refused.status} {one_line(refused.reason)[:80]}".strip() if refused.status else refused.reason[:80]
    match refused.status:
        case 401:
            return AuthenticationError(peer, f"refuses USER or PASSWORD ({answer})")
        case 403:
            return RefusedError(
                peer, 403, f"does not let us in: another source may be on this mount, or none may come ({answer})"
            )
        case 404:
            return RefusedError(peer, 404, f"has no such mount ({answer})")
        case status:
            return RefusedError(peer, status, f"does not take the audio ({answer})")
