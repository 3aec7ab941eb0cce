"""A carrier of messages inside one process, with the faults of ``transport.memory``: cut, half-open, broken, slow."""

from __future__ import annotations

from distreamer.core.ports import ByteStream, CarrierKind
from distreamer.errors import LinkError
from distreamer.transport.memory import DEFAULT_CAPACITY, MemoryPipe

_LENGTH_BYTES = 4


class FramedMessages:
    """A MessageStream over a ByteStream: each message behind its length."""

    kind = CarrierKind("memory")

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    @property
    def heard_at(self) -> float | None:
        return None

    @property
    def binding(self) -> bytes | None:
        return None

    @property
    def peer(self) -> str:
        return self._stream.peer

    async def receive(self) -> bytes:
        """What was read of a message when this is cancelled is kept for the next call."""
        while (message := self._whole()) is None:
            data = await self._stream.read()
            if not data:
                raise LinkError(self.peer, "the other side closed the connection")
            self._buffer += data
        return message

    async def send(self, message: bytes) -> None:
        await self._stream.write(len(message).to_bytes(_LENGTH_BYTES, "big") + message)

    async def close(self) -> None:
        await self._stream.close()

    def _whole(self) -> bytes | None:
        end = _LENGTH_BYTES + int.from_bytes(self._buffer[:_LENGTH_BYTES], "big")
        if len(self._buffer) < max(end, _LENGTH_BYTES):
            return None
        message = bytes(self._buffer[_LENGTH_BYTES:end])
        del self._buffer[:end]
        return message


class MemoryCarrier(MemoryPipe):
    """A pipe for messages and the script of its faults. To be made inside a running event loop."""

    def __init__(
        self,
        *,
        latency_seconds: float = 0.0,
        capacity: int = DEFAULT_CAPACITY,
        near_name: str = "near:1",
        far_name: str = "far:1",
    ) -> None:
        super().__init__(latency_seconds=latency_seconds, capacity=capacity, near_name=near_name, far_name=far_name)
        self.near_messages = FramedMessages(self.near)
        """The end of the one who dialled."""
        self.far_messages = FramedMessages(self.far)
